//! Intervals and half-lines.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::Tensor;

use super::describe;
use super::real::is_finite;
use crate::parameters::float;
use crate::transforms::{Exp, ExpAbove, ExpBelow, Sigmoid};

/// The numbers above 0. Their bijection is the exponential.
pub fn positive() -> Arc<dyn Constraint> {
    Arc::new(Positive)
}

/// The numbers from 0 on. Their bijection is the exponential, which does not reach 0.
pub fn nonnegative() -> Arc<dyn Constraint> {
    Arc::new(Nonnegative)
}

/// The numbers above a bound, which may be a tensor of bounds.
pub fn greater_than(bound: impl Into<Tensor>) -> Arc<dyn Constraint> {
    Arc::new(GreaterThan(float(bound)))
}

/// The numbers below a bound, which may be a tensor of bounds.
pub fn less_than(bound: impl Into<Tensor>) -> Arc<dyn Constraint> {
    Arc::new(LessThan(float(bound)))
}

/// The numbers from 0 to 1. Their bijection is the logistic function, which does not reach the ends.
pub fn unit_interval() -> Arc<dyn Constraint> {
    Arc::new(UnitInterval)
}

/// The numbers from one bound to another, which may be tensors of bounds. Their bijection does not reach the ends.
pub fn interval(low: impl Into<Tensor>, high: impl Into<Tensor>) -> Arc<dyn Constraint> {
    Arc::new(Interval { low: float(low), high: float(high) })
}

#[derive(Debug)]
struct Positive;

impl Constraint for Positive {
    fn name(&self) -> String {
        "positive".into()
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        value.gt(0.0).and(is_finite(&value))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Exp))
    }
}

#[derive(Debug)]
struct Nonnegative;

impl Constraint for Nonnegative {
    fn name(&self) -> String {
        "nonnegative".into()
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        value.ge(0.0).and(is_finite(&value))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Exp))
    }
}

#[derive(Debug)]
struct GreaterThan(Tensor);

impl Constraint for GreaterThan {
    fn name(&self) -> String {
        format!("greater than {}", describe(&self.0, "the lower bound"))
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        value.gt(&self.0).and(is_finite(&value))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(ExpAbove::new(&self.0)))
    }
}

#[derive(Debug)]
struct LessThan(Tensor);

impl Constraint for LessThan {
    fn name(&self) -> String {
        format!("less than {}", describe(&self.0, "the upper bound"))
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        value.lt(&self.0).and(is_finite(&value))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(ExpBelow::new(&self.0)))
    }
}

#[derive(Debug)]
struct UnitInterval;

impl Constraint for UnitInterval {
    fn name(&self) -> String {
        "in [0, 1]".into()
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        value.ge(0.0).and(value.le(1.0))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Sigmoid::unit()))
    }
}

#[derive(Debug)]
struct Interval {
    low: Tensor,
    high: Tensor,
}

impl Constraint for Interval {
    fn name(&self) -> String {
        format!("in [{}, {}]", describe(&self.low, "low"), describe(&self.high, "high"))
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        value.ge(&self.low).and(value.le(&self.high))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Sigmoid::new(&self.low, &self.high)))
    }
}
