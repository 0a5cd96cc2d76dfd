//! Divergences of distributions of one real number.

use ppl_tensor::Tensor;

use crate::special::ln_beta;
use crate::{Beta, Cauchy, Exponential, Gamma, HalfNormal, Laplace, Normal, Uniform};

/// `½ (r - 1 - ln r + d²)` with the ratio `r` of the variances and the distance `d` of the means in units of `q`.
pub(super) fn normal(p: &Normal, q: &Normal) -> Tensor {
    let ratio = (p.scale() / q.scale()).square();
    let distance = (p.loc() - q.loc()) / q.scale();
    (distance.square() + (&ratio - 1.0 - ratio.log())) * 0.5
}

/// Infinite unless `q` covers `p`.
pub(super) fn uniform(p: &Uniform, q: &Uniform) -> Tensor {
    let covered = q.low().le(p.low()).and(p.high().le(q.high()));
    covered.select((q.high() - q.low()).log() - (p.high() - p.low()).log(), f64::INFINITY)
}

/// With concentrations `a`, rates `b`: `(aₚ - a_q) ψ(aₚ) - ln Γ(aₚ) + ln Γ(a_q) + a_q ln(bₚ/b_q) + aₚ (b_q/bₚ - 1)`.
pub(super) fn gamma(p: &Gamma, q: &Gamma) -> Tensor {
    let (a, a_q) = (p.concentration(), q.concentration());
    let by_concentration = (a - a_q) * a.digamma() - a.lgamma() + a_q.lgamma();
    let rates = q.rate() / p.rate();
    by_concentration - a_q * rates.log() + a * (rates - 1.0)
}

/// `ln B(a_q, b_q) - ln B(aₚ, bₚ) + Σ (cₚ - c_q) ψ(cₚ)`, the sum over `a`, `b` and, subtracted, `a + b`.
pub(super) fn beta(p: &Beta, q: &Beta) -> Tensor {
    let (a, b) = (p.concentration1(), p.concentration0());
    let (a_q, b_q) = (q.concentration1(), q.concentration0());
    let (of_a, of_b) = (a - a_q, b - b_q);
    let digammas = &of_a * a.digamma() + &of_b * b.digamma() - (of_a + of_b) * (a + b).digamma();
    ln_beta(a_q, b_q) - ln_beta(a, b) + digammas
}

/// `½ (r - 1 - ln r)` with the ratio `r` of the squared scales.
pub(super) fn half_normal(p: &HalfNormal, q: &HalfNormal) -> Tensor {
    let ratio = (p.scale() / q.scale()).square();
    (&ratio - 1.0 - ratio.log()) * 0.5
}

/// `r - 1 - ln r` with the ratio `r` of the rate of `q` to that of `p`.
pub(super) fn exponential(p: &Exponential, q: &Exponential) -> Tensor {
    let ratio = q.rate() / p.rate();
    &ratio - 1.0 - ratio.log()
}

/// `ln(b_q/bₚ) + d/b_q + bₚ/b_q exp(-d/bₚ) - 1` with the scales `b` and the distance `d` of the locations.
pub(super) fn laplace(p: &Laplace, q: &Laplace) -> Tensor {
    let distance = (p.loc() - q.loc()).abs();
    let ratio = p.scale() / q.scale();
    &distance / q.scale() + &ratio * (-&distance / p.scale()).exp() - 1.0 - ratio.log()
}

/// `ln(((bₚ + b_q)² + d²) / (4 bₚ b_q))` with the scales `b` and the distance `d` of the locations (Chyzak and Nielsen
/// 2019).
pub(super) fn cauchy(p: &Cauchy, q: &Cauchy) -> Tensor {
    let (b, b_q) = (p.scale(), q.scale());
    let apart = (b - b_q).square() + (p.loc() - q.loc()).square();
    // (bₚ + b_q)² = (bₚ - b_q)² + 4 bₚ b_q: near each other nothing cancels.
    (apart / (4.0 * b * b_q)).log1p()
}
