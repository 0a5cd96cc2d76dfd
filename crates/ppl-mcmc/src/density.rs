//! What kernels sample from.

use ppl_core::Result;
use ppl_infer::Potential;

/// A log density on `R^d`, up to a constant, with its gradient: a [`Potential`], or one written by hand.
pub trait LogDensity {
    /// The number `d`.
    fn dimension(&self) -> usize;

    /// The log density in nats at `x` `[d]`; its gradient there is written to `gradient` `[d]`. Neither need be finite:
    /// a chain does not go where they are not.
    ///
    /// # Errors
    /// If it cannot be computed, which ends the chain.
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64>;
}

impl LogDensity for Potential {
    fn dimension(&self) -> usize {
        Potential::dimension(self)
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        Potential::value_and_gradient(self, x, gradient)
    }
}
