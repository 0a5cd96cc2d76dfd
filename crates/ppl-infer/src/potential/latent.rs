//! A model as a function of a vector of unconstrained numbers.

use ppl_core::{Ctx, Model, Record, Result, Trace};
use ppl_tensor::{Axis, AxisId, Tensor, no_grad, watch_reads};

use super::PotentialSite;
use super::unconstrain::{Find, Place, Support};
use crate::tracing::Last;

/// A model whose latent sites are known, to be run at points.
pub(super) struct Latent<'a, M, A: ?Sized> {
    model: &'a M,
    ctx: &'a Ctx,
    args: &'a A,
    pub(super) sites: Vec<PotentialSite>,
    supports: Vec<Support>,
    /// The statement that the last run came to.
    pub(super) last: Last,
}

impl<'a, M: Model<A>, A: ?Sized> Latent<'a, M, A> {
    /// Runs the model once to find its latent sites, apart from the handlers and plates of `ctx`.
    pub(super) fn find(model: &'a M, ctx: &'a Ctx, args: &'a A) -> Result<Self> {
        let mut latent =
            Self { model, ctx, args, sites: Vec::new(), supports: Vec::new(), last: Last::default() };
        let mut first = latent.alone();
        let find = || first.with(Find::on(ctx.device()), |ctx| model.run(ctx, args));
        let (found, _) = no_grad(|| watch_reads(find))?;
        (latent.sites, latent.supports) = found.finish()?;
        Ok(latent)
    }

    /// A context with parameters, device and key, and nothing else.
    pub(super) fn alone(&self) -> Ctx {
        Ctx::with_key(self.ctx.device(), self.ctx.key().clone()).with_params(self.ctx.params().clone())
    }

    /// Number of unconstrained numbers.
    pub(super) fn size(&self) -> usize {
        self.sites.last().map_or(0, |site| site.range.end)
    }

    /// A run at a point `[d]`: its trace, and `Σ ln |det ∂z/∂x|`.
    pub(super) fn run(&self, x: &Tensor) -> Result<(Trace, Tensor)> {
        self.run_in(&mut self.alone().validating(false), x)
    }

    fn run_in(&self, ctx: &mut Ctx, x: &Tensor) -> Result<(Trace, Tensor)> {
        let place = Place::new(&self.sites, &self.supports, x, &self.last);
        let (recorded, (place, _)) =
            ctx.with(Record::new(), |ctx| ctx.with(place, |ctx| self.model.run(ctx, self.args)))?;
        Ok((recorded.into_trace(), place.volume()))
    }

    /// The log density at a point `[d]`.
    pub(super) fn log_density(&self, x: &Tensor) -> Result<Tensor> {
        let (trace, volume) = self.run(x)?;
        Ok(trace.log_prob_sum()? + volume)
    }

    /// The log densities `[n]` at points `[n, d]`.
    pub(super) fn log_densities(&self, x: &Tensor) -> Result<Tensor> {
        let axis = Axis { id: AxisId::chains(), size: x.size(0)? };
        let x = x.to_implicit(axis.id)?;
        let run = |ctx: &mut Ctx| self.run_in(ctx, &x);
        let (trace, volume) = self.alone().validating(false).chains(axis.size, run)?;
        Ok((trace.log_prob_sum()? + volume).to_positional(axis))
    }
}
