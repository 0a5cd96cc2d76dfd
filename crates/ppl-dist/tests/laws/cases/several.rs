//! Tensors of several real numbers.

use std::sync::Arc;

use ppl_core::Transform;
use ppl_dist::{
    Dirichlet, DistributionExt, Gamma, LkjCholesky, LowRankMultivariateNormal, MultivariateNormal, Normal,
    TransformedDistribution, transforms,
};
use ppl_tensor::Tensor;

use super::{Case, Make, Moments, Values, strong};

fn case(name: &'static str, make: Make, parameters: Vec<Tensor>, points: Vec<Tensor>) -> Case {
    Case {
        name,
        make,
        parameters,
        fixed: 0,
        points,
        values: Values::Several,
        moments: Moments::Finite,
        has_rsample: true,
        keeps_quantile: false,
    }
}

fn tied(case: Case) -> Case {
    Case { values: Values::Tied, ..case }
}

pub(super) fn cases() -> Vec<Case> {
    let loc = Tensor::from([0.5, -1.0]);
    let vectors = || vec![Tensor::from([0.2, -1.5]), Tensor::from([2.0, 0.3])];
    let simplexes = || vec![Tensor::from([0.2, 0.3, 0.5]), Tensor::from([0.7, 0.1, 0.2])];
    vec![
        case(
            "multivariate normal",
            |p| Arc::new(MultivariateNormal::with_scale_tril(&p[0], &p[1])),
            vec![loc.clone(), Tensor::from([[1.5, 0.0], [-0.4, 0.8]])],
            vectors(),
        ),
        case(
            "multivariate normal of a covariance",
            |p| Arc::new(MultivariateNormal::with_covariance(&p[0], &p[1])),
            vec![loc.clone(), Tensor::from([[2.0, -0.6], [-0.6, 0.8]])],
            vectors(),
        ),
        case(
            "multivariate normal of a precision",
            |p| Arc::new(MultivariateNormal::with_precision(&p[0], &p[1])),
            vec![loc.clone(), Tensor::from([[2.0, -0.6], [-0.6, 0.8]])],
            vectors(),
        ),
        case(
            "low-rank multivariate normal",
            |p| Arc::new(LowRankMultivariateNormal::new(&p[0], &p[1], &p[2])),
            vec![loc, Tensor::from([[1.5], [-0.4]]), Tensor::from([0.3, 0.8])],
            vectors(),
        ),
        case(
            "independent gammas",
            |p| Arc::new(Gamma::new(&p[0], &p[1]).to_event(1)),
            vec![Tensor::from([0.7, 3.0]), Tensor::from([1.0, 2.0])],
            vec![Tensor::from([0.4, 1.1]), Tensor::from([2.0, 0.6])],
        ),
        tied(case(
            "Dirichlet",
            |p| Arc::new(Dirichlet::new(&p[0])),
            vec![Tensor::from([0.7, 2.0, 3.5])],
            simplexes(),
        )),
        tied(case(
            "LKJ",
            |p| Arc::new(LkjCholesky::new(3, &p[0])),
            vec![strong(1.7)],
            [[0.3, -0.5, 0.2], [-1.2, 0.1, 0.8]]
                .map(|x| transforms::CorrCholesky.forward(&Tensor::from(x)))
                .to_vec(),
        ))
        .without_moments(),
        tied(case(
            "normals broken into probabilities",
            |p| {
                let base = Normal::new(&p[0], &p[1]).to_event(1);
                Arc::new(TransformedDistribution::new(base, vec![Arc::new(transforms::StickBreaking)]))
            },
            vec![Tensor::from([0.3, -0.2]), Tensor::from([0.5, 1.5])],
            simplexes(),
        ))
        .without_moments(),
    ]
}
