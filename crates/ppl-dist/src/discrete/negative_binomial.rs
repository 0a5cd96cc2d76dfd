//! The negative binomial distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use super::{Bernoulli, Weights};
use crate::constraints::{nonnegative_integer, positive};
use crate::parameters::{broadcast, draw_dtype, expand, float, float_like, strong};
use crate::special::highest;

/// The distribution of the number of successes, each of probability `probs`, before failure number `total_count`:
/// `p(k) = Γ(k + n) / (k! Γ(n)) pᵏ (1 - p)ⁿ`, of mean `n p / (1 - p)`.
///
/// `total_count > 0` need not be an integer: the distribution is Poisson with a rate that is gamma distributed, of
/// concentration `total_count` and mean `n p / (1 - p)`. Draws are floats, so that arithmetic works on them. Values may
/// be integers.
#[derive(Debug, Clone)]
pub struct NegativeBinomial {
    total_count: Tensor,
    trial: Bernoulli,
    batch_shape: Shape,
}

impl NegativeBinomial {
    /// The distribution of a number of failures and a probability of success, which broadcast.
    #[track_caller]
    pub fn new(total_count: impl Into<Tensor>, probs: impl Into<Tensor>) -> Self {
        Self::of(total_count.into(), Weights::Probs(float(probs)))
    }

    /// The distribution of a number of failures and log odds `ln(p / (1 - p))` of success, which broadcast.
    #[track_caller]
    pub fn with_logits(total_count: impl Into<Tensor>, logits: impl Into<Tensor>) -> Self {
        Self::of(total_count.into(), Weights::Logits(float(logits)))
    }

    #[track_caller]
    fn of(total_count: Tensor, weights: Weights) -> Self {
        let parameters = [float_like(&total_count, &[weights.tensor()]), weights.tensor().clone()];
        let names = ["total_count", weights.name()];
        let (batch_shape, [total_count, tensor]) = broadcast("NegativeBinomial", names, parameters);
        Self { total_count, trial: Bernoulli::of(weights.with(tensor)), batch_shape }
    }

    /// The number of failures, as given.
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

    fn tensors(&self) -> [&Tensor; 2] {
        [&self.total_count, self.trial.weights().tensor()]
    }
}

impl Distribution for NegativeBinomial {
    fn name(&self) -> &'static str {
        "NegativeBinomial"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        let count = Parameter { name: "total_count", value: &self.total_count, constraint: positive() };
        std::iter::once(count).chain(self.trial.parameters()).collect()
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        nonnegative_integer()
    }

    fn sample(&self, key: &Key) -> Tensor {
        let (device, dtype) = (key.tensor().device(), draw_dtype(key, &self.tensors()));
        let (gamma_key, count_key) = key.split();
        let count = strong(&self.total_count, device, dtype).detach();
        let log_rate = gamma_key.log_gamma(&self.batch_shape, &count) + self.logits().detach();
        count_key.poisson(&self.batch_shape, &log_rate.exp().minimum(highest(dtype)))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let (n, value) = (&self.total_count, float_like(value, &self.tensors()));
        let inside = value.ge(0.0).and(value.lt(f64::INFINITY)).and(value.eq(value.floor()));
        let k = inside.select(value, 0.0);
        let orders = (&k + n).lgamma() - n.lgamma() - (&k + 1.0).lgamma();
        inside.select(orders + self.trial.log_prob_of_order(&k, n), f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let total_count = expand(self.name(), &self.batch_shape, batch_shape, &[], &self.total_count)?;
        Ok(Arc::new(Self { total_count, trial: self.trial.clone(), batch_shape: batch_shape.clone() }))
    }

    fn mean(&self) -> Tensor {
        &self.total_count * self.logits().exp()
    }

    fn variance(&self) -> Tensor {
        let odds = self.logits().exp();
        &self.total_count * (&odds * (1.0 + &odds))
    }
}
