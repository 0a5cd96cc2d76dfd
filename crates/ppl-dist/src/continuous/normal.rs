//! The normal distribution.

use std::f64::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::{positive, real};
use crate::family::{Parameters, from_parameters, location_scale};
use crate::special::LN_SQRT_TAU;

/// The normal (Gaussian) distribution of mean `loc` and standard deviation `scale > 0`, on the reals:
/// `p(x) = exp(-(x - loc)² / (2 scale²)) / (scale √(2π))`.
#[derive(Debug, Clone)]
pub struct Normal(Parameters<2>);

impl Normal {
    /// The distribution of a mean and a standard deviation, which broadcast.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self::part_of("Normal", loc, scale)
    }

    /// The distribution inside another, which messages name.
    #[track_caller]
    pub(super) fn part_of(whole: &'static str, loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self(Parameters::new(whole, ["loc", "scale"], [loc.into(), scale.into()]))
    }

    /// The mean, as given.
    pub fn loc(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The standard deviation, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[1]
    }

    /// The same parameters for a larger batch.
    pub(super) fn expand_to(&self, batch_shape: &Shape) -> Result<Self> {
        Ok(Self(self.0.expand(batch_shape)?))
    }
}

impl Distribution for Normal {
    from_parameters!(real(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let noise = key.normal(self.batch_shape(), self.0.draw_dtype(key));
        self.loc() + self.scale() * noise
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        self.0.standardise(value).square() * -0.5 - (self.scale().log() + LN_SQRT_TAU)
    }

    fn loc_scale(&self) -> Option<LocationScale> {
        location_scale(self.loc(), self.scale(), Self::new)
    }

    fn mean(&self) -> Tensor {
        self.0.over_batch(self.loc())
    }

    fn variance(&self) -> Tensor {
        self.0.over_batch(&self.scale().square())
    }

    fn entropy(&self) -> Tensor {
        self.0.over_batch(&(self.scale().log() + (0.5 + LN_SQRT_TAU)))
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        (self.0.standardise(value) * -FRAC_1_SQRT_2).erfc() * 0.5
    }
}
