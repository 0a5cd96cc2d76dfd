//! The categorical distribution of indicator vectors.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use super::{Categorical, Weights};
use crate::constraints::one_hot;
use crate::parameters::{draw_dtype, failed, float, float_like};
use crate::special::xlogy;

/// The distribution of vectors of zeros with one 1, at place `k` with probability `probs[k]`: a [`Categorical`] draw as
/// an indicator.
///
/// The last dimension of the parameter counts the categories; draws have it too, and are floats.
#[derive(Debug, Clone)]
pub struct OneHotCategorical {
    place: Categorical,
}

impl OneHotCategorical {
    /// The distribution of probabilities, which sum to one over the last dimension.
    #[track_caller]
    pub fn new(probs: impl Into<Tensor>) -> Self {
        Self { place: Categorical::part_of("OneHotCategorical", Weights::Probs(float(probs))) }
    }

    /// The distribution of log probabilities up to a constant; `-∞` for a category that never occurs.
    #[track_caller]
    pub fn with_logits(logits: impl Into<Tensor>) -> Self {
        Self { place: Categorical::part_of("OneHotCategorical", Weights::Logits(float(logits))) }
    }

    /// The probabilities, of shape `batch_shape + event_shape`.
    pub fn probs(&self) -> Tensor {
        self.place.probs()
    }

    /// The logarithms of the probabilities, of shape `batch_shape + event_shape`.
    pub fn log_probs(&self) -> Tensor {
        self.place.log_probs()
    }

    /// The distribution of the place of the 1.
    pub(crate) fn place(&self) -> &Categorical {
        &self.place
    }
}

/// `Σ x ln p` over categories, for numbers `x` of each; a category of probability 0 costs nothing where `x` is 0.
pub(super) fn weighted_log_probs(categorical: &Categorical, x: &Tensor) -> Tensor {
    match categorical.weights() {
        Weights::Probs(probs) => xlogy(x, probs).sum(-1),
        Weights::Logits(logits) => {
            (x * x.eq(0.0).select(0.0, logits)).sum(-1) - x.sum(-1) * logits.logsumexp(-1)
        }
    }
}

impl Distribution for OneHotCategorical {
    fn name(&self) -> &'static str {
        "OneHotCategorical"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        self.place.parameters()
    }

    fn batch_shape(&self) -> Shape {
        self.place.batch_shape()
    }

    fn event_shape(&self) -> Shape {
        Shape::from([self.place.categories()])
    }

    fn support(&self) -> Arc<dyn Constraint> {
        one_hot()
    }

    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[self.place.weights().tensor()]);
        let places = Tensor::arange(self.place.categories());
        self.place.sample(key).unsqueeze(-1).eq(places).cast(dtype)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let parameter = [self.place.weights().tensor()];
        if let Some(failed) = failed(&parameter) {
            return failed;
        }
        let value = float_like(value, &parameter);
        let inside = one_hot().check(&value);
        let indicator = inside.unsqueeze(-1).select(value, 0.0);
        inside.select(weighted_log_probs(&self.place, &indicator), f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        Ok(Arc::new(Self { place: self.place.expand_to(self.name(), batch_shape)? }))
    }

    fn mean(&self) -> Tensor {
        self.probs()
    }

    fn variance(&self) -> Tensor {
        let probs = self.probs();
        &probs * (1.0 - &probs)
    }

    fn entropy(&self) -> Tensor {
        self.place.entropy()
    }
}
