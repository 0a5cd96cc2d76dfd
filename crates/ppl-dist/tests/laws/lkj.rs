//! The distribution of correlation matrices.

use ppl_core::{Distribution, Transform};
use ppl_dist::LkjCholesky;
use ppl_dist::transforms::CorrCholesky;
use ppl_tensor::{Key, Tensor};
use statrs::distribution::{Beta, Continuous, ContinuousCDF};

use crate::numerics::{P_THRESHOLD, assert_close, ks_p_value, values};

/// By theorem, partial correlation `z` of column `j` of `n` (from 0) has `(z + 1) / 2` of a beta distribution of two
/// concentrations `η + (n - 2 - j) / 2`, and all are independent: with the Jacobian that pins the density, constant
/// included.
#[test]
fn densities_are_those_of_partial_correlations() {
    for (size, concentration) in [(1, 2.0), (2, 0.4), (3, 1.0), (4, 2.5), (5, 0.7)] {
        let count = size * (size - 1) / 2;
        let x: Vec<f64> = (0..count).map(|i| (1.3 * i as f64).sin()).collect();
        let columns = (0..size).flat_map(|row| 0..row);
        let terms = columns.zip(&x).map(|(column, x)| {
            let both = concentration + (size - 2 - column) as f64 * 0.5;
            // dz/dx = 1 - z², and half of that for the interval.
            let z = x.tanh();
            Beta::new(both, both).unwrap().ln_pdf((z + 1.0) * 0.5) + ((1.0 - z * z) * 0.5).ln()
        });
        let expected: f64 = terms.sum();
        let x = Tensor::new([count], x.clone()).unwrap();
        let factor = CorrCholesky.forward(&x);
        let density = LkjCholesky::new(size, concentration).log_prob(&factor);
        let actual = density + CorrCholesky.log_abs_det_forward(&x, &factor);
        assert_close(&format!("size {size}"), &values(&actual), &[expected], 1e-12);
    }
}

/// Each correlation has `(r + 1) / 2` of a beta distribution of two concentrations `η - 1 + n/2`, whatever its place.
#[test]
fn correlations_have_the_marginal_of_the_literature() {
    for (key, (size, concentration)) in [(2, 0.6), (3, 1.0), (4, 3.0)].into_iter().enumerate() {
        let draws = LkjCholesky::new(size, concentration).sample_n(&Key::new(key as u64), 5000);
        let correlations = values(&draws.matmul(draws.t()));
        let both = concentration - 1.0 + size as f64 * 0.5;
        let marginal = Beta::new(both, both).unwrap();
        for (row, column) in [(1, 0), (size - 1, size - 2)] {
            let entry = row * size + column;
            let of_entry: Vec<f64> = correlations.iter().copied().skip(entry).step_by(size * size).collect();
            let p = ks_p_value(&of_entry, |r| marginal.cdf((r + 1.0) * 0.5));
            assert!(p > P_THRESHOLD, "size {size}, entry {row} {column}: p = {p}");
        }
    }
}

#[test]
fn tiny_concentrations_stay_inside() {
    let distribution = LkjCholesky::new(3, 1e-30);
    let draws = distribution.sample_n(&Key::new(7), 500);
    assert_eq!(values(&distribution.support().check(&draws).all_all()), [1.0]);
    assert!(values(&distribution.log_prob(&draws)).iter().all(|l| l.is_finite()));
}
