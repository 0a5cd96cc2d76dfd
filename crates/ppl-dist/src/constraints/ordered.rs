//! Vectors in ascending order.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::Tensor;

use super::real::is_finite;
use crate::parameters::float;
use crate::transforms;

/// Vectors of finite numbers, none smaller than the one before. Their bijection leads to equal neighbours only by
/// rounding.
pub fn ordered_vector() -> Arc<dyn Constraint> {
    Arc::new(Ordered { positive: false })
}

/// Vectors of positive numbers, none smaller than the one before, as in [`ordered_vector`].
pub fn positive_ordered_vector() -> Arc<dyn Constraint> {
    Arc::new(Ordered { positive: true })
}

#[derive(Debug)]
struct Ordered {
    positive: bool,
}

impl Constraint for Ordered {
    fn name(&self) -> String {
        if self.positive { "positive and ascending".into() } else { "ascending".into() }
    }

    fn event_dim(&self) -> usize {
        1
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        let size = match value.size(-1) {
            Ok(size) => size,
            Err(error) => return Tensor::failure(error),
        };
        let steps = value.slice(-1, 1..size.max(1)) - value.slice(-1, 0..size.saturating_sub(1));
        let inside = steps.ge(0.0).all(-1).and(is_finite(&value).all(-1));
        if self.positive { inside.and(value.gt(0.0).all(-1)) } else { inside }
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(if self.positive {
            transforms::Ordered::positive()
        } else {
            transforms::Ordered::real()
        }))
    }
}
