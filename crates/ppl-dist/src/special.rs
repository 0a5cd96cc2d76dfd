//! Functions that several densities share, with the limits that plain formulas miss.

use ppl_tensor::{DType, Tensor};

/// `ln √(2π)`.
pub(crate) const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// `x ln y`, which is 0 where both are 0.
pub(crate) fn xlogy(x: &Tensor, y: &Tensor) -> Tensor {
    let vanishes = x.eq(0.0).and(y.eq(0.0));
    x * vanishes.select(1.0, y).log()
}

/// `x ln(1 + y)`, which is 0 where `x` is 0 and `y` is -1.
pub(crate) fn xlog1py(x: &Tensor, y: &Tensor) -> Tensor {
    let vanishes = x.eq(0.0).and(y.eq(-1.0));
    x * vanishes.select(0.0, y).log1p()
}

/// Logarithm of the beta function `Γ(a) Γ(b) / Γ(a + b)`.
pub(crate) fn ln_beta(a: &Tensor, b: &Tensor) -> Tensor {
    a.lgamma() + b.lgamma() - (a + b).lgamma()
}

/// The draws, moved to the smallest positive normal number where they have underflowed.
pub(crate) fn above_zero(draws: &Tensor) -> Tensor {
    draws.maximum(smallest_positive(draws.dtype()))
}

/// The draws, moved to the nearest numbers inside (0, 1) where they were rounded to an end.
pub(crate) fn inside_unit_interval(draws: &Tensor) -> Tensor {
    let below_one = 1.0 - 0.5 * epsilon(draws.dtype());
    above_zero(draws).minimum(below_one)
}

/// The draws, moved to the nearest numbers inside (low, high) where they were rounded to an end.
pub(crate) fn inside_interval(draws: &Tensor, low: &Tensor, high: &Tensor) -> Tensor {
    above(draws, low).minimum(high - spacing(high, draws.dtype()))
}

/// The draws, moved to the next number above a bound where they were rounded to it.
pub(crate) fn above(draws: &Tensor, bound: &Tensor) -> Tensor {
    draws.maximum(bound + spacing(bound, draws.dtype()))
}

fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(f32::EPSILON),
        _ => f64::EPSILON,
    }
}

/// What to add to a number to reach the next and no further: a bit more than half of the relative spacing, wherever
/// between two powers of two the number is.
fn spacing(x: &Tensor, dtype: DType) -> Tensor {
    (x.abs() * (0.500_01 * epsilon(dtype))).maximum(smallest_positive(dtype))
}

/// The finite number furthest below 0.
pub(crate) fn lowest(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(f32::MIN),
        _ => f64::MIN,
    }
}

fn smallest_positive(dtype: DType) -> f64 {
    match dtype {
        DType::F32 => f64::from(f32::MIN_POSITIVE),
        _ => f64::MIN_POSITIVE,
    }
}
