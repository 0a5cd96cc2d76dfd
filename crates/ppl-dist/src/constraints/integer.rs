//! Integers. Floats that are integers belong to these sets.

use std::sync::Arc;

use ppl_core::Constraint;
use ppl_tensor::{DType, Tensor};

use super::describe;
use super::real::is_finite;
use crate::parameters::{float, float_like};

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

/// The integers from one bound to another, both included, which may be tensors of bounds.
pub fn integer_interval(low: impl Into<Tensor>, high: impl Into<Tensor>) -> Arc<dyn Constraint> {
    Arc::new(IntegerInterval { low: float(low), high: float(high) })
}

/// Vectors of zeros with one 1.
pub fn one_hot() -> Arc<dyn Constraint> {
    Arc::new(OneHot)
}

/// Vectors of integers from 0 on that sum to a number, which may be a tensor of one for each vector.
pub fn multinomial(total_count: impl Into<Tensor>) -> Arc<dyn Constraint> {
    Arc::new(Multinomial(float(total_count)))
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

#[derive(Debug)]
struct IntegerInterval {
    low: Tensor,
    high: Tensor,
}

impl Constraint for IntegerInterval {
    fn name(&self) -> String {
        format!("an integer from {} to {}", describe(&self.low, "low"), describe(&self.high, "high"))
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let (value, integer) = integers(value);
        let value = float_like(&value, &[&self.low, &self.high]);
        integer.and(value.ge(&self.low)).and(value.le(&self.high))
    }
}

#[derive(Debug)]
struct OneHot;

impl Constraint for OneHot {
    fn name(&self) -> String {
        "zeros with one 1".into()
    }

    fn event_dim(&self) -> usize {
        1
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        value.eq(0.0).or(value.eq(1.0)).all(-1).and(value.sum(-1).eq(1.0))
    }
}

#[derive(Debug)]
struct Multinomial(Tensor);

impl Constraint for Multinomial {
    fn name(&self) -> String {
        format!("nonnegative integers with a sum of {}", describe(&self.0, "the number of draws"))
    }

    fn event_dim(&self) -> usize {
        1
    }

    fn is_discrete(&self) -> bool {
        true
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let (value, integer) = integers(value);
        let value = float_like(&value, &[&self.0]);
        integer.and(value.ge(0.0)).all(-1).and(value.sum(-1).eq(&self.0))
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
