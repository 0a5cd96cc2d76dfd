//! The exponential distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use super::Gamma;
use crate::constraints::{nonnegative, positive};
use crate::family::{Parameters, from_parameters};

/// The exponential distribution of a `rate > 0`, on the numbers from 0 on: `p(x) = rate exp(-rate x)`, of mean
/// `1 / rate`.
#[derive(Debug, Clone)]
pub struct Exponential(Parameters<1>);

impl Exponential {
    /// The distribution of a rate.
    #[track_caller]
    pub fn new(rate: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Exponential", ["rate"], [rate.into()]))
    }

    /// The rate, as given.
    pub fn rate(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The same distribution as a gamma.
    pub(crate) fn gamma(&self) -> Gamma {
        Gamma::new(1.0, self.rate())
    }
}

impl Distribution for Exponential {
    from_parameters!(positive());

    fn support(&self) -> Arc<dyn Constraint> {
        nonnegative()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        -key.uniform(self.batch_shape(), self.0.draw_dtype(key)).log() / self.rate()
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        let outside = value.lt(0.0).or(value.eq(f64::INFINITY));
        let log_prob = self.rate().log() - self.rate() * outside.select(1.0, value);
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    fn mean(&self) -> Tensor {
        self.rate().reciprocal()
    }

    fn variance(&self) -> Tensor {
        self.rate().square().reciprocal()
    }

    fn entropy(&self) -> Tensor {
        1.0 - self.rate().log()
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        -(-(self.rate() * self.0.float_like(value).maximum(0.0))).expm1()
    }
}
