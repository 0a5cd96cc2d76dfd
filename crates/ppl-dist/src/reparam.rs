//! Other coordinates for latent sites: strategies for [`reparam`](ppl_core::reparam).

use std::any::Any;
use std::sync::Arc;

use ppl_core::{Ctx, Distribution, Error, Reparameterize, Result, Transform};
use ppl_tensor::Tensor;

use crate::constraints;
use crate::wrappers::{DistributionExt, Independent, TransformedDistribution};

/// Moves part of location and scale of a location-scale family out of the draw, which frees a hierarchy of its funnel.
///
/// With centering `c` the site `x ~ D(loc, scale)` becomes `x_decentered ~ D(c loc, scaleᶜ)` and
/// `x = loc + scale¹⁻ᶜ (x_decentered - c loc)`. With `c` = 1 nothing changes; with `c` = 0 the draw is a standard one.
///
/// Source: Gorinova, Moore and Hoffman, Automatic Reparameterisation of Probabilistic Programs (2020).
#[derive(Debug, Clone)]
pub struct LocScaleReparam {
    centered: Option<f64>,
}

impl LocScaleReparam {
    /// Location and scale outside of the draw: centering 0.
    pub fn decentered() -> Self {
        Self { centered: Some(0.0) }
    }

    /// Centering between 0 and 1.
    pub fn centered(centering: f64) -> Self {
        Self { centered: Some(centering) }
    }

    /// Centering learned for every number of the site: the parameter `x_centered`, which starts at 1/2.
    pub fn learned() -> Self {
        Self { centered: None }
    }
}

impl Reparameterize for LocScaleReparam {
    fn draw(&self, ctx: &mut Ctx, name: &str, distribution: &Arc<dyn Distribution>) -> Result<Tensor> {
        let unsuited = || Error::Unsupported {
            what: "LocScaleReparam".into(),
            of: format!("{}, which is not a location-scale family", distribution.name()),
        };
        let family = distribution.loc_scale().ok_or_else(unsuited)?;
        let (loc, scale) = (family.loc, family.scale);
        let centering = match self.centered {
            Some(centering) if (0.0..=1.0).contains(&centering) => Tensor::from(centering),
            Some(centering) => {
                return Err(Error::argument(format!("centering must be in [0, 1], found {centering}")));
            }
            None => {
                let shape = distribution.batch_shape().concat(&distribution.event_shape());
                let start = Tensor::full(shape, 0.5);
                ctx.param_per_row(&format!("{name}_centered"), start, Some(constraints::unit_interval()))?
            }
        };
        let part = &loc * &centering;
        let draw = (family.with)(part.clone(), scale.pow(&centering));
        let standard = ctx.sample(&format!("{name}_decentered"), draw)?;
        let value = loc + scale.pow(1.0 - centering) * (standard - part);
        Ok(value.check()?.clone())
    }
}

/// Draws a [`TransformedDistribution`] before its transforms: `x ~ f(D)` becomes `x_base ~ D` and `x = f(x_base)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TransformReparam;

impl Reparameterize for TransformReparam {
    fn draw(&self, ctx: &mut Ctx, name: &str, distribution: &Arc<dyn Distribution>) -> Result<Tensor> {
        let (inner, dims) = match (&**distribution as &dyn Any).downcast_ref::<Independent>() {
            Some(independent) => (independent.base(), independent.dims()),
            None => (distribution, 0),
        };
        let unsuited = || Error::Unsupported {
            what: "TransformReparam".into(),
            of: format!("{}, which is not a TransformedDistribution", distribution.name()),
        };
        let transformed =
            (&**inner as &dyn Any).downcast_ref::<TransformedDistribution>().ok_or_else(unsuited)?;
        let base = transformed.base().clone().to_event(dims);
        let draw = ctx.sample(&format!("{name}_base"), base)?;
        Ok(transformed.transform().forward(&draw).check()?.clone())
    }
}
