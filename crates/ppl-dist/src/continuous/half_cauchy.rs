//! The half-Cauchy distribution.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, TAU};
use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{nonnegative, positive};
use crate::family::{Parameters, from_parameters};
use crate::special::{log1p_square, tangent};

/// The distribution of `|z|` for a Cauchy `z` around 0 of a `scale > 0`, on the numbers from 0 on:
/// `p(x) = 2 / (π scale (1 + (x / scale)²))`. Half of it lies below `scale`; its mean and variance are infinite.
#[derive(Debug, Clone)]
pub struct HalfCauchy(Parameters<1>);

impl HalfCauchy {
    /// The distribution of a scale.
    #[track_caller]
    pub fn new(scale: impl Into<Tensor>) -> Self {
        Self(Parameters::new("HalfCauchy", ["scale"], [scale.into()]))
    }

    /// The scale, which is the median, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[0]
    }
}

impl Distribution for HalfCauchy {
    from_parameters!(positive());

    fn support(&self) -> Arc<dyn Constraint> {
        nonnegative()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let height = key.uniform(self.batch_shape(), self.0.draw_dtype(key));
        self.scale() * tangent(&(height * FRAC_PI_2))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        let outside = value.lt(0.0).or(value.eq(f64::INFINITY));
        let squares = log1p_square(&outside.select(0.0, value), self.scale());
        let log_prob = FRAC_2_PI.ln() - self.scale().log() - squares;
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    fn mean(&self) -> Tensor {
        self.scale() * f64::INFINITY
    }

    fn variance(&self) -> Tensor {
        self.scale() * f64::INFINITY
    }

    fn entropy(&self) -> Tensor {
        (self.scale() * TAU).log()
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        (self.0.float_like(value).maximum(0.0) / self.scale()).atan() * FRAC_2_PI
    }
}
