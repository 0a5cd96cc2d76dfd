//! Student's t distribution.

use std::f64::consts::PI;
use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale};
use ppl_tensor::{Key, Tensor};

use crate::constraints::{positive, real};
use crate::family::{Parameters, from_parameters, location_scale};
use crate::special::{half_step_of_digamma, half_step_of_ln_gamma, highest, log1p_square, lowest};

/// Student's t distribution of `df > 0` degrees of freedom around `loc` of a `scale > 0`, on the reals:
/// `p(x) = Γ((df + 1)/2) / (Γ(df/2) √(π df) scale) · (1 + z² / df)^(-(df + 1)/2)` with `z = (x - loc) / scale`.
///
/// Draws are differentiable in all parameters, in `df` implicitly (Figurnov, Mohamed and Mnih 2018).
#[derive(Debug, Clone)]
pub struct StudentT(Parameters<3>);

impl StudentT {
    /// The distribution of degrees of freedom, a location and a scale, which broadcast.
    #[track_caller]
    pub fn new(df: impl Into<Tensor>, loc: impl Into<Tensor>, scale: impl Into<Tensor>) -> Self {
        let values = [df.into(), loc.into(), scale.into()];
        Self(Parameters::new("StudentT", ["df", "loc", "scale"], values))
    }

    /// The degrees of freedom, as given.
    pub fn df(&self) -> &Tensor {
        &self.0.values()[0]
    }

    /// The median and mode, as given.
    pub fn loc(&self) -> &Tensor {
        &self.0.values()[1]
    }

    /// The scale, as given.
    pub fn scale(&self) -> &Tensor {
        &self.0.values()[2]
    }
}

impl Distribution for StudentT {
    from_parameters!(positive(), real(), positive());

    fn support(&self) -> Arc<dyn Constraint> {
        real()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    /// A normal draw over the root of a gamma draw of concentration and rate `df / 2`.
    fn sample(&self, key: &Key) -> Tensor {
        let [df, loc, scale] = self.0.for_draws(key);
        let (normal_key, gamma_key) = key.split();
        let noise = normal_key.normal(self.batch_shape(), df.dtype());
        let half = df * 0.5;
        let log_gamma = gamma_key.log_gamma(self.batch_shape(), &half);
        // Few degrees of freedom overflow.
        let (lowest, highest) = (lowest(half.dtype()), highest(half.dtype()));
        let widening = ((half.log() - log_gamma) * 0.5).exp().minimum(highest);
        (loc + scale * noise * widening).maximum(lowest).minimum(highest)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let [df, loc, scale] = self.0.values();
        let z = (self.0.float_like(value) - loc) / scale;
        let normaliser = half_step_of_ln_gamma(&(df * 0.5)) - (df * PI).log() * 0.5 - scale.log();
        normaliser - (df + 1.0) * 0.5 * log1p_square(&z, &df.sqrt())
    }

    /// NaN, there being none, for up to one degree of freedom.
    fn loc_scale(&self) -> Option<LocationScale> {
        let df = self.df().clone();
        location_scale(self.loc(), self.scale(), move |loc, scale| Self::new(&df, loc, scale))
    }

    fn mean(&self) -> Tensor {
        self.0.over_batch(&self.df().gt(1.0).select(self.loc(), f64::NAN))
    }

    /// Infinite for up to two degrees of freedom, NaN for up to one.
    fn variance(&self) -> Tensor {
        let [df, _, scale] = self.0.values();
        let finite = df.gt(2.0);
        let excess = finite.select(df, 3.0) - 2.0;
        let factor = finite.select(1.0 + 2.0 / excess, df.gt(1.0).select(f64::INFINITY, f64::NAN));
        self.0.over_batch(&(scale.square() * factor))
    }

    fn entropy(&self) -> Tensor {
        let [df, _, scale] = self.0.values();
        let half = df * 0.5;
        let normaliser = (df * PI).log() * 0.5 + scale.log() - half_step_of_ln_gamma(&half);
        self.0.over_batch(&((df + 1.0) * 0.5 * half_step_of_digamma(&half) + normaliser))
    }
}
