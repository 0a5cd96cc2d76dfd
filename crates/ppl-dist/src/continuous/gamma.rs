//! The gamma distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::positive;
use crate::parameters::{broadcast, draw_dtype, expand, float, float_like, strong};
use crate::special::{above_zero, xlogy};

/// The gamma distribution of a `concentration > 0` (shape) and a `rate > 0` (inverse scale), on the positive numbers:
/// `p(x) = rateᶜ xᶜ⁻¹ exp(-rate x) / Γ(c)` with `c` the concentration.
///
/// Draws are differentiable in both parameters, in the concentration implicitly (Figurnov, Mohamed and Mnih 2018).
#[derive(Debug, Clone)]
pub struct Gamma {
    concentration: Tensor,
    rate: Tensor,
    batch_shape: Shape,
}

impl Gamma {
    /// The distribution of a concentration and a rate, which broadcast.
    #[track_caller]
    pub fn new(concentration: impl Into<Tensor>, rate: impl Into<Tensor>) -> Self {
        let parameters = [float(concentration), float(rate)];
        let (batch_shape, [concentration, rate]) = broadcast("Gamma", ["concentration", "rate"], parameters);
        Self { concentration, rate, batch_shape }
    }

    /// The concentration, as given.
    pub fn concentration(&self) -> &Tensor {
        &self.concentration
    }

    /// The rate, as given.
    pub fn rate(&self) -> &Tensor {
        &self.rate
    }
}

impl Distribution for Gamma {
    fn name(&self) -> &'static str {
        "Gamma"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            Parameter { name: "concentration", value: &self.concentration, constraint: positive() },
            Parameter { name: "rate", value: &self.rate, constraint: positive() },
        ]
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        positive()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[&self.concentration, &self.rate]);
        let concentration = strong(&self.concentration, key.tensor().device(), dtype);
        // Divided in logarithms: a small rate may bring back what would have underflowed.
        above_zero(&(key.log_gamma(&self.batch_shape, &concentration) - self.rate.log()).exp())
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = float_like(value, &[&self.concentration, &self.rate]);
        let outside = value.lt(0.0).or(value.eq(f64::INFINITY));
        let scaled = &self.rate * outside.select(1.0, value);
        let log_prob = xlogy(&(&self.concentration - 1.0), &scaled) - scaled
            + (self.rate.log() - self.concentration.lgamma());
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let concentration = expand(self.name(), &self.batch_shape, batch_shape, &[], &self.concentration)?;
        Ok(Arc::new(Self::new(concentration, &self.rate)))
    }

    fn mean(&self) -> Tensor {
        &self.concentration / &self.rate
    }

    fn variance(&self) -> Tensor {
        &self.concentration / self.rate.square()
    }

    fn entropy(&self) -> Tensor {
        let c = &self.concentration;
        c - self.rate.log() + c.lgamma() + (1.0 - c) * c.digamma()
    }
}
