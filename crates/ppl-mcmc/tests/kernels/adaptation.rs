//! What a warm-up learns, against numbers made elsewhere.

use ppl_mcmc::{DualAveraging, Kernel, Metric, Nuts, Welford};
use ppl_tensor::Key;
use proptest::prelude::*;

use crate::targets::Gaussian;

/// Algorithm 5 of Hoffman and Gelman (2014), written in Python from the paper.
#[test]
fn dual_averaging_follows_the_paper() {
    let mut averaging = DualAveraging::new(0.3, 0.8);
    assert_eq!(averaging.average(), None);
    let acceptances = [0.1, 0.95, 0.7, 0.0, 1.0, 0.83, 0.6, 0.9];
    let expected = [
        (8.402002824649465e-01, 8.402002824649465e-01),
        (8.20574853481379e-01, 8.284750692909906e-01),
        (5.307636189532925e-01, 6.814689301570613e-01),
        (4.763226771734586e-02, 2.660108049775022e-01),
        (7.221065456405149e-02, 1.80109522102668e-01),
        (7.158572695606709e-02, 1.415834331789213e-01),
        (3.610410438934489e-02, 1.030652448927822e-01),
        (4.737088429973748e-02, 8.752667385409546e-02),
    ];
    for (acceptance, (step, average)) in acceptances.into_iter().zip(expected) {
        let found = averaging.update(acceptance);
        assert!((found / step - 1.0).abs() < 1e-12, "{found}, not {step}");
        let found = averaging.average().unwrap();
        assert!((found / average - 1.0).abs() < 1e-12, "{found}, not {average}");
    }
    let mut other = averaging.clone();
    assert_eq!(averaging.update(f64::NAN), other.update(0.0));
}

proptest! {
    /// Covariances are those of two passes, and do not depend on a shift.
    #[test]
    fn running_covariances_are_those_of_all(
        rows in prop::collection::vec(prop::collection::vec(-5.0..5.0f64, 3), 2..20),
        shift in -1e3..1e3f64,
    ) {
        let (mut dense, mut diagonal) = (Welford::new(3, true), Welford::new(3, false));
        for row in &rows {
            let shifted: Vec<f64> = row.iter().map(|x| x + shift).collect();
            dense.add(&shifted);
            diagonal.add(&shifted);
        }
        let n = rows.len() as f64;
        let mean = |i: usize| rows.iter().map(|row| row[i]).sum::<f64>() / n;
        let (found, variances, shrunk) = (dense.covariance(), diagonal.covariance(), dense.regularised());
        for i in 0..3 {
            for j in 0..3 {
                let products = rows.iter().map(|row| (row[i] - mean(i)) * (row[j] - mean(j)));
                let expected = products.sum::<f64>() / (n - 1.0);
                // Sums of squares up to 25 of numbers of size 1000, each with an error of 1e-13.
                prop_assert!((found[3 * i + j] - expected).abs() < 1e-9);
                let ridge = if i == j { 1e-3 * 5.0 } else { 0.0 };
                prop_assert!((shrunk[3 * i + j] - (n * expected + ridge) / (n + 5.0)).abs() < 1e-9);
            }
            prop_assert!((variances[i] - found[4 * i]).abs() < 1e-12);
        }
    }
}

/// For a normal target the ratio of variances is exact for draws of any number: that of draws to that of gradients, `σ⁴`.
#[test]
fn scales_of_a_normal_target_are_found() {
    let sd = [1e-3, 1.0, 500.0];
    let mut target = Gaussian::independent(&[1.0, -4.0, 1e4], &sd);
    let mut nuts = Nuts::new();
    let stream = Key::new(4).stream().unwrap();
    let mut state = nuts.init(&mut target, &[1.001, -4.0, 9.9e3], 200, stream).unwrap();
    assert!(state.is_warming_up());
    for _ in 0..200 {
        nuts.step(&mut target, &mut state).unwrap();
    }
    assert!(!state.is_warming_up() && state.taken() == 200 && state.step_size() > 0.3);
    let Metric::Diagonal { variance, .. } = state.metric() else { panic!("{:?}", state.metric()) };
    for (found, sd) in variance.iter().zip(sd) {
        assert!((found / (sd * sd) - 1.0).abs() < 1e-6, "{found}, not {}", sd * sd);
    }
}
