//! Values of other implementations.

use std::sync::Arc;

use ppl_core::Distribution;
use ppl_dist::{Bernoulli, Beta, Categorical, Gamma, LogNormal, MultivariateNormal, Normal, Uniform};
use ppl_tensor::{DType, Tensor};

use crate::numerics::{agree, assert_close, values};
use crate::scipy::SCIPY;

/// Moments, entropy and values at some points of a distribution of two arguments.
pub(crate) struct Reference {
    pub(crate) name: &'static str,
    pub(crate) arguments: [f64; 2],
    pub(crate) tolerance: f64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    pub(crate) entropy: f64,
    pub(crate) points: &'static [Point],
}

pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) log_prob: f64,
    pub(crate) cdf: f64,
}

fn make(name: &str, [a, b]: [f64; 2]) -> Arc<dyn Distribution> {
    match name {
        "Normal" => Arc::new(Normal::new(a, b)),
        "LogNormal" => Arc::new(LogNormal::new(a, b)),
        "Uniform" => Arc::new(Uniform::new(a, b)),
        "Gamma" => Arc::new(Gamma::new(a, b)),
        "Beta" => Arc::new(Beta::new(a, b)),
        other => panic!("{other} is not in the table"),
    }
}

#[test]
fn densities_are_those_of_scipy() {
    for reference in SCIPY {
        let (name, arguments) = (reference.name, reference.arguments);
        let distribution = make(name, arguments);
        let x = Tensor::from(reference.points.iter().map(|p| p.x).collect::<Vec<_>>());
        let log_probs = values(&distribution.log_prob(&x));
        for (point, log_prob) in reference.points.iter().zip(log_probs) {
            let good = agree(log_prob, point.log_prob, reference.tolerance);
            assert!(good, "{name}{arguments:?} at {}: {log_prob}, SciPy {}", point.x, point.log_prob);
        }
    }
}

#[test]
fn distribution_functions_are_those_of_scipy() {
    for reference in SCIPY.iter().filter(|r| r.points.iter().any(|p| !p.cdf.is_nan())) {
        let x = Tensor::from(reference.points.iter().map(|p| p.x).collect::<Vec<_>>());
        let expected: Vec<f64> = reference.points.iter().map(|p| p.cdf).collect();
        let cdf = values(&make(reference.name, reference.arguments).cdf(&x));
        assert_close(
            &format!("{}{:?}", reference.name, reference.arguments),
            &cdf,
            &expected,
            reference.tolerance,
        );
    }
}

#[test]
fn moments_and_entropies_are_those_of_scipy() {
    for reference in SCIPY {
        let distribution = make(reference.name, reference.arguments);
        let what = |of: &str| format!("{of} of {}{:?}", reference.name, reference.arguments);
        let relative = |actual: Tensor, expected: f64| vec![values(&actual)[0] / expected];
        // Of a variance 1e-10 the digits count as of any other.
        if reference.mean != 0.0 {
            assert_close(&what("mean"), &relative(distribution.mean(), reference.mean), &[1.0], 1e-12);
        }
        let variance = relative(distribution.variance(), reference.variance);
        assert_close(
            &what("variance"),
            &variance,
            &[1.0],
            if reference.name == "Uniform" { 1e-7 } else { 1e-12 },
        );
        let tolerance = reference.tolerance.max(1e-12);
        assert_close(&what("entropy"), &values(&distribution.entropy()), &[reference.entropy], tolerance);
    }
}

// SciPy 1.17.1: multivariate_normal(loc, L Lᵀ).logpdf and .entropy.
#[test]
fn the_multivariate_normal_is_that_of_scipy() {
    let loc = Tensor::from([0.5, -1.0, 2.0]);
    let factor = Tensor::from([[1.5, 0.0, 0.0], [0.3, 0.8, 0.0], [-0.7, 0.2, 2.0]]);
    let covariance = Tensor::from([[2.25, 0.45, -1.05], [0.45, 0.73, -0.05], [-1.05, -0.05, 4.53]]);
    let precision = Tensor::from([
        [0.5736805555555554, -0.34479166666666655, 0.12916666666666662],
        [-0.34479166666666655, 1.5781249999999998, -0.06249999999999997],
        [0.12916666666666662, -0.06249999999999997, 0.25],
    ]);
    let points = Tensor::from([[0.0, 0.0, 0.0], [0.5, -1.0, 2.0], [3.0, -2.0, 10.0]]);
    let expected = [-5.419619406412365, -3.632284336967918, -18.159411073079053];
    for distribution in [
        MultivariateNormal::with_scale_tril(&loc, &factor),
        MultivariateNormal::with_covariance(&loc, &covariance),
        MultivariateNormal::with_precision(&loc, &precision),
    ] {
        distribution.validate().unwrap();
        assert_close("log density", &values(&distribution.log_prob(&points)), &expected, 1e-12);
        assert_close("entropy", &values(&distribution.entropy()), &[5.132284336967918], 1e-12);
        assert_close("variance", &values(&distribution.variance()), &[2.25, 0.73, 4.53], 1e-12);
        assert_close("factor", &values(distribution.scale_tril()), &values(&factor), 1e-12);
        let full = values(&distribution.covariance_matrix());
        assert_close("covariance", &full, &values(&covariance), 1e-12);
    }
}

// SciPy 1.17.1: bernoulli(p).logpmf and .entropy.
#[test]
fn the_bernoulli_is_that_of_scipy() {
    let inf = f64::INFINITY;
    for (p, log_probs, entropy) in [
        (0.0_f64, [0.0, -inf], 0.0),
        (1e-12, [-1.0000000000005e-12, -27.631021115928547], 2.8630998994207924e-11),
        (0.3, [-0.35667494393873245, -1.2039728043259361], 0.6108643020548935),
        (1.0, [-inf, 0.0], 0.0),
    ] {
        let of_probs = Bernoulli::new(p);
        let of_logits = Bernoulli::with_logits((p / (1.0 - p)).ln());
        for distribution in [&of_probs, &of_logits] {
            for outcomes in [
                Tensor::from([0.0, 1.0]),
                Tensor::from(vec![0_i64, 1]),
                Tensor::from(vec![false, true]),
                Tensor::from([0.0, 1.0]).cast(DType::F32),
            ] {
                let tolerance = if outcomes.dtype() == DType::F32 { 1e-6 } else { 1e-15_f64 };
                let actual = values(&distribution.log_prob(&outcomes));
                assert_close("log probability", &actual, &log_probs, tolerance.max(1e-14));
                // A tiny logarithm has as many digits as any other.
                let relative =
                    |i: usize| actual[i] == log_probs[i] || agree(actual[i] / log_probs[i], 1.0, tolerance);
                assert!(
                    outcomes.dtype() == DType::F32 || relative(0) && relative(1),
                    "{actual:?}, {log_probs:?}"
                );
            }
        }
        assert_close("entropy", &values(&of_probs.entropy()), &[entropy], 1e-15);
        if p > 0.0 && p < 1.0 {
            assert_close("entropy", &values(&of_logits.entropy()), &[entropy], 1e-15);
            assert_close("variance", &values(&of_logits.variance()), &[p * (1.0 - p)], 1e-15);
        }
    }
    let extreme = Bernoulli::with_logits(Tensor::from([-800.0, 800.0]));
    assert_close("far logits", &values(&extreme.log_prob(&Tensor::from([1.0, 1.0]))), &[-800.0, 0.0], 0.0);
    assert_close("far logits", &values(&extreme.log_prob(&Tensor::from([0.5, 2.0]))), &[-inf, -inf], 0.0);
}

// SciPy 1.17.1: entropy(probs).
#[test]
fn the_categorical_has_logarithms_of_its_probabilities() {
    let probs = Tensor::from([0.1, 0.2, 0.3, 0.4]);
    let all = Tensor::from(vec![0_i64, 1, 2, 3]);
    let logs: Vec<f64> = values(&probs).iter().map(|p| p.ln()).collect();
    for distribution in [Categorical::new(&probs), Categorical::with_logits(probs.log() + 7.0)] {
        assert_close("log probability", &values(&distribution.log_prob(&all)), &logs, 1e-14);
        assert_close("of floats", &values(&distribution.log_prob(&all.cast(DType::F64))), &logs, 1e-14);
        assert_close("entropy", &values(&distribution.entropy()), &[1.2798542258336676], 1e-14);
        assert_close("probs", &values(&distribution.probs()), &values(&probs), 1e-14);
        let outside = values(&distribution.log_prob(&Tensor::from([-1.0, 4.0, 1.5, f64::NAN])));
        assert_close("outside", &outside, &[f64::NEG_INFINITY; 4], 0.0);
    }
    let with_zero = Categorical::new(Tensor::from([0.5, 0.5, 0.0]));
    assert_close("entropy", &values(&with_zero.entropy()), &[std::f64::consts::LN_2], 1e-15);
}
