//! Powers.

use super::compensated::{fast_two_sum, two_product};
use super::exponential::{exp_of_sum, scale, short_exp};
use super::float::{Arch, Float, select};
use super::logarithm::{log_for, log_in_two};
use super::simple::floor;

/// Exponentials of products with logarithms.
pub(crate) trait Power: Sized {
    /// `xʸ` for positive `x`, both finite.
    fn power_of_positive<A: Arch>(self, y: Self) -> Self;
}

impl Power for f64 {
    #[inline(always)]
    fn power_of_positive<A: Arch>(self, y: Self) -> Self {
        // Beyond this every power but that of 1 overflows or underflows.
        const GREATEST: f64 = 36893488147419103232.0;
        let (high, low) = log_in_two::<A>(self);
        let y = select(y > GREATEST, GREATEST, select(y < -GREATEST, -GREATEST, y));
        let (product, error) = two_product::<A, f64>(y, high);
        let (x, c) = fast_two_sum(product, error + y * low);
        let (power, _, k) = exp_of_sum::<A, f64>(x, c);
        scale(power, k)
    }
}

impl Power for f32 {
    /// In double precision, where a logarithm has digits to spare.
    #[inline(always)]
    fn power_of_positive<A: Arch>(self, y: Self) -> Self {
        short_exp::<A>(f64::from(y) * log_for::<A, f32>(f64::from(self))) as f32
    }
}

/// `xʸ` for finite `x` and `y` with `x ≠ 0`; loops of [`binary`](super::binary) are right for all.
#[inline(always)]
pub(crate) fn pow<A: Arch, T: Float>(x: T, y: T) -> T {
    let size = x.abs().power_of_positive::<A>(y);
    let half = y * T::HALF;
    let odd = floor::<A, T>(half) != half;
    let of_negative = select(floor::<A, T>(y) == y, select(odd, -size, size), T::NAN);
    let value = select(x < T::ZERO, of_negative, size);
    // As on the host: squares are products.
    select(y == T::TWO, x * x, value)
}
