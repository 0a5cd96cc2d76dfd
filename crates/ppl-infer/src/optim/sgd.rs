//! Gradient descent, plain or with momentum.

use ppl_tensor::Tensor;

use super::per_parameter::{decay, positive};
use super::{PerParameter, UpdateRule, Updated};

/// Stochastic gradient descent (Robbins and Monro 1951), with momentum (Polyak 1964) or Nesterov's, as Sutskever et al.
/// (2013) write it.
pub type Sgd = PerParameter<SgdOptions>;

/// Options of [`Sgd`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdOptions {
    /// Step size, positive.
    pub learning_rate: f64,
    /// Share of the last step's velocity that is kept, in [0, 1).
    pub momentum: f64,
    /// Whether a step looks ahead along the velocity; needs momentum.
    pub nesterov: bool,
}

impl Default for SgdOptions {
    /// Learning rate 0.001, no momentum.
    fn default() -> Self {
        Self { learning_rate: 0.001, momentum: 0.0, nesterov: false }
    }
}

impl UpdateRule for SgdOptions {
    const NAME: &'static str = "Sgd";
    type Scalars = Tensor;

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        positive("learning_rate", self.learning_rate)?;
        decay("momentum", self.momentum)?;
        match self.nesterov && self.momentum == 0.0 {
            true => Err("momentum is 0, must be positive for nesterov".into()),
            false => Ok(()),
        }
    }

    fn init(&self, value: &Tensor) -> Vec<Tensor> {
        if self.momentum == 0.0 { vec![] } else { vec![value.zeros_like()] }
    }

    fn scalars(&self, rate: Tensor, _updates: &Tensor) -> Tensor {
        rate
    }

    fn update(&self, rate: &Tensor, value: &Tensor, grad: &Tensor, state: &[Tensor]) -> Option<Updated> {
        if self.momentum == 0.0 {
            return state.is_empty().then(|| (value - grad * rate, vec![]));
        }
        let [velocity] = state else { return None };
        let velocity = velocity * self.momentum + grad;
        let next = match self.nesterov {
            true => value - (grad + &velocity * self.momentum) * rate,
            false => value - &velocity * rate,
        };
        Some((next, vec![velocity]))
    }
}
