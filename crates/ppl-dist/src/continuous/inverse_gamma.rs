//! The inverse gamma distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use super::Gamma;
use crate::constraints::positive;
use crate::family::{Parameters, from_parameters};
use crate::special::{above_zero, highest};

/// The distribution of `1 / g` for a gamma `g` of a `concentration > 0` and a `rate > 0`, on the positive numbers:
/// `p(x) = rateᶜ x⁻ᶜ⁻¹ exp(-rate / x) / Γ(c)` with `c` the concentration. Its `rate` is a scale of `x`.
///
/// Draws are differentiable in both parameters, in the concentration implicitly (Figurnov, Mohamed and Mnih 2018).
#[derive(Debug, Clone)]
pub struct InverseGamma(Parameters<2>);

impl InverseGamma {
    /// The distribution of a concentration and a rate, which broadcast.
    #[track_caller]
    pub fn new(concentration: impl Into<Tensor>, rate: impl Into<Tensor>) -> Self {
        let values = [concentration.into(), rate.into()];
        Self(Parameters::new("InverseGamma", ["concentration", "rate"], values))
    }

    /// The concentration, as given.
    pub fn concentration(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The rate, as given.
    pub fn rate(&self) -> &Tensor {
        &self.0.values()[1]
    }

    /// The distribution of `1 / x`.
    pub(crate) fn reciprocal(&self) -> Gamma {
        Gamma::new(self.concentration(), self.rate())
    }
}

impl Distribution for InverseGamma {
    from_parameters!(positive(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        positive()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let [concentration, rate] = self.0.for_draws(key);
        let draws = (rate.log() - key.log_gamma(self.batch_shape(), &concentration)).exp();
        // A small concentration overflows as easily as a large one underflows.
        above_zero(&draws).minimum(highest(draws.dtype()))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let (c, rate, value) = (self.concentration(), self.rate(), self.0.float_like(value));
        let outside = value.le(0.0).or(value.eq(f64::INFINITY));
        let inside = outside.select(1.0, value);
        // The logarithm of `rate / x` stays finite where the quotient overflows.
        let (log, quotient) = (inside.log(), rate / &inside);
        let log_prob = c * (rate.log() - &log) - quotient - log - c.lgamma();
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    /// Infinite for concentrations up to 1.
    fn mean(&self) -> Tensor {
        let exists = self.concentration().gt(1.0);
        exists.select(self.rate() / (exists.select(self.concentration(), 2.0) - 1.0), f64::INFINITY)
    }

    /// Infinite for concentrations up to 2.
    fn variance(&self) -> Tensor {
        let exists = self.concentration().gt(2.0);
        let c = exists.select(self.concentration(), 3.0);
        exists.select((self.rate() / (&c - 1.0)).square() / (c - 2.0), f64::INFINITY)
    }

    fn entropy(&self) -> Tensor {
        let c = self.concentration();
        c + self.rate().log() + c.lgamma() - (1.0 + c) * c.digamma()
    }
}
