//! Iterated steps: what is carried from run to run, with machine code and without, as the interpreter has it.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_jit::{Compile, Compiler};
use ppl_tensor::{Device, Program, Result, Tensor, Traced, compile, grad, trace};

type State = (Tensor, Tensor, Tensor, Tensor);
type Step = (State, Tensor);

/// Two small arrays that change places, of which one is seen through a transpose; a count; and a large array.
fn step((state, x): &(State, Tensor)) -> Result<Step> {
    let (a, b, count, large) = state;
    let next = large * 0.5 + x;
    let loss = (a.t() * b).sum_all() + &next.sum_all();
    Ok(((b.t(), a.clone() * 1.5, count + 1_i64, next), loss))
}

fn start() -> (State, Tensor) {
    let numbers = |n: usize, k: f64| (0..n).map(|i| (i as f64 * k).sin()).collect::<Vec<_>>();
    let a = Tensor::new([3, 3], numbers(9, 1.3)).unwrap();
    let b = Tensor::new([3, 3], numbers(9, 0.7)).unwrap();
    let (large, x) = (numbers(3000, 0.01), numbers(3000, 0.02));
    ((a, b, Tensor::from(0_i64), Tensor::new([3000], large).unwrap()), Tensor::new([3000], x).unwrap())
}

fn iterated(compiled: &dyn Fn(Traced<Step>) -> Result<Program<Step>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let (mut state, x) = start();
    let program = compiled(trace(&Device::cpu(), step, &(state.clone(), x.clone())).unwrap()).unwrap();
    let mut losses = Vec::new();
    // The last step is refused, and undone.
    for (steps, most) in [(3, 10), (1, 10), (5, 3), (0, 10)] {
        let mut taken = 0;
        let accept = |results: &[f64]| {
            losses.push(results[0]);
            taken += 1;
            taken <= most
        };
        let done = program.run_state(&mut state, &x, steps, accept).unwrap();
        assert_eq!(done, steps.min(most));
    }
    let (a, b, count, large) = state;
    (losses, [a, b, count.cast(ppl_tensor::DType::F64), large].map(|x| x.to_f64().unwrap()).to_vec())
}

fn assert_near(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    // Sums of 3000 terms of size 1 in another order.
    assert!(found.iter().zip(wanted).all(|(x, y)| (x - y).abs() < 1e-11), "{found:?} {wanted:?}");
}

#[test]
fn states_are_carried_as_interpreted() {
    let (losses, state) = iterated(&compile);
    for machine_code in [true, false] {
        let compiler = Compiler::new().machine_code(machine_code);
        let (found, end) = iterated(&|traced| compiler.compile_step(traced));
        assert_near(&found, &losses);
        end.iter().zip(&state).for_each(|(found, wanted)| assert_near(found, wanted));
    }
}

#[test]
fn programs_run_on_several_threads() {
    let (state, x) = start();
    let program = Device::cpu()
        .compile_step(trace(&Device::cpu(), step, &(state.clone(), x.clone())).unwrap())
        .unwrap();
    let wanted = program.run(&(state.clone(), x.clone())).unwrap().1.to_f64().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let found = program.run(&(state.clone(), x.clone())).unwrap().1.to_f64().unwrap();
                    assert_eq!(found, wanted);
                }
            });
        }
    });
}

/// Few columns are laid out for the loop before the first step, many are read where they are.
#[test]
fn matrices_that_stay_are_not_copied_in_each_step() {
    for columns in [8, 100] {
        let step = |(weights, x): &(Tensor, Tensor)| -> Result<(Tensor, Tensor)> {
            let leaf = weights.tracked();
            let loss = x.matmul(&leaf).softplus().sum_all();
            let slopes = grad(&loss, &[&leaf])?.swap_remove(0);
            Ok((weights - slopes * 1e-3, loss))
        };
        let start = (Tensor::zeros([columns]), Tensor::ones([500, columns]));
        let plan =
            Device::cpu().compile_step(trace(&Device::cpu(), step, &start).unwrap()).unwrap().explain();
        let each = plan.split("in each step of an iteration:").last().unwrap();
        assert!(!each.contains("copy 4000") && !each.contains("copy 50000"), "{plan}");
        assert_eq!(plan.contains("copy 4000"), columns == 8, "{plan}");
        assert!(!plan.contains("copy 50000"), "{plan}");
    }
}
