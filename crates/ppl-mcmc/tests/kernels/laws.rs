//! What every kernel promises: a state is all that a chain remembers.

use ppl_core::TensorFile;
use ppl_mcmc::{Hmc, Kernel, MassMatrix, Nuts, RandomWalk, Transition};
use ppl_tensor::Key;

use crate::targets::{BANANA, Target};

const WARMUP: usize = 120;
const START: [f64; 2] = [0.3, -0.2];

fn begin<K: Kernel>(kernel: &mut K, mut target: Target, seed: u64) -> K::State {
    kernel.init(&mut target, &START, WARMUP, Key::new(seed).stream().unwrap()).unwrap()
}

/// So many transitions, and where they led.
fn go<K: Kernel>(kernel: &mut K, state: &mut K::State, n: usize) -> Vec<(Vec<f64>, Transition)> {
    let mut target = BANANA;
    let mut step = || {
        let transition = kernel.step(&mut target, state).unwrap();
        (K::position(state).to_vec(), transition)
    };
    (0..n).map(|_| step()).collect()
}

fn laws<K: Kernel>(what: &str, kernel: K) {
    let mut first = kernel.clone();
    assert!(first.check().is_ok());
    let mut state = begin(&mut first, BANANA, 5);
    assert_eq!(K::position(&state), START, "{what}");
    // In the warm-up, at its end, and after it.
    for before in [0, 37, WARMUP - 37, 50] {
        go(&mut first, &mut state, before);
        let mut copy = state.clone();
        let mut file = TensorFile::new();
        K::write_state(&state, &mut file).unwrap();
        let mut stored = K::read_state(&file).unwrap();
        let whole = go(&mut first, &mut state.clone(), 60);
        assert_eq!(go(&mut first, &mut copy, 60), whole, "{what}: a copy, after {before}");
        assert_eq!(go(&mut kernel.clone(), &mut stored, 60), whole, "{what}: stored, after {before}");
        // A kernel that serves another chain in between has no memory that matters.
        let (mut one, mut other) = (state.clone(), begin(&mut first, BANANA, 6));
        let shared: Vec<_> = (0..60)
            .flat_map(|_| {
                go(&mut first, &mut other, 1);
                go(&mut first, &mut one, 1)
            })
            .collect();
        assert_eq!(shared, whole, "{what}: one kernel for two chains, after {before}");
    }
    let again = |seed| go(&mut kernel.clone(), &mut begin(&mut kernel.clone(), BANANA, seed), 40);
    assert_eq!(again(7), again(7), "{what}");
    assert!(again(7) != again(8), "{what}");
    for (position, transition) in go(&mut first, &mut state, 20) {
        let expected = (BANANA.at)(&position, &mut [0.0; 2]);
        assert!((transition.log_density - expected).abs() < 1e-12, "{what}");
        assert!((0.0..=1.0).contains(&transition.acceptance), "{what}");
    }
}

#[test]
fn a_state_is_all_that_a_chain_remembers() {
    for kind in [MassMatrix::Identity, MassMatrix::Diagonal, MassMatrix::Dense, MassMatrix::Gradients] {
        laws(&format!("nuts, {kind:?}"), Nuts::new().mass_matrix(kind));
        laws(&format!("hmc, {kind:?}"), Hmc::new().mass_matrix(kind).max_steps(30));
    }
    laws(
        "nuts with options",
        Nuts::new().jitter(0.3).max_tree_depth(3).target_acceptance(0.7).step_size(0.1),
    );
    laws("random walk", RandomWalk::new());
}
