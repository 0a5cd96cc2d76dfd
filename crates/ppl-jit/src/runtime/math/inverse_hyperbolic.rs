//! Inverse hyperbolic functions: logarithms of numbers in two parts.

use super::compensated::{fast_two_sum, product, remainder, two_product, two_sum};
use super::float::{Arch, Float, at_most, mul_add, select};
use super::logarithm::{log_for, log_of_sum};

/// From here on squares are squares less 1, and sums with 1, to all digits.
const LARGE: f64 = 268435456.0;

/// Below this two terms of the Taylor series at 0 are all.
#[inline(always)]
fn least<T: Float>() -> f64 {
    if T::IS_SINGLE { 1e-3 } else { 1e-8 }
}

/// The root of a number in two parts.
#[inline(always)]
fn root<A: Arch>((x, x_low): (f64, f64)) -> (f64, f64) {
    let root = x.sqrt();
    let low = (remainder::<A, f64>(x, root, root) + x_low) * (0.5 / root);
    (root, select(x > 0.0, low, 0.0))
}

/// Inverse hyperbolic sine, `ln(x + √(x² + 1))`.
#[inline(always)]
pub(crate) fn asinh<A: Arch, T: Float>(x: T) -> T {
    let (x, size) = (x.wide(), x.wide().abs());
    let near = mul_add::<A, f64>(size * size * size, -1.0 / 6.0, size);
    let moderate = at_most(size, LARGE);
    let (square, square_low) = two_product::<A, f64>(moderate, moderate);
    let (sum, lost) = two_sum(square, 1.0);
    let (root, root_low) = root::<A>((sum, lost + square_low));
    let (sum, lost) = fast_two_sum(root, moderate);
    let value = of_scaled::<A, T>(size, sum, lost + root_low);
    T::narrow(select(size < least::<T>(), near, value).copysign(x))
}

/// Inverse hyperbolic cosine, `ln(x + √(x² - 1))`.
#[inline(always)]
pub(crate) fn acosh<A: Arch, T: Float>(x: T) -> T {
    let x = x.wide();
    let moderate = at_most(x, LARGE);
    let (above, above_low) = fast_two_sum(moderate, 1.0);
    let (root, root_low) = root::<A>(product::<A, f64>((moderate - 1.0, 0.0), (above, above_low)));
    let (sum, lost) = fast_two_sum(moderate, root);
    let value = of_scaled::<A, T>(x, sum, lost + root_low);
    T::narrow(select(x >= 1.0, value, f64::NAN))
}

/// `ln(sum + low)`, or of `2x` if `x` is large.
#[inline(always)]
fn of_scaled<A: Arch, T: Float>(x: f64, sum: f64, low: f64) -> f64 {
    let large = x >= LARGE;
    let (number, low) = (select(large, x, sum), select(large, 0.0, low));
    let value = if T::IS_SINGLE {
        log_for::<A, T>(number) + select(large, f64::LN_2, 0.0)
    } else {
        let (high, low) = log_of_sum::<A>(select(large, 1.0, 0.0), number, low);
        high + low
    };
    // Infinite and NaN.
    select(x < f64::INFINITY, value, x)
}

/// Inverse hyperbolic tangent, `ln((1 + x) / (1 - x)) / 2`.
#[inline(always)]
pub(crate) fn atanh<A: Arch, T: Float>(x: T) -> T {
    let (x, size) = (x.wide(), x.wide().abs());
    let near = mul_add::<A, f64>(size * size * size, 1.0 / 3.0, size);
    let (above, above_low) = fast_two_sum(1.0, size);
    let (below, below_low) = fast_two_sum(1.0, -size);
    let inverse = 1.0 / below;
    let q = above * inverse;
    let q_low =
        (remainder::<A, f64>(above, q, below) + mul_add::<A, f64>(-q, below_low, above_low)) * inverse;
    let value = 0.5 * of_scaled::<A, T>(size, q, q_low);
    let end = select(size == 1.0, f64::INFINITY, f64::NAN);
    T::narrow(select(size < least::<T>(), near, select(size < 1.0, value, end)).copysign(x))
}
