//! The Laplace distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{positive, real};
use crate::family::{Parameters, from_parameters, location_scale};

/// The Laplace (double exponential) distribution around `loc` of a `scale > 0`, on the reals:
/// `p(x) = exp(-|x - loc| / scale) / (2 scale)`.
#[derive(Debug, Clone)]
pub struct Laplace(Parameters<2>);

impl Laplace {
    /// The distribution of a location and a scale, which broadcast.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Laplace", ["loc", "scale"], [loc.into(), scale.into()]))
    }

    /// The mean, median and mode, as given.
    pub fn loc(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The mean distance from `loc`, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[1]
    }
}

impl Distribution for Laplace {
    from_parameters!(real(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let height = key.uniform(self.batch_shape(), self.0.draw_dtype(key));
        // The nearer end's distance is exact, and never 0.
        let distance = (2.0 * height.minimum(1.0 - &height)).log();
        self.loc() + self.scale() * height.lt(0.5).select(&distance, -&distance)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        -self.0.standardise(value).abs() - (2.0 * self.scale()).log()
    }

    fn loc_scale(&self) -> Option<LocationScale> {
        location_scale(self.loc(), self.scale(), Self::new)
    }

    fn mean(&self) -> Tensor {
        self.0.over_batch(self.loc())
    }

    fn variance(&self) -> Tensor {
        self.0.over_batch(&(2.0 * self.scale().square()))
    }

    fn entropy(&self) -> Tensor {
        self.0.over_batch(&((2.0 * self.scale()).log() + 1.0))
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        let z = self.0.standardise(value);
        let beyond = (-z.abs()).exp() * 0.5;
        z.lt(0.0).select(&beyond, 1.0 - &beyond)
    }
}
