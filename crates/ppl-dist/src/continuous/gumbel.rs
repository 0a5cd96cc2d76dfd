//! The Gumbel distribution.

use std::f64::consts::PI;
use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{positive, real};
use crate::family::{Parameters, from_parameters, location_scale};
use crate::special::EULER_GAMMA;

/// The Gumbel distribution of largest values, of mode `loc` and a `scale > 0`, on the reals:
/// `p(x) = exp(-z - e⁻ᶻ) / scale` with `z = (x - loc) / scale`.
#[derive(Debug, Clone)]
pub struct Gumbel(Parameters<2>);

impl Gumbel {
    /// The distribution of a location and a scale, which broadcast.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Gumbel", ["loc", "scale"], [loc.into(), scale.into()]))
    }

    /// The mode, as given.
    pub fn loc(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The scale, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[1]
    }
}

impl Distribution for Gumbel {
    from_parameters!(real(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let height = key.uniform(self.batch_shape(), self.0.draw_dtype(key));
        self.loc() - self.scale() * (-height.log()).log()
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let z = self.0.standardise(value);
        -(&z + (-&z).exp()) - self.scale().log()
    }

    fn loc_scale(&self) -> Option<LocationScale> {
        location_scale(self.loc(), self.scale(), Self::new)
    }

    fn mean(&self) -> Tensor {
        self.0.over_batch(&(self.loc() + self.scale() * EULER_GAMMA))
    }

    fn variance(&self) -> Tensor {
        self.0.over_batch(&(self.scale().square() * (PI * PI / 6.0)))
    }

    fn entropy(&self) -> Tensor {
        self.0.over_batch(&(self.scale().log() + (EULER_GAMMA + 1.0)))
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        (-(-self.0.standardise(value)).exp()).exp()
    }
}
