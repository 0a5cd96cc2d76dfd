//! The logistic distribution.

use std::f64::consts::PI;
use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{positive, real};
use crate::family::{Parameters, from_parameters, location_scale};

/// The logistic distribution around `loc` of a `scale > 0`, on the reals: `p(x) = e⁻ᶻ / (scale (1 + e⁻ᶻ)²)` with
/// `z = (x - loc) / scale`. Its distribution function is the logistic function of `z`.
#[derive(Debug, Clone)]
pub struct Logistic(Parameters<2>);

impl Logistic {
    /// The distribution of a location and a scale, which broadcast.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Logistic", ["loc", "scale"], [loc.into(), scale.into()]))
    }

    /// The mean, median and mode, as given.
    pub fn loc(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The scale, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[1]
    }
}

impl Distribution for Logistic {
    from_parameters!(real(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let height = key.uniform(self.batch_shape(), self.0.draw_dtype(key));
        self.loc() + self.scale() * (height.log() - (-height).log1p())
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let z = self.0.standardise(value);
        -(&z + (-&z).softplus() * 2.0) - self.scale().log()
    }

    fn loc_scale(&self) -> Option<LocationScale> {
        location_scale(self.loc(), self.scale(), Self::new)
    }

    fn mean(&self) -> Tensor {
        self.0.over_batch(self.loc())
    }

    fn variance(&self) -> Tensor {
        self.0.over_batch(&(self.scale().square() * (PI * PI / 3.0)))
    }

    fn entropy(&self) -> Tensor {
        self.0.over_batch(&(self.scale().log() + 2.0))
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        self.0.standardise(value).sigmoid()
    }
}
