//! The gamma distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::positive;
use crate::family::{Parameters, from_parameters};
use crate::special::{above_zero, xlogy};

/// The gamma distribution of a `concentration > 0` (shape) and a `rate > 0` (inverse scale), on the positive numbers:
/// `p(x) = rateᶜ xᶜ⁻¹ exp(-rate x) / Γ(c)` with `c` the concentration.
///
/// Draws are differentiable in both parameters, in the concentration implicitly (Figurnov, Mohamed and Mnih 2018).
#[derive(Debug, Clone)]
pub struct Gamma(Parameters<2>);

impl Gamma {
    /// The distribution of a concentration and a rate, which broadcast.
    #[track_caller]
    pub fn new(concentration: impl Into<Tensor>, rate: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Gamma", ["concentration", "rate"], [concentration.into(), rate.into()]))
    }

    /// The concentration, as given.
    pub fn concentration(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The rate, as given.
    pub fn rate(&self) -> &Tensor {
        &self.0.values()[1]
    }
}

impl Distribution for Gamma {
    from_parameters!(positive(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        positive()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let [concentration, rate] = self.0.for_draws(key);
        // Divided in logarithms: a small rate may bring back what would have underflowed.
        above_zero(&(key.log_gamma(self.batch_shape(), &concentration) - rate.log()).exp())
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        let outside = value.lt(0.0).or(value.eq(f64::INFINITY));
        let scaled = self.rate() * outside.select(1.0, value);
        let log_prob = xlogy(&(self.concentration() - 1.0), &scaled) - scaled
            + (self.rate().log() - self.concentration().lgamma());
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    fn mean(&self) -> Tensor {
        self.concentration() / self.rate()
    }

    fn variance(&self) -> Tensor {
        self.concentration() / self.rate().square()
    }

    fn entropy(&self) -> Tensor {
        let c = self.concentration();
        c - self.rate().log() + c.lgamma() + (1.0 - c) * c.digamma()
    }
}
