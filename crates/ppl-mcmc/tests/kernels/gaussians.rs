//! Normal targets: all moments are known.

use ppl_mcmc::diagnostics::ess_mean;
use ppl_mcmc::{Hmc, Kernel, MassMatrix, Mcmc, Nuts, RandomWalk};

use crate::targets::{Gaussian, deviation, number, sample};

/// Means and mean squares of all numbers, in standard errors: of some forty figures of right kernels one is beyond 4 once
/// in four hundred seeds, and these are fixed.
fn check<K: Kernel>(what: &str, mcmc: Mcmc<K>, target: &Gaussian, variances: &[f64]) {
    let runs = sample(mcmc, target);
    let d = variances.len();
    for (i, (mean, variance)) in target.mean.iter().zip(variances).enumerate() {
        let first = deviation(&number(&runs, d, i, |x| x), *mean);
        let second = deviation(&number(&runs, d, i, |x| (x - mean).powi(2)), *variance);
        assert!(first.abs() < 4.0 && second.abs() < 4.0, "{what} [{i}]: {first:.2}, {second:.2}");
    }
}

const KINDS: [MassMatrix; 4] =
    [MassMatrix::Identity, MassMatrix::Diagonal, MassMatrix::Dense, MassMatrix::Gradients];

#[test]
fn nuts_draws_from_the_target() {
    let (mean, sd) = ([0.0, 3.0, -100.0, 0.5, 0.0], [1.0, 0.2, 10.0, 2.0, 0.7]);
    let variances = sd.map(|sd: f64| sd * sd);
    let target = Gaussian::independent(&mean, &sd);
    for kind in KINDS {
        check(
            &format!("{kind:?}"),
            Mcmc::new(Nuts::new().mass_matrix(kind)).draws(2000),
            &target,
            &variances,
        );
        let correlated = Gaussian::correlated(0.95);
        let mcmc = Mcmc::new(Nuts::new().mass_matrix(kind).jitter(0.2)).draws(2000).seed(1);
        check(&format!("correlated, {kind:?}"), mcmc, &correlated, &[1.0, 1.0]);
    }
}

#[test]
fn hamiltonian_monte_carlo_draws_from_the_target() {
    for kind in KINDS {
        let mcmc = Mcmc::new(Hmc::new().mass_matrix(kind).jitter(0.1)).draws(2000);
        check(&format!("{kind:?}"), mcmc, &Gaussian::correlated(-0.8), &[1.0, 1.0]);
    }
}

/// Half the way round along the first axis is all of it along the others, once and twice: trajectories of one length end where
/// they began, or opposite. With lengths that vary every number moves.
#[test]
fn trajectories_do_not_resonate() {
    let target = Gaussian::independent(&[0.0; 3], &[1.0, 0.25, 0.5]);
    let fewest = |kernel: Hmc| {
        let kernel = kernel.mass_matrix(MassMatrix::Identity).step_size(0.05);
        let runs = sample(Mcmc::new(kernel).warmup(0).draws(1000), &target);
        let of = |i| {
            let squares = number(&runs, 3, i, |x| x * x);
            let chains: Vec<&[f64]> = squares.iter().map(Vec::as_slice).collect();
            ess_mean(&chains)
        };
        (0..3).map(of).fold(f64::INFINITY, f64::min)
    };
    let (one, varied) = (fewest(Hmc::new().length_jitter(0.0)), fewest(Hmc::new()));
    assert!(one < 100.0 && varied > 1000.0, "{one} {varied}");
}

#[test]
fn a_random_walk_draws_from_the_target() {
    let target = Gaussian::independent(&[2.0, -1.0, 0.0], &[1.0, 5.0, 0.1]);
    check("random walk", Mcmc::new(RandomWalk::new()).draws(20_000), &target, &[1.0, 25.0, 0.01]);
}

/// Scales that differ by a factor of 1000 each way: a condition number of 10⁶ for the covariance's roots, 10¹² for itself.
#[test]
fn ill_conditioned_targets_are_scaled() {
    let sd = [1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0];
    let target = Gaussian::independent(&[0.0; 7], &sd);
    let variances = sd.map(|sd: f64| sd * sd);
    for kind in [MassMatrix::Diagonal, MassMatrix::Gradients] {
        let mcmc = Mcmc::new(Nuts::new().mass_matrix(kind)).seed(2);
        check(&format!("{kind:?}"), mcmc.clone(), &target, &variances);
        let runs = sample(mcmc, &target);
        let longest = runs.iter().flat_map(|run| &run.transitions).map(|t| t.leapfrogs).max().unwrap();
        assert!(longest <= 31, "{kind:?}: {longest}");
    }
}

/// Scales that differ by a factor of 1000, along axes that are none of the coordinates': a condition number of 10⁶.
#[test]
fn a_dense_mass_matrix_undoes_rotation() {
    const D: usize = 6;
    // A reflection has itself as inverse.
    let squares: f64 = (1..=D).map(|i| (i * i) as f64).sum();
    let reflection =
        |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * ((i + 1) * (j + 1)) as f64 / squares;
    let rotated = |eigenvalue: &dyn Fn(i32) -> f64| -> Vec<f64> {
        let entry = |i: usize, j: usize| {
            let part = |k: usize| eigenvalue(k as i32) * reflection(i, k) * reflection(j, k);
            (0..D).map(part).sum::<f64>()
        };
        (0..D * D).map(|place| entry(place / D, place % D)).collect()
    };
    // From 1 to 10⁶.
    let covariance = rotated(&|k| 10f64.powf(1.2 * f64::from(k)));
    let precision = rotated(&|k| 10f64.powf(-1.2 * f64::from(k)));
    let variances: Vec<f64> = covariance.into_iter().step_by(D + 1).collect();
    let target = Gaussian { mean: vec![0.0; D], precision };
    let mcmc = Mcmc::new(Nuts::new().mass_matrix(MassMatrix::Dense).max_tree_depth(12)).warmup(2000).seed(4);
    check("rotated", mcmc.clone(), &target, &variances);
    let runs = sample(mcmc, &target);
    let longest = runs.iter().flat_map(|run| &run.transitions).map(|t| t.leapfrogs).max().unwrap();
    assert!(longest <= 31, "{longest}");
}

/// Both directions of a correlation of 0.999998 differ in scale by a factor of 1000: a condition number of 10⁶.
#[test]
fn a_dense_mass_matrix_undoes_correlation() {
    let target = Gaussian::correlated(1.0 - 2e-6);
    let mcmc = Mcmc::new(Nuts::new().mass_matrix(MassMatrix::Dense).max_tree_depth(12)).warmup(2000).seed(3);
    check("dense", mcmc.clone(), &target, &[1.0, 1.0]);
    let runs = sample(mcmc, &target);
    let longest = runs.iter().flat_map(|run| &run.transitions).map(|t| t.leapfrogs).max().unwrap();
    assert!(longest <= 31, "{longest}");
}
