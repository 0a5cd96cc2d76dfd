//! Integers. Floats that are integers belong to these sets.

use std::sync::Arc;

use ppl_core::Constraint;
use ppl_tensor::{DType, Tensor};

use super::real::is_finite;

/// The truth values, also as the numbers 0 and 1.
pub fn boolean() -> Arc<dyn Constraint> {
    Arc::new(Boolean)
}

/// The integers `0..n`.
pub fn integers_below(n: usize) -> Arc<dyn Constraint> {
    Arc::new(IntegersBelow(n))
}

/// The integers from 0 on.
pub fn nonnegative_integer() -> Arc<dyn Constraint> {
    Arc::new(NonnegativeInteger)
}

#[derive(Debug)]
struct Boolean;

impl Constraint for Boolean {
    fn name(&self) -> String {
        "0 or 1".into()
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        match value.dtype() {
            DType::Bool => value.eq(value),
            _ => value.eq(0.0).or(value.eq(1.0)),
        }
    }
}

#[derive(Debug)]
struct IntegersBelow(usize);

impl Constraint for IntegersBelow {
    fn name(&self) -> String {
        format!("an integer from 0 to {}", self.0.saturating_sub(1))
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let (value, integer) = integers(value);
        integer.and(value.ge(0)).and(value.lt(self.0))
    }
}

#[derive(Debug)]
struct NonnegativeInteger;

impl Constraint for NonnegativeInteger {
    fn name(&self) -> String {
        "a nonnegative integer".into()
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let (value, integer) = integers(value);
        integer.and(value.ge(0))
    }
}

/// The value as numbers, and whether each is an integer.
fn integers(value: &Tensor) -> (Tensor, Tensor) {
    match value.dtype() {
        DType::F64 | DType::F32 => (value.clone(), value.eq(value.floor()).and(is_finite(value))),
        DType::I64 => (value.clone(), value.eq(value)),
        DType::Bool => (value.cast(DType::I64), value.eq(value)),
    }
}
