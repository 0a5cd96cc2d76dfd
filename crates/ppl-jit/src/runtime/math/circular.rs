//! Sine and cosine.

use super::compensated::{fast_two_sum, two_product, two_sum};
use super::float::{Arch, Float, horner, mul_add, select};
use super::logarithm::log;

/// The largest argument whose distance from a multiple of π/2 the reduction knows to all digits.
pub(super) const REDUCIBLE: f64 = 1e6;

const FRAC_2_PI: f64 = std::f64::consts::FRAC_2_PI;

/// Sines of an angle and of one a quarter turn ahead.
pub(crate) trait Circular: Sized {
    /// `sin(x + quarters · π/2)` for `|x|` up to [`REDUCIBLE`].
    fn sin_from<A: Arch>(self, quarters: u64) -> Self;
    /// `(cos 2πv, sin 2πv)` for `v` in `[0, 1]`.
    fn on_circle<A: Arch>(self) -> (Self, Self);
}

/// Sine of `x`, for `|x|` up to a million; loops of [`unary`](super::unary) are right beyond it too.
#[inline(always)]
pub(crate) fn sin<A: Arch, T: Float>(x: T) -> T {
    // Of tiny arguments the products underflow.
    select(x.abs() < T::narrow(1e-10), x, x.sin_from::<A>(0))
}

/// Cosine of `x`, for `|x|` up to a million; loops of [`unary`](super::unary) are right beyond it too.
#[inline(always)]
pub(crate) fn cos<A: Arch, T: Float>(x: T) -> T {
    x.sin_from::<A>(1)
}

/// Two independent standard normal numbers from two uniform ones in `(0, 1)`:
/// `√(-2 ln u)` times the cosine and the sine of `2πv` (Box and Muller 1958).
#[inline(always)]
pub(crate) fn box_muller<A: Arch, T: Float>(u: T, v: T) -> (T, T) {
    let radius = (-T::TWO * log::<A, T>(u)).sqrt();
    let (cosine, sine) = v.on_circle::<A>();
    (radius * cosine, radius * sine)
}

/// `x` rounded to an integer, and the same integer in the last bits of a word.
#[inline(always)]
fn nearest<A: Arch>(x: f64, factor: f64) -> (f64, u64) {
    let rounded = mul_add::<A, f64>(x, factor, f64::ROUNDER);
    (rounded - f64::ROUNDER, rounded.to_bits())
}

/// The sine after a number of quarter turns, from the sine and cosine of the angle.
#[inline(always)]
fn after(quarters: u64, sine: f64, cosine: f64) -> f64 {
    let value = select(quarters & 1 == 0, sine, cosine);
    f64::from_bits(value.to_bits() ^ (quarters & 2) << 62)
}

/// `x - n π/2` as a sum of two, for integers `n` below 2²⁰ near `x · 2/π` (Cody and Waite).
#[inline(always)]
fn reduce<A: Arch>(x: f64, n: f64) -> (f64, f64) {
    if A::FUSED {
        // π/2 in three parts; the first difference has few bits and is exact.
        let (product, error) = two_product::<A, f64>(n, 6.123233995736766e-17);
        let (r, rest) = two_sum(n.fused(-std::f64::consts::FRAC_PI_2, x), -product);
        return fast_two_sum(r, n.fused(1.4973849048591698e-33, rest - error));
    }
    // In four, three of them of 33 bits, whose products with `n` are exact.
    let (r, first) = two_sum(x - n * 1.5707963267341256, n * -6.077100506303966e-11);
    let (r, second) = two_sum(r, n * -2.0222662487111665e-21);
    fast_two_sum(r, (first + second) - n * 8.4784276603689e-32)
}

/// `sin(r + c)` for `|r| ≤ π/4` and a rounding error `c`: degree 5 in `r²` for an error of `2⁻⁵⁸`.
#[inline(always)]
fn sin_of_reduced<A: Arch>(r: f64, c: f64) -> f64 {
    let z = r * r;
    let p = horner!(A, z;
        -0.16666666666666632,
        0.00833333333332237,
        -0.00019841269829770682,
        2.7557313678388838e-06,
        -2.505075590804056e-08,
        1.5896663036165714e-10,
    );
    r + mul_add::<A, f64>(z * r, p, c - 0.5 * z * c)
}

/// `cos(r + c)`, likewise: degree 5 for an error of `2⁻⁶⁴`.
#[inline(always)]
fn cos_of_reduced<A: Arch>(r: f64, c: f64) -> f64 {
    let z = r * r;
    let p = horner!(A, z;
        0.0416666666666666,
        -0.0013888888888874066,
        2.4801587289444854e-05,
        -2.7557314341055755e-07,
        2.0875721677866392e-09,
        -1.1359562144244692e-11,
    );
    let half = 0.5 * z;
    let w = 1.0 - half;
    w + (((1.0 - w) - half) + mul_add::<A, f64>(z * z, p, -r * c))
}

/// `sin r`, for single precision: degree 3 for an error of `2⁻³⁷`.
#[inline(always)]
fn short_sin<A: Arch>(r: f64) -> f64 {
    let z = r * r;
    let p = horner!(A, z;
        -0.16666666641533354, 0.008333329374550393, -0.00019839331084188657, 2.7182750182237676e-06,
    );
    mul_add::<A, f64>(z * r, p, r)
}

/// `cos r`, for single precision: degree 2 for an error of `2⁻³³`.
#[inline(always)]
fn short_cos<A: Arch>(r: f64) -> f64 {
    let z = r * r;
    horner!(A, z; 1.0, -0.5, 0.04166664681902343, -0.0013887365059855649, 2.4438151873109302e-05)
}

impl Circular for f64 {
    #[inline(always)]
    fn sin_from<A: Arch>(self, quarters: u64) -> Self {
        let (n, turns) = nearest::<A>(self, FRAC_2_PI);
        let (r, c) = reduce::<A>(self, n);
        let (sine, cosine) = (sin_of_reduced::<A>(r, c), cos_of_reduced::<A>(r, c));
        after(turns.wrapping_add(quarters), sine, cosine)
    }

    #[inline(always)]
    fn on_circle<A: Arch>(self) -> (Self, Self) {
        const TAU_LOW: f64 = 2.4492935982947064e-16;
        let (n, turns) = nearest::<A>(self, 4.0);
        let part = mul_add::<A, f64>(n, -0.25, self);
        let (r, c) = two_product::<A, f64>(part, std::f64::consts::TAU);
        let c = mul_add::<A, f64>(part, TAU_LOW, c);
        let (sine, cosine) = (sin_of_reduced::<A>(r, c), cos_of_reduced::<A>(r, c));
        (after(turns.wrapping_add(1), sine, cosine), after(turns, sine, cosine))
    }
}

impl Circular for f32 {
    #[inline(always)]
    fn sin_from<A: Arch>(self, quarters: u64) -> Self {
        let x = f64::from(self);
        let (n, turns) = nearest::<A>(x, FRAC_2_PI);
        // π/2 in 33 and 53 bits.
        let r = mul_add::<A, f64>(n, -6.077100506506192e-11, mul_add::<A, f64>(n, -1.5707963267341256, x));
        after(turns.wrapping_add(quarters), short_sin::<A>(r), short_cos::<A>(r)) as f32
    }

    #[inline(always)]
    fn on_circle<A: Arch>(self) -> (Self, Self) {
        let v = f64::from(self);
        let (n, turns) = nearest::<A>(v, 4.0);
        let r = mul_add::<A, f64>(n, -0.25, v) * std::f64::consts::TAU;
        let (sine, cosine) = (short_sin::<A>(r), short_cos::<A>(r));
        (after(turns.wrapping_add(1), sine, cosine) as f32, after(turns, sine, cosine) as f32)
    }
}
