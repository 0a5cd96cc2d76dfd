//! The half-normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, LN_2};
use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{nonnegative, positive};
use crate::family::{Parameters, from_parameters};
use crate::special::LN_SQRT_TAU;

/// The distribution of `|z|` for a normal `z` of mean 0 and standard deviation `scale > 0`, on the numbers from 0 on:
/// `p(x) = √(2/π) exp(-x² / (2 scale²)) / scale`.
#[derive(Debug, Clone)]
pub struct HalfNormal(Parameters<1>);

impl HalfNormal {
    /// The distribution of a scale.
    #[track_caller]
    pub fn new(scale: impl Into<Tensor>) -> Self {
        Self(Parameters::new("HalfNormal", ["scale"], [scale.into()]))
    }

    /// The standard deviation of the normal, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[0]
    }
}

impl Distribution for HalfNormal {
    from_parameters!(positive());

    fn support(&self) -> Arc<dyn Constraint> {
        nonnegative()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        self.scale() * key.normal(self.batch_shape(), self.0.draw_dtype(key)).abs()
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        let outside = value.lt(0.0).or(value.eq(f64::INFINITY));
        let z = outside.select(0.0, value) / self.scale();
        let log_prob = z.square() * -0.5 - (self.scale().log() + (LN_SQRT_TAU - LN_2));
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    fn mean(&self) -> Tensor {
        self.scale() * FRAC_2_PI.sqrt()
    }

    fn variance(&self) -> Tensor {
        self.scale().square() * (1.0 - FRAC_2_PI)
    }

    fn entropy(&self) -> Tensor {
        self.scale().log() + (0.5 + LN_SQRT_TAU - LN_2)
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        (self.0.float_like(value).maximum(0.0) / self.scale() * FRAC_1_SQRT_2).erf()
    }
}
