//! Options of kernels: each does what it says, and is refused out of range.

use ppl_infer::Init;
use ppl_mcmc::{Hmc, Kernel, MassMatrix, Mcmc, Nuts, RandomWalk, Transition};

use crate::targets::{BANANA, Gaussian, Run, sample};

fn transitions(runs: &[Run]) -> impl Iterator<Item = &Transition> {
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
        // The last 150 transitions of a warm-up, whose acceptances vary by 0.2, tell it to 0.016, and four chains to 0.008.
        let nuts = off(Nuts::new().target_acceptance(wanted), wanted);
        assert!(nuts.abs() < 0.03, "nuts, {wanted}: {nuts}");
        let hmc = off(Hmc::new().target_acceptance(wanted).jitter(0.2), wanted);
        assert!(hmc.abs() < 0.03, "hmc, {wanted}: {hmc}");
        // In Stan's windows the average of the steps tried is smaller than what gives the acceptance itself.
        let windows = off(Nuts::new().mass_matrix(MassMatrix::Diagonal).target_acceptance(wanted), wanted);
        assert!((-0.04..0.15).contains(&windows), "windows, {wanted}: {windows}");
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
    let hmc = |kernel: Hmc| {
        let kernel = kernel.step_size(0.1).length_jitter(0.0);
        sample(Mcmc::new(kernel).warmup(0).draws(20), &BANANA)
    };
    for (length, steps) in [(0.05, 1), (0.1001, 1), (0.75, 7), (2.0001, 20)] {
        let runs = hmc(Hmc::new().trajectory_length(length));
        assert!(transitions(&runs).all(|t| t.leapfrogs == steps && !t.saturated), "{length}");
        let runs = hmc(Hmc::new().trajectory_length(length).max_steps(5));
        assert!(transitions(&runs).all(|t| t.leapfrogs == steps.min(5) && t.saturated == (steps > 5)));
        // As many as are allowed, and no more wanted.
        let runs = hmc(Hmc::new().trajectory_length(length).max_steps(steps));
        assert!(transitions(&runs).all(|t| t.leapfrogs == steps && !t.saturated), "{length}");
    }
}

/// Numbers of steps are spread evenly up to twice the mean, of 10 here: their mean is 10 within four standard errors.
#[test]
fn lengths_of_trajectories_vary() {
    let hmc = |jitter| {
        let kernel = Hmc::new().step_size(0.1).trajectory_length(1.0001).length_jitter(jitter);
        let runs = sample(Mcmc::new(kernel).warmup(0).draws(250), &Gaussian::correlated(0.0));
        transitions(&runs).map(|t| t.leapfrogs).collect::<Vec<_>>()
    };
    let steps = hmc(1.0);
    assert!(steps.contains(&1) && steps.contains(&19) && steps.iter().all(|steps| *steps < 21));
    // Rounded down, from uniform numbers of variance 20²/12, but for those below 1, which are 1.
    let mean = steps.iter().sum::<u32>() as f64 / 1000.0;
    assert!((mean - 9.55).abs() < 4.0 * (20.0_f64.powi(2) / 12.0 / 1000.0).sqrt(), "{mean}");
    let steps = hmc(0.5);
    assert!(steps.contains(&5) && steps.contains(&14) && steps.iter().all(|steps| (5..=15).contains(steps)));
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
    for jitter in [-0.1, 1.5, f64::NAN] {
        let text = refused(Mcmc::new(Hmc::new().length_jitter(jitter)));
        assert_eq!(text, format!("the jitter of the trajectory length is {jitter}, must be 0 to 1"));
    }
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
    assert_eq!(
        refused(nuts().chains(2)),
        "2 chains were asked for, and 1 starts given: there is one chain a start"
    );
    assert_eq!(refused(nuts().vectorized(true)), "vectorised chains are of models: leave `vectorized` out");
    assert_eq!(
        refused(nuts().init(Init::Feasible)),
        "chains begin at the starts that are given: leave `init` out"
    );
    assert!(
        refused(nuts().warmup(usize::MAX)).ends_with("were asked for, at most 1099511627776 can be made")
    );
}
