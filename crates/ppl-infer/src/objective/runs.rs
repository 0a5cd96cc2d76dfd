//! The runs behind one estimate: who drew what, what depends on what, and each site's term of the loss.

use std::collections::HashMap;

use indexmap::IndexMap;
use ppl_core::{
    Ctx, Error, Frame, FrameKind, Handler, Message, Model, Record, Replay, Result, Site, Statement,
    Substitute, Trace,
};
use ppl_tensor::{Axis, AxisId, Provenance, Source, Tensor, watch_reads};

use super::{Estimators, GradientEstimator, ObjectiveState, PARTICLES};

/// A run of the guide and one of the model with the guide's draws, of all particles (or a chunk of them) at once.
#[derive(Debug)]
pub struct Runs {
    model: Trace,
    guide: Trace,
    particles: Axis,
    /// How many particles there are in all chunks.
    total: usize,
    state: ObjectiveState,
    latents: IndexMap<String, Latent>,
    /// What a program had read before a statement, where it had read anything.
    guide_reads: HashMap<String, Provenance>,
    model_reads: HashMap<String, Provenance>,
    /// The guide with its draws held fixed: gradients flow to parameters alone.
    held_guide: Option<Trace>,
    held_model: Option<Trace>,
}

/// A draw of the guide.
#[derive(Debug, Clone)]
pub(super) struct Latent {
    pub(super) source: Source,
    pub(super) estimator: GradientEstimator,
}

/// Where a term of the loss comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The guide: `ln q` of a site.
    Guide,
    /// The model: `-ln p` of a site.
    Model,
    /// Both: the divergence of a guide's site from the model's, integrated over the site's value.
    Divergence,
}

/// What one site adds to the loss `ln q(z) - ln p(x, z)`.
#[derive(Debug, Clone)]
pub struct Term<'a> {
    /// The site.
    pub site: &'a Site,
    /// Which program it belongs to.
    pub origin: Origin,
    /// The addition of one row, without the site's scale: a scalar with the implicit axes it depends on. Its gradient
    /// follows the site's estimator.
    pub row: Tensor,
    /// The draws that it depends on, through its numbers or because the program read them before it came to the site.
    pub depends_on: Provenance,
}

impl Term<'_> {
    /// The addition to the loss: of all rows, scaled, summed over the plates that are not in `keep`. Axes of replicas
    /// stay.
    pub fn loss(&self, keep: &[AxisId]) -> Tensor {
        scaled(sum_rows(&self.row, self.site, keep), self.site.scale)
    }
}

/// Of one row to of all: summed over the plates and scans around a site that are not in `keep`.
pub(super) fn sum_rows(row: &Tensor, site: &Site, keep: &[AxisId]) -> Tensor {
    let summed = frames_of_rows(site).filter(|frame| !keep.contains(&frame.axis.id));
    summed.fold(row.clone(), |sum, frame| sum.sum_over(frame.axis))
}

pub(super) fn scaled(sum: Tensor, scale: f64) -> Tensor {
    if scale == 1.0 { sum } else { sum * scale }
}

/// The plates and scans around a site.
pub(super) fn frames_of_rows(site: &Site) -> impl Iterator<Item = &Frame> {
    site.frames.iter().filter(|frame| frame.has_rows())
}

/// The plates around a site: what has independent rows.
pub(super) fn plates(site: &Site) -> impl Iterator<Item = &Frame> {
    site.frames.iter().filter(|frame| frame.kind == FrameKind::Plate)
}

impl Runs {
    /// Runs particles `first..first + n` of `total`.
    pub(super) fn of<A: ?Sized, M: Model<A>, G: Model<A>>(
        estimators: &Estimators,
        state: &ObjectiveState,
        (first, n, total): (usize, usize, usize),
        ctx: &mut Ctx,
        model: &M,
        guide: &G,
        args: &A,
    ) -> Result<Self> {
        let run = |ctx: &mut Ctx| Self::pair(estimators, ctx, model, guide, args);
        let mut runs = if total == 1 { run(ctx)? } else { ctx.replicas_from(PARTICLES, first, n, run)?.1 };
        runs.particles = Axis::named(PARTICLES, n);
        runs.total = total;
        runs.state = state.clone();
        Ok(runs)
    }

    fn pair<A: ?Sized, M: Model<A>, G: Model<A>>(
        estimators: &Estimators,
        ctx: &mut Ctx,
        model: &M,
        guide: &G,
        args: &A,
    ) -> Result<Self> {
        let watch = Watch { estimators: Some(estimators.clone()), ..Watch::default() };
        let (drawn, guide_trace) =
            watch_reads(|| ctx.with(watch, |ctx| record(ctx, |ctx| guide.run(ctx, args))))?;
        let replay = Replay::new(guide_trace.clone());
        let replayed = |ctx: &mut Ctx| ctx.with(replay.clone(), |ctx| model.run(ctx, args));
        let (watched, model_trace) = watch_reads(|| ctx.with(Watch::default(), |ctx| record(ctx, replayed)))?;
        check_sites(&model_trace, &guide_trace)?;

        let (mut held_guide, mut held_model) = (None, None);
        let any = |wanted: fn(&GradientEstimator) -> bool| {
            drawn.latents.values().any(|latent| wanted(&latent.estimator))
        };
        if any(is_held) {
            let held = Substitute::new(held_values(&guide_trace));
            let run = |ctx: &mut Ctx| ctx.with(held.clone(), |ctx| guide.run(ctx, args));
            held_guide = Some(record(ctx, run)?);
            if any(|estimator| matches!(estimator, GradientEstimator::DoublyReparameterized)) {
                // The innermost handler decides.
                let run = |ctx: &mut Ctx| ctx.with(held.clone(), |ctx| model.run(ctx, args));
                held_model = Some(record(ctx, |ctx| ctx.with(replay.clone(), run))?);
            }
        }
        Ok(Self {
            model: model_trace,
            guide: guide_trace,
            particles: Axis::named(PARTICLES, 1),
            total: 1,
            state: ObjectiveState::new(),
            latents: drawn.latents,
            guide_reads: drawn.reads,
            model_reads: watched.reads,
            held_guide,
            held_model,
        })
    }

    /// The model's run.
    pub fn model(&self) -> &Trace {
        &self.model
    }

    /// The guide's run.
    pub fn guide(&self) -> &Trace {
        &self.guide
    }

    /// The implicit axis of the particles in these runs. With one particle in all, tensors do not have it.
    pub fn particles(&self) -> Axis {
        self.particles
    }

    /// Whether these are some of several chunks of particles.
    pub fn is_chunk(&self) -> bool {
        self.particles.size < self.total
    }

    /// What the objective remembers of the steps before; empty in the first.
    pub fn state(&self) -> &ObjectiveState {
        &self.state
    }

    /// The estimator of a draw of the guide, never [`GradientEstimator::Automatic`].
    ///
    /// # Errors
    /// If the guide has no draw of that name.
    pub fn estimator(&self, site: &str) -> Result<&GradientEstimator> {
        Ok(&self.latent(site)?.estimator)
    }

    /// Whether a term depends on a draw of the guide.
    ///
    /// # Errors
    /// If the guide has no draw of that name.
    pub fn depends(&self, term: &Term<'_>, site: &str) -> Result<bool> {
        Ok(term.depends_on.contains(self.latent(site)?.source))
    }

    pub(super) fn latent(&self, site: &str) -> Result<&Latent> {
        let known = || self.latents.keys().cloned().collect::<Vec<_>>().join(", ");
        let unknown = || Error::Unknown { what: "draw of the guide", name: site.to_owned(), known: known() };
        self.latents.get(site).ok_or_else(unknown)
    }

    /// The guide's draws, in order.
    pub(super) fn latents(&self) -> impl Iterator<Item = (&str, &Latent)> {
        self.latents.iter().map(|(name, latent)| (name.as_str(), latent))
    }

    /// The terms of the loss: first the guide's, then the model's.
    ///
    /// Where the model's density of a site counts only under a mask, so does the guide's.
    ///
    /// # Errors
    /// If a log density cannot be computed, or the model's mask does not fit the guide's site.
    pub fn terms(&self) -> Result<Vec<Term<'_>>> {
        let mut terms = Vec::new();
        // Draws depend on what their distributions depend on, also where a handler decided them.
        let mut upstream: HashMap<Source, Provenance> = HashMap::new();
        let closed = |own: Provenance, upstream: &HashMap<Source, Provenance>| {
            let of_draws = own.sources().filter_map(|source| upstream.get(&source));
            of_draws.fold(own.clone(), |all, of_draw| all.union(of_draw))
        };
        for site in dense(&self.guide) {
            let mut term = self.guide_term(site)?;
            term.depends_on = closed(term.depends_on, &upstream);
            if let Some(latent) = self.latents.get(&site.name) {
                upstream.insert(latent.source, term.depends_on.clone());
            }
            terms.push(term);
        }
        for site in dense(&self.model) {
            let log_p = site.log_prob()?;
            let own = with_reads(log_p.provenance(), &self.model_reads, &site.name);
            let depends_on = closed(own, &upstream);
            terms.push(Term { site, origin: Origin::Model, row: -log_p, depends_on });
        }
        Ok(terms)
    }

    fn guide_term<'a>(&'a self, site: &'a Site) -> Result<Term<'a>> {
        let log_q = self.masked_log_prob(site)?;
        let depends_on = with_reads(log_q.provenance(), &self.guide_reads, &site.name);
        let is_held = self.latents.get(&site.name).is_some_and(|latent| is_held(&latent.estimator));
        let row = match (&self.held_guide, is_held) {
            (Some(held), true) => {
                // The same number; its gradient to the parameters themselves is taken away.
                let held = self.masked_log_prob(held.site(&site.name)?)?;
                log_q - (&held - held.detach())
            }
            _ => log_q,
        };
        Ok(Term { site, origin: Origin::Guide, row, depends_on })
    }

    /// `ln q` of a row, where the model's density counts.
    fn masked_log_prob(&self, site: &Site) -> Result<Tensor> {
        let Some(mask) = self.model.get(&site.name).and_then(|site| site.mask.as_ref()) else {
            return site.log_prob();
        };
        if let Statement::Sample { distribution, .. } = &site.statement {
            let batch = distribution.batch_shape();
            if batch.broadcast(&mask.shape()).as_ref() != Some(&batch) {
                let mask = mask.shape();
                let reason = format!(
                    "the model's mask has shape {mask}, the guide's distribution batch shape {batch}"
                );
                return Err(Error::Shape(reason).at_site(&site.name));
            }
        }
        site.masked(mask).log_prob()
    }

    /// `-ln p` of a row of a site of the model as a function of its parameters alone, with draws held fixed.
    ///
    /// # Errors
    /// If no draw is doubly reparameterised.
    pub(super) fn held_model_row(&self, site: &str) -> Result<Tensor> {
        let missing = || Error::argument("the model was not run with its draws held fixed");
        Ok(-self.held_model.as_ref().ok_or_else(missing)?.site(site)?.log_prob()?)
    }

    /// The sources of a model's site besides its numbers: what the model had read before it.
    pub(super) fn model_reads(&self, site: &str) -> Provenance {
        self.model_reads.get(site).cloned().unwrap_or_default()
    }

    /// The sources of a guide's site: of its value, and what the guide had read before it.
    pub(super) fn guide_sources(&self, site: &Site) -> Provenance {
        with_reads(site.value.provenance(), &self.guide_reads, &site.name)
    }
}

fn with_reads(own: &Provenance, reads: &HashMap<String, Provenance>, site: &str) -> Provenance {
    reads.get(site).map_or_else(|| own.clone(), |reads| own.union(reads))
}

/// Whether the draws are held fixed in a second run.
fn is_held(estimator: &GradientEstimator) -> bool {
    matches!(estimator, GradientEstimator::StickingTheLanding | GradientEstimator::DoublyReparameterized)
}

fn held_values(guide: &Trace) -> HashMap<String, Tensor> {
    let latents = guide.sites().filter(|site| site.is_latent());
    latents.map(|site| (site.name.clone(), site.value.detach())).collect()
}

fn record<O>(ctx: &mut Ctx, f: impl FnOnce(&mut Ctx) -> Result<O>) -> Result<Trace> {
    Ok(ctx.with(Record::new(), f)?.0.into_trace())
}

fn dense(trace: &Trace) -> impl Iterator<Item = &Site> {
    trace.sites().filter(|site| site.has_density())
}

/// Marks the guide's draws, cuts the gradient of those that are estimated by their score, and takes down what a program
/// had read before each statement.
#[derive(Default)]
struct Watch {
    /// For the guide.
    estimators: Option<Estimators>,
    latents: IndexMap<String, Latent>,
    /// One source for all draws in a scan, by its name: each step depends on those before.
    scans: HashMap<String, Source>,
    reads: HashMap<String, Provenance>,
}

impl Watch {
    /// What decides whether and how the program comes to a statement: what it had read, and the draws of scans before,
    /// on which what the scans carried out may depend.
    fn reads(&self) -> Provenance {
        let scans = self.scans.values().map(|&source| Provenance::of(source));
        scans.fold(Provenance::read(), |all, scan| all.union(&scan))
    }

    /// The source of a draw.
    fn source(&mut self, message: &Message) -> Source {
        match message.frames.iter().find(|frame| frame.kind == FrameKind::Scan) {
            Some(scan) => *self.scans.entry(scan.name.clone()).or_insert_with(Source::fresh),
            None => Source::fresh(),
        }
    }
}

impl Handler for Watch {
    fn postprocess(&mut self, message: &mut Message) -> Result<()> {
        let reads = self.reads();
        if let (Some(estimators), true) = (&self.estimators, message.is_latent()) {
            let estimator = estimators.resolve(message)?;
            let latent = Latent { source: self.source(message), estimator };
            if let Some(value) = message.value.take() {
                let value = match latent.estimator {
                    GradientEstimator::ScoreFunction { .. } => value.detach(),
                    _ => value,
                };
                // A program that has read other draws may have drawn from another distribution because of them.
                message.value = Some(value.with_provenance(&Provenance::of(latent.source).union(&reads)));
            }
            self.latents.insert(message.name.clone(), latent);
        }
        if !reads.is_empty() {
            self.reads.insert(message.name.clone(), reads);
        }
        Ok(())
    }
}

/// A plate or scan of the model's site of whose rows or steps the guide has but one value, drawn outside of it: the density
/// of all of them would be held against that of one draw.
fn shared_by_rows<'a>(site: &'a Site, drawn: &Site) -> Option<&'a Frame> {
    let depends = |frame: &Frame| site.value.axes().iter().any(|axis| axis.id == frame.axis.id);
    let around = |frame: &Frame| drawn.frames.iter().any(|other| other.axis.id == frame.axis.id);
    frames_of_rows(site).find(|frame| frame.axis.size > 1 && !depends(frame) && !around(frame))
}

/// Every latent site of the model has a counterpart in the guide, and the reverse; none of the guide's draws stands for
/// several rows or steps.
fn check_sites(model: &Trace, guide: &Trace) -> Result<()> {
    let absent = |of: &Trace, from: &Trace| -> Vec<String> {
        let has = |name: &str| from.get(name).is_some_and(Site::is_latent);
        of.sites()
            .filter(|site| site.is_latent() && !site.is_auxiliary() && !has(&site.name))
            .map(|site| format!("`{}`", site.name))
            .collect()
    };
    let (unguided, unmodelled) = (absent(model, guide), absent(guide, model));
    let mut reasons = Vec::new();
    if !unguided.is_empty() {
        reasons.push(format!("the guide lacks the model's latent sites {}", unguided.join(", ")));
    }
    if !unmodelled.is_empty() {
        reasons.push(format!("the model lacks the guide's sites {} as latent", unmodelled.join(", ")));
    }
    for site in model.sites().filter(|site| site.is_latent() && !site.is_auxiliary()) {
        if let Some(frame) = guide.get(&site.name).and_then(|drawn| shared_by_rows(site, drawn)) {
            let all = if frame.kind == FrameKind::Scan { "steps of scan" } else { "rows of plate" };
            reasons.push(format!("the guide draws `{}` once for all {all} `{}`", site.name, frame.name));
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    let table = format!("model:\n{}\nguide:\n{}", model.format_shapes(), guide.format_shapes());
    Err(Error::Mismatch { reason: reasons.join("; "), table })
}
