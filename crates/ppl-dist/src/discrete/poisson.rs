//! The Poisson distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{nonnegative, nonnegative_integer};
use crate::family::{Parameters, from_parameters};
use crate::special::xlogy;

/// The Poisson distribution of a `rate ≥ 0`, on the integers from 0 on: `p(k) = rateᵏ exp(-rate) / k!`, of mean and
/// variance `rate`.
///
/// Draws are floats, so that arithmetic works on them. Values may be integers.
#[derive(Debug, Clone)]
pub struct Poisson(Parameters<1>);

impl Poisson {
    /// The distribution of a rate.
    #[track_caller]
    pub fn new(rate: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Poisson", ["rate"], [rate.into()]))
    }

    /// The rate, as given.
    pub fn rate(&self) -> &Tensor {
        &self.0.values()[0]
    }
}

impl Distribution for Poisson {
    from_parameters!(nonnegative());

    fn support(&self) -> Arc<dyn Constraint> {
        nonnegative_integer()
    }

    fn sample(&self, key: &Key) -> Tensor {
        let [rate] = self.0.for_draws(key);
        key.poisson(self.batch_shape(), &rate.detach())
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        let inside = value.ge(0.0).and(value.lt(f64::INFINITY)).and(value.eq(value.floor()));
        let k = inside.select(value, 0.0);
        inside.select(xlogy(&k, self.rate()) - self.rate() - (k + 1.0).lgamma(), f64::NEG_INFINITY)
    }

    fn mean(&self) -> Tensor {
        self.rate().clone()
    }

    fn variance(&self) -> Tensor {
        self.rate().clone()
    }
}
