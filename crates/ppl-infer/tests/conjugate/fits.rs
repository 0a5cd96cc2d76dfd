//! Fitted guides equal exact posteriors.

use ppl_infer::{
    Adam, Baseline, GradientEstimator, Objective, RenyiElbo, Svi, TraceElbo, TraceGraphElbo,
    TraceMeanFieldElbo,
};

use crate::families::{self, Family};

fn fitted(family: &Family, objective: Box<dyn Objective>, steps: usize) -> Vec<f64> {
    let guide = (family.guide)(family.start.clone());
    let mut svi = Svi::new(&family.model, guide, Adam::new(0.03), objective).seed(3).progress(false);
    svi.run(steps, &()).unwrap();
    let value = |(name, _): &(&str, bool)| svi.params().get(name).unwrap().to_f64().unwrap();
    family.parameters.iter().flat_map(value).collect()
}

fn check(objective: impl Fn() -> Box<dyn Objective>, steps: usize, tolerance: f64) {
    for family in families::all() {
        let found = fitted(&family, objective(), steps);
        for (found, exact) in found.iter().zip(&family.posterior) {
            let far = (found - exact).abs() / exact.abs().max(1.0);
            assert!(far < tolerance, "{}: {found} {exact}", family.name);
        }
    }
}

/// At the posterior these gradients have no variance, so that the fit goes all the way: what is left is the distance
/// that Adam's steps of 0.03 still have to go, which shrinks with the gradient.
#[test]
fn without_variance_at_the_posterior_fits_are_exact() {
    let stl = GradientEstimator::StickingTheLanding;
    check(|| Box::new(TraceElbo::new().particles(8).estimator(stl.clone())), 600, 2e-3);
    let dreg = GradientEstimator::DoublyReparameterized;
    let iwae = || RenyiElbo::importance_weighted().particles(8).estimator(dreg.clone());
    check(|| Box::new(iwae()), 600, 2e-3);
}

/// All costs are equal at the posterior, so that the mean of the others' is a perfect baseline.
#[test]
fn scores_with_a_leave_one_out_baseline_reach_the_posterior() {
    let baseline = Baseline::LeaveOneOut;
    let score = GradientEstimator::ScoreFunction { baseline };
    check(|| Box::new(TraceGraphElbo::new().particles(16).estimator(score.clone())), 600, 2e-2);
}

/// The likelihood's part keeps its variance: Adam wanders by about its step times the signal's noise.
#[test]
fn mean_field_fits_are_near_the_posterior() {
    check(|| Box::new(TraceMeanFieldElbo::new().particles(32)), 600, 0.15);
}
