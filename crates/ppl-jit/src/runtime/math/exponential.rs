//! The exponential function and its relatives.

use super::compensated::{fast_two_sum, remainder, two_product, two_sum};
use super::float::{Arch, Float, at_least, at_most, horner, mul_add, select};

/// `x = k ln 2 + r + c` with an integer `k`, `|r| ≤ ln(2)/2`, and `c` the rounding error of `r` (Cody and Waite).
#[derive(Clone, Copy)]
struct Reduced<T> {
    k: T,
    r: T,
    c: T,
}

#[inline(always)]
fn reduce<A: Arch, T: Float>(x: T) -> Reduced<T> {
    let k = mul_add::<A, T>(x, T::LOG2_E, T::ROUNDER) - T::ROUNDER;
    let high = mul_add::<A, T>(-k, T::LN_2_HIGH, x);
    let low = k * T::LN_2_LOW;
    let r = high - low;
    Reduced { k, r, c: (high - r) - low }
}

/// Two factors with product `2ᵏ`, for an integer `k` of up to twice the range of exponents.
#[inline(always)]
fn factors<T: Float>(k: T) -> (T, T) {
    let half = k * T::HALF + T::ROUNDER;
    let rest = (k - (half - T::ROUNDER)) + T::ROUNDER;
    (half.exp2_of_rounded(), rest.exp2_of_rounded())
}

/// `y · 2ᵏ`, rounded once, likewise.
#[inline(always)]
pub(super) fn scale<T: Float>(y: T, k: T) -> T {
    let (first, second) = factors(k);
    y * first * second
}

/// `eˣ`.
#[inline(always)]
pub(crate) fn exp<A: Arch, T: Float>(x: T) -> T {
    let (least, most) = T::EXP_RANGE;
    let Reduced { k, r, c } = reduce::<A, T>(at_most(at_least(x, least), most));
    let p = r + mul_add::<A, T>(r * r, T::exp_tail::<A>(r), c);
    scale(T::ONE + p, k)
}

/// `eˣ` of a double for a result in single precision: degree 5 for an error of `2⁻³⁴`.
#[inline(always)]
pub(super) fn short_exp<A: Arch>(x: f64) -> f64 {
    let x = at_most(at_least(x, -110.0), 100.0);
    let rounded = mul_add::<A, f64>(x, f64::LOG2_E, f64::ROUNDER);
    let r = mul_add::<A, f64>(rounded - f64::ROUNDER, -f64::LN_2, x);
    let p = horner!(A, r; 1.0, 1.0, 0.5000000078072988, 0.1666666686394125, 0.04166626935491612, 0.008333263630940198, 0.0013946116663988211, 0.0001991876527003559);
    p * rounded.exp2_of_rounded()
}

/// `eʳ⁺ᶜ` in two parts, for `|r| ≤ ln(2)/2` and a rounding error `c` of it.
#[inline(always)]
fn exp_of_reduced<A: Arch, T: Float>(r: T, c: T) -> (T, T) {
    let tail = mul_add::<A, T>(r * r, T::exp_tail::<A>(r), mul_add::<A, T>(c, r, c));
    let y = T::ONE + (r + tail);
    (y, ((T::ONE - y) + r) + tail)
}

/// `(y, e, k)` with `eˣ⁺ᶜ = 2ᵏ (y + e)`, for a `c` small against `x`.
#[inline(always)]
pub(super) fn exp_of_sum<A: Arch, T: Float>(x: T, c: T) -> (T, T, T) {
    let (least, most) = T::EXP_RANGE;
    let c = select(x > least && x < most, c, T::ZERO);
    let Reduced { k, r, c: rest } = reduce::<A, T>(at_most(at_least(x, least), most));
    let (r, c) = fast_two_sum(r, c + rest);
    let (y, e) = exp_of_reduced::<A, T>(r, c);
    (y, e, k)
}

/// `e^(-|x|)` in two parts.
#[inline(always)]
pub(super) fn exp_below_one<A: Arch, T: Float>(x: T) -> (T, T) {
    let Reduced { k, r, c } = reduce::<A, T>(at_least(-x.abs(), T::EXP_RANGE.0));
    let (y, e) = exp_of_reduced::<A, T>(r, c);
    let (first, second) = factors(k);
    (y * first * second, e * first * second)
}

/// `eˣ - 1 = 2ᵏ (n + c)`, with a rounding error `c` of `n`, and `u = 2⁻ᵏ` or a number too small to matter next to `n`.
struct Expm1<T> {
    n: T,
    c: T,
    u: T,
    k: T,
}

#[inline(always)]
fn expm1_parts<A: Arch, T: Float>(x: T) -> Expm1<T> {
    let Reduced { k, r, c } = reduce::<A, T>(x);
    let u = (T::ROUNDER - at_most(k, T::LARGE_EXPONENT)).exp2_of_rounded();
    let (square, rest) = two_product::<A, T>(T::HALF * r, r);
    let small = mul_add::<A, T>(square * r, T::TWO * T::exp_cubic::<A>(r), rest + c);
    let difference = T::ONE - u;
    let lost = (T::ONE - difference) - u;
    let (sum, error) = fast_two_sum(difference, r);
    let (sum, another) = fast_two_sum(sum, square);
    let (n, c) = fast_two_sum(sum, (error + another) + (small + lost));
    Expm1 { n, c, u, k }
}

/// `eˣ - 1`.
#[inline(always)]
pub(crate) fn expm1<A: Arch, T: Float>(x: T) -> T {
    let Expm1 { n, k, .. } = expm1_parts::<A, T>(at_most(at_least(x, T::EXPM1_LEAST), T::EXP_RANGE.1));
    scale(n, k).with_sign_of(x)
}

/// Hyperbolic sine, from `E = e^|x| - 1` as `(E + E / (E + 1)) / 2`.
#[inline(always)]
pub(crate) fn sinh<A: Arch, T: Float>(x: T) -> T {
    let Expm1 { n, c, u, k } = expm1_parts::<A, T>(at_most(x.abs(), T::EXP_RANGE.1));
    let (divisor, error) = two_sum(n, u);
    let inverse = T::ONE / divisor;
    let quotient = n * inverse;
    let missing = mul_add::<A, T>(-quotient, error, remainder::<A, T>(n, quotient, divisor)) * inverse;
    // The slope in `n` is `1 + (u / (n + u))²`.
    let rest = T::ONE - quotient;
    let (sum, lost) = fast_two_sum(n, u * quotient);
    let small = mul_add::<A, T>(u, missing, mul_add::<A, T>(c * rest, rest, c));
    scale(sum + (lost + small), k - T::ONE).with_sign_of(x)
}

/// Hyperbolic cosine.
#[inline(always)]
pub(crate) fn cosh<A: Arch, T: Float>(x: T) -> T {
    let Reduced { k, r, c } = reduce::<A, T>(at_most(x.abs(), T::EXP_RANGE.1));
    let u = (T::ROUNDER - at_most(k, T::LARGE_EXPONENT)).exp2_of_rounded();
    let (y, e) = exp_of_reduced::<A, T>(r, c);
    let inverse = T::ONE / y;
    let other = u * u * inverse;
    // The slope of `y + u² / y` is `1 - u² / y²`.
    scale(y + (other + mul_add::<A, T>(-other * inverse, e, e)), k - T::ONE)
}

/// Hyperbolic tangent, from `E = e^(2|x|) - 1` as the quotient `E / (E + 2)`, corrected for the rounding of all three.
#[inline(always)]
pub(crate) fn tanh<A: Arch, T: Float>(x: T) -> T {
    let Expm1 { n, c, u, .. } = expm1_parts::<A, T>(at_most(T::TWO * x.abs(), -T::EXPM1_LEAST));
    let (divisor, error) = two_sum(n, u + u);
    let inverse = T::ONE / divisor;
    let q = n * inverse;
    let missing = (remainder::<A, T>(n, q, divisor) + c) - q * (error + c);
    mul_add::<A, T>(missing, inverse, q).with_sign_of(x)
}

/// `1 / (1 + e⁻ˣ)`, corrected for all roundings but the last.
#[inline(always)]
pub(crate) fn sigmoid<A: Arch, T: Float>(x: T) -> T {
    sigmoid_of::<A, T>(exp_below_one::<A, T>(x), x >= T::ZERO)
}

/// The same at `x` and at `-x`.
#[inline(always)]
pub(crate) fn sigmoid_of_both<A: Arch, T: Float>(x: T) -> (T, T) {
    let (e, positive) = (exp_below_one::<A, T>(x), x >= T::ZERO);
    (sigmoid_of::<A, T>(e, positive), sigmoid_of::<A, T>(e, !positive))
}

/// The same from `e^(-|x|)` in two parts and the sign of `x`.
#[inline(always)]
fn sigmoid_of<A: Arch, T: Float>((e, e_low): (T, T), positive: bool) -> T {
    let (divisor, error) = fast_two_sum(T::ONE, e);
    let inverse = T::ONE / divisor;
    let (n, n_low) = (select(positive, T::ONE, e), select(positive, T::ZERO, e_low));
    let q = n * inverse;
    let missing = remainder::<A, T>(n, q, divisor) + (n_low - q * (error + e_low));
    mul_add::<A, T>(missing, inverse, q)
}
