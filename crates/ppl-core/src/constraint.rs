//! Where values may lie, and the bijections that lead there from unconstrained space.

use std::fmt::Debug;
use std::sync::Arc;

use ppl_tensor::{Shape, Tensor};

use crate::{Error, Result};

/// A set of values: the support of a distribution, or what a parameter may be.
pub trait Constraint: Debug + Send + Sync + 'static {
    /// Its name in messages: "positive", "in [0, 1]".
    fn name(&self) -> String;

    /// Number of rightmost dimensions that one value of the set occupies.
    fn event_dim(&self) -> usize {
        0
    }

    /// Whether the set is countable, so that there is no bijection from the reals.
    fn is_discrete(&self) -> bool {
        false
    }

    /// Whether every number is in the set, infinite ones apart, so that a density need not look where a value is.
    fn is_unbounded(&self) -> bool {
        false
    }

    /// `Bool`: whether each value (the last [`Constraint::event_dim`] dimensions) is in the set. False for NaN.
    fn check(&self, value: &Tensor) -> Tensor;

    /// The bijection from unconstrained space onto the set.
    ///
    /// # Errors
    /// If there is none: for a discrete set, or one of no dimension.
    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Err(Error::Unsupported { what: "a bijection from the reals".into(), of: self.name() })
    }
}

/// A differentiable bijection between sets of values.
pub trait Transform: Debug + Send + Sync + 'static {
    /// Its name in messages.
    fn name(&self) -> String;

    /// The image `y` of `x`.
    fn forward(&self, x: &Tensor) -> Tensor;

    /// The point `x` whose image is `y`.
    fn inverse(&self, y: &Tensor) -> Tensor;

    /// `ln |det ∂y/∂x|` of the forward map at `x`, whose image is `y`; of the shape of `x` without its last
    /// [`Transform::domain_event_dim`] dimensions.
    fn log_abs_det_forward(&self, x: &Tensor, y: &Tensor) -> Tensor;

    /// Number of rightmost dimensions of one `x`.
    fn domain_event_dim(&self) -> usize {
        0
    }

    /// Number of rightmost dimensions of one `y`.
    fn codomain_event_dim(&self) -> usize {
        self.domain_event_dim()
    }

    /// Where images lie.
    fn codomain(&self) -> Arc<dyn Constraint>;

    /// Shape of the images of points of a shape.
    ///
    /// # Errors
    /// If points cannot have that shape.
    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        Ok(shape.clone())
    }

    /// Shape of the points whose images have a shape.
    ///
    /// # Errors
    /// If images cannot have that shape.
    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        Ok(shape.clone())
    }
}

/// A value outside a constraint, if there is one and the values can be read; traced values cannot.
pub(crate) fn offending(constraint: &dyn Constraint, value: &Tensor) -> Result<Option<f64>> {
    value.check()?;
    check_rank(constraint, value)?;
    if value.is_traced() {
        return Ok(None);
    }
    // A check tells the program nothing: what it reads is not a read of the program's.
    let inside = constraint.check(&value.unwatched()).unwatched();
    inside.check()?;
    // A bound may be traced although the value is not.
    if inside.is_traced() || positional(&inside).all_all().to_scalar()? != 0.0 {
        return Ok(None);
    }
    // Bounds may have more elements than the value: each element met all of its bounds.
    let entries = (0..constraint.event_dim()).fold(inside.clone(), |inside, _| inside.unsqueeze(-1));
    let values = positional(&entries.select(value.unwatched(), value.unwatched())).to_f64()?;
    let inside = positional(&inside).to_f64()?;
    let size = (values.len() / inside.len().max(1)).max(1);
    let first = inside.iter().position(|&inside| inside == 0.0).unwrap_or(0);
    // Of a value of several entries the first that is NaN is the likely culprit, else its first entry.
    let event = values.get(first * size..(first + 1) * size).unwrap_or(&[]);
    Ok(event.iter().copied().find(|x| x.is_nan()).or(event.first().copied()))
}

/// A value has at least the dimensions of one of the set.
pub(crate) fn check_rank(constraint: &dyn Constraint, value: &Tensor) -> Result<()> {
    let (shape, needed) = (value.shape(), constraint.event_dim());
    if shape.rank() >= needed {
        return Ok(());
    }
    let name = constraint.name();
    let dimensions = if needed == 1 { "dimension" } else { "dimensions" };
    Err(Error::Shape(format!("the value has shape {shape}; one that is {name} has {needed} {dimensions}")))
}

/// The tensor with every implicit axis as a leading dimension.
pub(crate) fn positional(value: &Tensor) -> Tensor {
    let axes = value.axes().clone();
    axes.iter().rev().fold(value.clone(), |value, &axis| value.to_positional(axis))
}
