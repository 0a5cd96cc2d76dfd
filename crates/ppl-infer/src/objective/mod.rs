//! Objectives: losses of a guide against a model, and surrogates for their gradients.

mod trace_elbo;

pub use trace_elbo::TraceElbo;

use ppl_core::{Ctx, Error, Model, Record, Replay, Result, Site, Trace};
use ppl_tensor::Tensor;

/// One estimate of a loss.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The loss, a scalar; its gradient is of no use where draws are not reparameterised.
    pub loss: Tensor,
    /// A scalar whose gradient with respect to the parameters estimates the loss's without bias.
    pub surrogate: Tensor,
}

/// What variational inference minimises.
pub trait Objective {
    /// The loss of one pair of runs, and the surrogate for its gradient. The model's latent values are the guide's.
    ///
    /// With several particles the traces carry the implicit axis named [`PARTICLES`], over which both are averaged.
    ///
    /// # Errors
    /// If a log density cannot be computed.
    fn surrogate(&self, model: &Trace, guide: &Trace) -> Result<Estimate>;

    /// Number of independent pairs of runs in one estimate; they run as one vectorised program.
    fn particles(&self) -> usize {
        1
    }
}

/// Name of the implicit axis of an estimate's particles.
pub const PARTICLES: &str = "particles";

/// Runs the guide, then the model with the guide's latent values, and estimates the loss. Parameters that appear for the
/// first time are added to the context's store.
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
    let (model_trace, guide_trace) = paired_traces(objective.particles(), ctx, model, guide, args)?;
    let estimate = objective.surrogate(&model_trace, &guide_trace)?;
    let loss = estimate.loss.check()?;
    if !loss.is_traced() && !loss.detach().to_scalar()?.is_finite() {
        return Err(culprit(&model_trace, &guide_trace)?);
    }
    estimate.surrogate.check()?;
    Ok(estimate)
}

/// Records the guide, and the model under the guide's latent values.
fn paired_traces<A, M, G>(
    particles: usize,
    ctx: &mut Ctx,
    model: &M,
    guide: &G,
    args: &A,
) -> Result<(Trace, Trace)>
where
    A: ?Sized,
    M: Model<A>,
    G: Model<A>,
{
    if particles == 0 {
        return Err(Error::argument("an objective needs at least one particle"));
    }
    let run = |ctx: &mut Ctx| -> Result<(Trace, Trace)> {
        let (recorded, _) = ctx.with(Record::new(), |ctx| guide.run(ctx, args))?;
        let guide_trace = recorded.into_trace();
        let (recorded, _) = ctx.with(Record::new(), |ctx| {
            ctx.with(Replay::new(guide_trace.clone()), |ctx| model.run(ctx, args))
        })?;
        Ok((recorded.into_trace(), guide_trace))
    };
    let (model_trace, guide_trace) =
        if particles == 1 { run(ctx)? } else { ctx.replicas(PARTICLES, particles, run)?.1 };
    check_sites(&model_trace, &guide_trace)?;
    Ok((model_trace, guide_trace))
}

/// Every latent site of the model has a counterpart in the guide, and the reverse.
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
    if reasons.is_empty() {
        return Ok(());
    }
    let table = format!("model:\n{}\nguide:\n{}", model.format_shapes(), guide.format_shapes());
    Err(Error::Mismatch { reason: reasons.join("; "), table })
}

/// The error for a loss that is not finite: the first site whose log density is not, or the sum itself.
fn culprit(model: &Trace, guide: &Trace) -> Result<Error> {
    for (trace, of) in [(guide, "guide"), (model, "model")] {
        for site in trace.sites().filter(|site| site.has_density()) {
            let mut sum = site.log_prob_sum(&[])?.detach();
            while let Some(&axis) = sum.axes().first() {
                sum = sum.sum_over(axis);
            }
            let value = sum.to_scalar()?;
            if !value.is_finite() {
                let (site, table) = (format!("{} ({of})", site.name), trace.format_shapes());
                return Ok(Error::NonFinite { site, value, table });
            }
        }
    }
    Ok(Error::argument("the loss is not finite, though the log probability of every site is"))
}
