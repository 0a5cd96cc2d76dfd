//! A bijection the other way round.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use crate::constraints::{independent, real};

/// The inverse of a transform.
///
/// Transforms lead from the reals onto a set, so images of this one lie in the reals; of the inverse of a transform that
/// is defined on part of them only, [`Transform::codomain`] still says so.
#[derive(Debug, Clone)]
pub struct Inverse(Arc<dyn Transform>);

impl Inverse {
    /// The inverse of `transform`.
    pub fn new(transform: Arc<dyn Transform>) -> Self {
        Self(transform)
    }
}

impl Transform for Inverse {
    fn name(&self) -> String {
        format!("inverse of {}", self.0.name())
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.0.inverse(x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.0.forward(y)
    }

    fn log_abs_det_forward(&self, x: &Tensor, y: &Tensor) -> Tensor {
        -self.0.log_abs_det_forward(y, x)
    }

    fn domain_event_dim(&self) -> usize {
        self.0.codomain_event_dim()
    }

    fn codomain_event_dim(&self) -> usize {
        self.0.domain_event_dim()
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        independent(real(), self.codomain_event_dim())
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        self.0.inverse_shape(shape)
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        self.0.forward_shape(shape)
    }
}
