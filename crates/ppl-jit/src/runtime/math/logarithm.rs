//! The logarithm and its relatives.

use super::compensated::{fast_two_sum, remainder, two_product, two_sum};
use super::exponential::{exp, exp_below_one};
use super::float::{Arch, Float, at_most, horner, mul_add, select};

/// `k ln 2 + ln(1 + f) + c` for `1 + f` in `[√½, √2)` and a `c` of the size of a rounding error.
///
/// With `s = f / (2 + f)`, `ln(1 + f) = 2 artanh(s) = f - s (f - …)`, arranged as in the C library of FreeBSD so that only
/// the last sum rounds a number of the size of the result.
#[inline(always)]
fn log_of_parts<A: Arch, T: Float>(k: T, f: T, c: T) -> T {
    let s = f / (T::TWO + f);
    let half_square = T::HALF * f * f;
    let tail = T::log_tail::<A>(s * s);
    let small = mul_add::<A, T>(s, half_square + tail, mul_add::<A, T>(k, T::LN_2_LOW, c));
    mul_add::<A, T>(k, T::LN_2_HIGH, f - (half_square - small))
}

/// A positive number as `m · 2ᵏ` with `m` in `[√½, √2)`, subnormal numbers included.
#[inline(always)]
pub(super) fn parts<T: Float>(x: T) -> (T, T) {
    let (factor, exponent) = T::NORMALISER;
    let subnormal = x < T::MIN_POSITIVE;
    let (m, k) = select(subnormal, x * factor, x).parts();
    (m, k - select(subnormal, exponent, T::ZERO))
}

/// `value` if `x` is positive and finite, and the logarithm of `x` otherwise.
#[inline(always)]
fn with_ends<T: Float>(x: T, value: T) -> T {
    let end = select(x == T::ZERO, -T::INFINITY, select(x < T::ZERO, T::NAN, x));
    select(x > T::ZERO && x < T::INFINITY, value, end)
}

/// `ln x + k ln 2` of an ordinary positive `x`.
#[inline(always)]
pub(super) fn log_of_product<A: Arch, T: Float>(x: T, k: T) -> T {
    let (m, own) = x.parts();
    let value = log_of_parts::<A, T>(k + own, m - T::ONE, T::ZERO);
    // NaN has no parts.
    select(x > T::ZERO, value, x)
}

/// Natural logarithm.
#[inline(always)]
pub(crate) fn log<A: Arch, T: Float>(x: T) -> T {
    let (m, k) = parts(x);
    with_ends(x, log_of_parts::<A, T>(k, m - T::ONE, T::ZERO))
}

/// The logarithm of a double, as exactly as a result in `T` needs it: for single precision, degree 3 in `s²` for an error of
/// `2⁻³⁷`.
#[inline(always)]
pub(super) fn log_for<A: Arch, T: Float>(x: f64) -> f64 {
    if !T::IS_SINGLE {
        return log::<A, f64>(x);
    }
    let (m, k) = parts(x);
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let tail =
        horner!(A, z; 2.0, 0.6666666564367445, 0.4000033565420035, 0.2853727576556805, 0.23582828491791843);
    with_ends(x, mul_add::<A, f64>(k, f64::LN_2, s * tail))
}

/// `ln(1 + x)`.
#[inline(always)]
pub(crate) fn log1p<A: Arch, T: Float>(x: T) -> T {
    let u = T::ONE + x;
    let (m, k) = u.parts();
    // What the sum lost, over `m`: to three digits, of which it needs two.
    let lost = select(x > T::ONE, T::ONE - (u - x), x - (u - T::ONE));
    let f = m - T::ONE;
    let inverse = mul_add::<A, T>(f, mul_add::<A, T>(f, T::ONE - f, -T::ONE), T::ONE);
    let scaled = lost * (T::ROUNDER - k).exp2_of_rounded() * inverse;
    let near = k == T::ZERO;
    let c = select(near || u > T::INTEGERS * T::TWO, T::ZERO, scaled);
    let value = log_of_parts::<A, T>(k, select(near, x, f), c).with_sign_of(x);
    with_ends(u, value)
}

/// `ln(1 + e)` for `e` in `[0, 1]`: with `s = e / (2 + e)`, `2 artanh(s)`.
#[inline(always)]
fn log1p_of_unit<A: Arch, T: Float>(e: T) -> T {
    let s = e / (T::TWO + e);
    mul_add::<A, T>(-s, e - T::log1p_tail::<A>(s * s), e)
}

/// `ln(1 + eˣ)`, of whose logarithm `2 artanh(s)` all but `2s` is a 25th or less: what is not, and the exponential, are in two
/// parts.
#[inline(always)]
pub(crate) fn softplus<A: Arch, T: Float>(x: T) -> T {
    let (e, e_low) = exp_below_one::<A, T>(x);
    let (divisor, error) = fast_two_sum(T::ONE, T::HALF * e);
    let inverse = T::ONE / divisor;
    let twice = e * inverse;
    let error = mul_add::<A, T>(T::HALF, e_low, error);
    let missing = remainder::<A, T>(e, twice, divisor) + mul_add::<A, T>(-twice, error, e_low);
    let s = T::HALF * twice;
    let (sum, lost) = two_sum(select(x > T::ZERO, x, T::ZERO), twice);
    let rest = lost + mul_add::<A, T>(s, T::log1p_tail::<A>(s * s), missing * inverse);
    // What an infinite sum lost is NaN.
    select(sum < T::INFINITY, sum + rest, sum)
}

/// With its slope, each to 2 units: what a logistic likelihood asks for in every row takes three quarters of the time that two
/// exact to a unit would.
#[inline(always)]
pub(crate) fn softplus_and_sigmoid<A: Arch, T: Float>(x: T) -> (T, T) {
    let e = exp::<A, T>(-x.abs());
    let log = log1p_of_unit::<A, T>(e);
    let (divisor, error) = fast_two_sum(T::ONE, e);
    let (slope, _) = slope::<A, T>(x, e, divisor, error);
    (select(x > T::ZERO, x, T::ZERO) + log, slope)
}

/// `1 / (1 + e⁻ˣ)` and the reciprocal of `1 + e`, of `e = exp(-|x|)` and that sum in two parts.
#[inline(always)]
pub(super) fn slope<A: Arch, T: Float>(x: T, e: T, sum: T, error: T) -> (T, T) {
    let positive = x >= T::ZERO;
    let q = select(positive, T::ONE, e) / sum;
    let inverse = select(positive, q, T::ONE - q);
    (mul_add::<A, T>(-q * error, inverse, q), inverse)
}

/// `ln(eˣ + eʸ)`.
#[inline(always)]
pub(crate) fn logaddexp<A: Arch, T: Float>(x: T, y: T) -> T {
    let larger = select(x > y, x, y);
    let apart = larger + log1p_of_unit::<A, T>(exp::<A, T>(-(x - y).abs()));
    // Of two equal infinities the difference is NaN.
    select(x == y, x + T::LN_2, apart)
}

/// `ln x` of a positive finite number in two parts that are not normalised, to a relative error of `2⁻⁵⁸`: of
/// `2 artanh(s)`, all but `2s` is a hundredth.
#[inline(always)]
pub(super) fn short_log_in_two<A: Arch>(x: f64) -> (f64, f64) {
    let (m, k) = parts(x);
    let (s, s_low, _) = artanh_argument::<A>(m);
    log_of_artanh::<A>(k, s, s_low)
}

/// `ln(2ʲ (x + c))` for a rounding error `c` of a normal positive finite `x`, or 0 if that is large, likewise.
#[inline(always)]
pub(super) fn log_of_sum<A: Arch>(j: f64, x: f64, c: f64) -> (f64, f64) {
    let (m, k) = x.parts();
    let c = c * (f64::ROUNDER - at_most(k, 1000.0)).exp2_of_rounded();
    let (s, s_low, reciprocal) = artanh_argument::<A>(m);
    log_of_artanh::<A>(k + j, s, mul_add::<A, f64>(mul_add::<A, f64>(-s, c, c), reciprocal, s_low))
}

/// `k ln 2 + 2 artanh(s)`.
#[inline(always)]
fn log_of_artanh<A: Arch>(k: f64, s: f64, s_low: f64) -> (f64, f64) {
    let (high, lost) = fast_two_sum(k * f64::LN_2_HIGH, 2.0 * s);
    let tail = s * f64::log_tail::<A>(s * s);
    (high, lost + (mul_add::<A, f64>(k, f64::LN_2_LOW, 2.0 * s_low) + tail))
}

/// `s = (m - 1) / (m + 1)` in two parts, for `m` in `[√½, √2)`, and `1 / (m + 1)`.
#[inline(always)]
fn artanh_argument<A: Arch>(m: f64) -> (f64, f64, f64) {
    let f = m - 1.0;
    let d = m + 1.0;
    let reciprocal = 1.0 / d;
    let s = f * reciprocal;
    (s, (remainder::<A, f64>(f, s, d) - s * (m - (d - 1.0))) * reciprocal, reciprocal)
}

/// `ln x` of a positive finite number as an unevaluated sum of two, to a relative error of `2⁻⁶⁵`.
#[inline(always)]
pub(super) fn log_in_two<A: Arch>(x: f64) -> (f64, f64) {
    let (m, k) = parts(x);
    let (s, s_low, _) = artanh_argument::<A>(m);
    // `2 artanh(s) = 2s + 2/3 s³ + s⁵ p(s²)`.
    let (square, square_low) = two_product::<A, f64>(s, s);
    let (cube, cube_low) = two_product::<A, f64>(s, square);
    let cube_low = cube_low + s * (square_low + 2.0 * s * s_low) + s_low * square;
    let (third, third_low) = two_product::<A, f64>(cube, TWO_THIRDS);
    let third_low = third_low + cube * TWO_THIRDS_LOW + cube_low * TWO_THIRDS;
    let tail = cube * square * artanh_tail::<A>(square);
    let (near, near_low) = fast_two_sum(2.0 * s, third);
    let (sum, sum_low) = fast_two_sum(k * f64::LN_2_HIGH, near);
    let low = sum_low + (k * f64::LN_2_LOW + ((2.0 * s_low + third_low) + (near_low + tail)));
    fast_two_sum(sum, low)
}

const TWO_THIRDS: f64 = 0.6666666666666666;
const TWO_THIRDS_LOW: f64 = 3.700743415417188e-17;

/// `(2 artanh(s) - 2s - 2/3 s³) / s⁵` of `z = s²`: degree 7 for an error of `2⁻⁷³` of the logarithm.
#[inline(always)]
fn artanh_tail<A: Arch>(z: f64) -> f64 {
    super::float::estrin!(A, z;
        0.3999999999999998,
        0.28571428571445157,
        0.2222222221752503,
        0.18181818871726435,
        0.15384556774179622,
        0.13336321160057465,
        0.11674742288396121,
        0.11989649935551407,
    )
}
