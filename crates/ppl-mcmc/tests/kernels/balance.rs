//! Detailed balance: of two draws that follow each other in a chain at rest, either may be the first.

use ppl_mcmc::{Hmc, Kernel, MassMatrix, Nuts, RandomWalk};
use ppl_tensor::Key;

use crate::targets::BANANA;

/// Functions of a draw whose products have variances.
const FUNCTIONS: [fn(&[f64]) -> f64; 3] = [|x| x[0], |x| x[1].tanh(), |x| (x[0] * x[1]).tanh()];

/// `E f(x) g(x') = E g(x) f(x')` for `x` drawn from the target itself and one transition to `x'`, and `E f(x) = E f(x')`:
/// in standard errors of the independent pairs. Of 36 such figures one is beyond 4 once in four hundred seeds.
fn check<K: Kernel>(what: &str, mut kernel: K) {
    let (n, key) = (10_000, Key::new(7).fold_in_name(what));
    let mut stream = key.fold_in_name("target").stream().unwrap();
    let mut differences: Vec<(String, Vec<f64>)> = Vec::new();
    let mut put = |number: usize, name: String, value: f64| {
        if differences.len() <= number {
            differences.push((name, Vec::with_capacity(n)));
        }
        differences[number].1.push(value);
    };
    let mut target = BANANA;
    for pair in 0..n {
        let a = stream.normal();
        let before = [a, a * a + stream.normal() * std::f64::consts::FRAC_1_SQRT_2];
        let own = key.fold_in(pair).stream().unwrap();
        let mut state = kernel.init(&mut target, &before, 0, own).unwrap();
        kernel.step(&mut target, &mut state).unwrap();
        let after = K::position(&state);
        let (mut number, of) = (0, |x: &[f64]| FUNCTIONS.map(|f| f(x)));
        let (first, second) = (of(&before), of(after));
        for i in 0..3 {
            put(number, format!("f{i}"), second[i] - first[i]);
            for j in 0..i {
                let difference = first[i] * second[j] - first[j] * second[i];
                put(number + 1 + j, format!("f{i} f{j}"), difference);
            }
            number += 1 + i;
        }
    }
    for (name, values) in differences {
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0);
        let z = mean / (variance / n as f64).sqrt();
        assert!(z.abs() < 4.0, "{what}, {name}: {z:.2}");
        // A chain that stands still balances, too.
        assert!(variance > 1e-3, "{what}, {name}: nothing moves");
    }
}

#[test]
fn transitions_balance_in_detail() {
    check("nuts", Nuts::new().step_size(0.4));
    // Trajectories that are cut, and that diverge.
    check("short nuts", Nuts::new().step_size(0.9).max_tree_depth(2).jitter(0.3));
    check("dense nuts", Nuts::new().step_size(0.3).mass_matrix(MassMatrix::Dense));
    check("hmc", Hmc::new().step_size(0.3).trajectory_length(1.0).jitter(0.2));
    check("hmc of one length", Hmc::new().step_size(0.3).trajectory_length(1.0).length_jitter(0.0));
    check("random walk", RandomWalk::new());
}
