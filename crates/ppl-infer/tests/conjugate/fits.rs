//! Fitted guides equal exact posteriors.

use ppl_infer::{
    Adam, Baseline, GradientEstimator, Objective, RenyiElbo, Svi, TraceElbo, TraceGraphElbo,
    TraceMeanFieldElbo,
};

use crate::families::{self, Family};

fn fitted(family: &Family, objective: Box<dyn Objective>, steps: usize) -> Vec<f64> {
    let guide = (family.guide)(family.start.clone());
    let mut svi = Svi::new(&family.model, guide, Adam::new(0.05), objective).seed(3).progress(false);
    svi.run(steps, &()).unwrap();
    let value = |(name, _): &(&str, bool)| svi.params().get(name).unwrap().to_f64().unwrap();
    family.parameters.iter().flat_map(value).collect()
}

fn check(family: &Family, objective: impl Objective + 'static, tolerance: f64) {
    let found = fitted(family, Box::new(objective), 400);
    for (found, exact) in found.iter().zip(&family.posterior) {
        let far = (found - exact).abs() / exact.abs().max(1.0);
        assert!(far < tolerance, "{}: {found} {exact}", family.name);
    }
}

/// At the posterior these gradients have no variance, so that the fit goes all the way: what is left is the distance
/// that Adam still has to go, with steps that shrink with the gradient.
#[test]
fn without_variance_at_the_posterior_fits_are_exact() {
    let stl = GradientEstimator::StickingTheLanding;
    for family in families::all() {
        check(&family, TraceElbo::new().particles(4).estimator(stl.clone()), 5e-3);
    }
    let dreg = GradientEstimator::DoublyReparameterized;
    check(&families::all()[2], RenyiElbo::importance_weighted().particles(4).estimator(dreg), 5e-3);
}

/// All costs are equal at the posterior, so that the mean of the others' is a perfect baseline.
#[test]
fn scores_with_a_leave_one_out_baseline_reach_the_posterior() {
    let score = GradientEstimator::ScoreFunction { baseline: Baseline::LeaveOneOut };
    for family in [&families::all()[1], &families::all()[3]] {
        check(family, TraceGraphElbo::new().particles(16).estimator(score.clone()), 3e-2);
    }
}

/// The likelihood's part keeps its variance: Adam wanders by about its step times the noise.
#[test]
fn mean_field_fits_are_near_the_posterior() {
    for family in [&families::all()[0], &families::all()[2]] {
        check(family, TraceMeanFieldElbo::new().particles(32), 0.2);
    }
}
