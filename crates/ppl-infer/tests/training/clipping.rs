//! Clipping by a common norm and by value.

use ppl_infer::{Optimizer, Sgd};
use ppl_tensor::Tensor;
use proptest::prelude::*;

fn gradients() -> impl Strategy<Value = Vec<Vec<f64>>> {
    prop::collection::vec(prop::collection::vec(-1e3..1e3f64, 1..4), 1..4)
}

fn transformed(optimizer: &impl Optimizer, grads: &[Vec<f64>]) -> Vec<f64> {
    let grads = grads.iter().map(|grad| Tensor::from(grad.clone())).collect();
    optimizer.transform(grads).unwrap().iter().flat_map(|grad| grad.to_f64().unwrap()).collect()
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

proptest! {
    #[test]
    fn a_clipped_norm_is_at_most_the_limit_and_directions_stay(grads in gradients(), limit in 1e-3..1e4f64) {
        let flat = grads.concat();
        let clipped = transformed(&Sgd::new(0.1).clip_norm(limit), &grads);
        let factor = (limit / norm(&flat)).min(1.0);
        prop_assert!(norm(&clipped) <= limit * (1.0 + 1e-14));
        for (clipped, grad) in clipped.iter().zip(&flat) {
            prop_assert!((clipped - grad * factor).abs() <= 1e-14 * grad.abs());
        }
    }

    #[test]
    fn clipped_values_are_the_nearest_within_the_limit(grads in gradients(), limit in 1e-3..1e4f64) {
        let expected: Vec<f64> = grads.concat().iter().map(|x| x.clamp(-limit, limit)).collect();
        prop_assert_eq!(transformed(&Sgd::new(0.1).clip_value(limit), &grads), expected);
    }

    #[test]
    fn the_outer_clip_comes_first(grads in gradients()) {
        let value_first = Sgd::new(0.1).clip_norm(2.0).clip_value(1.0);
        let clamped: Vec<Vec<f64>> =
            grads.iter().map(|grad| grad.iter().map(|x| x.clamp(-1.0, 1.0)).collect()).collect();
        let expected = transformed(&Sgd::new(0.1).clip_norm(2.0), &clamped);
        prop_assert_eq!(transformed(&value_first, &grads), expected);
    }
}

#[test]
fn nothing_is_clipped_from_a_gradient_of_zero() {
    assert_eq!(transformed(&Sgd::new(0.1).clip_norm(1.0), &[vec![0.0, 0.0]]), [0.0, 0.0]);
}
