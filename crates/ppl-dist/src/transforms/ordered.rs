//! Bijections onto vectors in ascending order.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use super::split;
use crate::constraints::{ordered_vector, positive_ordered_vector};

/// `y₁ = x₁, yₖ = yₖ₋₁ + exp(xₖ)`, onto vectors in ascending order; or with `y₁ = exp(x₁)` onto positive ones (Stan
/// reference manual, "Ordered vector" and "Positive ordered vector").
#[derive(Debug, Clone, Copy)]
pub struct Ordered {
    positive: bool,
}

impl Ordered {
    /// The map onto ascending vectors of real numbers.
    pub fn real() -> Self {
        Self { positive: false }
    }

    /// The map onto ascending vectors of positive numbers.
    pub fn positive() -> Self {
        Self { positive: true }
    }

    /// Splits vectors into the entries that are not logarithms of steps, and those that are.
    fn parts(self, x: &Tensor) -> ppl_tensor::Result<(Tensor, Tensor)> {
        let size = x.size(-1)?;
        let first = if self.positive { 0 } else { size.min(1) };
        Ok((x.slice(-1, 0..first), x.slice(-1, first..size)))
    }
}

impl Transform for Ordered {
    fn name(&self) -> String {
        if self.positive { "PositiveOrdered".into() } else { "Ordered".into() }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        match self.parts(x) {
            Ok((first, log_steps)) => Tensor::concat(&[&first, &log_steps.exp()], -1).cumsum(-1),
            Err(error) => Tensor::failure(error),
        }
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let size = match y.size(-1) {
            Ok(size) => size,
            Err(error) => return Tensor::failure(error),
        };
        let before = y.slice(-1, 0..size.saturating_sub(1)).pad(-1, size.min(1), 0);
        match self.parts(&(y - before)) {
            Ok((first, steps)) => Tensor::concat(&[&first, &steps.log()], -1),
            Err(error) => Tensor::failure(error),
        }
    }

    /// The matrix is triangular; a step's slope is the step.
    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        match self.parts(x) {
            Ok((_, log_steps)) => log_steps.sum(-1),
            Err(error) => Tensor::failure(error),
        }
    }

    fn domain_event_dim(&self) -> usize {
        1
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        if self.positive { positive_ordered_vector() } else { ordered_vector() }
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        split(&self.name(), shape, 1)?;
        Ok(shape.clone())
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        self.forward_shape(shape)
    }
}
