//! The Cauchy distribution.

use std::f64::consts::PI;
use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{positive, real};
use crate::family::{Parameters, from_parameters, location_scale};
use crate::special::{log1p_square, tangent};

/// The Cauchy distribution around `loc` of a `scale > 0`, on the reals: `p(x) = 1 / (π scale (1 + z²))` with
/// `z = (x - loc) / scale`. Half of it lies within `scale` of `loc`; mean and variance do not exist, and are NaN.
#[derive(Debug, Clone)]
pub struct Cauchy(Parameters<2>);

impl Cauchy {
    /// The distribution of a location and a scale, which broadcast.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        Self(Parameters::new("Cauchy", ["loc", "scale"], [loc.into(), scale.into()]))
    }

    /// The median and mode, as given.
    pub fn loc(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// Half of the distance between the quartiles, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[1]
    }

    fn distance(&self, value: &Tensor) -> Tensor {
        self.0.float_like(value) - self.loc()
    }
}

impl Distribution for Cauchy {
    from_parameters!(real(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let height = key.uniform(self.batch_shape(), self.0.draw_dtype(key));
        self.loc() + self.scale() * tangent(&((height - 0.5) * PI))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        -log1p_square(&self.distance(value), self.scale()) - (self.scale() * PI).log()
    }

    fn loc_scale(&self) -> Option<LocationScale> {
        location_scale(self.loc(), self.scale(), Self::new)
    }

    fn mean(&self) -> Tensor {
        self.0.over_batch(&(self.scale() * f64::NAN))
    }

    fn variance(&self) -> Tensor {
        self.mean()
    }

    fn entropy(&self) -> Tensor {
        self.0.over_batch(&(self.scale() * (4.0 * PI)).log())
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        // An angle that is small far below `loc`, where ½ plus another would cancel.
        self.scale().atan2(-self.distance(value)) / PI
    }
}
