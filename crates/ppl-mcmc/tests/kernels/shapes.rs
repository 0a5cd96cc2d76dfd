//! Targets that are hard: what can be drawn from is, what cannot is told.

use std::f64::consts::PI;

use ppl_mcmc::diagnostics::r_hat;
use ppl_mcmc::{Hmc, Kernel, LogDensity, Mcmc, Nuts, RandomWalk};

use crate::targets::{BANANA, FUNNEL, Gaussian, MODES, Target, deviation, number, runs, sample};

/// `E x = 0`, `E y = E x² = 1`, `Var y = Var x² + ½`. With steps that are accepted as 0.8 asks for, trajectories diverge
/// in the bends of the tails.
#[test]
fn a_banana_is_followed() {
    let runs = sample(Mcmc::new(Nuts::new().target_acceptance(0.95)).draws(4000), &BANANA);
    let moments = [
        deviation(&number(&runs, 2, 0, |x| x), 0.0),
        deviation(&number(&runs, 2, 0, |x| x * x), 1.0),
        deviation(&number(&runs, 2, 1, |y| y), 1.0),
        deviation(&number(&runs, 2, 1, |y| (y - 1.0).powi(2)), 2.5),
    ];
    assert!(moments.iter().all(|moment| moment.abs() < 4.0), "{moments:?}");
}

#[test]
fn a_funnel_is_reported() {
    let runs = sample(Mcmc::new(Nuts::new()), &FUNNEL);
    let divergent = runs.iter().flat_map(|run| &run.transitions).filter(|t| t.divergent).count();
    assert!(divergent > 0, "{divergent}");
}

#[test]
fn modes_apart_are_reported() {
    let runs = sample(Mcmc::new(Nuts::new()).draws(200), &MODES);
    let chains = number(&runs, 1, 0, |x| x);
    let chains: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
    assert!(r_hat(&chains) > 1.5);
}

/// A trajectory that turns is drawn from uniformly in its weights: for a density that is flat on a circle's angle, the
/// draws are uniform.
#[test]
fn a_ring_is_drawn_from_evenly() {
    let ring = Target {
        dimension: 2,
        at: |x, gradient| {
            let radius = x[0].hypot(x[1]);
            let slope = -(radius - 3.0) / 0.04;
            gradient[0] = slope * x[0] / radius;
            gradient[1] = slope * x[1] / radius;
            0.5 * slope * (radius - 3.0)
        },
    };
    let runs = sample(Mcmc::new(Nuts::new()).draws(2000), &ring);
    let angles: Vec<Vec<f64>> =
        runs.iter().map(|run| run.values.chunks(2).map(|x| x[1].atan2(x[0])).collect()).collect();
    let cosines: Vec<Vec<f64>> = angles.iter().map(|c| c.iter().map(|a| a.cos()).collect()).collect();
    let share: Vec<Vec<f64>> =
        angles.iter().map(|c| c.iter().map(|a| f64::from(*a > 0.25 * PI)).collect()).collect();
    let found = [deviation(&cosines, 0.0), deviation(&share, 0.375)];
    assert!(found.iter().all(|deviation| deviation.abs() < 4.0), "{found:?}");
}

/// Up a stair whose steps are higher than the exponent of any number: where a trajectory comes upon higher ground, its draw is
/// there, and none goes back.
#[test]
fn weights_beyond_all_numbers_are_weighed() {
    for height in [400.0, 800.0, 5000.0] {
        let stair = Target {
            dimension: 1,
            at: |x, gradient| {
                gradient[0] = 0.0;
                x[0].floor()
            },
        };
        let stair = Scaled(stair, height);
        let kernel = Nuts::new().step_size(0.3).max_tree_depth(4);
        let chains = Mcmc::new(kernel)
            .warmup(0)
            .draws(200)
            .sample(|| stair.clone(), &[vec![0.5], vec![-3.0]])
            .unwrap();
        for run in &runs(&chains) {
            let levels: Vec<f64> = run.values.iter().map(|x| x.floor()).collect();
            assert!(levels.is_sorted() && levels[199] > levels[0] + 50.0, "{height}: {levels:?}");
            assert!(
                run.transitions.iter().all(|t| t.energy.unwrap().is_finite() && t.acceptance.is_finite())
            );
        }
    }
}

/// A density times a factor.
#[derive(Clone)]
struct Scaled(Target, f64);

impl LogDensity for Scaled {
    fn dimension(&self) -> usize {
        self.0.dimension
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> ppl_core::Result<f64> {
        let value = self.0.value_and_gradient(x, gradient)?;
        gradient.iter_mut().for_each(|slope| *slope *= self.1);
        Ok(self.1 * value)
    }
}

fn failure<K: Kernel>(kernel: K, target: &(impl LogDensity + Clone + Send), start: &[f64]) -> String {
    let mcmc = Mcmc::new(kernel).warmup(100).draws(10);
    mcmc.sample(|| target.clone(), &[start.to_vec()]).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_sampled_says_why() {
    let flat = Target {
        dimension: 1,
        at: |_, gradient| {
            gradient[0] = 0.0;
            1.0
        },
    };
    assert!(failure(Nuts::new(), &flat, &[0.0]).contains("the posterior is improper"));
    let cliff = Target {
        dimension: 1,
        at: |x, gradient| {
            gradient[0] = 1.0;
            if x[0] == 0.0 { 0.0 } else { f64::NEG_INFINITY }
        },
    };
    assert!(failure(Hmc::new(), &cliff, &[0.0]).starts_with("no step is small enough"));
    let gaussian = Gaussian::correlated(0.5);
    assert_eq!(failure(Nuts::new(), &gaussian, &[0.0]), "the start has 1 numbers, the log density 2");
    assert_eq!(failure(RandomWalk::new(), &gaussian, &[0.0]), "the start has 1 numbers, the log density 2");
    assert_eq!(failure(Nuts::new(), &gaussian, &[f64::NAN, 0.0]), "the log density at the start is NaN");
    assert_eq!(
        failure(RandomWalk::new(), &gaussian, &[f64::NAN, 0.0]),
        "the log density at the start is NaN"
    );
    let kink = Target {
        dimension: 2,
        at: |_, gradient| {
            gradient.copy_from_slice(&[0.0, f64::INFINITY]);
            0.0
        },
    };
    assert_eq!(failure(Nuts::new(), &kink, &[0.0, 0.0]), "number 1 of the gradient at the start is inf");
}
