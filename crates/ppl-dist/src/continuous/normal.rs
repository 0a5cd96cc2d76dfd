//! The normal distribution.

use std::f64::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::{positive, real};
use crate::parameters::{broadcast, draw_dtype, expand, float, float_like};
use crate::special::LN_SQRT_TAU;

/// The normal (Gaussian) distribution of mean `loc` and standard deviation `scale > 0`, on the reals:
/// `p(x) = exp(-(x - loc)² / (2 scale²)) / (scale √(2π))`.
#[derive(Debug, Clone)]
pub struct Normal {
    loc: Tensor,
    scale: Tensor,
    batch_shape: Shape,
}

impl Normal {
    /// The distribution of a mean and a standard deviation, which broadcast.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self::part_of("Normal", loc, scale)
    }

    /// The distribution inside another, which messages name.
    #[track_caller]
    pub(super) fn part_of(whole: &str, loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        let parameters = [float(loc), float(scale)];
        let (batch_shape, [loc, scale]) = broadcast(whole, ["loc", "scale"], parameters);
        Self { loc, scale, batch_shape }
    }

    /// The mean, as given.
    pub fn loc(&self) -> &Tensor {
        &self.loc
    }

    /// The standard deviation, as given.
    pub fn scale(&self) -> &Tensor {
        &self.scale
    }
}

impl Distribution for Normal {
    fn name(&self) -> &'static str {
        "Normal"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            Parameter { name: "loc", value: &self.loc, constraint: real() },
            Parameter { name: "scale", value: &self.scale, constraint: positive() },
        ]
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let noise = key.normal(&self.batch_shape, draw_dtype(key, &[&self.loc, &self.scale]));
        &self.loc + &self.scale * noise
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let z = (float_like(value, &[&self.loc, &self.scale]) - &self.loc) / &self.scale;
        z.square() * -0.5 - (self.scale.log() + LN_SQRT_TAU)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let loc = expand(self.name(), &self.batch_shape, batch_shape, &[], &self.loc)?;
        Ok(Arc::new(Self::new(loc, &self.scale)))
    }

    fn loc_scale(&self) -> Option<LocationScale> {
        Some(LocationScale {
            loc: self.loc.clone(),
            scale: self.scale.clone(),
            with: Box::new(|loc, scale| Arc::new(Self::new(loc, scale))),
        })
    }

    fn mean(&self) -> Tensor {
        self.loc.broadcast_to(&self.batch_shape)
    }

    fn variance(&self) -> Tensor {
        self.scale.square().broadcast_to(&self.batch_shape)
    }

    fn entropy(&self) -> Tensor {
        (self.scale.log() + (0.5 + LN_SQRT_TAU)).broadcast_to(&self.batch_shape)
    }

    /// Accurate to about one unit of rounding at 1: far below the mean its relative accuracy is lost.
    fn cdf(&self, value: &Tensor) -> Tensor {
        let z = (float_like(value, &[&self.loc, &self.scale]) - &self.loc) / &self.scale;
        (z * FRAC_1_SQRT_2).erf() * 0.5 + 0.5
    }
}
