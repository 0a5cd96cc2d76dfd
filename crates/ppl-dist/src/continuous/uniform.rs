//! The uniform distribution of an interval.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::{greater_than, interval, real};
use crate::parameters::{broadcast, draw_dtype, expand, float, float_like, strong};
use crate::special::inside_interval;

/// The uniform distribution on the interval from `low` to `high > low`: `p(x) = 1 / (high - low)`, at the ends too.
#[derive(Debug, Clone)]
pub struct Uniform {
    low: Tensor,
    high: Tensor,
    batch_shape: Shape,
}

impl Uniform {
    /// The distribution between two bounds, which broadcast.
    #[track_caller]
    pub fn new(low: impl Into<Tensor>, high: impl Into<Tensor>) -> Self {
        let parameters = [float(low), float(high)];
        let (batch_shape, [low, high]) = broadcast("Uniform", ["low", "high"], parameters);
        Self { low, high, batch_shape }
    }

    /// The lower bound, as given.
    pub fn low(&self) -> &Tensor {
        &self.low
    }

    /// The upper bound, as given.
    pub fn high(&self) -> &Tensor {
        &self.high
    }

    fn width(&self) -> Tensor {
        &self.high - &self.low
    }
}

impl Distribution for Uniform {
    fn name(&self) -> &'static str {
        "Uniform"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            Parameter { name: "low", value: &self.low, constraint: real() },
            Parameter { name: "high", value: &self.high, constraint: greater_than(&self.low) },
        ]
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        interval(&self.low, &self.high)
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let (device, dtype) = (key.tensor().device(), draw_dtype(key, &[&self.low, &self.high]));
        let (low, high) = (strong(&self.low, device, dtype), strong(&self.high, device, dtype));
        let draws = &low + (&high - &low) * key.uniform(&self.batch_shape, dtype);
        inside_interval(&draws, &low, &high)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = float_like(value, &[&self.low, &self.high]);
        let outside = value.lt(&self.low).or(value.gt(&self.high));
        // The product passes NaN on.
        outside.select(f64::NEG_INFINITY, value * 0.0 - self.width().log())
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let low = expand(self.name(), &self.batch_shape, batch_shape, &[], &self.low)?;
        Ok(Arc::new(Self::new(low, &self.high)))
    }

    fn mean(&self) -> Tensor {
        (&self.low + &self.high) * 0.5
    }

    fn variance(&self) -> Tensor {
        self.width().square() / 12.0
    }

    fn entropy(&self) -> Tensor {
        self.width().log()
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        let value = float_like(value, &[&self.low, &self.high]);
        ((value - &self.low) / self.width()).maximum(0.0).minimum(1.0)
    }
}
