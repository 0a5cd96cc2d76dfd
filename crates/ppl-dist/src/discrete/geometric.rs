//! The geometric distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use super::{Bernoulli, Weights};
use crate::constraints::nonnegative_integer;
use crate::parameters::{draw_dtype, expand, float, float_like};
use crate::special::highest;

/// The distribution of the number of failures before the first success, of probability `probs`, on the integers from 0
/// on: `p(k) = (1 - p)ᵏ p`, of mean `(1 - p) / p`.
///
/// Draws are floats, so that arithmetic works on them. Values may be integers.
#[derive(Debug, Clone)]
pub struct Geometric {
    trial: Bernoulli,
}

impl Geometric {
    /// The distribution of a probability of success.
    pub fn new(probs: impl Into<Tensor>) -> Self {
        Self { trial: Bernoulli::of(Weights::Probs(float(probs))) }
    }

    /// The distribution of log odds `ln(p / (1 - p))` of success.
    pub fn with_logits(logits: impl Into<Tensor>) -> Self {
        Self { trial: Bernoulli::of(Weights::Logits(float(logits))) }
    }

    /// The probability of success in one trial.
    pub fn probs(&self) -> Tensor {
        self.trial.probs()
    }

    /// The log odds of success in one trial.
    pub fn logits(&self) -> Tensor {
        self.trial.logits()
    }

    /// One trial.
    pub(crate) fn trial(&self) -> &Bernoulli {
        &self.trial
    }
}

impl Distribution for Geometric {
    fn name(&self) -> &'static str {
        "Geometric"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        self.trial.parameters()
    }

    fn batch_shape(&self) -> Shape {
        self.trial.batch_shape()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        nonnegative_integer()
    }

    /// The whole part of an exponential draw of rate `-ln(1 - p)`.
    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[self.trial.weights().tensor()]);
        let [_, log_failure] = self.trial.log_probs();
        let draws = (key.uniform(self.batch_shape(), dtype).log() / log_failure.detach()).floor();
        draws.minimum(highest(dtype))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = float_like(value, &[self.trial.weights().tensor()]);
        let inside = value.ge(0.0).and(value.lt(f64::INFINITY)).and(value.eq(value.floor()));
        let failures = inside.select(value, 0.0);
        inside.select(self.trial.log_prob_of_order(&Tensor::ones([]), &failures), f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let weights = self.trial.weights();
        let expanded = expand(self.name(), &self.batch_shape(), batch_shape, &[], weights.tensor())?;
        Ok(Arc::new(Self { trial: Bernoulli::of(weights.with(expanded)) }))
    }

    fn mean(&self) -> Tensor {
        (-self.logits()).exp()
    }

    fn variance(&self) -> Tensor {
        let odds = (-self.logits()).exp();
        &odds * (1.0 + &odds)
    }

    fn entropy(&self) -> Tensor {
        self.trial.entropy() / self.probs()
    }
}
