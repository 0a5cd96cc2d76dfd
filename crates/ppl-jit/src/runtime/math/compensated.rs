//! Numbers as unevaluated sums of two, for the steps of a function that round numbers of the size of its value.

use super::float::{Arch, Float, mul_add};

/// The rounded sum and its error (Knuth).
#[inline(always)]
pub(super) fn two_sum<T: Float>(x: T, y: T) -> (T, T) {
    let sum = x + y;
    let of_y = sum - x;
    (sum, (x - (sum - of_y)) + (y - of_y))
}

/// The rounded sum and its error, where `|x| ≥ |y|` or `x = 0` (Dekker).
#[inline(always)]
pub(super) fn fast_two_sum<T: Float>(x: T, y: T) -> (T, T) {
    let sum = x + y;
    (sum, y - (sum - x))
}

/// The rounded product and its error, unless they underflow; without a fused product, the error of doubles to a unit of
/// theirs times the product's (Dekker, with halves from the bits: they cannot overflow).
#[inline(always)]
pub(super) fn two_product<A: Arch, T: Float>(x: T, y: T) -> (T, T) {
    let product = x * y;
    if A::FUSED {
        return (product, x.fused(y, -product));
    }
    let ((a, c), (b, d)) = (halves(x), halves(y));
    (product, ((a * b - product) + a * d + c * b) + c * d)
}

#[inline(always)]
fn halves<T: Float>(x: T) -> (T, T) {
    let high = x.high_half();
    (high, x - high)
}

/// `n - q d` for a `q` near `n / d`: as exact as [`two_product`].
#[inline(always)]
pub(super) fn remainder<A: Arch, T: Float>(n: T, q: T, d: T) -> T {
    if A::FUSED {
        return (-q).fused(d, n);
    }
    let (product, error) = two_product::<A, T>(q, d);
    (n - product) - error
}

/// `x y + rest`, rounded once, for a `rest` small against the product.
#[inline(always)]
pub(super) fn product_and<A: Arch, T: Float>(x: T, y: T, rest: T) -> T {
    if A::FUSED {
        return x.fused(y, rest);
    }
    let (product, error) = two_product::<A, T>(x, y);
    product + (error + rest)
}

/// `1/x` in two parts, for an `x` neither so small nor so large that either underflows.
#[inline(always)]
pub(super) fn reciprocal<A: Arch, T: Float>(x: T) -> (T, T) {
    let q = T::ONE / x;
    (q, remainder::<A, T>(T::ONE, q, x) * q)
}

/// A product of two numbers in two parts each.
#[inline(always)]
pub(super) fn product<A: Arch, T: Float>((x, x_low): (T, T), (y, y_low): (T, T)) -> (T, T) {
    let (high, error) = two_product::<A, T>(x, y);
    (high, mul_add::<A, T>(x, y_low, mul_add::<A, T>(x_low, y, error)))
}

/// `c + x p`, the last step of Horner's scheme or one before it, for `|c| ≥ |x p|`.
#[inline(always)]
pub(super) fn step<A: Arch, T: Float>(c: T, x: T, (p, p_low): (T, T)) -> (T, T) {
    let (product, error) = two_product::<A, T>(x, p);
    let (sum, lost) = fast_two_sum(c, product);
    (sum, lost + mul_add::<A, T>(x, p_low, error))
}

/// The same for an `x` in two parts.
#[inline(always)]
pub(super) fn step_at<A: Arch, T: Float>(c: T, (x, x_low): (T, T), p: (T, T)) -> (T, T) {
    let (value, low) = step::<A, T>(c, x, p);
    (value, mul_add::<A, T>(x_low, p.0, low))
}
