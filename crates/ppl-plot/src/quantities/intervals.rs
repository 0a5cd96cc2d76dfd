//! Intervals that hold a share of draws.

use ppl_mcmc::diagnostics::quantile;

/// The interval with equal shares of finite draws below and above. NaN of none.
pub fn eti(draws: &[f64], probability: f64) -> (f64, f64) {
    let sorted = sorted(draws);
    let tail = (1.0 - probability.clamp(0.0, 1.0)) / 2.0;
    (quantile(&sorted, tail), quantile(&sorted, 1.0 - tail))
}

/// The shortest interval between two finite draws that holds at least a share of them (Hyndman 1996, "Computing and
/// graphing highest density regions"): for one hill. NaN of none.
pub fn hdi(draws: &[f64], probability: f64) -> (f64, f64) {
    let sorted = sorted(draws);
    let Some(last) = sorted.len().checked_sub(1) else { return (f64::NAN, f64::NAN) };
    let steps = ((probability.clamp(0.0, 1.0) * sorted.len() as f64).floor() as usize).min(last);
    let intervals = sorted.iter().zip(&sorted[steps..]).map(|(low, high)| (*low, *high));
    // The first of equally short ones.
    let shorter = |a: (f64, f64), b: (f64, f64)| if b.1 - b.0 < a.1 - a.0 { b } else { a };
    intervals.reduce(shorter).unwrap_or((f64::NAN, f64::NAN))
}

fn sorted(draws: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = draws.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}
