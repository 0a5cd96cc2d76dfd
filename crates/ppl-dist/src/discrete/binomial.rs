//! The binomial distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use super::{Bernoulli, Weights};
use crate::constraints::{integer_interval, nonnegative_integer};
use crate::parameters::{broadcast, draw_dtype, expand, float, float_like, strong};
use crate::special::ln_choose;

/// The distribution of the number of successes in `total_count` independent trials, each of probability `probs`:
/// `p(k) = (n choose k) pᵏ (1 - p)ⁿ⁻ᵏ`.
///
/// Draws are floats, so that arithmetic works on them. Values may be integers.
#[derive(Debug, Clone)]
pub struct Binomial {
    total_count: Tensor,
    trial: Bernoulli,
    batch_shape: Shape,
}

impl Binomial {
    /// The distribution of a number of trials and a probability of success, which broadcast.
    #[track_caller]
    pub fn new(total_count: impl Into<Tensor>, probs: impl Into<Tensor>) -> Self {
        Self::of(total_count.into(), Weights::Probs(float(probs)))
    }

    /// The distribution of a number of trials and log odds `ln(p / (1 - p))` of success, which broadcast.
    #[track_caller]
    pub fn with_logits(total_count: impl Into<Tensor>, logits: impl Into<Tensor>) -> Self {
        Self::of(total_count.into(), Weights::Logits(float(logits)))
    }

    #[track_caller]
    fn of(total_count: Tensor, weights: Weights) -> Self {
        let parameters = [float_like(&total_count, &[weights.tensor()]), weights.tensor().clone()];
        let names = ["total_count", weights.name()];
        let (batch_shape, [total_count, tensor]) = broadcast("Binomial", names, parameters);
        Self { total_count, trial: Bernoulli::of(weights.with(tensor)), batch_shape }
    }

    /// The number of trials, as given.
    pub fn total_count(&self) -> &Tensor {
        &self.total_count
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

    fn tensors(&self) -> [&Tensor; 2] {
        [&self.total_count, self.trial.weights().tensor()]
    }
}

impl Distribution for Binomial {
    fn name(&self) -> &'static str {
        "Binomial"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        let count =
            Parameter { name: "total_count", value: &self.total_count, constraint: nonnegative_integer() };
        std::iter::once(count).chain(self.trial.parameters()).collect()
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        integer_interval(0.0, &self.total_count)
    }

    fn sample(&self, key: &Key) -> Tensor {
        let (device, dtype) = (key.tensor().device(), draw_dtype(key, &self.tensors()));
        let count = strong(&self.total_count, device, dtype);
        key.binomial(&self.batch_shape, &count.detach(), &strong(&self.probs(), device, dtype).detach())
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let (n, value) = (&self.total_count, float_like(value, &self.tensors()));
        let inside = value.ge(0.0).and(value.le(n)).and(value.eq(value.floor()));
        let k = inside.select(value, 0.0);
        let failures = n - &k;
        let log_prob = ln_choose(n, &k) + self.trial.log_prob_of_order(&k, &failures);
        inside.select(log_prob, f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let total_count = expand(self.name(), &self.batch_shape, batch_shape, &[], &self.total_count)?;
        Ok(Arc::new(Self { total_count, trial: self.trial.clone(), batch_shape: batch_shape.clone() }))
    }

    fn mean(&self) -> Tensor {
        &self.total_count * self.probs()
    }

    fn variance(&self) -> Tensor {
        &self.total_count * self.trial.variance()
    }
}
