//! Countable values, and the point mass.

use std::sync::Arc;

use ppl_dist::{
    Bernoulli, Binomial, Categorical, Delta, Geometric, Multinomial, NegativeBinomial, OneHotCategorical,
    Poisson,
};
use ppl_tensor::{DType, Tensor};

use super::{Case, Make, Moments, Values, scalars, strong};

fn case(name: &'static str, make: Make, parameters: Vec<Tensor>, all: Tensor, points: Vec<Tensor>) -> Case {
    Case {
        name,
        make,
        parameters,
        fixed: 0,
        points,
        values: Values::Discrete(all),
        moments: Moments::Finite,
        has_rsample: false,
        keeps_quantile: false,
    }
}

/// One of a number of trials, its first parameter.
fn of_count(case: Case) -> Case {
    Case { fixed: 1, ..case }
}

/// The numbers `0..n`.
fn below(n: usize) -> Tensor {
    Tensor::arange(n).cast(DType::F64) * strong(1.0)
}

/// The vectors of three counts that sum to 4.
fn counts_of_four() -> Tensor {
    let all = (0..=4).flat_map(|x| (0..=4 - x).map(move |y| [x, y, 4 - x - y].map(f64::from)));
    Tensor::stack(&all.map(Tensor::from).collect::<Vec<_>>().iter().collect::<Vec<_>>(), 0)
}

fn identity(n: usize) -> Tensor {
    Tensor::eye(n) * strong(1.0)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = single();
    cases.extend(vectors());
    cases.push(Case {
        name: "point mass",
        make: |p| Arc::new(Delta::with_log_density(&p[0], &p[1])),
        parameters: scalars(&[1.5, -0.3]),
        fixed: 1,
        points: scalars(&[1.5]),
        values: Values::Point,
        moments: Moments::Finite,
        has_rsample: true,
        keeps_quantile: false,
    });
    cases
}

fn single() -> Vec<Case> {
    let categories = || [0, 2, 3].map(|k: i64| Tensor::from(vec![k]).reshape([])).to_vec();
    let bernoulli: Make = |p| Arc::new(Bernoulli::new(&p[0]));
    let bernoulli_of_logits: Make = |p| Arc::new(Bernoulli::with_logits(&p[0]));
    let categorical: Make = |p| Arc::new(Categorical::new(&p[0]));
    let categorical_of_logits: Make = |p| Arc::new(Categorical::with_logits(&p[0]));
    let binomial: Make = |p| Arc::new(Binomial::new(&p[0], &p[1]));
    let binomial_of_logits: Make = |p| Arc::new(Binomial::with_logits(&p[0], &p[1]));
    let poisson: Make = |p| Arc::new(Poisson::new(&p[0]));
    let (probs, logits) = (Tensor::from([0.1, 0.2, 0.3, 0.4]), Tensor::from([0.1, -1.2, 2.0, 0.4]));
    vec![
        case("Bernoulli", bernoulli, scalars(&[0.3]), below(2), scalars(&[0.0, 1.0])),
        case("Bernoulli of logits", bernoulli_of_logits, scalars(&[-0.8]), below(2), scalars(&[1.0, 0.0])),
        case("categorical", categorical, vec![probs], below(4), categories()).without_moments(),
        case("categorical of logits", categorical_of_logits, vec![logits], below(4), categories())
            .without_moments(),
        of_count(case("binomial", binomial, scalars(&[10.0, 0.3]), below(11), scalars(&[0.0, 3.0, 9.0]))),
        of_count(case(
            "binomial of logits",
            binomial_of_logits,
            scalars(&[10.0, 0.9]),
            below(11),
            scalars(&[2.0, 9.0]),
        )),
        of_count(case("many trials", binomial, scalars(&[40.0, 0.6]), below(41), scalars(&[15.0, 27.0]))),
        case(
            "negative binomial",
            |p| Arc::new(NegativeBinomial::new(&p[0], &p[1])),
            scalars(&[3.5, 0.4]),
            below(60),
            scalars(&[0.0, 2.0, 9.0]),
        ),
        case(
            "negative binomial of logits",
            |p| Arc::new(NegativeBinomial::with_logits(&p[0], &p[1])),
            scalars(&[2.0, -0.5]),
            below(60),
            scalars(&[0.0, 4.0]),
        ),
        case(
            "geometric",
            |p| Arc::new(Geometric::new(&p[0])),
            scalars(&[0.3]),
            below(100),
            scalars(&[0.0, 9.0]),
        ),
        case(
            "geometric of logits",
            |p| Arc::new(Geometric::with_logits(&p[0])),
            scalars(&[0.4]),
            below(60),
            scalars(&[0.0, 3.0]),
        ),
        case("Poisson", poisson, scalars(&[2.5]), below(30), scalars(&[0.0, 2.0, 7.0])),
        case("many events", poisson, scalars(&[40.0]), below(110), scalars(&[25.0, 44.0])),
    ]
}

fn vectors() -> Vec<Case> {
    let (probs, logits) = (Tensor::from([0.2, 0.5, 0.3]), Tensor::from([0.1, -1.2, 0.7]));
    let indicators = || vec![Tensor::from([0.0, 1.0, 0.0]), Tensor::from([0.0, 0.0, 1.0])];
    let counts = || vec![Tensor::from([1.0, 3.0, 0.0]), Tensor::from([0.0, 0.0, 4.0])];
    let one_hot: Make = |p| Arc::new(OneHotCategorical::new(&p[0]));
    let one_hot_of_logits: Make = |p| Arc::new(OneHotCategorical::with_logits(&p[0]));
    let multinomial: Make = |p| Arc::new(Multinomial::new(4.0, &p[0]));
    let multinomial_of_logits: Make = |p| Arc::new(Multinomial::with_logits(4.0, &p[0]));
    vec![
        case("one-hot categorical", one_hot, vec![probs.clone()], identity(3), indicators()),
        case(
            "one-hot categorical of logits",
            one_hot_of_logits,
            vec![logits.clone()],
            identity(3),
            indicators(),
        ),
        case("multinomial", multinomial, vec![probs], counts_of_four(), counts()),
        case("multinomial of logits", multinomial_of_logits, vec![logits], counts_of_four(), counts()),
    ]
}
