//! Options of kernels: each does what it says, and is refused out of range.

use ppl_mcmc::{ChainRun, Hmc, Kernel, Mcmc, Nuts, RandomWalk, Transition};

use crate::targets::{BANANA, Gaussian, sample};

fn transitions(runs: &[ChainRun]) -> impl Iterator<Item = &Transition> {
    runs.iter().flat_map(|run| &run.transitions)
}

/// The mean acceptance of a kernel, less what was wanted.
fn off<K: Kernel>(kernel: K, wanted: f64) -> f64 {
    let target = Gaussian::independent(&[0.0; 20], &[1.0; 20]);
    let runs = sample(Mcmc::new(kernel).draws(500), &target);
    transitions(&runs).map(|t| t.acceptance).sum::<f64>() / 2000.0 - wanted
}

#[test]
fn the_step_size_gives_the_acceptance_wanted() {
    for wanted in [0.6, 0.8, 0.95] {
        // The average of the logarithm of the step sizes tried lies a little below what gives the acceptance itself.
        let nuts = off(Nuts::new().target_acceptance(wanted), wanted);
        assert!((-0.04..0.1).contains(&nuts), "nuts, {wanted}: {nuts}");
        let hmc = off(Hmc::new().target_acceptance(wanted).jitter(0.2), wanted);
        assert!((-0.04..0.1).contains(&hmc), "hmc, {wanted}: {hmc}");
    }
    for wanted in [0.15, 0.4] {
        let walk = off(RandomWalk::new().target_acceptance(wanted), wanted);
        assert!(walk.abs() < 0.05, "random walk, {wanted}: {walk}");
    }
}

#[test]
fn trajectories_are_no_longer_than_allowed() {
    for depth in [1, 3, 5] {
        let kernel = Nuts::new().step_size(1e-4).max_tree_depth(depth);
        let runs = sample(Mcmc::new(kernel).warmup(0).draws(50), &BANANA);
        // Steps so small that no trajectory turns.
        assert!(transitions(&runs).all(|t| t.leapfrogs == (1 << depth) - 1 && t.tree_depth == depth));
        assert!(transitions(&runs).all(|t| t.saturated && !t.divergent));
    }
    let turning = sample(Mcmc::new(Nuts::new().step_size(0.3)).warmup(0).draws(50), &BANANA);
    assert!(transitions(&turning).all(|t| !t.saturated && t.leapfrogs < 64));
    let hmc = |kernel: Hmc| sample(Mcmc::new(kernel.step_size(0.1)).warmup(0).draws(20), &BANANA);
    for (length, steps) in [(0.05, 1), (0.1001, 1), (0.75, 7), (2.0001, 20)] {
        let runs = hmc(Hmc::new().trajectory_length(length));
        assert!(transitions(&runs).all(|t| t.leapfrogs == steps && !t.saturated), "{length}");
        let runs = hmc(Hmc::new().trajectory_length(length).max_steps(5));
        assert!(transitions(&runs).all(|t| t.leapfrogs == steps.min(5) && t.saturated == (steps > 5)));
    }
}

#[test]
fn without_a_warm_up_a_given_step_size_stays() {
    let target = Gaussian::independent(&[0.0; 3], &[1.0; 3]);
    let runs = sample(Mcmc::new(Nuts::new().step_size(0.37)).warmup(0).draws(20), &target);
    assert!(runs.iter().flat_map(|run| &run.transitions).all(|t| t.step_size == 0.37));
    let jittered = sample(Mcmc::new(Nuts::new().step_size(0.37).jitter(0.5)).warmup(0).draws(100), &target);
    let steps: Vec<f64> =
        jittered.iter().flat_map(|run| &run.transitions).map(|t| t.step_size / 0.37).collect();
    assert!(steps.iter().all(|step| (0.5..1.5).contains(step)));
    assert!(steps.iter().any(|step| *step < 0.6) && steps.iter().any(|step| *step > 1.4));
}

#[test]
fn bad_options_are_refused() {
    fn refused<K: Kernel>(mcmc: Mcmc<K>) -> String {
        mcmc.sample(|| Gaussian::correlated(0.0), &[vec![0.0; 2]]).unwrap_err().to_string()
    }
    let nuts = || Mcmc::new(Nuts::new());
    assert_eq!(refused(nuts().draws(0)), "zero draws were asked for, at least 1 is needed");
    assert_eq!(refused(nuts().threads(0)), "zero threads were asked for, at least 1 is needed");
    assert_eq!(
        refused(Mcmc::new(Nuts::new().target_acceptance(1.0))),
        "the target acceptance is 1, must be between 0 and 1"
    );
    assert_eq!(
        refused(Mcmc::new(Nuts::new().max_tree_depth(0))),
        "the maximum tree depth is 0, must be 1 to 30"
    );
    assert_eq!(refused(Mcmc::new(Nuts::new().step_size(-1.0))), "the step size is -1, must be positive");
    assert_eq!(
        refused(Mcmc::new(Nuts::new().jitter(1.0))),
        "the jitter of the step size is 1, must be at least 0 and below 1"
    );
    assert_eq!(
        refused(Mcmc::new(Hmc::new().trajectory_length(f64::NAN))),
        "the trajectory length is NaN, must be positive"
    );
    assert_eq!(
        refused(Mcmc::new(Hmc::new().max_steps(0))),
        "the maximum number of steps is 0, must be at least 1"
    );
    assert_eq!(
        refused(Mcmc::new(RandomWalk::new().target_acceptance(0.0))),
        "the target acceptance is 0, must be between 0 and 1"
    );
    for step_size in [0.0, f64::NAN, f64::INFINITY] {
        let text = refused(Mcmc::new(Hmc::new().step_size(step_size)));
        assert_eq!(text, format!("the step size is {step_size}, must be positive"));
    }
    for target in [0.0, -0.5, f64::NAN] {
        let text = refused(Mcmc::new(Hmc::new().target_acceptance(target)));
        assert_eq!(text, format!("the target acceptance is {target}, must be between 0 and 1"));
    }
    for jitter in [-0.1, f64::NAN] {
        assert!(refused(Mcmc::new(Hmc::new().jitter(jitter))).starts_with("the jitter of the step size is "));
    }
    assert!(refused(Mcmc::new(Nuts::new().max_tree_depth(31))).ends_with("must be 1 to 30"));
    assert!(nuts().sample(|| Gaussian::correlated(0.0), &[]).is_err());
}
