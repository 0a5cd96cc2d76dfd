//! Optimisers: functions from a parameter, its gradient and a state to the next parameter and state.

mod adam;

pub use adam::{Adam, AdamOptions};

use ppl_core::Result;
use ppl_tensor::Tensor;

/// Updates one unconstrained parameter at a time. What it remembers is plain tensors kept by whoever iterates, so that
/// saving, resuming and compiling a step need nothing of the optimiser.
pub trait Optimizer {
    /// The state before the first update of a parameter.
    fn init(&self, name: &str, value: &Tensor) -> Vec<Tensor>;

    /// The next value and state of a parameter, from the gradient of the loss.
    ///
    /// # Errors
    /// If an option for this parameter is out of range.
    fn update(
        &self,
        name: &str,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Result<(Tensor, Vec<Tensor>)>;
}
