//! The Pareto distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{greater_than, positive};
use crate::family::{Parameters, from_parameters};
use crate::special::{above, highest};

/// The Pareto distribution of the least value `scale > 0` and the tail's power `alpha > 0`, on the numbers above
/// `scale`: `p(x) = alpha scale^alpha / x^(alpha+1)`.
#[derive(Debug, Clone)]
pub struct Pareto(Parameters<2>);

impl Pareto {
    /// The distribution of a scale and a power, which broadcast.
    #[track_caller]
    pub fn new(scale: impl Into<Tensor>, alpha: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Pareto", ["scale", "alpha"], [scale.into(), alpha.into()]))
    }

    /// The least value, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The power of the tail, as given.
    pub fn alpha(&self) -> &Tensor {
        &self.0.values()[1]
    }
}

impl Distribution for Pareto {
    from_parameters!(positive(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        greater_than(self.scale())
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let [scale, alpha] = self.0.for_draws(key);
        let height = key.uniform(self.batch_shape(), scale.dtype());
        let draws = &scale * (-height.log() / alpha).exp();
        above(&draws, &scale).minimum(highest(draws.dtype()))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let (scale, alpha, value) = (self.scale(), self.alpha(), self.0.float_like(value));
        let outside = value.lt(scale).or(value.eq(f64::INFINITY));
        let log = outside.select(scale, value).log();
        let log_prob = alpha.log() - alpha * (&log - scale.log()) - log;
        outside.select(f64::NEG_INFINITY, log_prob)
    }

    /// Infinite for powers up to 1.
    fn mean(&self) -> Tensor {
        let exists = self.alpha().gt(1.0);
        let alpha = exists.select(self.alpha(), 2.0);
        exists.select(self.scale() * &alpha / (&alpha - 1.0), f64::INFINITY)
    }

    /// Infinite for powers up to 2.
    fn variance(&self) -> Tensor {
        let exists = self.alpha().gt(2.0);
        let alpha = exists.select(self.alpha(), 3.0);
        let variance = (self.scale() / (&alpha - 1.0)).square() * &alpha / (&alpha - 2.0);
        exists.select(variance, f64::INFINITY)
    }

    fn entropy(&self) -> Tensor {
        (self.scale() / self.alpha()).log() + self.alpha().reciprocal() + 1.0
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        let log = self.0.float_like(value).maximum(self.scale()).log() - self.scale().log();
        -(-(self.alpha() * log)).expm1()
    }
}
