//! A mean-field guide: an independent normal for each unconstrained number.

use ppl_core::{Ctx, Error, Model, ParamStore, Result};
use ppl_dist::{DistributionExt, Normal, TransformedDistribution, constraints};
use ppl_tensor::Tensor;

use crate::latent::{Latent, Latents, Values, in_plates};

const PREFIX: &str = "AutoNormal";

/// A guide with a normal distribution for every latent number, independent of all others, on unconstrained space, mapped
/// to each site's support.
///
/// Supports are taken from one run of the model, so they must not depend on other sites.
///
/// Parameters of site `x`: `AutoNormal.locs.x` (unconstrained, starts at 0) and `AutoNormal.scales.x` (positive, starts
/// at 0.1), both of the site's unconstrained shape behind one dimension for each plate; a subsampled plate has all its
/// rows there.
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
        let loc = ctx.param_per_row(&format!("{PREFIX}.locs.{name}"), latent.start(), None)?;
        let start = Tensor::full(&latent.unconstrained, self.init_scale);
        let positive = Some(constraints::positive());
        let scale = ctx.param_per_row(&format!("{PREFIX}.scales.{name}"), start, positive)?;
        let base = Normal::new(loc, scale).to_event(latent.unconstrained.rank());
        ctx.sample(name, TransformedDistribution::new(base, vec![latent.bijection.clone()]))
    }
}

impl<A: ?Sized, M: Model<A>> Model<A> for AutoNormal<M> {
    type Output = Values;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Values> {
        if self.init_scale.is_nan() || self.init_scale <= 0.0 {
            return Err(Error::argument(format!("init_scale is {}, must be positive", self.init_scale)));
        }
        let mut values = Values::new();
        for latent in self.latents.of(&self.model, ctx, args)? {
            let mut value = None;
            in_plates(ctx, &latent.plates, &mut |ctx| {
                let row = self.sample(ctx, latent)?;
                let frames =
                    ctx.frames().iter().filter(|frame| latent.plates.iter().any(|p| p.name == frame.name));
                value = Some(frames.rev().fold(row, |row, frame| row.to_positional(frame.axis)));
                Ok(())
            })?;
            values.extend(value.map(|value| (latent.name.clone(), value)));
        }
        Ok(values)
    }
}
