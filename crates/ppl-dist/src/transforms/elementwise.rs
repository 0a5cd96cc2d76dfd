//! Bijections of single numbers.

use std::sync::Arc;

use ppl_core::{Constraint, Error, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use crate::constraints::{interval, positive, real, unit_interval};
use crate::parameters::{broadcast, float};
use crate::special::{inside_interval, inside_unit_interval};

/// `y = x`.
#[derive(Debug, Clone, Copy)]
pub struct Identity;

impl Transform for Identity {
    fn name(&self) -> String {
        "Identity".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.clone()
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        y.clone()
    }

    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        x.zeros_like()
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        real()
    }
}

/// `y = eˣ`, onto the positive numbers.
#[derive(Debug, Clone, Copy)]
pub struct Exp;

impl Transform for Exp {
    fn name(&self) -> String {
        "Exp".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.exp()
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        y.log()
    }

    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        x.clone()
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        positive()
    }
}

/// `y = loc + scale · x` with `scale ≠ 0`.
#[derive(Debug, Clone)]
pub struct Affine {
    loc: Tensor,
    scale: Tensor,
    shape: Shape,
}

impl Affine {
    /// The map of an offset and a factor, which broadcast with what they meet.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        let (shape, [loc, scale]) = broadcast("Affine", ["loc", "scale"], [float(loc), float(scale)]);
        Self { loc, scale, shape }
    }

    fn broadcast(&self, shape: &Shape) -> Result<Shape> {
        let misfit =
            || Error::Shape(format!("Affine of shape {} does not broadcast with {shape}", self.shape));
        shape.broadcast(&self.shape).ok_or_else(misfit)
    }
}

impl Transform for Affine {
    fn name(&self) -> String {
        "Affine".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        &self.loc + &self.scale * x
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        (y - &self.loc) / &self.scale
    }

    fn log_abs_det_forward(&self, x: &Tensor, y: &Tensor) -> Tensor {
        let shape = x.shape().broadcast(&y.shape()).unwrap_or_else(|| x.shape());
        self.scale.abs().log().broadcast_to(shape)
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        self.broadcast(shape)
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        self.broadcast(shape)
    }
}

/// `y = low + (high - low) / (1 + e⁻ˣ)`, onto an interval without its ends, which rounding does not reach.
#[derive(Debug, Clone)]
pub struct Sigmoid {
    /// None for the unit interval.
    bounds: Option<Bounds>,
}

#[derive(Debug, Clone)]
struct Bounds {
    low: Tensor,
    high: Tensor,
    shape: Shape,
}

impl Sigmoid {
    /// The map onto the unit interval.
    pub fn unit() -> Self {
        Self { bounds: None }
    }

    /// The map onto the interval between two bounds, which broadcast with what they meet.
    #[track_caller]
    pub fn new(low: impl Into<Tensor>, high: impl Into<Tensor>) -> Self {
        let (shape, [low, high]) = broadcast("Sigmoid", ["low", "high"], [float(low), float(high)]);
        Self { bounds: Some(Bounds { low, high, shape }) }
    }

    fn broadcast(&self, shape: &Shape) -> Result<Shape> {
        let Some(bounds) = &self.bounds else { return Ok(shape.clone()) };
        let misfit =
            || Error::Shape(format!("bounds of shape {} do not broadcast with {shape}", bounds.shape));
        shape.broadcast(&bounds.shape).ok_or_else(misfit)
    }
}

impl Transform for Sigmoid {
    fn name(&self) -> String {
        "Sigmoid".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        match &self.bounds {
            None => inside_unit_interval(&x.sigmoid()),
            Some(Bounds { low, high, .. }) => inside_interval(&(low + (high - low) * x.sigmoid()), low, high),
        }
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        match &self.bounds {
            None => y.log() - (-y).log1p(),
            Some(Bounds { low, high, .. }) => (y - low).log() - (high - y).log(),
        }
    }

    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        // ln σ(-x) + ln σ(x) = -s + (x - s), s = ln(1 + eˣ): without overflow or cancellation, and its slope has the σ(x) of
        // the map itself.
        let softplus = x.softplus();
        let slope = (x - &softplus) - softplus;
        match &self.bounds {
            None => slope,
            Some(Bounds { low, high, .. }) => slope + (high - low).log(),
        }
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        match &self.bounds {
            None => unit_interval(),
            Some(Bounds { low, high, .. }) => interval(low, high),
        }
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        self.broadcast(shape)
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        self.broadcast(shape)
    }
}

/// `y = ln(1 + eˣ)`, onto the positive numbers: nearly the identity for large `x`.
#[derive(Debug, Clone, Copy)]
pub struct Softplus;

impl Transform for Softplus {
    fn name(&self) -> String {
        "Softplus".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.softplus()
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        // ln(eʸ - 1), without overflow for large y or cancellation for small.
        y + (-(-y).expm1()).log()
    }

    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        -(-x).softplus()
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        positive()
    }
}
