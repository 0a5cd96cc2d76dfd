//! The table: distributions with arguments, and what each supports.

use std::sync::Arc;

use ppl_core::Distribution;
use ppl_dist::{
    Bernoulli, Beta, Categorical, Delta, DistributionExt, Gamma, LogNormal, MultivariateNormal, Normal,
    TransformedDistribution, Uniform, transforms,
};
use ppl_tensor::Tensor;
use statrs::distribution::{self as oracle, ContinuousCDF};

/// Distribution function of a value under parameters.
pub(crate) type Cdf = fn(&[f64], f64) -> f64;

/// What the values of a distribution are.
pub(crate) enum Values {
    /// Single real numbers, with the distribution function (of statrs, unless it is elementary).
    Continuous(Cdf),
    /// These numbers.
    Discrete(&'static [f64]),
    /// Tensors of several numbers.
    Several,
    /// One point.
    Point,
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) make: fn(&[Tensor]) -> Arc<dyn Distribution>,
    pub(crate) parameters: Vec<Tensor>,
    /// Values inside the support.
    pub(crate) points: Vec<Tensor>,
    pub(crate) values: Values,
    /// Whether mean and variance are offered.
    pub(crate) has_moments: bool,
    /// Whether draws carry gradients.
    pub(crate) has_rsample: bool,
}

impl Case {
    pub(crate) fn distribution(&self) -> Arc<dyn Distribution> {
        (self.make)(&self.parameters)
    }

    /// Parameters of three rows, different and valid.
    pub(crate) fn rows(&self) -> Vec<Vec<Tensor>> {
        let row = |i: i32| self.parameters.iter().map(|p| p * (1.0 + 0.1 * f64::from(i))).collect();
        (0..3).map(row).collect()
    }

    /// The three rows of each parameter as one tensor.
    pub(crate) fn stacked_rows(&self) -> Vec<Tensor> {
        let rows = self.rows();
        (0..self.parameters.len())
            .map(|p| Tensor::stack(&rows.iter().map(|row| &row[p]).collect::<Vec<_>>(), 0))
            .collect()
    }

    pub(crate) fn is_continuous(&self) -> bool {
        matches!(self.values, Values::Continuous(_) | Values::Several)
    }

    /// One value for each row.
    pub(crate) fn three_points(&self) -> Tensor {
        let points: Vec<&Tensor> = self.points.iter().cycle().take(3).collect();
        Tensor::stack(&points, 0)
    }
}

/// A strong scalar: numbers alone would be weak.
pub(crate) fn strong(x: f64) -> Tensor {
    Tensor::from([x]).reshape([])
}

fn scalars(values: &[f64]) -> Vec<Tensor> {
    values.iter().map(|&x| strong(x)).collect()
}

fn continuous(
    name: &'static str,
    make: fn(&[Tensor]) -> Arc<dyn Distribution>,
    parameters: &[f64],
    points: &[f64],
    cdf: Cdf,
) -> Case {
    let (parameters, points) = (scalars(parameters), scalars(points));
    Case {
        name,
        make,
        parameters,
        points,
        values: Values::Continuous(cdf),
        has_moments: true,
        has_rsample: true,
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

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = one_dimensional();
    cases.extend(discrete());
    cases.extend(several());
    cases
}

fn one_dimensional() -> Vec<Case> {
    let gamma: fn(&[Tensor]) -> Arc<dyn Distribution> = |p| Arc::new(Gamma::new(&p[0], &p[1]));
    let beta: fn(&[Tensor]) -> Arc<dyn Distribution> = |p| Arc::new(Beta::new(&p[0], &p[1]));
    let normal: fn(&[Tensor]) -> Arc<dyn Distribution> = |p| Arc::new(Normal::new(&p[0], &p[1]));
    let uniform: fn(&[Tensor]) -> Arc<dyn Distribution> = |p| Arc::new(Uniform::new(&p[0], &p[1]));
    let uniform_cdf: Cdf = |p, x| (x - p[0]) / (p[1] - p[0]);
    let mut transformed = continuous(
        "normal mapped to an interval",
        |p| {
            let onto_interval = Arc::new(transforms::Sigmoid::new(-1.0, 3.0));
            Arc::new(TransformedDistribution::new(Normal::new(&p[0], &p[1]), vec![onto_interval]))
        },
        &[0.3, 0.8],
        &[-0.7, 1.2, 2.5],
        |p, x| normal_cdf(p, ((x + 1.0) / (3.0 - x)).ln()),
    );
    transformed.has_moments = false;
    vec![
        continuous("standard normal", normal, &[0.0, 1.0], &[-1.3, 0.4, 2.0], normal_cdf),
        continuous("narrow normal", normal, &[-3.0, 0.5], &[-3.9, -2.5], normal_cdf),
        continuous(
            "log-normal",
            |p| Arc::new(LogNormal::new(&p[0], &p[1])),
            &[0.3, 0.6],
            &[0.2, 1.4, 5.0],
            |p, x| normal_cdf(p, x.ln()),
        ),
        continuous("unit uniform", uniform, &[0.0, 1.0], &[0.1, 0.7], uniform_cdf),
        continuous("uniform", uniform, &[-2.0, 5.0], &[-1.0, 4.5], uniform_cdf),
        continuous("sparse gamma", gamma, &[0.1, 2.0], &[0.01, 0.3], gamma_cdf),
        continuous("gamma below one", gamma, &[0.7, 2.0], &[0.05, 0.4, 2.0], gamma_cdf),
        continuous("exponential", gamma, &[1.0, 0.5], &[0.3, 4.0], gamma_cdf),
        continuous("gamma", gamma, &[3.5, 0.5], &[2.0, 9.0], gamma_cdf),
        continuous("peaked gamma", gamma, &[80.0, 4.0], &[17.0, 22.0], gamma_cdf),
        continuous("arcsine", beta, &[0.5, 0.5], &[0.03, 0.6], beta_cdf),
        continuous("flat beta", beta, &[1.0, 1.0], &[0.2, 0.9], beta_cdf),
        continuous("beta", beta, &[2.0, 3.5], &[0.2, 0.7], beta_cdf),
        continuous("peaked beta", beta, &[60.0, 25.0], &[0.6, 0.75], beta_cdf),
        transformed,
    ]
}

fn discrete() -> Vec<Case> {
    let case =
        |name, make, parameter: Tensor, values: &'static [f64], points: Vec<Tensor>, has_moments| Case {
            name,
            make,
            parameters: vec![parameter],
            points,
            values: Values::Discrete(values),
            has_moments,
            has_rsample: false,
        };
    let categories = || [0, 2, 3].map(|k: i64| Tensor::from(vec![k]).reshape([])).to_vec();
    vec![
        case(
            "Bernoulli",
            |p| Arc::new(Bernoulli::new(&p[0])),
            strong(0.3),
            &[0.0, 1.0],
            scalars(&[0.0, 1.0]),
            true,
        ),
        case(
            "Bernoulli of logits",
            |p| Arc::new(Bernoulli::with_logits(&p[0])),
            strong(-0.8),
            &[0.0, 1.0],
            scalars(&[1.0, 0.0]),
            true,
        ),
        case(
            "categorical",
            |p| Arc::new(Categorical::new(&p[0])),
            Tensor::from([0.1, 0.2, 0.3, 0.4]),
            &[0.0, 1.0, 2.0, 3.0],
            categories(),
            false,
        ),
        case(
            "categorical of logits",
            |p| Arc::new(Categorical::with_logits(&p[0])),
            Tensor::from([0.1, -1.2, 2.0, 0.4]),
            &[0.0, 1.0, 2.0, 3.0],
            categories(),
            false,
        ),
        Case {
            name: "point mass",
            make: |p| Arc::new(Delta::with_log_density(&p[0], &p[1])),
            parameters: scalars(&[1.5, -0.3]),
            points: scalars(&[1.5]),
            values: Values::Point,
            has_moments: true,
            has_rsample: true,
        },
    ]
}

fn several() -> Vec<Case> {
    let loc = Tensor::from([0.5, -1.0]);
    let case = |name, make, parameters, points: Vec<Tensor>, has_moments| Case {
        name,
        make,
        parameters,
        points,
        values: Values::Several,
        has_moments,
        has_rsample: true,
    };
    let vectors = || vec![Tensor::from([0.2, -1.5]), Tensor::from([2.0, 0.3])];
    vec![
        case(
            "multivariate normal",
            |p| Arc::new(MultivariateNormal::with_scale_tril(&p[0], &p[1])),
            vec![loc.clone(), Tensor::from([[1.5, 0.0], [-0.4, 0.8]])],
            vectors(),
            true,
        ),
        case(
            "multivariate normal of a covariance",
            |p| Arc::new(MultivariateNormal::with_covariance(&p[0], &p[1])),
            vec![loc.clone(), Tensor::from([[2.0, -0.6], [-0.6, 0.8]])],
            vectors(),
            true,
        ),
        case(
            "multivariate normal of a precision",
            |p| Arc::new(MultivariateNormal::with_precision(&p[0], &p[1])),
            vec![loc, Tensor::from([[2.0, -0.6], [-0.6, 0.8]])],
            vectors(),
            true,
        ),
        case(
            "independent gammas",
            |p| Arc::new(Gamma::new(&p[0], &p[1]).to_event(1)),
            vec![Tensor::from([0.7, 3.0]), Tensor::from([1.0, 2.0])],
            vec![Tensor::from([0.4, 1.1]), Tensor::from([2.0, 0.6])],
            true,
        ),
        case(
            "normals broken into probabilities",
            |p| {
                let base = Normal::new(&p[0], &p[1]).to_event(1);
                Arc::new(TransformedDistribution::new(base, vec![Arc::new(transforms::StickBreaking)]))
            },
            vec![Tensor::from([0.3, -0.2]), Tensor::from([0.5, 1.5])],
            vec![Tensor::from([0.2, 0.3, 0.5]), Tensor::from([0.7, 0.1, 0.2])],
            false,
        ),
    ]
}
