//! Vectors of probabilities.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::Tensor;

use super::rounding;
use crate::parameters::float;
use crate::transforms::StickBreaking;

/// Vectors of nonnegative numbers that sum to 1, up to rounding: 1e-6, or 1e-5 in single precision.
pub fn simplex() -> Arc<dyn Constraint> {
    Arc::new(Simplex)
}

#[derive(Debug)]
struct Simplex;

impl Constraint for Simplex {
    fn name(&self) -> String {
        "nonnegative with a sum of 1".into()
    }

    fn event_dim(&self) -> usize {
        1
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        let sums_to_one = (value.sum(-1) - 1.0).abs().le(rounding(&value));
        value.ge(0.0).all(-1).and(sums_to_one)
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(StickBreaking))
    }
}
