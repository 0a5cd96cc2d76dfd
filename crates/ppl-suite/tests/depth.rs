//! Long computations: records of many steps are differentiated, traced and dropped without recursion.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_tensor::{Device, Tensor, compile, grad, grad_recorded, no_grad, trace};

const STEPS: usize = 300_000;

/// Runs `f` on a stack on which a recursion over the steps could not live.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 * 1024).spawn(f).unwrap().join().unwrap();
}

#[test]
fn a_deep_chain_is_differentiated_and_dropped() {
    on_a_small_stack(|| {
        let x = Tensor::from([1.0, 2.0]).tracked();
        let step = Tensor::from([1.0, 1.0]);
        let mut y = x.clone();
        for _ in 0..STEPS {
            y = y + &step;
        }
        let gradient = grad(&y.sum_all(), &[&x]).unwrap();
        assert_eq!(gradient[0].to_f64().unwrap(), [1.0, 1.0]);
        assert_eq!(y.to_f64().unwrap(), [1.0 + STEPS as f64, 2.0 + STEPS as f64]);
        drop(y);
        assert_eq!(x.to_f64().unwrap(), [1.0, 2.0]);
    });
}

#[test]
fn a_wide_sum_is_differentiated_and_dropped() {
    on_a_small_stack(|| {
        let x = Tensor::from([0.5]).tracked();
        let mut total = Tensor::from([0.0]);
        for _ in 0..STEPS / 4 {
            total = total + &x * &x;
        }
        let gradient = grad(&total.sum_all(), &[&x]).unwrap();
        assert_eq!(gradient[0].to_f64().unwrap(), [STEPS as f64 / 4.0]);
    });
}

#[test]
fn a_recorded_gradient_of_a_deep_chain_is_differentiated_and_dropped() {
    on_a_small_stack(|| {
        let x = Tensor::from(1.0).tracked();
        let factor = Tensor::from([1.0]).select_index(0, 0);
        let mut y = x.square();
        for _ in 0..STEPS / 10 {
            y = y * &factor;
        }
        let first = grad_recorded(&y, &[&x]).unwrap();
        let second = grad(&first[0], &[&x]).unwrap();
        assert_eq!((first[0].to_scalar().unwrap(), second[0].to_scalar().unwrap()), (2.0, 2.0));
    });
}

#[test]
fn a_deep_trace_is_compiled_and_dropped() {
    on_a_small_stack(|| {
        let f = |x: &Tensor| {
            let x = x.tracked();
            let mut y = x.clone();
            for _ in 0..STEPS / 10 {
                y = y + 1.0;
            }
            Ok((y.detach(), grad(&y.sum_all(), &[&x])?))
        };
        let program = compile(trace(&Device::cpu(), f, &Tensor::from([0.0])).unwrap()).unwrap();
        let (y, gradient) = program.run(&Tensor::from([5.0])).unwrap();
        assert_eq!(y.to_f64().unwrap(), [5.0 + STEPS as f64 / 10.0]);
        assert_eq!(gradient[0].to_f64().unwrap(), [1.0]);
    });
}

#[test]
fn what_is_not_needed_is_not_recorded() {
    let x = Tensor::from([1.0, 2.0]).tracked();
    assert!((&x * 2.0).is_tracked());
    assert!(!(x.detach() * 2.0).is_tracked());
    assert!(!x.lt(1.0).is_tracked() && !x.cast(ppl_tensor::DType::I64).is_tracked());
    no_grad(|| assert!(!(&x * 2.0).is_tracked()));
    assert!(std::panic::catch_unwind(|| no_grad(|| panic!("on purpose"))).is_err());
    assert!((&x * 2.0).is_tracked(), "recording resumes after a panic");
    let y = x.exp();
    let gradients = grad(&y.sum_all(), &[&x]).unwrap();
    assert!(!gradients[0].is_tracked());
    assert!(grad_recorded(&y.sum_all(), &[&x]).unwrap()[0].is_tracked());
    // A leaf made from a tracked tensor is a new leaf: nothing flows past it.
    let leaf = y.tracked();
    let both = grad(&leaf.square().sum_all(), &[&leaf, &x]).unwrap();
    assert_eq!(both[1].to_f64().unwrap(), [0.0, 0.0]);
    // Gradients of intermediate results are allowed.
    let z = y.square();
    let of_y = grad(&z.sum_all(), &[&y, &x]).unwrap();
    let (y, of_y, of_x) = (y.to_f64().unwrap(), of_y[0].to_f64().unwrap(), of_y[1].to_f64().unwrap());
    for i in 0..2 {
        assert_eq!(of_y[i], 2.0 * y[i]);
        assert_eq!(of_x[i], 2.0 * y[i] * y[i]);
    }
}
