//! The evidence lower bound: all costs, downstream costs, divergences in closed form.

use ppl_core::{Error, FrameKind, Message, Result, Site, Statement};
use ppl_dist::KlRegistry;
use ppl_tensor::{Provenance, Tensor};

use super::options::{Options, options, options_with_chunks, runs_by_options};
use super::runs::{Origin, frames_of_rows};
use super::score::{Costs, cost_of, others_mean, score_term};
use super::{Estimate, Estimators, GradientEstimator, Objective, ObjectiveState, Runs, Term};

/// The negative evidence lower bound `E_q[ln q(z) - ln p(x, z)]`, averaged over particles.
///
/// Gradients are pathwise for reparameterised draws, and by the score function for the others, each with the costs of
/// its own rows alone where plates make rows independent (Ranganath, Gerrish and Blei 2014, section 3).
#[derive(Debug, Clone, Default)]
pub struct TraceElbo {
    options: Options,
}

options_with_chunks!(TraceElbo);

impl TraceElbo {
    /// The objective with one particle.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Objective for TraceElbo {
    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        elbo("TraceElbo", runs, &runs.terms()?, Costs::All)
    }

    runs_by_options!();
}

/// The negative evidence lower bound, as [`TraceElbo`], with less variance where draws are not reparameterised: a score
/// is weighed by the costs that depend on its draw alone (Schulman, Heess, Weber and Abbeel 2015).
///
/// Dependence is exact: a cost depends on a draw if its numbers were computed from it, in whatever way (comparisons,
/// indices and other draws included), or if the program had read the draw's value before it came to the statement.
#[derive(Debug, Clone, Default)]
pub struct TraceGraphElbo {
    options: Options,
}

options_with_chunks!(TraceGraphElbo);

impl TraceGraphElbo {
    /// The objective with one particle.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Objective for TraceGraphElbo {
    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        elbo("TraceGraphElbo", runs, &runs.terms()?, Costs::Downstream)
    }

    runs_by_options!();
}

/// The negative evidence lower bound, as [`TraceGraphElbo`], with the divergence of a site's guide from its prior in
/// closed form where there is a formula ([`KlRegistry`]); elsewhere by the draw.
///
/// Integrating a site alone is right as long as its prior does not depend on its own draw, as it would through another
/// site that the guide draws from it and the model puts above it. That is checked and refused.
#[derive(Debug, Clone, Default)]
pub struct TraceMeanFieldElbo {
    options: Options,
    divergences: KlRegistry,
}

options_with_chunks!(TraceMeanFieldElbo);

impl TraceMeanFieldElbo {
    /// The objective with one particle.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TraceMeanFieldElbo {
    /// The same objective with these formulas for divergences.
    #[must_use]
    pub fn divergences(mut self, divergences: KlRegistry) -> Self {
        self.divergences = divergences;
        self
    }
}

impl Objective for TraceMeanFieldElbo {
    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        let mut terms = runs.terms()?;
        for (name, _) in runs.latents() {
            let (Some(prior), Some(guide)) = (runs.model().get(name), runs.guide().get(name)) else {
                continue;
            };
            let Some(divergence) = divergence(&self.divergences, guide, prior)? else { continue };
            let is_guide = |term: &Term<'_>| term.origin == Origin::Guide && term.site.name == name;
            let own = terms.iter().find(|term| is_guide(term)).map(|term| term.depends_on.clone());
            let reads = runs.model_reads(name);
            refuse_cycles(runs, name, &divergence.provenance().union(&reads))?;
            // The guide's own dependence, without the draw that was integrated out.
            let upstream = own.unwrap_or_default().without(runs.latent(name)?.source);
            let depends_on = divergence.provenance().union(&reads).union(&upstream);
            terms.retain(|term| term.site.name != name);
            terms.push(Term { site: guide, origin: Origin::Divergence, row: divergence, depends_on });
        }
        elbo("TraceMeanFieldElbo", runs, &terms, Costs::Downstream)
    }

    runs_by_options!();
}

/// Closed-form divergence of a row of the guide's site from the model's, if there is a formula and the two sites are
/// repeated alike and without weights.
fn divergence(formulas: &KlRegistry, guide: &Site, prior: &Site) -> Result<Option<Tensor>> {
    let distribution = |site: &Site| match &site.statement {
        Statement::Sample { distribution, observed: false, .. } => Some(distribution.clone()),
        _ => None,
    };
    let (Some(q), Some(p)) = (distribution(guide), distribution(prior)) else { return Ok(None) };
    let same_plates = frames_of_rows(guide).map(|f| f.axis.id).eq(frames_of_rows(prior).map(|f| f.axis.id));
    let weighted = guide.weight.is_some() || prior.weight.is_some();
    if !same_plates || weighted || guide.scale != prior.scale {
        return Ok(None);
    }
    let Some(divergence) = formulas.divergence(&*q, &*p) else { return Ok(None) };
    divergence.check().map_err(|error| Error::from(error).at_site(&guide.name))?;
    // A prior of a larger batch would count the same draw several times.
    if divergence.shape() != q.batch_shape() {
        return Ok(None);
    }
    let masks = [&guide.mask, &prior.mask];
    let masked = masks.into_iter().flatten().fold(divergence, |sum, mask| mask.select(sum, 0.0));
    if masked.shape() != q.batch_shape() {
        return Ok(None);
    }
    Ok(Some(masked.sum_all().check()?.clone()))
}

fn refuse_cycles(runs: &Runs, name: &str, depends_on: &Provenance) -> Result<()> {
    if !depends_on.contains(runs.latent(name)?.source) {
        return Ok(());
    }
    let through = runs.latents().find(|(other, latent)| {
        *other != name && depends_on.contains(latent.source) && runs.guide().get(other).is_some()
    });
    let in_scan = runs.model().site(name)?.frames.iter().any(|frame| frame.kind == FrameKind::Scan);
    let through = match through {
        Some((other, _)) => format!("site `{other}`"),
        None if in_scan => "the steps before".to_owned(),
        None => "another site".to_owned(),
    };
    let reason = format!(
        "the model's distribution depends on the guide's draw of the site itself, through {through}: its \
         divergence in closed form would be wrong; use TraceElbo"
    );
    Err(Error::argument(reason).at_site(name))
}

/// The estimate of the mean over particles of the sum of the terms.
fn elbo(objective: &str, runs: &Runs, terms: &[Term<'_>], costs: Costs) -> Result<Estimate> {
    let is_score = |term: &Term<'_>| {
        let estimator = || runs.estimator(&term.site.name);
        term.origin == Origin::Guide && matches!(estimator(), Ok(GradientEstimator::ScoreFunction { .. }))
    };
    let mut loss = Tensor::from(0.0);
    let mut surrogate = Tensor::from(0.0);
    let mut parts = Vec::with_capacity(terms.len());
    for term in terms {
        let part = term.loss(&[]);
        loss = loss + &part;
        // The mean score is zero.
        if !is_score(term) {
            surrogate = surrogate + &part;
        }
        parts.push((&term.site.name, part));
    }
    let mut state = ObjectiveState::new();
    for (name, latent) in runs.latents() {
        match &latent.estimator {
            GradientEstimator::DoublyReparameterized => {
                let instead = "its weights are equal, use sticking the landing";
                return Err(latent.estimator.refused(name, objective, instead));
            }
            GradientEstimator::ScoreFunction { .. } => {
                let cost = cost_of(terms, runs.guide().site(name)?, latent, costs).detach();
                let others = || others_mean(runs, &cost);
                surrogate = surrogate + score_term(runs, name, latent, &cost, others, &mut state)?;
            }
            _ => {}
        }
    }
    let particles = runs.particles();
    let mut estimate = Estimate::new(loss.mean_over(particles), surrogate.mean_over(particles));
    estimate.state = state;
    for (site, part) in parts {
        estimate.add_term(runs, site, &part);
    }
    Ok(estimate)
}
