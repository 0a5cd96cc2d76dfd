//! Whether a sampler draws from the posterior that it was given, found out with data that the model itself makes.
//!
//! [`Calibration`] asks of a sampler as it is used, warm-up included, and of many simulated data sets; [`Geweke`] asks of
//! the transitions of a kernel alone, and is the sharper test of those.

mod geweke;
mod joint;
mod report;
mod simulations;
mod threads;
mod uniformity;

pub use geweke::{Geweke, GewekeReport, GewekeRow};
pub use joint::{Joint, ModelJoint};
pub use report::{CalibrationReport, CalibrationRow, Misfit};
pub use simulations::Calibration;

/// Verdicts are wrong about a right sampler no more often than this.
const LEVEL: f64 = 0.01;

/// Holm's (1979) adjustment of p-values for their number: of all that are below a level now, the probability that one is of
/// a true hypothesis is below that level, however they depend on each other.
fn holm(p_values: &[f64]) -> Vec<f64> {
    let n = p_values.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let (mut adjusted, mut largest) = (vec![0.0; n], 0.0_f64);
    for (place, &i) in order.iter().enumerate() {
        largest = largest.max(((n - place) as f64 * p_values[i]).min(1.0));
        adjusted[i] = largest;
    }
    adjusted
}

/// A p-value with as many digits as say something.
fn p_text(p: f64) -> String {
    match p {
        // Below is the rounding of its sums.
        p if p < 1e-12 => "<1e-12".into(),
        p if p < 1e-4 => format!("{p:.0e}"),
        p => format!("{p:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::holm;

    /// Multiplied by 5, 4, 3, 2, 1 from the smallest on, and never below one before.
    #[test]
    fn p_values_are_adjusted_for_their_number() {
        let found = holm(&[0.01, 0.04, 0.03, 0.005, 0.8]);
        let expected = [0.04, 0.09, 0.09, 0.025, 0.8];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
        assert!(holm(&[]).is_empty());
    }
}
