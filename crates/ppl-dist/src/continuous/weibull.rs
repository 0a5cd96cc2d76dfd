//! The Weibull distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::positive;
use crate::family::{Parameters, from_parameters};
use crate::special::{EULER_GAMMA, above_zero, highest};

/// The Weibull distribution of a `scale > 0` and a `concentration > 0` (shape), on the positive numbers:
/// `p(x) = (c / scale) yᶜ⁻¹ exp(-yᶜ)` with `y = x / scale` and `c` the concentration.
#[derive(Debug, Clone)]
pub struct Weibull(Parameters<2>);

impl Weibull {
    /// The distribution of a scale and a concentration, which broadcast.
    #[track_caller]
    pub fn new(scale: impl Into<Tensor>, concentration: impl Into<Tensor>) -> Self {
        let values = [scale.into(), concentration.into()];
        Self(Parameters::new("Weibull", ["scale", "concentration"], values))
    }

    /// The scale, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The concentration, as given.
    pub fn concentration(&self) -> &Tensor {
        &self.0.values()[1]
    }

    /// `ln Γ(1 + n / c)`: of the `n`-th moment in units of the scale.
    fn ln_moment(&self, n: f64) -> Tensor {
        (n / self.concentration() + 1.0).lgamma()
    }
}

impl Distribution for Weibull {
    from_parameters!(positive(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        positive()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let [scale, concentration] = self.0.for_draws(key);
        let height = key.uniform(self.batch_shape(), scale.dtype());
        let draws = (scale.log() + (-height.log()).log() / concentration).exp();
        above_zero(&draws).minimum(highest(draws.dtype()))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = self.0.float_like(value);
        let outside = value.le(0.0).or(value.eq(f64::INFINITY));
        let log = outside.select(1.0, value).log();
        // In logarithms: a power may overflow, a quotient should not before.
        let log_power = self.concentration() * (&log - self.scale().log());
        let log_prob = &log_power - log_power.exp() + self.concentration().log() - log;
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    fn mean(&self) -> Tensor {
        self.scale() * self.ln_moment(1.0).exp()
    }

    fn variance(&self) -> Tensor {
        let of_mean = self.ln_moment(1.0) * 2.0;
        self.scale().square() * (self.ln_moment(2.0) - &of_mean).expm1() * of_mean.exp()
    }

    fn entropy(&self) -> Tensor {
        let c = self.concentration();
        (1.0 - c.reciprocal()) * EULER_GAMMA + (self.scale() / c).log() + 1.0
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        let log = (self.0.float_like(value).maximum(0.0) / self.scale()).log();
        -(-(self.concentration() * log).exp()).expm1()
    }
}
