//! Functions that are an instruction or a few.

use super::float::{Arch, Float, select};

/// `-1`, `0` or `1`; NaN for NaN.
#[inline(always)]
pub(crate) fn sign<T: Float>(x: T) -> T {
    select(x > T::ZERO, T::ONE, select(x < T::ZERO, -T::ONE, x))
}

/// Largest integer not above `x`.
#[inline(always)]
pub(crate) fn floor<A: Arch, T: Float>(x: T) -> T {
    if A::FUSED {
        return x.floor_instruction();
    }
    let size = x.abs();
    let nearest = select(size < T::INTEGERS, (size + T::INTEGERS) - T::INTEGERS, size).with_sign_of(x);
    nearest - select(nearest > x, T::ONE, T::ZERO)
}

/// The larger; NaN if either is NaN.
#[inline(always)]
pub(crate) fn maximum<T: Float>(x: T, y: T) -> T {
    #[allow(clippy::eq_op)] // NaN alone is not itself.
    select(x > y || x != x, x, y)
}

/// The smaller; NaN if either is NaN.
#[inline(always)]
pub(crate) fn minimum<T: Float>(x: T, y: T) -> T {
    #[allow(clippy::eq_op)] // NaN alone is not itself.
    select(x < y || x != x, x, y)
}
