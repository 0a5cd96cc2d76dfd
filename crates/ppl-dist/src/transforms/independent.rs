//! A bijection of every entry, counted as one of the whole.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use super::split;
use crate::constraints;
use crate::parameters::sum_last;

/// A transform whose `dims` next dimensions are counted as dimensions of one value: log determinants are summed over
/// them.
#[derive(Debug, Clone)]
pub struct Independent {
    base: Arc<dyn Transform>,
    dims: usize,
}

impl Independent {
    /// The transform with `dims` more dimensions to a value.
    pub fn new(base: Arc<dyn Transform>, dims: usize) -> Self {
        Self { base, dims }
    }
}

impl Transform for Independent {
    fn name(&self) -> String {
        self.base.name()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.base.forward(x)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.base.inverse(y)
    }

    fn log_abs_det_forward(&self, x: &Tensor, y: &Tensor) -> Tensor {
        sum_last(&self.base.log_abs_det_forward(x, y), self.dims)
    }

    fn domain_event_dim(&self) -> usize {
        self.base.domain_event_dim() + self.dims
    }

    fn codomain_event_dim(&self) -> usize {
        self.base.codomain_event_dim() + self.dims
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        constraints::independent(self.base.codomain(), self.dims)
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        split(&self.name(), shape, self.domain_event_dim())?;
        self.base.forward_shape(shape)
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        split(&self.name(), shape, self.codomain_event_dim())?;
        self.base.inverse_shape(shape)
    }
}
