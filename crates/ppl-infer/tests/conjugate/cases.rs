//! The table: objectives, the loss each has in the mean, and the estimators that apply.

use ppl_infer::{
    Baseline, GradientEstimator, Objective, RenyiElbo, TraceElbo, TraceGraphElbo, TraceMeanFieldElbo,
};
use ppl_tensor::Tensor;

use crate::exact::Loss;

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) objective: Box<dyn Objective>,
    pub(crate) loss: Loss,
}

fn score(baseline: Baseline) -> GradientEstimator {
    GradientEstimator::ScoreFunction { baseline }
}

/// Estimators of every objective.
fn general() -> Vec<GradientEstimator> {
    vec![
        GradientEstimator::Pathwise,
        score(Baseline::None),
        score(Baseline::DecayingAverage { decay: 0.9 }),
        score(Baseline::LeaveOneOut),
        score(Baseline::Learned { site: "baseline".into() }),
        score(Baseline::function(|_| Ok(Tensor::from(1.7)))),
    ]
}

/// Every objective with every estimator; two particles each.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, estimator: &GradientEstimator, objective: Box<dyn Objective>, loss| {
        cases.push(Case { name: format!("{name} {estimator:?}"), objective, loss });
    };
    for e in general().iter().chain(&[GradientEstimator::StickingTheLanding]) {
        add("TraceElbo", e, Box::new(TraceElbo::new().particles(2).estimator(e.clone())), Loss::Elbo);
        add(
            "TraceGraphElbo",
            e,
            Box::new(TraceGraphElbo::new().particles(2).estimator(e.clone())),
            Loss::Elbo,
        );
        let mean_field = TraceMeanFieldElbo::new().particles(2).estimator(e.clone());
        add("TraceMeanFieldElbo", e, Box::new(mean_field), Loss::Elbo);
    }
    for alpha in [0.0, 0.5, 2.0] {
        for e in general().iter().chain(&[GradientEstimator::DoublyReparameterized]) {
            let renyi = RenyiElbo::new(alpha).particles(2).estimator(e.clone());
            add(&format!("RenyiElbo({alpha})"), e, Box::new(renyi), Loss::RenyiOfTwo(alpha));
        }
    }
    cases
}
