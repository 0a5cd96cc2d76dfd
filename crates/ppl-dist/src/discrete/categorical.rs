//! The categorical distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{DType, Key, Shape, Tensor};

use super::Weights;
use crate::constraints::{extended_real, integers_below, simplex};
use crate::parameters::{draw_dtype, expand, float, misfit, split_last};
use crate::special::xlogy;

/// The distribution of one of the numbers `0..n`, number `k` with probability `probs[k]`.
///
/// The last dimension of the parameter counts the categories; draws are `I64`. Values may be floats that are integers.
#[derive(Debug, Clone)]
pub struct Categorical {
    weights: Weights,
    batch_shape: Shape,
    categories: usize,
}

impl Categorical {
    /// The distribution of probabilities, which sum to one over the last dimension.
    #[track_caller]
    pub fn new(probs: impl Into<Tensor>) -> Self {
        Self::part_of("Categorical", Weights::Probs(float(probs)))
    }

    /// The distribution of log probabilities up to a constant; `-∞` for a category that never occurs.
    #[track_caller]
    pub fn with_logits(logits: impl Into<Tensor>) -> Self {
        Self::part_of("Categorical", Weights::Logits(float(logits)))
    }

    /// The distribution inside another, which messages name.
    #[track_caller]
    pub(super) fn part_of(whole: &str, weights: Weights) -> Self {
        let shape = weights.tensor().shape();
        match split_last(&shape, 1) {
            Some((batch_shape, last)) if last[0] > 0 => Self { weights, batch_shape, categories: last[0] },
            _ if weights.tensor().error().is_some() => {
                Self { weights, batch_shape: Shape::scalar(), categories: 1 }
            }
            _ => {
                let reason = "the last dimension counts the categories, and there must be one";
                let weights = Weights::Probs(misfit(whole, &[shape], reason));
                Self { weights, batch_shape: Shape::scalar(), categories: 1 }
            }
        }
    }

    /// Number of categories.
    pub fn categories(&self) -> usize {
        self.categories
    }

    /// The probabilities, of shape `batch_shape + [categories]`.
    pub fn probs(&self) -> Tensor {
        match &self.weights {
            Weights::Probs(probs) => probs.clone(),
            Weights::Logits(logits) => logits.log_softmax(-1).exp(),
        }
    }

    /// The logarithms of the probabilities, of shape `batch_shape + [categories]`.
    pub fn log_probs(&self) -> Tensor {
        match &self.weights {
            Weights::Probs(probs) => probs.log(),
            Weights::Logits(logits) => logits.log_softmax(-1),
        }
    }

    /// The same for a larger batch; messages name the whole.
    pub(super) fn expand_to(&self, whole: &str, batch_shape: &Shape) -> Result<Self> {
        let (from, event) = (&self.batch_shape, [self.categories]);
        let expanded = expand(whole, from, batch_shape, &event, self.weights.tensor())?;
        let weights = self.weights.with(expanded);
        Ok(Self { weights, batch_shape: batch_shape.clone(), categories: self.categories })
    }

    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// For each index its entry of the last dimension of the weights.
    fn chosen(&self, index: &Tensor) -> Tensor {
        let weights = self.weights.tensor();
        if self.batch_shape.rank() == 0 {
            return weights.take(index, -1);
        }
        let Some(shape) = self.batch_shape.broadcast(&index.shape()) else {
            let shapes = [index.shape(), self.batch_shape.clone()];
            return misfit("Categorical", &shapes, "the value does not broadcast to the batch");
        };
        let rows = weights.broadcast_to(shape.concat(&[self.categories]));
        rows.take_along_last(index.broadcast_to(&shape).unsqueeze(-1)).squeeze(-1)
    }
}

impl Distribution for Categorical {
    fn name(&self) -> &'static str {
        "Categorical"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![match &self.weights {
            Weights::Probs(value) => Parameter { name: "probs", value, constraint: simplex() },
            Weights::Logits(value) => Parameter { name: "logits", value, constraint: extended_real() },
        }]
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        integers_below(self.categories)
    }

    /// Inverts the distribution function: the number of categories below a uniform height.
    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[self.weights.tensor()]);
        let weights = match &self.weights {
            Weights::Probs(probs) => probs.clone(),
            Weights::Logits(logits) => (logits - logits.max(-1).unsqueeze(-1)).exp(),
        };
        let heights = weights.detach().cumsum(-1);
        // Times the last height rather than 1: rounding in the sum must not lead beyond the last category.
        let total = heights.slice(-1, self.categories - 1..self.categories);
        let height = key.uniform(self.batch_shape.concat(&[1]), dtype) * total;
        heights.le(height).cast(DType::I64).sum(-1)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let index = value.cast(DType::I64);
        let in_range = index.ge(0).and(index.lt(self.categories));
        let inside = match value.dtype().is_float() {
            true => in_range.and(value.eq(value.floor())),
            false => in_range,
        };
        // An index out of range would be an error, not a density.
        let chosen = self.chosen(&inside.select(index, 0));
        let log_prob = match &self.weights {
            // Of the chosen entry alone: zeros elsewhere must not reach the gradient.
            Weights::Probs(_) => inside.select(chosen, 1.0).log(),
            Weights::Logits(logits) => chosen - logits.logsumexp(-1),
        };
        inside.select(log_prob, f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        Ok(Arc::new(self.expand_to(self.name(), batch_shape)?))
    }

    fn entropy(&self) -> Tensor {
        let probs = self.probs();
        -xlogy(&probs, &probs).sum(-1)
    }
}
