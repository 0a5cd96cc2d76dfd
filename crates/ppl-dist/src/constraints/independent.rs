//! Tensors of which every entry lies in one set.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::Tensor;

use super::real;
use crate::parameters::all_last;
use crate::transforms;

/// Values whose last `dims` dimensions hold values of a constraint, all of which must satisfy it.
pub fn independent(constraint: Arc<dyn Constraint>, dims: usize) -> Arc<dyn Constraint> {
    if dims == 0 { constraint } else { Arc::new(Independent { constraint, dims }) }
}

/// Vectors of finite numbers.
pub fn real_vector() -> Arc<dyn Constraint> {
    independent(real(), 1)
}

#[derive(Debug)]
struct Independent {
    constraint: Arc<dyn Constraint>,
    dims: usize,
}

impl Constraint for Independent {
    fn name(&self) -> String {
        self.constraint.name()
    }

    fn event_dim(&self) -> usize {
        self.constraint.event_dim() + self.dims
    }

    fn is_discrete(&self) -> bool {
        self.constraint.is_discrete()
    }

    fn is_unbounded(&self) -> bool {
        self.constraint.is_unbounded()
    }

    fn check(&self, value: &Tensor) -> Tensor {
        all_last(&self.constraint.check(value), self.dims)
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(transforms::Independent::new(self.constraint.bijection()?, self.dims)))
    }
}
