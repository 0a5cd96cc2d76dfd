//! Distributions of countable values, and the point mass.

mod bernoulli;
mod binomial;
mod categorical;
mod delta;
mod geometric;
mod multinomial;
mod negative_binomial;
mod one_hot_categorical;
mod poisson;

pub use bernoulli::Bernoulli;
pub use binomial::Binomial;
pub use categorical::Categorical;
pub use delta::Delta;
pub use geometric::Geometric;
pub use multinomial::Multinomial;
pub use negative_binomial::NegativeBinomial;
pub use one_hot_categorical::OneHotCategorical;
pub use poisson::Poisson;

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

    /// The constructor's name for them.
    fn name(&self) -> &'static str {
        match self {
            Weights::Probs(_) => "probs",
            Weights::Logits(_) => "logits",
        }
    }

    /// Another tensor of the same kind.
    fn with(&self, tensor: Tensor) -> Self {
        match self {
            Weights::Probs(_) => Weights::Probs(tensor),
            Weights::Logits(_) => Weights::Logits(tensor),
        }
    }
}
