//! Single real numbers.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};
use std::sync::Arc;

use ppl_dist::{
    Beta, Cauchy, DistributionExt, Expanded, Exponential, Gamma, Gumbel, HalfCauchy, HalfNormal,
    InverseGamma, Laplace, LogNormal, Logistic, Normal, Pareto, StudentT, TransformedDistribution, Uniform,
    Weibull, transforms,
};
use statrs::distribution::{self as oracle, ContinuousCDF};

use super::{Case, Cdf, Make, Moments, Values, scalars};

fn case(name: &'static str, make: Make, parameters: &[f64], points: &[f64], cdf: Cdf) -> Case {
    Case {
        name,
        make,
        parameters: scalars(parameters),
        fixed: 0,
        points: scalars(points),
        values: Values::Continuous(cdf),
        moments: Moments::Finite,
        has_rsample: true,
        keeps_quantile: true,
    }
}

fn normal_cdf(p: &[f64], x: f64) -> f64 {
    oracle::Normal::new(p[0], p[1]).unwrap().cdf(x)
}

fn gamma_cdf(p: &[f64], x: f64) -> f64 {
    oracle::Gamma::new(p[0], p[1]).unwrap().cdf(x)
}

fn beta_cdf(p: &[f64], x: f64) -> f64 {
    oracle::Beta::new(p[0], p[1]).unwrap().cdf(x)
}

fn inverse_gamma_cdf(p: &[f64], x: f64) -> f64 {
    oracle::InverseGamma::new(p[0], p[1]).unwrap().cdf(x)
}

fn student_t_cdf(p: &[f64], x: f64) -> f64 {
    oracle::StudentsT::new(p[1], p[2], p[0]).unwrap().cdf(x)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = real_line();
    cases.extend(half_line());
    cases.extend(interval());
    cases.extend(wrapped());
    cases
}

fn real_line() -> Vec<Case> {
    let normal: Make = |p| Arc::new(Normal::new(&p[0], &p[1]));
    let student_t: Make = |p| Arc::new(StudentT::new(&p[0], &p[1], &p[2]));
    let laplace: Make = |p| Arc::new(Laplace::new(&p[0], &p[1]));
    let cauchy: Make = |p| Arc::new(Cauchy::new(&p[0], &p[1]));
    let laplace_cdf: Cdf = |p, x| oracle::Laplace::new(p[0], p[1]).unwrap().cdf(x);
    let cauchy_cdf: Cdf = |p, x| oracle::Cauchy::new(p[0], p[1]).unwrap().cdf(x);
    let logistic: Make = |p| Arc::new(Logistic::new(&p[0], &p[1]));
    let gumbel: Make = |p| Arc::new(Gumbel::new(&p[0], &p[1]));
    let logistic_cdf: Cdf = |p, x| 1.0 / (1.0 + (-(x - p[0]) / p[1]).exp());
    let gumbel_cdf: Cdf = |p, x| (-(-(x - p[0]) / p[1]).exp()).exp();
    let two_draws = |case: Case| Case { keeps_quantile: false, ..case };
    vec![
        case("standard normal", normal, &[0.0, 1.0], &[-1.3, 0.4, 2.0], normal_cdf),
        case("narrow normal", normal, &[-3.0, 0.5], &[-3.9, -2.5], normal_cdf),
        case("logistic", logistic, &[0.4, 1.5], &[-4.0, 0.4, 5.0], logistic_cdf),
        case("Gumbel", gumbel, &[0.4, 1.5], &[-2.0, 0.7, 5.0], gumbel_cdf),
        case("Laplace", laplace, &[0.4, 1.5], &[-2.0, 0.7, 5.0], laplace_cdf),
        Case {
            moments: Moments::None,
            ..case("Cauchy", cauchy, &[0.4, 1.5], &[-20.0, 0.7, 3.0], cauchy_cdf)
        },
        two_draws(case("Student's t", student_t, &[7.0, 0.4, 1.5], &[-9.0, 0.7, 3.0], student_t_cdf)),
        two_draws(case("nearly normal t", student_t, &[90.0, -1.0, 0.5], &[-2.0, 0.1], student_t_cdf)),
        two_draws(Case {
            moments: Moments::None,
            ..case("t of heavy tails", student_t, &[0.8, 0.0, 1.0], &[-30.0, 0.5], student_t_cdf)
        }),
    ]
}

fn half_line() -> Vec<Case> {
    let gamma: Make = |p| Arc::new(Gamma::new(&p[0], &p[1]));
    let inverse_gamma: Make = |p| Arc::new(InverseGamma::new(&p[0], &p[1]));
    let half_normal_cdf: Cdf = |p, x| statrs::function::erf::erf(x / p[0] * FRAC_1_SQRT_2);
    vec![
        case(
            "log-normal",
            |p| Arc::new(LogNormal::new(&p[0], &p[1])),
            &[0.3, 0.6],
            &[0.2, 1.4, 5.0],
            |p, x| normal_cdf(p, x.ln()),
        ),
        case("half-normal", |p| Arc::new(HalfNormal::new(&p[0])), &[1.7], &[0.2, 1.0, 4.0], half_normal_cdf),
        Case {
            moments: Moments::None,
            ..case(
                "half-Cauchy",
                |p| Arc::new(HalfCauchy::new(&p[0])),
                &[1.7],
                &[0.2, 1.0, 40.0],
                |p, x| FRAC_2_PI * (x / p[0]).atan(),
            )
        },
        case(
            "exponential",
            |p| Arc::new(Exponential::new(&p[0])),
            &[0.5],
            &[0.3, 4.0],
            |p, x| -(-p[0] * x).exp_m1(),
        ),
        case("sparse gamma", gamma, &[0.1, 2.0], &[0.01, 0.3], gamma_cdf),
        case("gamma below one", gamma, &[0.7, 2.0], &[0.05, 0.4, 2.0], gamma_cdf),
        case("exponential gamma", gamma, &[1.0, 0.5], &[0.3, 4.0], gamma_cdf),
        case("gamma", gamma, &[3.5, 0.5], &[2.0, 9.0], gamma_cdf),
        case("peaked gamma", gamma, &[80.0, 4.0], &[17.0, 22.0], gamma_cdf),
        case(
            "Weibull",
            |p| Arc::new(Weibull::new(&p[0], &p[1])),
            &[2.0, 1.7],
            &[0.2, 2.0, 4.0],
            |p, x| -(-(x / p[0]).powf(p[1])).exp_m1(),
        ),
        case(
            "Pareto",
            |p| Arc::new(Pareto::new(&p[0], &p[1])),
            &[1.5, 9.0],
            &[2.0, 3.0],
            |p, x| 1.0 - (p[0] / x).powf(p[1]),
        ),
        case("inverse gamma", inverse_gamma, &[7.0, 3.0], &[0.2, 0.6, 2.0], inverse_gamma_cdf),
        Case {
            moments: Moments::None,
            ..case("inverse gamma below one", inverse_gamma, &[0.6, 2.0], &[0.5, 30.0], inverse_gamma_cdf)
        },
    ]
}

fn interval() -> Vec<Case> {
    let uniform: Make = |p| Arc::new(Uniform::new(&p[0], &p[1]));
    let uniform_cdf: Cdf = |p, x| (x - p[0]) / (p[1] - p[0]);
    let beta: Make = |p| Arc::new(Beta::new(&p[0], &p[1]));
    let of_beta = |name, parameters: &[f64; 2], points: &[f64; 2]| Case {
        keeps_quantile: false,
        ..case(name, beta, parameters, points, beta_cdf)
    };
    vec![
        case("unit uniform", uniform, &[0.0, 1.0], &[0.1, 0.7], uniform_cdf),
        case("uniform", uniform, &[-2.0, 5.0], &[-1.0, 4.5], uniform_cdf),
        of_beta("arcsine", &[0.5, 0.5], &[0.03, 0.6]),
        of_beta("flat beta", &[1.0, 1.0], &[0.2, 0.9]),
        of_beta("beta", &[2.0, 3.5], &[0.2, 0.7]),
        of_beta("peaked beta", &[60.0, 25.0], &[0.6, 0.75]),
        case(
            "normal mapped to an interval",
            |p| {
                let onto_interval = Arc::new(transforms::Sigmoid::new(-1.0, 3.0));
                Arc::new(TransformedDistribution::new(Normal::new(&p[0], &p[1]), vec![onto_interval]))
            },
            &[0.3, 0.8],
            &[-0.7, 1.2, 2.5],
            |p, x| normal_cdf(p, ((x + 1.0) / (3.0 - x)).ln()),
        )
        .without_moments(),
    ]
}

fn wrapped() -> Vec<Case> {
    vec![
        case(
            "gamma under a mask that holds",
            |p| Arc::new(Gamma::new(&p[0], &p[1]).mask(true)),
            &[3.5, 0.5],
            &[2.0, 9.0],
            gamma_cdf,
        ),
        case(
            "copies of a normal",
            |p| {
                let base = Normal::new(&p[0], &p[1]);
                Arc::new(Expanded::new(base, p[0].shape()).unwrap())
            },
            &[0.4, 1.5],
            &[-1.3, 0.4, 2.0],
            normal_cdf,
        ),
    ]
}
