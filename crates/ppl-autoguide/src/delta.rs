//! A guide without spread: the most probable values.

use ppl_core::{Ctx, Error, Model, ParamStore, Result};
use ppl_dist::{Delta, DistributionExt};
use ppl_infer::Init;
use ppl_tensor::Tensor;

use crate::latent::{Latent, Latents, Values};
use crate::marginal::{Marginal, Marginals};

/// A guide with one value for every latent site: fitted by the evidence lower bound, the values of highest joint density
/// on the constrained scale (maximum a posteriori). Supports that depend on other sites are refused.
///
/// Parameter of site `x`: `AutoDelta.x`, in the site's support, of its shape behind one dimension for each plate and
/// scan; a subsampled plate has all its rows there.
#[derive(Debug)]
pub struct AutoDelta<M> {
    model: M,
    latents: Latents,
}

fn name(site: &str) -> String {
    format!("AutoDelta.{site}")
}

impl<M> AutoDelta<M> {
    /// A guide for a model.
    pub fn new(model: M) -> Self {
        Self { model, latents: Latents::default() }
    }

    /// The same guide with another start.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.latents.init = init;
        self
    }

    fn sample(ctx: &mut Ctx, latent: &Latent) -> Result<Tensor> {
        if latent.differs_by_row {
            let reason = "its support differs from row to row: use AutoNormal";
            return Err(Error::argument(reason).at_site(&latent.name));
        }
        let value = ctx.param_in(&name(&latent.name), &latent.start, latent.support.clone())?;
        latent.in_plates(ctx, &mut |ctx| {
            let row = latent.enter(ctx, &value)?;
            let event = row.rank();
            ctx.sample(&latent.name, Delta::new(row).to_event(event))
        })
    }
}

impl<A: ?Sized, M: Model<A>> Model<A> for AutoDelta<M> {
    type Output = Values;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Values> {
        let latents = self.latents.of(&self.model, ctx, args)?;
        latents.iter().map(|latent| Ok((latent.name.clone(), Self::sample(ctx, latent)?))).collect()
    }
}

impl<M> Marginals for AutoDelta<M> {
    fn sites(&self) -> Result<Vec<String>> {
        self.latents.names()
    }

    fn marginal(&self, params: &ParamStore, site: &str) -> Result<Marginal> {
        self.latents.site(site)?;
        Ok(Marginal::point(params.get(&name(site))?))
    }
}
