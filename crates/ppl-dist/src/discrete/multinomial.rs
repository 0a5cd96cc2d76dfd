//! The multinomial distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Op, Shape, Tensor};

use super::one_hot_categorical::weighted_log_probs;
use super::{Categorical, Weights};
use crate::constraints::{multinomial, nonnegative_integer};
use crate::parameters::{draw_dtype, expand, failed, float, float_like, misfit, strong};

/// The distribution of how often each category occurs in `total_count` independent draws, category `k` having
/// probability `probs[k]`: `p(x) = n! Π pₖ^xₖ / xₖ!`.
///
/// The last dimension of `probs` counts the categories; the number of draws, which may be different in each element of
/// the batch, lacks it. Draws are floats, so that arithmetic works on them. Values may be integers.
#[derive(Debug, Clone)]
pub struct Multinomial {
    total_count: Tensor,
    category: Categorical,
    batch_shape: Shape,
}

impl Multinomial {
    /// The distribution of a number of draws and probabilities, which sum to one over the last dimension.
    #[track_caller]
    pub fn new(total_count: impl Into<Tensor>, probs: impl Into<Tensor>) -> Self {
        Self::of(total_count.into(), Weights::Probs(float(probs)))
    }

    /// The distribution of a number of draws and log probabilities up to a constant.
    #[track_caller]
    pub fn with_logits(total_count: impl Into<Tensor>, logits: impl Into<Tensor>) -> Self {
        Self::of(total_count.into(), Weights::Logits(float(logits)))
    }

    #[track_caller]
    fn of(total_count: Tensor, weights: Weights) -> Self {
        let name = weights.name();
        let total_count = float_like(&total_count, &[weights.tensor()]);
        let category = Categorical::part_of("Multinomial", weights);
        let total_count = failed(&[category.weights().tensor()]).unwrap_or(total_count);
        match total_count.shape().broadcast(&category.batch_shape()) {
            Some(batch_shape) => Self { total_count, category, batch_shape },
            None => {
                let shapes = [total_count.shape(), category.weights().tensor().shape()];
                let reason = format!("`total_count` does not broadcast with the batch of `{name}`");
                let total_count = misfit("Multinomial", &shapes, reason);
                let category = Categorical::part_of("Multinomial", Weights::Probs(total_count.clone()));
                Self { total_count, category, batch_shape: Shape::scalar() }
            }
        }
    }

    /// The number of draws, as given.
    pub fn total_count(&self) -> &Tensor {
        &self.total_count
    }

    /// The probabilities, of shape `[…, categories]`.
    pub fn probs(&self) -> Tensor {
        self.category.probs()
    }

    /// One draw.
    pub(crate) fn category(&self) -> &Categorical {
        &self.category
    }

    fn tensors(&self) -> [&Tensor; 2] {
        [&self.total_count, self.category.weights().tensor()]
    }
}

impl Distribution for Multinomial {
    fn name(&self) -> &'static str {
        "Multinomial"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        let count =
            Parameter { name: "total_count", value: &self.total_count, constraint: nonnegative_integer() };
        std::iter::once(count).chain(self.category.parameters()).collect()
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn event_shape(&self) -> Shape {
        Shape::from([self.category.categories()])
    }

    fn support(&self) -> Arc<dyn Constraint> {
        multinomial(&self.total_count)
    }

    /// Category after category: of the draws that are left a binomial number.
    fn sample(&self, key: &Key) -> Tensor {
        let (device, dtype) = (key.tensor().device(), draw_dtype(key, &self.tensors()));
        let probs = strong(&self.probs(), device, dtype).detach();
        let (axis, last) = (probs.rank().saturating_sub(1), self.category.categories() - 1);
        let ahead = Tensor::apply(Op::CumulativeSum { axis, reverse: true }, &[&probs]);
        // Where nothing is ahead there is nothing left to share.
        let shares = (&probs / ahead.gt(0.0).select(&ahead, 1.0)).minimum(1.0);
        let mut left = strong(&self.total_count, device, dtype).detach().broadcast_to(&self.batch_shape);
        let mut counts = Vec::with_capacity(last + 1);
        for category in 0..last {
            let share = shares.select_index(-1, category);
            let drawn = key.fold_in(category).binomial(&self.batch_shape, &left, &share);
            left = left - &drawn;
            counts.push(drawn);
        }
        // Implicit axes that the draws before have and the last lacks must be had by all.
        counts.push(left);
        Tensor::stack(&counts.iter().collect::<Vec<_>>(), -1)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        if let Some(failed) = failed(&self.tensors()) {
            return failed;
        }
        let (n, value) = (&self.total_count, float_like(value, &self.tensors()));
        let inside = self.support().check(&value);
        let counts = inside.unsqueeze(-1).select(value, 0.0);
        let orders = (n + 1.0).lgamma() - (&counts + 1.0).lgamma().sum(-1);
        inside.select(orders + weighted_log_probs(&self.category, &counts), f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let total_count = expand(self.name(), &self.batch_shape, batch_shape, &[], &self.total_count)?;
        Ok(Arc::new(Self { total_count, category: self.category.clone(), batch_shape: batch_shape.clone() }))
    }

    fn mean(&self) -> Tensor {
        self.total_count.unsqueeze(-1) * self.probs()
    }

    fn variance(&self) -> Tensor {
        let probs = self.probs();
        self.total_count.unsqueeze(-1) * (&probs * (1.0 - &probs))
    }
}
