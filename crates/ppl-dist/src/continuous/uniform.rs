//! The uniform distribution of an interval.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{greater_than, interval, real};
use crate::family::{Parameters, from_parameters};
use crate::special::inside_interval;

/// The uniform distribution on the interval from `low` to `high > low`: `p(x) = 1 / (high - low)`, at the ends too.
#[derive(Debug, Clone)]
pub struct Uniform(Parameters<2>);

impl Uniform {
    /// The distribution between two bounds, which broadcast.
    #[track_caller]
    pub fn new(low: impl Into<Tensor>, high: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Uniform", ["low", "high"], [low.into(), high.into()]))
    }

    /// The lower bound, as given.
    pub fn low(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The upper bound, as given.
    pub fn high(&self) -> &Tensor {
        &self.0.values()[1]
    }

    fn width(&self) -> Tensor {
        self.high() - self.low()
    }
}

impl Distribution for Uniform {
    from_parameters!(uniform => real(), greater_than(uniform.low()));

    fn support(&self) -> Arc<dyn Constraint> {
        interval(self.low(), self.high())
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let [low, high] = self.0.for_draws(key);
        let draws = &low + (&high - &low) * key.uniform(self.batch_shape(), low.dtype());
        inside_interval(&draws, &low, &high)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        let outside = value.lt(self.low()).or(value.gt(self.high()));
        // The product passes NaN on.
        outside.select(f64::NEG_INFINITY, value * 0.0 - self.width().log())
    }

    fn mean(&self) -> Tensor {
        (self.low() + self.high()) * 0.5
    }

    fn variance(&self) -> Tensor {
        self.width().square() / 12.0
    }

    fn entropy(&self) -> Tensor {
        self.width().log()
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        ((value - self.low()) / self.width()).maximum(0.0).minimum(1.0)
    }
}
