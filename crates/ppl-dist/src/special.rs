//! Functions that several densities share, with the limits that plain formulas miss.

use ppl_tensor::{DType, Tensor};

/// `ln √(2π)`.
pub(crate) const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// Euler's constant, the mean of a standard Gumbel variate.
pub(crate) const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

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

/// The finite number furthest above 0.
pub(crate) fn highest(dtype: DType) -> f64 {
    -lowest(dtype)
}

/// `ln(1 + (z / unit)²)` for a positive unit, also where the quotient or the square would overflow.
pub(crate) fn log1p_square(z: &Tensor, unit: &Tensor) -> Tensor {
    let far = z.abs().gt(unit);
    // Either branch squares numbers up to 1 alone.
    let distance = far.select(z, unit);
    let small = far.select(unit / &distance, z / unit);
    small.square().log1p() + far.select(2.0 * (distance.abs().log() - unit.log()), 0.0)
}

/// Tangent of angles between -π/2 and π/2, finite where rounding leads to the ends.
pub(crate) fn tangent(angle: &Tensor) -> Tensor {
    angle.sin() / angle.cos().maximum(0.25 * epsilon(angle.dtype()))
}

/// Numbers from which on asymptotic series in `1/x` are accurate to rounding.
const LARGE: f64 = 20.0;

/// A series where `x` is large, something direct elsewhere; each sees numbers for which it is meant.
fn by_size(x: &Tensor, direct: impl Fn(&Tensor) -> Tensor, series: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let large = x.ge(LARGE);
    large.select(series(&large.select(x, LARGE)), direct(&large.select(1.0, x)))
}

/// `c₀ + c₁ y + c₂ y² + …`.
fn polynomial(y: &Tensor, coefficients: &[f64]) -> Tensor {
    let next = |sum: Tensor, &coefficient: &f64| sum * y + coefficient;
    coefficients.iter().rev().fold(Tensor::from(0.0), next)
}

/// `ln Γ(x + ½) - ln Γ(x)`: for large `x` by the expansion of Tricomi and Erdélyi (1951), as the difference would
/// cancel.
pub(crate) fn half_step_of_ln_gamma(x: &Tensor) -> Tensor {
    let direct = |x: &Tensor| (x + 0.5).lgamma() - x.lgamma();
    let series = |x: &Tensor| {
        let inverse = x.reciprocal();
        let terms = [-1.0 / 8.0, 1.0 / 192.0, -1.0 / 640.0, 17.0 / 14336.0];
        x.log() * 0.5 + &inverse * polynomial(&inverse.square(), &terms)
    };
    by_size(x, direct, series)
}

/// `ψ(x + ½) - ψ(x)`: the slope of [`half_step_of_ln_gamma`].
pub(crate) fn half_step_of_digamma(x: &Tensor) -> Tensor {
    let direct = |x: &Tensor| (x + 0.5).digamma() - x.digamma();
    let series = |x: &Tensor| {
        let inverse = x.reciprocal();
        let terms = [1.0 / 8.0, -1.0 / 64.0, 1.0 / 128.0, -17.0 / 2048.0];
        &inverse * 0.5 + inverse.square() * polynomial(&inverse.square(), &terms)
    };
    by_size(x, direct, series)
}

/// Logarithm of the number of ways to choose `k` of `n`, for `0 ≤ k ≤ n`: exactly 0 for none and for all.
pub(crate) fn ln_choose(n: &Tensor, k: &Tensor) -> Tensor {
    (n + 1.0).lgamma() - (k + 1.0).lgamma() - (n - k + 1.0).lgamma()
}
