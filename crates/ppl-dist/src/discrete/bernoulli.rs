//! The Bernoulli distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{DType, Key, Shape, Tensor};

use super::Weights;
use crate::constraints::{boolean, extended_real, unit_interval};
use crate::parameters::{draw_dtype, expand, float};
use crate::special::{xlog1py, xlogy};

/// The Bernoulli distribution of one outcome, 1 with probability `probs` and 0 otherwise.
///
/// Draws are floats, so that arithmetic works on them: of the parameter's dtype, or the default float of the key's
/// device if the parameter is a number. Values may be truth values, integers or floats.
#[derive(Debug, Clone)]
pub struct Bernoulli {
    weights: Weights,
}

impl Bernoulli {
    /// The distribution of a probability of 1.
    pub fn new(probs: impl Into<Tensor>) -> Self {
        Self::of(Weights::Probs(float(probs)))
    }

    /// The distribution of log odds `ln(p / (1 - p))`, which keep probabilities near 0 and 1 apart.
    pub fn with_logits(logits: impl Into<Tensor>) -> Self {
        Self::of(Weights::Logits(float(logits)))
    }

    pub(super) fn of(weights: Weights) -> Self {
        Self { weights }
    }

    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The probability of 1.
    pub fn probs(&self) -> Tensor {
        match &self.weights {
            Weights::Probs(probs) => probs.clone(),
            Weights::Logits(logits) => logits.sigmoid(),
        }
    }

    /// The log odds of 1.
    pub fn logits(&self) -> Tensor {
        match &self.weights {
            Weights::Probs(probs) => probs.log() - (-probs).log1p(),
            Weights::Logits(logits) => logits.clone(),
        }
    }

    /// Log probability of successes and failures in one order, of which none cost nothing whatever their probability.
    pub(super) fn log_prob_of_order(&self, successes: &Tensor, failures: &Tensor) -> Tensor {
        let times_softplus = |x: &Tensor, y: &Tensor| x * x.eq(0.0).select(0.0, y).softplus();
        match &self.weights {
            Weights::Probs(probs) => xlogy(successes, probs) + xlog1py(failures, &-probs),
            Weights::Logits(logits) => {
                -(times_softplus(successes, &-logits) + times_softplus(failures, logits))
            }
        }
    }

    /// Log probabilities of 1 and of 0.
    pub(crate) fn log_probs(&self) -> [Tensor; 2] {
        match &self.weights {
            Weights::Probs(probs) => [probs.log(), (-probs).log1p()],
            Weights::Logits(logits) => [-(-logits).softplus(), -logits.softplus()],
        }
    }
}

impl Distribution for Bernoulli {
    fn name(&self) -> &'static str {
        "Bernoulli"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![match &self.weights {
            Weights::Probs(value) => Parameter { name: "probs", value, constraint: unit_interval() },
            Weights::Logits(value) => Parameter { name: "logits", value, constraint: extended_real() },
        }]
    }

    fn batch_shape(&self) -> Shape {
        self.weights.tensor().shape()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        boolean()
    }

    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[self.weights.tensor()]);
        key.uniform(self.batch_shape(), dtype).lt(self.probs()).cast(dtype)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let (one, inside) = match value.dtype() {
            DType::Bool => (value.clone(), None),
            _ => (value.eq(1.0), Some(value.eq(1.0).or(value.eq(0.0)))),
        };
        let log_prob = match &self.weights {
            // The branch not taken sees a probability whose logarithm has a finite slope.
            Weights::Probs(p) => one.select(one.select(p, 1.0).log(), (-one.select(0.0, p)).log1p()),
            Weights::Logits(logits) => -one.select(-logits, logits).softplus(),
        };
        match inside {
            Some(inside) => inside.select(log_prob, f64::NEG_INFINITY),
            None => log_prob,
        }
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let from = self.batch_shape();
        let expanded = expand(self.name(), &from, batch_shape, &[], self.weights.tensor())?;
        Ok(Arc::new(Self::of(self.weights.with(expanded))))
    }

    fn mean(&self) -> Tensor {
        self.probs()
    }

    fn variance(&self) -> Tensor {
        match &self.weights {
            Weights::Probs(probs) => probs * (1.0 - probs),
            Weights::Logits(logits) => logits.sigmoid() * (-logits).sigmoid(),
        }
    }

    fn entropy(&self) -> Tensor {
        match &self.weights {
            Weights::Probs(probs) => -(xlogy(probs, probs) + xlog1py(&(1.0 - probs), &-probs)),
            Weights::Logits(logits) => {
                let (one, zero) = (logits.clone(), -logits);
                one.sigmoid() * zero.softplus() + zero.sigmoid() * one.softplus()
            }
        }
    }
}
