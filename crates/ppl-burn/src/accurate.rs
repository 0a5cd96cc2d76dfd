//! Functions that shading languages compute too roughly near zero, where their values are small: an error of 1e-7, which
//! they allow, is all of `erf(1e-7)`.
//!
//! Near zero, series and continued fractions (Abramowitz and Stegun 1964, 4.1.27, 4.5.70, 7.1.5) are cut where the rest is
//! below 5e-8 of the value, less than a rounding of 32-bit floats. Elsewhere the device's own function is used.

use burn_backend::Backend as Burn;
use burn_backend::tensor::FloatTensor;

use crate::BurnBackend;

/// `c[0] + c[1] z + c[2] z² + …`, of at least two terms.
fn polynomial<B: Burn, const N: usize>(z: &FloatTensor<B>, c: [f64; N]) -> FloatTensor<B> {
    let last = B::float_mul_scalar(z.clone(), c[N - 1].into());
    let first = B::float_add_scalar(last, c[N - 2].into());
    c[..N - 2].iter().rev().fold(first, |sum, &c| B::float_add_scalar(B::float_mul(sum, z.clone()), c.into()))
}

fn square<B: Burn>(x: &FloatTensor<B>) -> FloatTensor<B> {
    B::float_mul(x.clone(), x.clone())
}

impl<B: Burn> BurnBackend<B> {
    /// The first where `|x| < bound`, the second elsewhere; where `x` is NaN, `x`.
    fn near_zero(
        &self,
        x: FloatTensor<B>,
        bound: f64,
        near: FloatTensor<B>,
        far: FloatTensor<B>,
    ) -> FloatTensor<B> {
        let is_near = B::float_lower_elem(B::float_abs(x.clone()), bound.into(), self.bool_dtype);
        let value = B::float_mask_where(far, is_near, near);
        B::float_mask_where(value, self.is_nan(x.clone()), x)
    }

    /// `log(1 + x)`. Near zero twice the series of `artanh` at `x / (2 + x)`.
    pub(crate) fn log1p(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        if self.profile.libm {
            return B::float_log1p(x);
        }
        let s = B::float_div(x.clone(), B::float_add_scalar(x.clone(), 2.0.into()));
        let series = polynomial::<B, _>(&square::<B>(&s), [2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0]);
        let far = B::float_log(B::float_add_scalar(x.clone(), 1.0.into()));
        self.near_zero(x, 0.25, B::float_mul(s, series), far)
    }

    /// Near zero the continued fraction `x / (1 + z / (3 + z / (5 + z / 7)))` with `z = x²`.
    pub(crate) fn tanh(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        if self.profile.libm {
            return B::float_tanh(x);
        }
        let z = square::<B>(&x);
        let (over, under) =
            (polynomial::<B, _>(&z, [105.0, 10.0]), polynomial::<B, _>(&z, [105.0, 45.0, 1.0]));
        let near = B::float_mul(x.clone(), B::float_div(over, under));
        self.near_zero(x.clone(), 0.5, near, B::float_tanh(x))
    }

    /// Near zero the Taylor series.
    pub(crate) fn erf(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        if self.profile.libm {
            return B::float_erf(x);
        }
        let scale = std::f64::consts::FRAC_2_SQRT_PI;
        let coefficients = [1.0, -1.0 / 3.0, 0.1, -1.0 / 42.0, 1.0 / 216.0, -1.0 / 1320.0].map(|c| scale * c);
        let near = B::float_mul(x.clone(), polynomial::<B, _>(&square::<B>(&x), coefficients));
        self.near_zero(x.clone(), 0.5, near, B::float_erf(x))
    }
}
