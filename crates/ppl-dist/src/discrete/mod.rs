//! Distributions of countable values, and the point mass.

mod bernoulli;
mod categorical;
mod delta;

pub use bernoulli::Bernoulli;
pub use categorical::Categorical;
pub use delta::Delta;

use ppl_tensor::Tensor;

/// What a distribution of discrete values was given.
#[derive(Debug, Clone)]
pub(crate) enum Weights {
    /// Probabilities.
    Probs(Tensor),
    /// Log odds, or log probabilities up to a constant.
    Logits(Tensor),
}

impl Weights {
    pub(crate) fn tensor(&self) -> &Tensor {
        match self {
            Weights::Probs(tensor) | Weights::Logits(tensor) => tensor,
        }
    }

    fn map(&self, f: impl FnOnce(&Tensor) -> ppl_core::Result<Tensor>) -> ppl_core::Result<Self> {
        Ok(match self {
            Weights::Probs(probs) => Weights::Probs(f(probs)?),
            Weights::Logits(logits) => Weights::Logits(f(logits)?),
        })
    }
}
