//! Values of other implementations.

use std::sync::Arc;

use ppl_core::Distribution;
use ppl_dist::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Dirichlet, Exponential, Gamma, Geometric, Gumbel,
    HalfCauchy, HalfNormal, InverseGamma, Laplace, LogNormal, Logistic, LowRankMultivariateNormal,
    Multinomial, MultivariateNormal, NegativeBinomial, Normal, OneHotCategorical, Pareto, Poisson, StudentT,
    Uniform, Weibull,
};
use ppl_tensor::{DType, Key, Tensor};

use crate::numerics::{agree, assert_close, values};
use crate::scipy::references;

/// Moments, entropy and values at some points of a distribution of single numbers.
pub(crate) struct Reference {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [f64],
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

impl Reference {
    fn distribution(&self) -> Arc<dyn Distribution> {
        match (self.name, self.arguments) {
            ("Normal", &[loc, scale]) => Arc::new(Normal::new(loc, scale)),
            ("LogNormal", &[loc, scale]) => Arc::new(LogNormal::new(loc, scale)),
            ("Uniform", &[low, high]) => Arc::new(Uniform::new(low, high)),
            ("Gamma", &[concentration, rate]) => Arc::new(Gamma::new(concentration, rate)),
            ("Beta", &[a, b]) => Arc::new(Beta::new(a, b)),
            ("Exponential", &[rate]) => Arc::new(Exponential::new(rate)),
            ("HalfNormal", &[scale]) => Arc::new(HalfNormal::new(scale)),
            ("HalfCauchy", &[scale]) => Arc::new(HalfCauchy::new(scale)),
            ("InverseGamma", &[concentration, rate]) => Arc::new(InverseGamma::new(concentration, rate)),
            ("Cauchy", &[loc, scale]) => Arc::new(Cauchy::new(loc, scale)),
            ("Laplace", &[loc, scale]) => Arc::new(Laplace::new(loc, scale)),
            ("StudentT", &[df, loc, scale]) => Arc::new(StudentT::new(df, loc, scale)),
            ("Logistic", &[loc, scale]) => Arc::new(Logistic::new(loc, scale)),
            ("Gumbel", &[loc, scale]) => Arc::new(Gumbel::new(loc, scale)),
            ("Weibull", &[scale, concentration]) => Arc::new(Weibull::new(scale, concentration)),
            ("Pareto", &[scale, alpha]) => Arc::new(Pareto::new(scale, alpha)),
            ("NegativeBinomial", &[count, probs]) => Arc::new(NegativeBinomial::new(count, probs)),
            ("Geometric", &[probs]) => Arc::new(Geometric::new(probs)),
            ("Poisson", &[rate]) => Arc::new(Poisson::new(rate)),
            ("Binomial", &[count, probs]) => Arc::new(Binomial::new(count, probs)),
            (name, arguments) => panic!("{name} of {arguments:?} is not in the table"),
        }
    }

    fn points(&self) -> Tensor {
        Tensor::from(self.points.iter().map(|p| p.x).collect::<Vec<_>>())
    }

    fn what(&self, of: &str) -> String {
        format!("{of} of {}{:?}", self.name, self.arguments)
    }
}

#[test]
fn densities_are_those_of_scipy() {
    for reference in references() {
        let log_probs = values(&reference.distribution().log_prob(&reference.points()));
        for (point, log_prob) in reference.points.iter().zip(log_probs) {
            let good = agree(log_prob, point.log_prob, reference.tolerance);
            let what = reference.what("log density");
            assert!(good, "{what} at {}: {log_prob}, SciPy {}", point.x, point.log_prob);
        }
    }
}

#[test]
fn distribution_functions_are_those_of_scipy() {
    for reference in references().filter(|r| r.points.iter().any(|p| !p.cdf.is_nan())) {
        let expected: Vec<f64> = reference.points.iter().map(|p| p.cdf).collect();
        let cdf = values(&reference.distribution().cdf(&reference.points()));
        assert_close(&reference.what("cdf"), &cdf, &expected, reference.tolerance);
        // A small probability has as many digits as any other.
        for (p, expected) in cdf.iter().zip(expected) {
            let good = *p == expected || agree(p / expected, 1.0, 1e-12_f64.max(reference.tolerance));
            assert!(good, "{}: {p}, SciPy {expected}", reference.what("cdf"));
        }
    }
}

#[test]
fn moments_and_entropies_are_those_of_scipy() {
    for reference in references() {
        let distribution = reference.distribution();
        let check = |of: &str, actual: Tensor, expected: f64, tolerance: f64| {
            let actual = values(&actual)[0];
            // Of a variance 1e-10 the digits count as of any other.
            let relative = expected != 0.0 && expected.is_finite();
            let (actual, expected) = if relative { (actual / expected, 1.0) } else { (actual, expected) };
            assert_close(&reference.what(of), &[actual], &[expected], tolerance);
        };
        check("mean", distribution.mean(), reference.mean, 1e-12);
        let tolerance = if reference.name == "Uniform" { 1e-7 } else { 1e-12 };
        check("variance", distribution.variance(), reference.variance, tolerance);
        if reference.entropy.is_nan() {
            let error = distribution.entropy().check().unwrap_err().to_string();
            assert!(error.starts_with("entropy: not available"), "{error}");
        } else {
            let tolerance = reference.tolerance.max(1e-12);
            let entropy = values(&distribution.entropy());
            assert_close(&reference.what("entropy"), &entropy, &[reference.entropy], tolerance);
        }
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

/// Large factors and a small diagonal, where differences of large numbers would lose digits.
const LOW_RANK: [[f64; 2]; 3] = [[1.5, 0.2], [-0.3, 0.8], [0.7, -1.1]];

// SciPy 1.17.1: multivariate_normal(loc, W Wᵀ + diag(D)).logpdf and .entropy.
#[test]
fn the_low_rank_normal_is_that_of_scipy() {
    let loc = Tensor::from([0.5, -1.0, 2.0]);
    let diagonal = Tensor::from([0.5, 0.001, 2.0]);
    let distribution = LowRankMultivariateNormal::new(&loc, Tensor::from(LOW_RANK), &diagonal);
    distribution.validate().unwrap();
    let points = Tensor::from([[0.0, 0.0, 0.0], [0.5, -1.0, 2.0], [3.0, -2.0, 10.0]]);
    let expected = [-4.188981716773365, -3.442568891572563, -14.477641191993646];
    assert_close("log density", &values(&distribution.log_prob(&points)), &expected, 1e-12);
    assert_close("entropy", &values(&distribution.entropy()), &[4.942568891572563], 1e-12);
    let covariance = [2.79, -0.29, 0.83, -0.29, 0.731, -1.09, 0.83, -1.09, 3.7];
    assert_close("covariance", &values(&distribution.covariance_matrix()), &covariance, 1e-15);
    assert_close("variance", &values(&distribution.variance()), &[2.79, 0.731, 3.7], 1e-15);
}

#[test]
fn the_low_rank_normal_is_a_multivariate_normal() {
    for diagonal in [1e-8, 1.0, 1e8] {
        let low_rank = LowRankMultivariateNormal::new(0.0, Tensor::from(LOW_RANK), diagonal);
        let full = MultivariateNormal::with_covariance(0.0, low_rank.covariance_matrix());
        let points = low_rank.sample_n(&Key::new(1), 5);
        // The full matrix loses what the smallest eigenvalue is below the largest.
        let tolerance = 1e-14 * f64::max(1.0, 4.0 / diagonal);
        let expected = values(&full.log_prob(&points));
        assert_close("log density", &values(&low_rank.log_prob(&points)), &expected, tolerance);
        assert_close("entropy", &values(&low_rank.entropy()), &values(&full.entropy()), tolerance);
    }
}

// SciPy 1.17.1: dirichlet([0.5, 2, 3.5]).
#[test]
fn the_dirichlet_is_that_of_scipy() {
    let distribution = Dirichlet::new(Tensor::from([0.5, 2.0, 3.5]));
    let points = Tensor::from([[0.2, 0.3, 0.5], [0.7, 0.1, 0.2], [1e-9, 0.5, 0.5 - 1e-9]]);
    let expected = [0.8820313980015224, -3.1336892045996585, 10.949770979023668];
    assert_close("log density", &values(&distribution.log_prob(&points)), &expected, 1e-13);
    assert_close("entropy", &values(&distribution.entropy()), &[-2.0582311419371573], 1e-13);
    let mean = [0.08333333333333333, 0.3333333333333333, 0.5833333333333334];
    assert_close("mean", &values(&distribution.mean()), &mean, 1e-15);
    let variance = [0.010912698412698412, 0.031746031746031744, 0.034722222222222224];
    assert_close("variance", &values(&distribution.variance()), &variance, 1e-15);
    let ends = Tensor::from([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.6, -0.1], [0.5, 0.5, 0.5]]);
    let (infinite, none) = (f64::INFINITY, f64::NEG_INFINITY);
    let log_probs = values(&distribution.log_prob(&ends));
    assert_close("ends", &log_probs, &[infinite, none, none, none], 0.0);
    // Of two concentrations it is the beta distribution.
    let two = Dirichlet::new(Tensor::from([2.0, 3.5]));
    let x = Tensor::from([0.0, 0.01, 0.4, 1.0]);
    let pairs = Tensor::stack(&[&x, &(1.0 - &x)], -1);
    let expected = values(&Beta::new(2.0, 3.5).log_prob(&x));
    assert_close("beta", &values(&two.log_prob(&pairs)), &expected, 1e-14);
}

// SciPy 1.17.1: multinomial(10, [0.1, 0.2, 0.3, 0.4]).logpmf.
#[test]
fn the_multinomial_is_that_of_scipy() {
    let probs = Tensor::from([0.1, 0.2, 0.3, 0.4]);
    let points = Tensor::from([[1.0, 2.0, 3.0, 4.0], [10.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 10.0]]);
    let expected = [-3.357090165397098, 10.0 * 0.1_f64.ln(), 10.0 * 0.4_f64.ln()];
    for distribution in [Multinomial::new(10, &probs), Multinomial::with_logits(10, probs.log() + 7.0)] {
        assert_close("log mass", &values(&distribution.log_prob(&points)), &expected, 1e-13);
        assert_close("mean", &values(&distribution.mean()), &[1.0, 2.0, 3.0, 4.0], 1e-14);
        assert_close("variance", &values(&distribution.variance()), &[0.9, 1.6, 2.1, 2.4], 1e-14);
        let integers = distribution.log_prob(&points.cast(DType::I64));
        assert_close("of integers", &values(&integers), &expected, 1e-13);
    }
    // Of two categories it counts as the binomial does, and of one draw it is a one-hot categorical.
    let (two, k) = (Multinomial::new(7, Tensor::from([0.3, 0.7])), Tensor::arange(8).cast(DType::F64));
    let pairs = Tensor::stack(&[&k, &(7.0 - &k)], -1);
    let expected = values(&Binomial::new(7, 0.3).log_prob(&k));
    assert_close("binomial", &values(&two.log_prob(&pairs)), &expected, 1e-13);
    let (one, indicators) = (Multinomial::new(1, &probs), Tensor::eye(4));
    let expected = values(&OneHotCategorical::new(&probs).log_prob(&indicators));
    assert_close("one-hot", &values(&one.log_prob(&indicators)), &expected, 1e-14);
    assert_close("entries", &expected, &values(&probs.log()), 1e-15);
}

#[test]
fn logits_mean_what_probabilities_do() {
    for p in [1e-12_f64, 0.3, 0.5, 1.0 - 1e-12] {
        let logits = p.ln() - (-p).ln_1p();
        let k = Tensor::from([0.0, 1.0, 7.0, 12.0, 20.0]);
        let expected = values(&Binomial::new(20, p).log_prob(&k));
        // Of logits near 28 the last digits are worth less.
        assert_close("binomial", &values(&Binomial::with_logits(20, logits).log_prob(&k)), &expected, 1e-12);
    }
    // Far out, products of infinity and 0 do not arise.
    let (n, logits) = (Tensor::from([3.0, 3.0, 0.0]), Tensor::from([f64::INFINITY, f64::NEG_INFINITY, 5.0]));
    let certain = Binomial::with_logits(n, logits);
    assert_eq!(values(&certain.log_prob(&Tensor::from([3.0, 0.0, 0.0]))), [0.0, 0.0, 0.0]);
    assert_eq!(values(&certain.log_prob(&Tensor::from([2.0, 1.0, 1.0]))), [f64::NEG_INFINITY; 3]);
}
