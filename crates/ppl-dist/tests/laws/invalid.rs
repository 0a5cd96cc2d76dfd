//! What messages say about wrong parameters.

use std::sync::Arc;

use ppl_core::Distribution;
use ppl_dist::transforms::{Affine, LowerCholesky};
use ppl_dist::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Delta, Dirichlet, DistributionExt, Exponential, Gamma,
    Geometric, Gumbel, HalfCauchy, HalfNormal, InverseGamma, Laplace, LkjCholesky, LogNormal, Logistic,
    LowRankMultivariateNormal, Multinomial, MultivariateNormal, NegativeBinomial, Normal, OneHotCategorical,
    Pareto, Poisson, StudentT, TransformedDistribution, Uniform, Weibull,
};
use ppl_tensor::{Axis, Device, Key, Tensor, trace};

#[track_caller]
fn assert_invalid(distribution: &dyn Distribution, message: &str) {
    assert_eq!(distribution.validate().unwrap_err().to_string(), message);
}

#[test]
fn parameters_outside_their_constraints_are_named() {
    let nan = f64::NAN;
    assert_invalid(&Normal::new(0.0, -1.0), "parameter `scale` of Normal must be positive, but has -1");
    assert_invalid(&Normal::new(0.0, 0.0), "parameter `scale` of Normal must be positive, but has 0");
    assert_invalid(&Normal::new(nan, 1.0), "parameter `loc` of Normal must be real, but has NaN");
    assert_invalid(&Normal::new(f64::INFINITY, 1.0), "parameter `loc` of Normal must be real, but has inf");
    let scales = Tensor::from([1.0, 2.0, -0.5]);
    assert_invalid(&Normal::new(0.0, &scales), "parameter `scale` of Normal must be positive, but has -0.5");
    assert_invalid(
        &Normal::new(0.0, &scales).to_event(1),
        "parameter `scale` of Normal must be positive, but has -0.5",
    );
    assert_invalid(&LogNormal::new(0.0, nan), "parameter `scale` of LogNormal must be positive, but has NaN");
    assert_invalid(&Uniform::new(2.0, 2.0), "parameter `high` of Uniform must be greater than 2, but has 2");
    assert_invalid(
        &Uniform::new(2.0, -1.0),
        "parameter `high` of Uniform must be greater than 2, but has -1",
    );
    assert_invalid(
        &Uniform::new(Tensor::from([0.0, 5.0]), 3.0),
        "parameter `high` of Uniform must be greater than the lower bound, but has 3",
    );
    assert_invalid(&Gamma::new(0.0, 1.0), "parameter `concentration` of Gamma must be positive, but has 0");
    assert_invalid(&Gamma::new(1.0, -2.0), "parameter `rate` of Gamma must be positive, but has -2");
    assert_invalid(&Beta::new(1.0, nan), "parameter `concentration0` of Beta must be positive, but has NaN");
    assert_invalid(&Bernoulli::new(1.25), "parameter `probs` of Bernoulli must be in [0, 1], but has 1.25");
    assert_invalid(
        &Bernoulli::with_logits(nan),
        "parameter `logits` of Bernoulli must be real or infinite, but has NaN",
    );
    assert_invalid(
        &Categorical::new(Tensor::from([0.5, 0.6])),
        "parameter `probs` of Categorical must be nonnegative with a sum of 1, but has 0.5",
    );
    assert_invalid(
        &Categorical::new(Tensor::from([-0.5, 1.5])),
        "parameter `probs` of Categorical must be nonnegative with a sum of 1, but has -0.5",
    );
    assert_invalid(&Delta::new(nan), "parameter `value` of Delta must be real, but has NaN");
}

#[test]
fn every_parameter_is_checked() {
    let invalid = |distribution: &dyn Distribution, parameter: &str, constraint: &str, value: &str| {
        let name = distribution.name();
        let message = format!("parameter `{parameter}` of {name} must be {constraint}, but has {value}");
        assert_invalid(distribution, &message);
    };
    invalid(&Exponential::new(0.0), "rate", "positive", "0");
    invalid(&HalfNormal::new(-1.0), "scale", "positive", "-1");
    invalid(&HalfCauchy::new(f64::INFINITY), "scale", "positive", "inf");
    invalid(&Cauchy::new(f64::NAN, 1.0), "loc", "real", "NaN");
    invalid(&Cauchy::new(0.0, 0.0), "scale", "positive", "0");
    invalid(&Laplace::new(f64::NAN, 1.0), "loc", "real", "NaN");
    invalid(&Laplace::new(0.0, -2.0), "scale", "positive", "-2");
    invalid(&InverseGamma::new(0.0, 1.0), "concentration", "positive", "0");
    invalid(&InverseGamma::new(1.0, -1.0), "rate", "positive", "-1");
    invalid(&StudentT::new(0.0, 0.0, 1.0), "df", "positive", "0");
    invalid(&StudentT::new(1.0, f64::NAN, 1.0), "loc", "real", "NaN");
    invalid(&StudentT::new(1.0, 0.0, -1.0), "scale", "positive", "-1");
    invalid(&Logistic::new(f64::NAN, 1.0), "loc", "real", "NaN");
    invalid(&Gumbel::new(0.0, -1.0), "scale", "positive", "-1");
    invalid(&Weibull::new(1.0, 0.0), "concentration", "positive", "0");
    invalid(&Pareto::new(1.0, -2.0), "alpha", "positive", "-2");
    invalid(&NegativeBinomial::new(0.0, 0.5), "total_count", "positive", "0");
    invalid(&Geometric::new(1.5), "probs", "in [0, 1]", "1.5");
    invalid(&Poisson::new(-0.5), "rate", "nonnegative", "-0.5");
    invalid(&Binomial::new(-1.0, 0.5), "total_count", "a nonnegative integer", "-1");
    invalid(&Binomial::new(2.5, 0.5), "total_count", "a nonnegative integer", "2.5");
    invalid(&Binomial::new(2, 1.5), "probs", "in [0, 1]", "1.5");
    invalid(&Binomial::with_logits(2, f64::NAN), "logits", "real or infinite", "NaN");
    invalid(&Dirichlet::new([1.0, 0.0]), "concentration", "positive", "1");
    invalid(&LkjCholesky::new(3, 0.0), "concentration", "positive", "0");
    invalid(&OneHotCategorical::new([0.5, 0.6]), "probs", "nonnegative with a sum of 1", "0.5");
    invalid(&Multinomial::new(2.5, [0.5, 0.5]), "total_count", "a nonnegative integer", "2.5");
    invalid(&Multinomial::new(2, [0.5, 0.6]), "probs", "nonnegative with a sum of 1", "0.5");
    let low_rank = |loc: f64, factor: f64, diagonal: f64| {
        LowRankMultivariateNormal::new([loc, 0.0], [[factor], [1.0]], [diagonal, 1.0])
    };
    invalid(&low_rank(f64::NAN, 1.0, 1.0), "loc", "real", "NaN");
    invalid(&low_rank(0.0, f64::NAN, 1.0), "cov_factor", "real", "NaN");
    invalid(&low_rank(0.0, 1.0, -1.0), "cov_diag", "positive", "-1");
    invalid(&HalfNormal::new(-1.0).mask(true), "scale", "positive", "-1");
}

#[test]
fn rows_of_a_plate_are_checked() {
    let plate = Axis::named("rows", 3);
    let scale = Tensor::from([1.0, -2.0, 3.0]).to_implicit(plate.id).unwrap();
    assert_invalid(&Normal::new(0.0, &scale), "parameter `scale` of Normal must be positive, but has -2");
    let bounds = Tensor::from([0.0, 5.0, 1.0]).to_implicit(plate.id).unwrap();
    let outside = "parameter `high` of Uniform must be greater than the lower bound, but has 3";
    assert_invalid(&Uniform::new(&bounds, 3.0), outside);
    assert_invalid(&Uniform::new(&bounds, Tensor::from([6.0, 3.0])), outside);
    Uniform::new(&bounds, 6.0).validate().unwrap();
}

#[test]
fn traced_parameters_cannot_be_read_and_pass() {
    let program = |low: &Tensor| {
        let distribution = Uniform::new(low, 3.0);
        distribution.validate().unwrap();
        Normal::new(low, low).validate().unwrap();
        Ok(distribution.sample(&Key::new(1)))
    };
    trace(&Device::cpu(), program, &Tensor::from([0.5])).unwrap();
}

#[test]
fn matrices_outside_their_constraints_are_named() {
    let indefinite = Tensor::from([[1.0, 2.0], [2.0, 1.0]]);
    let asymmetric = Tensor::from([[1.0, 0.5], [0.2, 1.0]]);
    for (matrix, first) in [(&indefinite, "1"), (&asymmetric, "1")] {
        assert_invalid(
            &MultivariateNormal::with_covariance(0.0, matrix),
            &format!(
                "parameter `covariance_matrix` of MultivariateNormal must be positive definite, but has {first}"
            ),
        );
        assert_invalid(
            &MultivariateNormal::with_precision(0.0, matrix),
            &format!(
                "parameter `precision_matrix` of MultivariateNormal must be positive definite, but has {first}"
            ),
        );
    }
    let upper = Tensor::from([[1.0, 2.0], [0.0, 1.0]]);
    let negative = Tensor::from([[-1.0, 0.0], [0.0, 1.0]]);
    for (matrix, first) in [(&upper, "1"), (&negative, "-1")] {
        assert_invalid(
            &MultivariateNormal::with_scale_tril(0.0, matrix),
            &format!(
                "parameter `scale_tril` of MultivariateNormal must be lower triangular with positive diagonal, \
                 but has {first}"
            ),
        );
    }
}

/// The message must come with the line of the constructor, wherever it comes out.
#[track_caller]
fn assert_misfit(distribution: &dyn Distribution, message: &str) {
    let line = std::panic::Location::caller().line();
    let here = format!(", at {}:", file!());
    for error in [
        distribution.validate().unwrap_err().to_string(),
        distribution.sample(&Key::new(1)).check().unwrap_err().to_string(),
        distribution.log_prob(&Tensor::from(0.5)).check().unwrap_err().to_string(),
    ] {
        let (text, place) =
            error.split_once(&here).unwrap_or_else(|| panic!("no line of this file: {error}"));
        assert_eq!(text, message);
        // The formatter may have put the constructor on a line behind the call.
        let lines = [line, line + 1].map(|line| line.to_string());
        assert!(lines.iter().any(|line| line == place), "{place}, not {line}");
    }
    assert_eq!(distribution.batch_shape(), [].into());
}

#[test]
fn shapes_that_do_not_fit_are_carried_with_the_line() {
    let (two, three) = (Tensor::zeros([2]), Tensor::ones([3]));
    let misfit = |distribution, names| {
        format!("{distribution}: the shapes of `{names}` do not broadcast (shapes [2], [3])")
    };
    assert_misfit(&Normal::new(&two, &three), &misfit("Normal", "loc` and `scale"));
    assert_misfit(&LogNormal::new(&two, &three), &misfit("LogNormal", "loc` and `scale"));
    assert_misfit(&Uniform::new(&two, &three), &misfit("Uniform", "low` and `high"));
    assert_misfit(&Gamma::new(&two, &three), &misfit("Gamma", "concentration` and `rate"));
    assert_misfit(&Beta::new(&two, &three), &misfit("Beta", "concentration1` and `concentration0"));
    assert_misfit(&Delta::with_log_density(&two, &three), &misfit("Delta", "value` and `log_density"));
    assert_misfit(
        &Categorical::new(1.0),
        "Categorical: the last dimension counts the categories, and there must be one (shapes [])",
    );
    assert_misfit(&Cauchy::new(&two, &three), &misfit("Cauchy", "loc` and `scale"));
    assert_misfit(&Laplace::new(&two, &three), &misfit("Laplace", "loc` and `scale"));
    assert_misfit(&InverseGamma::new(&two, &three), &misfit("InverseGamma", "concentration` and `rate"));
    assert_misfit(&Binomial::new(&two, &three), &misfit("Binomial", "total_count` and `probs"));
    assert_misfit(&Binomial::with_logits(&two, &three), &misfit("Binomial", "total_count` and `logits"));
    assert_misfit(
        &StudentT::new(&two, &three, 1.0),
        "StudentT: the shapes of `df` and `loc` and `scale` do not broadcast (shapes [2], [3], [])",
    );
    assert_misfit(
        &OneHotCategorical::new(1.0),
        "OneHotCategorical: the last dimension counts the categories, and there must be one (shapes [])",
    );
    assert_misfit(
        &Multinomial::with_logits(2.0, 1.0),
        "Multinomial: the last dimension counts the categories, and there must be one (shapes [])",
    );
    assert_misfit(
        &Multinomial::new(&two, Tensor::ones([3, 4])),
        "Multinomial: `total_count` does not broadcast with the batch of `probs` (shapes [2], [3, 4])",
    );
    assert_misfit(
        &Dirichlet::new(1.0),
        "Dirichlet: the last dimension of `concentration` is that of a draw, and there must be one (shapes [])",
    );
    assert_misfit(&LkjCholesky::new(0, 1.0), "LkjCholesky: matrices have at least one row");
    assert_misfit(
        &LowRankMultivariateNormal::new(&two, &three, 1.0),
        "LowRankMultivariateNormal: `cov_factor` must be matrices (shapes [2], [3], [])",
    );
    assert_misfit(
        &LowRankMultivariateNormal::new(&two, Tensor::ones([3, 1]), 1.0),
        "LowRankMultivariateNormal: `loc` and `cov_factor` are of different sizes (shapes [2], [3, 1], [])",
    );
    assert_misfit(
        &LowRankMultivariateNormal::new(Tensor::ones([4, 3]), Tensor::ones([2, 3, 1]), 1.0),
        "LowRankMultivariateNormal: the leading dimensions of `loc` and `cov_factor` do not broadcast (shapes [4, 3], \
         [2, 3, 1], [])",
    );
    assert_misfit(
        &Normal::new(&two, 1.0).mask(Tensor::from(vec![true, false, true])),
        "mask: the mask does not fit the batch of Normal (shapes [3], [2])",
    );
    assert_misfit(
        &Normal::new(&two, 1.0).mask(&two),
        "mask: a mask is of truth values, not f64 (shapes [2], [2])",
    );
    assert_misfit(
        &MultivariateNormal::with_scale_tril(&two, Tensor::eye(3)),
        "MultivariateNormal: `loc` and `scale_tril` are of different sizes (shapes [2], [3, 3])",
    );
    assert_misfit(
        &MultivariateNormal::with_scale_tril(&two, &three),
        "MultivariateNormal: `scale_tril` must be square matrices (shapes [2], [3])",
    );
    assert_misfit(
        &MultivariateNormal::with_covariance(&two, Tensor::zeros([2, 3])),
        "cholesky: needs square matrices (shapes [2, 3])",
    );
    assert_misfit(
        &Normal::new(&two, 1.0).to_event(2),
        "to_event: 2 batch dimensions of Normal cannot be dimensions of a draw (shapes [2])",
    );
    assert_misfit(
        &TransformedDistribution::new(Normal::new(&two, 1.0), vec![Arc::new(LowerCholesky)]),
        "TransformedDistribution: draws of Normal do not fit the transforms: LowerCholesky: 2 numbers do not fill a \
         lower triangle",
    );
    assert_misfit(
        &TransformedDistribution::new(Normal::new(&two, 1.0), vec![Arc::new(Affine::new(&three, 1.0))]),
        "TransformedDistribution: draws of Normal do not fit the transforms: Affine of shape [3] does not broadcast \
         with [2]",
    );
}

#[test]
fn errors_of_parameters_come_out() {
    let failed = Tensor::zeros([2]) + Tensor::zeros([3]);
    let bool_failed = failed.gt(0.0);
    let distributions: [&dyn Distribution; 18] = [
        &Exponential::new(&failed),
        &StudentT::new(1.0, 0.0, &failed),
        &Poisson::new(&failed),
        &Binomial::new(&failed, 0.5),
        &Binomial::with_logits(3, &failed),
        &OneHotCategorical::new(&failed),
        &Multinomial::new(&failed, [0.5, 0.5]),
        &Dirichlet::new(&failed),
        &LowRankMultivariateNormal::new(0.0, &failed, 1.0),
        &LowRankMultivariateNormal::new(&failed, Tensor::ones([2, 1]), 1.0),
        &Normal::new(0.0, 1.0).mask(&bool_failed),
        &Normal::new(&failed, 1.0),
        &Uniform::new(0.0, &failed),
        &Bernoulli::new(&failed),
        &Categorical::with_logits(&failed),
        &MultivariateNormal::with_precision(&failed, Tensor::eye(2)),
        &MultivariateNormal::with_precision(0.0, &failed),
        &Gamma::new(&failed, 2.0).to_event(0),
    ];
    for distribution in distributions {
        let expected = failed.check().unwrap_err().to_string();
        assert_eq!(distribution.validate().unwrap_err().to_string(), expected);
        let log_prob = distribution.log_prob(&Tensor::from(1.0));
        assert_eq!(log_prob.check().unwrap_err().to_string(), expected);
        assert_eq!(distribution.sample(&Key::new(1)).check().unwrap_err().to_string(), expected);
    }
}
