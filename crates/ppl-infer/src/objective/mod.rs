//! Objectives: losses of a guide against a model, and surrogates for their gradients.

mod elbo;
mod estimator;
mod jit;
mod options;
mod renyi;
mod report;
mod runs;
mod score;

pub use elbo::{TraceElbo, TraceGraphElbo, TraceMeanFieldElbo};
pub use estimator::{Baseline, BaselineFunction, Estimators, GradientEstimator};
pub use jit::Jit;
pub use renyi::RenyiElbo;
pub use report::{GradientMoments, GradientProbe, GradientReport};
pub use runs::{Origin, Runs, Term};

use std::collections::BTreeMap;

use indexmap::IndexMap;
use ppl_core::{Ctx, Error, Model, Result};
use ppl_tensor::{Axis, Tensor, linearize, watch_reads};

/// Name of the implicit axis of an estimate's particles.
pub const PARTICLES: &str = "particles";

/// What an objective remembers from step to step, as averages of costs, by name. Plain tensors, kept by whoever iterates.
pub type ObjectiveState = BTreeMap<String, Tensor>;

/// What variational inference minimises.
pub trait Objective {
    /// The loss of one pair of runs, and the surrogate for its gradient. The model's latent values are the guide's.
    ///
    /// With several particles the terms carry the implicit axis [`Runs::particles`], over which both are averaged.
    ///
    /// # Errors
    /// If a log density cannot be computed, or an estimator asked for is not one of this objective.
    fn surrogate(&self, runs: &Runs) -> Result<Estimate>;

    /// Number of independent pairs of runs in one estimate; they run as one vectorised program.
    fn particles(&self) -> usize {
        1
    }

    /// How many of the particles run at once. An estimate in chunks needs the memory of one, and gives the loss and
    /// gradient of all particles together: it is for losses that are means over particles.
    fn chunk_size(&self) -> usize {
        self.particles()
    }

    /// How gradients are estimated at sites that do not say themselves.
    fn estimators(&self) -> Estimators {
        Estimators::default()
    }

    /// The same objective, with steps of inference that are traced once and compiled: [`Jit`] tells what that asks of
    /// the programs.
    fn jit(self) -> Jit<Self>
    where
        Self: Sized,
    {
        Jit(self)
    }
}

impl<J: Objective + ?Sized> Objective for Box<J> {
    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        (**self).surrogate(runs)
    }

    fn particles(&self) -> usize {
        (**self).particles()
    }

    fn chunk_size(&self) -> usize {
        (**self).chunk_size()
    }

    fn estimators(&self) -> Estimators {
        (**self).estimators()
    }
}

/// One estimate of a loss.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The loss, a scalar; its gradient is of no use where draws are not reparameterised.
    pub loss: Tensor,
    /// A scalar whose gradient with respect to the parameters estimates the loss's without bias. Its value means
    /// nothing.
    pub surrogate: Tensor,
    /// What the objective remembers for the next step.
    pub state: ObjectiveState,
    /// Parts of the loss by site, still per particle.
    terms: IndexMap<String, Tensor>,
    particles: Axis,
}

impl Estimate {
    /// An estimate without parts by site and memory.
    pub fn new(loss: Tensor, surrogate: Tensor) -> Self {
        let particles = Axis::named(PARTICLES, 1);
        Self { loss, surrogate, state: ObjectiveState::new(), terms: IndexMap::new(), particles }
    }

    /// Adds to a site's part of the loss. It may be per particle ([`Runs::particles`]).
    pub fn add_term(&mut self, runs: &Runs, site: &str, part: &Tensor) {
        self.particles = runs.particles();
        let sum = self.terms.get(site).map_or_else(|| part.detach(), |sum| sum + part.detach());
        self.terms.insert(site.to_owned(), sum);
    }

    /// The parts of the loss by site, which add up to it (to rounding): `ln q - ln p` for a latent site, `-ln p` for
    /// data. Empty if the objective does not tell.
    pub fn site_losses(&self) -> IndexMap<String, Tensor> {
        let mean = |part: &Tensor| part.mean_over(self.particles);
        self.terms.iter().map(|(site, part)| (site.clone(), mean(part))).collect()
    }

    /// A scalar with the value of the loss and the gradient of the surrogate.
    pub fn differentiable(&self) -> Tensor {
        self.loss.detach() + (&self.surrogate - self.surrogate.detach())
    }

    /// A chunk's share of an estimate. Its memory is freed: what stays is linear in what is tracked.
    fn share(self, share: f64) -> Result<Self> {
        let surrogate = match self.surrogate.is_tracked() && self.surrogate.axes().is_empty() {
            true => linearize(&self.surrogate)?,
            false => self.surrogate.clone(),
        };
        let terms = self.site_losses().into_iter().map(|(site, part)| (site, part * share)).collect();
        let state = self.state.into_iter().map(|(name, value)| (name, value * share)).collect();
        Ok(Self { state, terms, ..Self::new(self.loss.detach() * share, surrogate * share) })
    }

    fn plus(mut self, other: Self) -> Self {
        for (name, value) in other.state {
            let sum = self.state.remove(&name).map_or(value.clone(), |sum| sum + value);
            self.state.insert(name, sum);
        }
        for (site, part) in other.terms {
            let sum = self.terms.get(&site).map_or(part.clone(), |sum| sum + &part);
            self.terms.insert(site, sum);
        }
        Self { loss: self.loss + other.loss, surrogate: self.surrogate + other.surrogate, ..self }
    }
}

/// Runs the guide, then the model with the guide's latent values, and estimates the loss. Parameters that appear for the
/// first time are added to the context's store.
///
/// The objective remembers nothing: use [`estimate_from`] where steps follow each other.
///
/// # Errors
/// If a program fails, or the two do not fit each other, or a log density is not finite: the message names the sites.
pub fn estimate<A, M, G>(
    objective: &(impl Objective + ?Sized),
    ctx: &mut Ctx,
    model: &M,
    guide: &G,
    args: &A,
) -> Result<Estimate>
where
    A: ?Sized,
    M: Model<A>,
    G: Model<A>,
{
    estimate_from(objective, &ObjectiveState::new(), ctx, model, guide, args)
}

/// As [`estimate`], after steps that left a state: [`Estimate::state`] of the step before, or an empty one.
///
/// # Errors
/// As [`estimate`].
pub fn estimate_from<A, M, G>(
    objective: &(impl Objective + ?Sized),
    state: &ObjectiveState,
    ctx: &mut Ctx,
    model: &M,
    guide: &G,
    args: &A,
) -> Result<Estimate>
where
    A: ?Sized,
    M: Model<A>,
    G: Model<A>,
{
    let (total, chunk) = (objective.particles(), objective.chunk_size());
    if total == 0 {
        return Err(Error::argument("an objective needs at least one particle"));
    }
    if chunk == 0 {
        return Err(Error::argument("a chunk needs at least one particle"));
    }
    let estimators = objective.estimators();
    let mut run = |first: usize, n: usize| -> Result<Estimate> {
        let runs = Runs::of(&estimators, state, (first, n, total), ctx, model, guide, args)?;
        let estimate = objective.surrogate(&runs)?;
        let loss = estimate.loss.check()?;
        for (what, value) in [("loss", loss), ("surrogate", estimate.surrogate.check()?)] {
            if value.rank() != 0 {
                let shape = value.shape();
                return Err(Error::Shape(format!("an objective's {what} is a scalar, found shape {shape}")));
            }
        }
        if !loss.is_traced() && !all_finite(loss)? {
            return Err(culprit(&runs, loss)?);
        }
        // What is remembered must not gather the sources of all steps.
        let state = estimate.state.iter().map(|(name, value)| (name.clone(), value.unwatched())).collect();
        Ok(Estimate { state, ..estimate })
    };
    // Terms are computed when they are asked for, and must still know what they were computed from.
    let mut chunk_of = |first, n| watch_reads(|| run(first, n));
    if chunk >= total {
        return chunk_of(0, total);
    }
    let share = |n: usize| n as f64 / total as f64;
    let mut sum = chunk_of(0, chunk)?.share(share(chunk))?;
    for first in (chunk..total).step_by(chunk) {
        let n = chunk.min(total - first);
        sum = sum.plus(chunk_of(first, n)?.share(share(n))?);
    }
    Ok(sum)
}

/// A scalar with the value of the loss and its estimated gradient, for users who write their own loop: any tensor that
/// is tracked ([`Tensor::tracked`]) when the programs run is a leaf of it, whether a parameter of the context's store
/// ([`ParamStore::track`](ppl_core::ParamStore::track)) or one that the programs have captured.
///
/// # Errors
/// As [`estimate`].
pub fn differentiable_loss<A, M, G>(
    objective: &(impl Objective + ?Sized),
    ctx: &mut Ctx,
    model: &M,
    guide: &G,
    args: &A,
) -> Result<Tensor>
where
    A: ?Sized,
    M: Model<A>,
    G: Model<A>,
{
    Ok(estimate(objective, ctx, model, guide, args)?.differentiable().check()?.clone())
}

/// Whether a loss is finite, in every replica if there are several.
fn all_finite(loss: &Tensor) -> Result<bool> {
    Ok(positional(&loss.detach()).is_finite().all_all().to_scalar()? != 0.0)
}

/// Every implicit axis as a leading dimension.
fn positional(value: &Tensor) -> Tensor {
    let axes = value.axes().clone();
    axes.iter().fold(value.clone(), |value, &axis| value.to_positional(axis))
}

/// The error for a loss that is not finite: the first site whose log density is not, or the sum itself.
fn culprit(runs: &Runs, loss: &Tensor) -> Result<Error> {
    for (trace, of) in [(runs.guide(), "guide"), (runs.model(), "model")] {
        for site in trace.sites().filter(|site| site.has_density()) {
            let values = positional(&site.log_prob_sum(&[])?.detach()).to_f64()?;
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                let (site, table) = (format!("{} ({of})", site.name), trace.format_shapes());
                return Ok(Error::NonFinite { site, value, table });
            }
        }
    }
    let (site, table) = ("all sites together".to_owned(), runs.model().format_shapes());
    let losses = positional(&loss.detach()).to_f64()?;
    let value = losses.into_iter().map(|loss| -loss).find(|value| !value.is_finite()).unwrap_or(f64::NAN);
    Ok(Error::NonFinite { site, value, table })
}
