//! Bijections onto half-lines.

use std::sync::Arc;

use ppl_core::{Constraint, Error, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use crate::constraints::{greater_than, less_than};
use crate::parameters::float;
use crate::special::above;

/// `y = bound + eˣ`, onto the numbers above a bound, which rounding does not reach.
#[derive(Debug, Clone)]
pub struct ExpAbove {
    bound: Tensor,
}

impl ExpAbove {
    /// The map onto the numbers above a bound, which broadcasts with what it meets.
    pub fn new(bound: impl Into<Tensor>) -> Self {
        Self { bound: float(bound) }
    }

    fn broadcast(&self, shape: &Shape) -> Result<Shape> {
        let own = self.bound.shape();
        let misfit = || Error::Shape(format!("a bound of shape {own} does not broadcast with {shape}"));
        shape.broadcast(&own).ok_or_else(misfit)
    }
}

impl Transform for ExpAbove {
    fn name(&self) -> String {
        "ExpAbove".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        above(&(&self.bound + x.exp()), &self.bound)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        (y - &self.bound).log()
    }

    fn log_abs_det_forward(&self, x: &Tensor, y: &Tensor) -> Tensor {
        x.broadcast_to(y.shape())
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        greater_than(&self.bound)
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        self.broadcast(shape)
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        self.broadcast(shape)
    }
}

/// `y = bound - eˣ`, onto the numbers below a bound, which rounding does not reach.
#[derive(Debug, Clone)]
pub struct ExpBelow {
    /// Onto the mirror images.
    mirrored: ExpAbove,
}

impl ExpBelow {
    /// The map onto the numbers below a bound, which broadcasts with what it meets.
    pub fn new(bound: impl Into<Tensor>) -> Self {
        Self { mirrored: ExpAbove::new(-float(bound)) }
    }
}

impl Transform for ExpBelow {
    fn name(&self) -> String {
        "ExpBelow".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        -self.mirrored.forward(x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.mirrored.inverse(&-y)
    }

    fn log_abs_det_forward(&self, x: &Tensor, y: &Tensor) -> Tensor {
        self.mirrored.log_abs_det_forward(x, y)
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        less_than(-&self.mirrored.bound)
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        self.mirrored.forward_shape(shape)
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        self.mirrored.inverse_shape(shape)
    }
}
