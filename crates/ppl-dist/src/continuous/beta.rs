//! The beta distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{positive, unit_interval};
use crate::family::{Parameters, from_parameters};
use crate::special::{inside_unit_interval, ln_beta, lowest, xlog1py, xlogy};

/// The beta distribution of two concentrations `a = concentration1 > 0` and `b = concentration0 > 0`, on the unit
/// interval: `p(x) = xᵃ⁻¹ (1 - x)ᵇ⁻¹ / B(a, b)`, of mean `a / (a + b)`.
///
/// Draws are differentiable in both, implicitly (Figurnov, Mohamed and Mnih 2018).
#[derive(Debug, Clone)]
pub struct Beta(Parameters<2>);

impl Beta {
    /// The distribution of two concentrations, of ones and of zeros, which broadcast.
    #[track_caller]
    pub fn new(concentration1: impl Into<Tensor>, concentration0: impl Into<Tensor>) -> Self {
        let names = ["concentration1", "concentration0"];
        Self(Parameters::new("Beta", names, [concentration1.into(), concentration0.into()]))
    }

    /// The concentration of ones, as given.
    pub fn concentration1(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The concentration of zeros, as given.
    pub fn concentration0(&self) -> &Tensor {
        &self.0.values()[1]
    }

    fn total(&self) -> Tensor {
        self.concentration1() + self.concentration0()
    }
}

impl Distribution for Beta {
    from_parameters!(positive(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        unit_interval()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let [a, b] = self.0.for_draws(key);
        let (key1, key0) = key.split();
        // Of two gamma variates `g`, `g₁ / (g₁ + g₀)` in logarithms, where small concentrations do not underflow. The
        // bound keeps the difference of two that did from being NaN.
        let log_gamma = |key: Key, concentration: &Tensor| {
            key.log_gamma(self.batch_shape(), concentration).maximum(lowest(concentration.dtype()))
        };
        let difference = log_gamma(key1, &a) - log_gamma(key0, &b);
        inside_unit_interval(&difference.sigmoid())
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let (a, b) = (self.concentration1(), self.concentration0());
        let value = self.0.float_like(value);
        let outside = value.lt(0.0).or(value.gt(1.0));
        let inside = outside.select(0.5, value);
        let log_prob = xlogy(&(a - 1.0), &inside) + xlog1py(&(b - 1.0), &-&inside) - ln_beta(a, b);
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    fn mean(&self) -> Tensor {
        self.concentration1() / self.total()
    }

    fn variance(&self) -> Tensor {
        let total = self.total();
        (self.concentration1() / &total) * (self.concentration0() / &total) / (total + 1.0)
    }

    fn entropy(&self) -> Tensor {
        let (a, b, total) = (self.concentration1(), self.concentration0(), self.total());
        let digammas = (a - 1.0) * a.digamma() + (b - 1.0) * b.digamma() - (&total - 2.0) * total.digamma();
        ln_beta(a, b) - digammas
    }
}
