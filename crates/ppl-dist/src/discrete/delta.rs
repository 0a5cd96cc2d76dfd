//! The point mass.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::{extended_real, real};
use crate::parameters::{broadcast, expand, strong};

/// The distribution that is always `value`.
///
/// `log_prob` is `log_density` there and `-∞` elsewhere. The log density is 0 unless given: another one makes the point
/// mass stand for a density under a change of coordinates.
#[derive(Debug, Clone)]
pub struct Delta {
    value: Tensor,
    log_density: Tensor,
    batch_shape: Shape,
}

impl Delta {
    /// The point mass at a value.
    pub fn new(value: impl Into<Tensor>) -> Self {
        let value = value.into();
        Self { batch_shape: value.shape(), value, log_density: 0.0.into() }
    }

    /// The point mass at a value, with a log density that broadcasts with it.
    #[track_caller]
    pub fn with_log_density(value: impl Into<Tensor>, log_density: impl Into<Tensor>) -> Self {
        let parameters = [value.into(), log_density.into()];
        let (batch_shape, [value, log_density]) = broadcast("Delta", ["value", "log_density"], parameters);
        Self { value, log_density, batch_shape }
    }

    /// Where it is.
    pub fn value(&self) -> &Tensor {
        &self.value
    }

    /// Its log density there.
    pub fn log_density(&self) -> &Tensor {
        &self.log_density
    }
}

impl Distribution for Delta {
    fn name(&self) -> &'static str {
        "Delta"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            Parameter { name: "value", value: &self.value, constraint: real() },
            Parameter { name: "log_density", value: &self.log_density, constraint: extended_real() },
        ]
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let device = key.tensor().device();
        strong(&self.value, device, device.default_float()).broadcast_to(&self.batch_shape)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let equal = value.eq(&self.value);
        // A log density that is a number does not see the dtype of the values compared.
        let log_density = match [value, &self.value].iter().find(|v| v.dtype().is_float() && !v.is_weak()) {
            Some(float) => strong(&self.log_density, float.device(), float.dtype()),
            None => self.log_density.clone(),
        };
        equal.select(log_density, f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let value = expand(self.name(), &self.batch_shape, batch_shape, &[], &self.value)?;
        Ok(Arc::new(Self { value, log_density: self.log_density.clone(), batch_shape: batch_shape.clone() }))
    }

    fn mean(&self) -> Tensor {
        self.value.broadcast_to(&self.batch_shape)
    }

    fn variance(&self) -> Tensor {
        self.mean() * 0.0
    }
}
