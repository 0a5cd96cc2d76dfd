//! A mean-field guide: an independent normal for each unconstrained number.

use ppl_core::{Ctx, Model, ParamStore, Result};
use ppl_dist::{DistributionExt, Normal, TransformedDistribution, constraints};
use ppl_infer::Init;
use ppl_tensor::Tensor;

use crate::continuous::check_init_scale;
use crate::latent::{Latent, Latents, Values};
use crate::marginal::{Marginal, Marginals};

const PREFIX: &str = "AutoNormal";

/// A guide with a normal distribution for every latent number, independent of all others, on unconstrained space, mapped
/// to each site's support. Supports that depend on other sites are refused.
///
/// Parameters of site `x`: `AutoNormal.locs.x` (unconstrained) and `AutoNormal.scales.x` (positive, starts at 0.1), both of
/// the site's unconstrained shape behind one dimension for each plate and scan; a subsampled plate has all its rows there.
#[derive(Debug)]
pub struct AutoNormal<M> {
    model: M,
    latents: Latents,
    init_scale: f64,
}

impl<M> AutoNormal<M> {
    /// A guide for a model.
    pub fn new(model: M) -> Self {
        Self { model, latents: Latents::default(), init_scale: 0.1 }
    }

    /// The same guide with another start.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.latents.init = init;
        self
    }

    /// The same guide with another scale at the start, positive.
    #[must_use]
    pub fn init_scale(self, init_scale: f64) -> Self {
        Self { init_scale, ..self }
    }

    /// The fitted location of a site, on unconstrained space.
    ///
    /// # Errors
    /// If the site is unknown, or the guide has not run.
    pub fn loc(&self, params: &ParamStore, site: &str) -> Result<Tensor> {
        params.get(&format!("{PREFIX}.locs.{site}"))
    }

    /// The fitted scale of a site, on unconstrained space.
    ///
    /// # Errors
    /// As [`AutoNormal::loc`].
    pub fn scale(&self, params: &ParamStore, site: &str) -> Result<Tensor> {
        params.get(&format!("{PREFIX}.scales.{site}"))
    }

    fn sample(&self, ctx: &mut Ctx, latent: &Latent) -> Result<Tensor> {
        let name = &latent.name;
        let scale = Tensor::full(latent.place.shape(), self.init_scale);
        let loc = ctx.param(&format!("{PREFIX}.locs.{name}"), &latent.place)?;
        let scale = ctx.param_in(&format!("{PREFIX}.scales.{name}"), scale, constraints::positive())?;
        latent.in_plates(ctx, &mut |ctx| {
            let (loc, scale) = (latent.enter(ctx, &loc)?, latent.enter(ctx, &scale)?);
            let base = Normal::new(loc, scale).to_event(latent.unconstrained.rank());
            ctx.sample(name, TransformedDistribution::new(base, vec![latent.bijection.clone()]))
        })
    }
}

impl<A: ?Sized, M: Model<A>> Model<A> for AutoNormal<M> {
    type Output = Values;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Values> {
        check_init_scale(self.init_scale)?;
        let latents = self.latents.of(&self.model, ctx, args)?;
        latents.iter().map(|latent| Ok((latent.name.clone(), self.sample(ctx, latent)?))).collect()
    }
}

impl<M> Marginals for AutoNormal<M> {
    fn sites(&self) -> Result<Vec<String>> {
        self.latents.names()
    }

    fn marginal(&self, params: &ParamStore, site: &str) -> Result<Marginal> {
        let latent = self.latents.site(site)?;
        Marginal::normal(latent, &self.loc(params, site)?, &self.scale(params, site)?)
    }
}
