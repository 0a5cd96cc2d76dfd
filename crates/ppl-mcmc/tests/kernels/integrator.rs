//! Laws of the leapfrog integrator.

use ppl_mcmc::{LogDensity, Metric, Phase};
use proptest::prelude::*;

use crate::targets::{BANANA, FUNNEL, Target};

fn begin(mut target: Target, metric: &Metric, position: &[f64], momentum: &[f64]) -> Phase {
    let mut phase = Phase::zeros(position.len());
    phase.position.copy_from_slice(position);
    phase.momentum.copy_from_slice(momentum);
    phase.log_density = target.value_and_gradient(position, &mut phase.gradient).unwrap();
    metric.force(&phase.gradient, &mut phase.force);
    phase
}

fn steps(phase: &mut Phase, mut target: Target, metric: &Metric, time: f64, n: usize) {
    for _ in 0..n {
        phase.leapfrog(&mut target, metric, time).unwrap();
    }
}

fn metrics() -> [Metric; 2] {
    let diagonal = Metric::diagonal(vec![0.5, 2.0]).unwrap();
    [diagonal, Metric::dense(vec![1.0, 0.3, 0.3, 0.5]).unwrap()]
}

proptest! {
    /// Back with the momentum turned around, and back in time.
    #[test]
    fn trajectories_can_be_reversed(
        position in prop::collection::vec(-1.5..1.5f64, 2),
        momentum in prop::collection::vec(-1.5..1.5f64, 2),
        n in 1..30usize,
    ) {
        for metric in metrics() {
            let start = begin(BANANA, &metric, &position, &momentum);
            let mut end = start.clone();
            steps(&mut end, BANANA, &metric, 0.05, n);
            let mut turned = begin(BANANA, &metric, &end.position, &end.momentum.iter().map(|p| -p).collect::<Vec<_>>());
            steps(&mut turned, BANANA, &metric, 0.05, n);
            steps(&mut end, BANANA, &metric, -0.05, n);
            for i in 0..2 {
                // Rounding of 1e-16, which such a trajectory makes no more than a thousand times larger.
                prop_assert!((end.position[i] - position[i]).abs() < 1e-11);
                prop_assert!((turned.position[i] - position[i]).abs() < 1e-11);
                prop_assert!((turned.momentum[i] + momentum[i]).abs() < 1e-11);
            }
        }
    }

    /// The determinant of the map's derivative, by central differences.
    #[test]
    fn volume_is_preserved(z in prop::collection::vec(-1.2..1.2f64, 4)) {
        for metric in metrics() {
            let map = |z: &[f64]| {
                let mut phase = begin(BANANA, &metric, &z[..2], &z[2..]);
                steps(&mut phase, BANANA, &metric, 0.1, 5);
                [phase.position, phase.momentum].concat()
            };
            let h = 1e-5;
            let mut matrix = [[0.0; 4]; 4];
            for j in 0..4 {
                let moved = |by: f64| {
                    let mut z = z.clone();
                    z[j] += by;
                    map(&z)
                };
                let (up, down) = (moved(h), moved(-h));
                for i in 0..4 {
                    matrix[i][j] = (up[i] - down[i]) / (2.0 * h);
                }
            }
            // Central differences err by h² times third derivatives, of at most some thousands here.
            let found = determinant(matrix);
            prop_assert!((found - 1.0).abs() < 1e-5, "{found}");
        }
    }

    /// The error of the energy after a given time falls with the square of the step.
    #[test]
    fn energy_errs_by_the_square_of_the_step(
        position in prop::collection::vec(-1.0..1.0f64, 2),
        momentum in prop::collection::vec(-1.0..1.0f64, 2),
    ) {
        for metric in metrics() {
            let error = |n: usize| {
                let mut phase = begin(BANANA, &metric, &position, &momentum);
                let before = phase.energy();
                steps(&mut phase, BANANA, &metric, 0.64 / n as f64, n);
                phase.energy() - before
            };
            // Of two step sizes the fourth-order part is what differs from a factor of 4: a 1/64 of the square's.
            let (coarse, fine) = (error(64), error(128));
            prop_assert!((coarse - 4.0 * fine).abs() < 0.05 * coarse.abs() + 1e-6, "{coarse} {fine}");
        }
    }
}

/// By elimination with the largest pivot.
fn determinant(mut m: [[f64; 4]; 4]) -> f64 {
    let mut product = 1.0;
    for k in 0..4 {
        let pivot = (k..4).max_by(|&a, &b| m[a][k].abs().total_cmp(&m[b][k].abs())).unwrap();
        if pivot != k {
            m.swap(pivot, k);
            product = -product;
        }
        product *= m[k][k];
        let above = m[k];
        for row in &mut m[k + 1..] {
            let factor = row[k] / above[k];
            row.iter_mut().zip(above).for_each(|(x, above)| *x -= factor * above);
        }
    }
    product
}

/// The exact solution for a harmonic oscillator keeps a modified energy, `½p² + ½q²(1 - h²/4)`.
#[test]
fn an_oscillator_keeps_its_modified_energy() {
    let oscillator = Target {
        dimension: 1,
        at: |x, gradient| {
            gradient[0] = -x[0];
            -0.5 * x[0] * x[0]
        },
    };
    let (metric, h) = (Metric::identity(1), 0.3);
    let mut phase = begin(oscillator, &metric, &[1.0], &[0.5]);
    let modified = |phase: &Phase| {
        0.5 * phase.momentum[0].powi(2) + 0.5 * phase.position[0].powi(2) * (1.0 - h * h / 4.0)
    };
    let before = modified(&phase);
    for _ in 0..1000 {
        steps(&mut phase, oscillator, &metric, h, 1);
        assert!((modified(&phase) - before).abs() < 1e-12);
    }
}

/// One step by the textbook, with momenta as they are: `p + ½tg`, `q + tM⁻¹p`, `p + ½tg`. Momenta in the coordinates of the
/// mass matrix are `Lᵀ p`, and their energies the same.
#[test]
fn steps_are_those_of_the_mass_matrix() {
    let (position, time) = ([0.4, -0.7], 0.3);
    let slope = |x: &[f64]| {
        let mut gradient = [0.0; 2];
        let value = (BANANA.at)(x, &mut gradient);
        (value, gradient)
    };
    for (metric, inverse, factor) in [
        (
            Metric::diagonal(vec![0.5, 2.0]).unwrap(),
            [[0.5, 0.0], [0.0, 2.0]],
            [[0.5_f64.sqrt(), 0.0], [0.0, 2.0_f64.sqrt()]],
        ),
        // 0.41 = 0.3² / 1 + 0.32.
        (
            Metric::dense(vec![1.0, 0.3, 0.3, 0.41]).unwrap(),
            [[1.0, 0.3], [0.3, 0.41]],
            [[1.0, 0.0], [0.3, 0.32_f64.sqrt()]],
        ),
    ] {
        let whitened = |p: [f64; 2]| [0, 1].map(|j| factor[0][j] * p[0] + factor[1][j] * p[1]);
        let kick = |p: [f64; 2], g: [f64; 2]| [0, 1].map(|i| p[i] + 0.5 * time * g[i]);
        let momentum = [0.8, 0.5];
        let mut phase = begin(BANANA, &metric, &position, &whitened(momentum));
        steps(&mut phase, BANANA, &metric, time, 1);
        let half = kick(momentum, slope(&position).1);
        let moved = [0, 1].map(|i| position[i] + time * (inverse[i][0] * half[0] + inverse[i][1] * half[1]));
        let (value, gradient) = slope(&moved);
        let end = kick(half, gradient);
        let kinetic: f64 =
            (0..2).map(|i| 0.5 * end[i] * (inverse[i][0] * end[0] + inverse[i][1] * end[1])).sum();
        let pairs =
            [(&phase.position, moved), (&phase.momentum, whitened(end)), (&phase.force, whitened(gradient))];
        for (found, expected) in pairs {
            assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-14));
        }
        assert!((phase.energy() - (kinetic - value)).abs() < 1e-14);
    }
}

#[test]
fn bad_mass_matrices_are_refused() {
    let text = |metric: ppl_core::Result<Metric>| metric.unwrap_err().to_string();
    assert_eq!(
        text(Metric::diagonal(vec![1.0, -2.0])),
        "a variance of the mass matrix is -2, must be positive"
    );
    assert_eq!(text(Metric::dense(vec![1.0; 3])), "3 numbers are no square matrix");
    let indefinite = "the covariance of the mass matrix is not positive definite";
    assert_eq!(text(Metric::dense(vec![1.0, 2.0, 2.0, 1.0])), indefinite);
    assert_eq!(Metric::dense(vec![4.0]).unwrap().dimension(), 1);
}

/// Where the density is not a number the energy is infinite, and nothing panics.
#[test]
fn the_neck_of_a_funnel_is_a_high_energy() {
    let metric = Metric::identity(10);
    let mut phase = begin(FUNNEL, &metric, &[-800.0; 10], &[1.0; 10]);
    steps(&mut phase, FUNNEL, &metric, 1.0, 3);
    assert!(phase.energy() > 1e6);
}
