//! The real line.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::Tensor;

use crate::transforms::Identity;

/// The finite numbers.
pub fn real() -> Arc<dyn Constraint> {
    Arc::new(Real)
}

/// The real numbers and both infinities, as log weights may be.
pub fn extended_real() -> Arc<dyn Constraint> {
    Arc::new(ExtendedReal)
}

/// Whether each value is neither infinite nor NaN; integers and truth values never are.
pub(super) fn is_finite(value: &Tensor) -> Tensor {
    if value.dtype().is_float() { value.is_finite() } else { value.eq(value) }
}

#[derive(Debug)]
struct Real;

impl Constraint for Real {
    fn name(&self) -> String {
        "real".into()
    }

    fn is_unbounded(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        is_finite(value)
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Identity))
    }
}

#[derive(Debug)]
struct ExtendedReal;

impl Constraint for ExtendedReal {
    fn name(&self) -> String {
        "real or infinite".into()
    }

    fn is_unbounded(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        value.eq(value)
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Identity))
    }
}
