//! What the laws measure with: comparison, finite differences, p-values.

use ppl_tensor::Tensor;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The chance that some statistical test of this crate fails for other keys than the fixed ones, were all code right.
const SUITE_FALSE_ALARM: f64 = 1e-3;

/// How many p-values the suite computes at most.
const P_VALUES: f64 = 100.0;

/// Below this a p-value is a failure.
pub(crate) const P_THRESHOLD: f64 = SUITE_FALSE_ALARM / P_VALUES;

/// Standard errors that a mean of draws may be off: exceeded by chance in one of two million means.
pub(crate) const STANDARD_ERRORS: f64 = 5.0;

pub(crate) fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_f64().unwrap()
}

/// Whether two numbers agree up to a part of their size, or of 1 if they are small. Infinities and NaN must be equal.
pub(crate) fn agree(x: f64, y: f64, tolerance: f64) -> bool {
    x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= tolerance * y.abs().max(1.0)
}

#[track_caller]
pub(crate) fn assert_close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    let agrees = |(x, y): (&f64, &f64)| agree(*x, *y, tolerance);
    let all = actual.len() == expected.len() && actual.iter().zip(expected).all(agrees);
    assert!(all, "{what}: {actual:?}, expected {expected:?}");
}

/// Derivative by central differences, with the error of order four in the step.
pub(crate) fn derivative(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let step = 1e-4 * x.abs().max(1e-2);
    let slope = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
    (4.0 * slope(step) - slope(2.0 * step)) / 3.0
}

/// The same tensor with one element changed by a function.
pub(crate) fn with_element(tensor: &Tensor, index: usize, value: f64) -> Tensor {
    let mut elements = values(tensor);
    elements[index] = value;
    Tensor::new(tensor.shape(), elements).unwrap()
}

pub(crate) fn mean_and_variance(draws: &[f64]) -> (f64, f64) {
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Asserts that the mean of independent numbers is within [`STANDARD_ERRORS`] of what it should be.
#[track_caller]
pub(crate) fn assert_mean(what: &str, draws: &[f64], expected: f64) {
    let (mean, variance) = mean_and_variance(draws);
    let error = (variance / draws.len() as f64).sqrt();
    assert!(error.is_finite(), "{what}: a draw is not finite");
    let deviation = (mean - expected).abs();
    // Numbers that do not vary must be exact up to rounding.
    let rounding = 1e-12 * expected.abs();
    assert!(
        deviation <= STANDARD_ERRORS * error + rounding,
        "{what}: mean {mean} ± {error}, expected {expected}"
    );
}

/// P-value of the Kolmogorov–Smirnov test of draws against a distribution function (asymptotic, with Stephens's
/// correction).
pub(crate) fn ks_p_value(draws: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = draws.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let gap = |(i, &x): (usize, &f64)| {
        let height = cdf(x);
        (height - i as f64 / n).max((i + 1) as f64 / n - height)
    };
    let largest = sorted.iter().enumerate().map(gap).fold(0.0, f64::max);
    let lambda = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * largest;
    let terms = (1..100).map(|k| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * (f64::from(k) * lambda).powi(2)).exp()
    });
    if lambda < 0.2 { 1.0 } else { terms.sum::<f64>().clamp(0.0, 1.0) }
}

/// P-value of Pearson's test of counts against probabilities. Rare outcomes are counted together, so that each cell is
/// expected to hold five.
pub(crate) fn chi_square_p_value(counts: &[f64], probabilities: &[f64]) -> f64 {
    let n: f64 = counts.iter().sum();
    let mut cells: Vec<(f64, f64)> = counts.iter().zip(probabilities).map(|(&c, p)| (c, n * p)).collect();
    cells.sort_by(|a, b| b.1.total_cmp(&a.1));
    while let [.., (count, expected), (rare, least)] = cells[..]
        && least < 5.0
    {
        cells.truncate(cells.len() - 2);
        cells.push((count + rare, expected + least));
    }
    let statistic: f64 = cells.iter().map(|(count, expected)| (count - expected).powi(2) / expected).sum();
    1.0 - ChiSquared::new((cells.len() - 1) as f64).unwrap().cdf(statistic)
}
