//! The log-normal distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use super::Normal;
use crate::constraints::positive;
use crate::parameters::float_like;
use crate::special::above_zero;

/// The distribution of `eᶻ` for a normal `z` of mean `loc` and standard deviation `scale > 0`, on the positive numbers:
/// `p(x) = exp(-(ln x - loc)² / (2 scale²)) / (x scale √(2π))`.
#[derive(Debug, Clone)]
pub struct LogNormal {
    log: Normal,
}

impl LogNormal {
    /// The distribution of a mean and a standard deviation of the logarithm, which broadcast.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self { log: Normal::part_of("LogNormal", loc, scale) }
    }

    /// Mean of the logarithm, as given.
    pub fn loc(&self) -> &Tensor {
        self.log.loc()
    }

    /// Standard deviation of the logarithm, as given.
    pub fn scale(&self) -> &Tensor {
        self.log.scale()
    }

    /// The distribution of the logarithm.
    pub(crate) fn log(&self) -> &Normal {
        &self.log
    }
}

impl Distribution for LogNormal {
    fn name(&self) -> &'static str {
        "LogNormal"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        self.log.parameters()
    }

    fn batch_shape(&self) -> Shape {
        self.log.batch_shape()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        positive()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        above_zero(&self.log.sample(key).exp())
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = float_like(value, &[self.loc(), self.scale()]);
        let outside = value.le(0.0).or(value.eq(f64::INFINITY));
        // Outside, the density is taken at 1, so that its gradients stay finite.
        let log = outside.select(1.0, value).log();
        outside.select(f64::NEG_INFINITY, self.log.log_prob(&log) - log)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        Ok(Arc::new(Self { log: self.log.expand_to(batch_shape)? }))
    }

    fn mean(&self) -> Tensor {
        (self.loc() + self.scale().square() * 0.5).exp()
    }

    fn variance(&self) -> Tensor {
        let variance = self.scale().square();
        variance.expm1() * (2.0 * self.loc() + &variance).exp()
    }

    fn entropy(&self) -> Tensor {
        self.log.entropy() + self.loc()
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        let value = float_like(value, &[self.loc(), self.scale()]);
        self.log.cdf(&value.maximum(0.0).log())
    }
}
