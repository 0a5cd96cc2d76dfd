//! Derivatives with known values: at ties and kinks, of higher order, of common functions.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::{Tolerance, compare};
use ppl_tensor::{HostTensor, Tensor, grad, grad_recorded};

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_f64().unwrap()
}

/// The gradient of `f` at `x`.
fn gradient(x: impl Into<Tensor>, f: impl FnOnce(&Tensor) -> Tensor) -> Vec<f64> {
    let x = x.into().tracked();
    values(&grad(&f(&x).sum_all(), &[&x]).unwrap()[0])
}

/// The matrix of second derivatives of a scalar `f` at a vector `x`, by rows.
fn hessian(x: &[f64], f: impl FnOnce(&Tensor) -> Tensor) -> Vec<f64> {
    let x = Tensor::from(x).tracked();
    let first = &grad_recorded(&f(&x), &[&x]).unwrap()[0];
    let row = |i: usize| values(&grad(&first.select_index(0, i), &[&x]).unwrap()[0]);
    (0..x.shape()[0]).flat_map(row).collect()
}

fn assert_close(actual: Vec<f64>, expected: Vec<f64>) {
    let vector = |values: Vec<f64>| HostTensor::new([values.len()], values).unwrap();
    compare(&vector(actual), &vector(expected), Tolerance::bound(1e-13)).unwrap();
}

#[test]
fn a_tie_of_two_is_shared_equally() {
    let (x, y) = (Tensor::from([1.0, 2.0, 3.0]).tracked(), Tensor::from([2.0, 2.0, 2.0]).tracked());
    for (z, by_x) in [(x.maximum(&y), [0.0, 0.5, 1.0]), (x.minimum(&y), [1.0, 0.5, 0.0])] {
        let gradients = grad(&z.sum_all(), &[&x, &y]).unwrap();
        assert_eq!(values(&gradients[0]), by_x);
        assert_eq!(values(&gradients[1]), by_x.map(|share| 1.0 - share));
    }
    // An input that meets itself gets both halves.
    assert_eq!(gradient([1.0, -2.0], |x| x.maximum(x)), [1.0, 1.0]);
    assert_eq!(gradient([1.0, -2.0], |x| x.minimum(x) * 3.0), [3.0, 3.0]);
    assert_eq!(gradient([-1.0, 0.0, 1.0], |x| x.maximum(0.0)), [0.0, 0.5, 1.0]);
    assert_eq!(gradient([0.0, -0.0], |x| x.maximum(0.0)), [0.5, 0.5]);
}

#[test]
fn ties_of_a_reduction_are_shared_equally() {
    let rows = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [5.0, 4.0, 3.0]];
    let third = 1.0 / 3.0;
    assert_eq!(gradient(rows, |x| x.max(1)), [0.0, 0.5, 0.5, third, third, third, 1.0, 0.0, 0.0]);
    assert_eq!(gradient(rows, |x| x.min(1)), [1.0, 0.0, 0.0, third, third, third, 0.0, 0.0, 1.0]);
    // Over several dimensions all ties count, wherever they stand.
    let all = |x: &Tensor| x.reshape([9]).max(0) * 6.0;
    assert_eq!(
        gradient([[7.0, 7.0, 1.0], [7.0, 0.0, 0.0], [0.0, 0.0, 0.0]], all),
        [2., 2., 0., 2., 0., 0., 0., 0., 0.]
    );
    let both =
        ppl_tensor::Op::Reduce { kind: ppl_tensor::op::Reduction::Max, axes: [0, 1].into_iter().collect() };
    let f = |x: &Tensor| Tensor::apply(both, &[x]);
    assert_eq!(gradient([[7.0, 1.0], [7.0, 7.0]], f), [third, 0.0, third, third]);
}

#[test]
fn kinks_have_a_slope_between_their_sides() {
    assert_eq!(gradient([-2.0, 0.0, 3.0], Tensor::abs), [-1.0, 0.0, 1.0]);
    assert_eq!(gradient([-2.5, 1.0], Tensor::floor), [0.0, 0.0]);
    assert_eq!(gradient([-2.5, 1.0], Tensor::sign), [0.0, 0.0]);
    // The remainder is continuous inside a period, and falls with the divisor by the floor of the quotient.
    let (x, y) = (Tensor::from([5.5, -5.5]).tracked(), Tensor::from([2.0, 2.0]).tracked());
    let gradients = grad(&(&x % &y).sum_all(), &[&x, &y]).unwrap();
    assert_eq!(values(&gradients[0]), [1.0, 1.0]);
    assert_eq!(values(&gradients[1]), [-2.0, 3.0]);
}

#[test]
fn powers_have_slopes_at_zero() {
    assert_eq!(gradient([0.0, 2.0], |x| x.pow(0.0)), [0.0, 0.0]);
    assert_eq!(gradient([0.0, 2.0, -3.0], |x| x.pow(1.0)), [1.0, 1.0, 1.0]);
    assert_eq!(gradient([0.0, 2.0, -3.0], |x| x.pow(2.0)), [0.0, 4.0, -6.0]);
    assert_eq!(hessian(&[0.0, -3.0], |x| x.pow(2.0).sum_all()), [2.0, 0.0, 0.0, 2.0]);
    assert_eq!(hessian(&[0.0, -3.0], |x| x.pow(3.0).sum_all()), [0.0, 0.0, 0.0, -18.0]);
    // By the exponent: 0ʸ stays 0 for positive y.
    let exponent = Tensor::from([2.0]).tracked();
    assert_eq!(values(&grad(&Tensor::from([0.0]).pow(&exponent).sum_all(), &[&exponent]).unwrap()[0]), [0.0]);
}

#[test]
fn a_branch_not_taken_has_no_slope() {
    let guarded = |x: &Tensor| {
        let safe = x.gt(0.0).select(x, 1.0);
        x.gt(0.0).select(safe.log(), 0.0)
    };
    assert_eq!(gradient([-1.0, 0.0, 2.0], guarded), [0.0, 0.0, 0.5]);
}

#[test]
fn second_derivatives_of_a_polynomial() {
    // Rosenbrock's (1 - x)² + 100 (y - x²)².
    let rosenbrock = |v: &Tensor| {
        let (x, y) = (v.select_index(0, 0), v.select_index(0, 1));
        (1.0 - &x).square() + 100.0 * (y - x.square()).square()
    };
    let (x, y) = (-1.2, 1.0);
    assert_close(
        hessian(&[x, y], rosenbrock),
        vec![2.0 - 400.0 * (y - 3.0 * x * x), -400.0 * x, -400.0 * x, 200.0],
    );
    // xᵀ A x has the Hessian A + Aᵀ.
    let a = Tensor::from([[1.0, 2.0], [-4.0, 3.0]]);
    assert_close(hessian(&[0.3, -0.7], |x| x.matmul(a.matmul(x))), vec![2.0, -2.0, -2.0, 6.0]);
}

#[test]
fn second_derivatives_of_a_log_sum() {
    let x = [0.1, -1.0, 2.0];
    let total: f64 = x.iter().map(|x: &f64| x.exp()).sum();
    let p = x.map(|x| x.exp() / total);
    let expected =
        (0..9).map(|k| f64::from(u8::from(k / 3 == k % 3)) * p[k / 3] - p[k / 3] * p[k % 3]).collect();
    assert_close(hessian(&x, |x| x.logsumexp(0)), expected);
    // Shifting by hundreds changes nothing and overflows nowhere.
    let far = gradient([800.0, 801.0], |x| x.logsumexp(0));
    assert_close(far, gradient([0.0, 1.0], |x| x.logsumexp(0)));
    let nothing = [f64::NEG_INFINITY, f64::NEG_INFINITY];
    assert_eq!(Tensor::from(nothing).logsumexp(0).to_scalar().unwrap(), f64::NEG_INFINITY);
    assert_close(gradient([f64::NEG_INFINITY, 1.0], |x| x.logsumexp(0)), vec![0.0, 1.0]);
}

#[test]
fn sums_of_logarithms_of_nothing_have_no_slope() {
    let (inf, none) = (f64::INFINITY, f64::NEG_INFINITY);
    let rows = [[none, none, none], [none, 0.0, none], [inf, 1.0, none], [1.0, f64::NAN, 0.0]];
    let found = values(&Tensor::from(rows).logsumexp(1));
    assert_eq!(found[..3], [none, 0.0, inf]);
    assert!(found[3].is_nan());
    let slopes = gradient(rows, |x| x.logsumexp(1));
    assert_eq!(slopes[..9], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert!(slopes[9..].iter().all(|slope| slope.is_nan()));
    // No derivative of any order is NaN.
    assert_eq!(hessian(&[none, none], |x| x.logsumexp(0)), [0.0; 4]);
    // Over several dimensions, in any order.
    let cube = Tensor::from([0.1, -0.4, 2.0, 1.0, 0.7, none]).reshape([1, 2, 3]);
    let total = [0.1_f64, -0.4, 2.0, 1.0, 0.7].map(f64::exp).iter().sum::<f64>().ln();
    assert_close(values(&cube.logsumexp_dims(&[2, 0, 1])), vec![total]);
    assert_close(values(&cube.logsumexp_dims(&[2, 1])), vec![total]);
}

#[test]
fn the_logarithm_of_a_sum_of_two() {
    let (inf, none) = (f64::INFINITY, f64::NEG_INFINITY);
    let (x, y) = (Tensor::from([none, none, 0.5, inf, 1.0]), Tensor::from([none, 0.5, none, inf, 1.0]));
    let (x, y) = (x.tracked(), y.tracked());
    let sum = x.logaddexp(&y);
    assert_eq!(values(&sum), [none, 0.5, 0.5, inf, 1.0 + std::f64::consts::LN_2]);
    let gradients = grad(&sum.sum_all(), &[&x, &y]).unwrap();
    assert_eq!(values(&gradients[0]), [0.5, 0.0, 1.0, 0.5, 0.5]);
    assert_eq!(values(&gradients[1]), [0.5, 1.0, 0.0, 0.5, 0.5]);
    let both = |v: &Tensor| v.select_index(0, 0).logaddexp(v.select_index(0, 1));
    assert_eq!(hessian(&[none, none], both), [0.0; 4]);
    assert_close(hessian(&[2.0, 2.0], both), vec![0.25, -0.25, -0.25, 0.25]);
}

#[test]
fn functions_made_of_others() {
    let x = Tensor::from([0.3, 1.2, 2.5]);
    let of = |f: fn(f64) -> f64| [0.3, 1.2, 2.5].map(f).to_vec();
    assert_close(gradient(&x, Tensor::tan), of(|x| 1.0 / (x.cos() * x.cos())));
    assert_close(values(&x.rsqrt()), of(|x| 1.0 / x.sqrt()));
    assert_close(gradient(&x, Tensor::log_sigmoid), of(|x| 1.0 / (1.0 + x.exp())));
    let weights = values(&x.softmax(0));
    assert_close(values(&x.log_softmax(0).exp()), weights.clone());
    let p = &weights;
    let jacobian = |k: usize| f64::from(u8::from(k == 1)) * p[1] - p[1] * p[k];
    assert_close(gradient(&x, |x| x.softmax(0).select_index(0, 1)), (0..3).map(jacobian).collect());
    assert_eq!(values(&Tensor::from([f64::NEG_INFINITY, 800.0]).softmax(0)), [0.0, 1.0]);
}

#[test]
fn second_derivatives_of_a_log_determinant() {
    // ln det S = 2 Σ ln diag L. Through the lower triangle: d/dS = S⁻¹, off-diagonal entries counted twice.
    let s = Tensor::from([[4.0, 9.0], [1.0, 3.0]]);
    let log_det = |s: &Tensor| 2.0 * s.cholesky().diagonal().log().sum_all();
    let det: f64 = 4.0 * 3.0 - 1.0;
    assert_close(gradient(&s, log_det), vec![3.0 / det, 0.0, -2.0 / det, 4.0 / det]);
    // d² ln det / d s₁₁² = -(s₂₂ / det)², and so on, from ln(s₁₁ s₂₂ - s₂₁²).
    let from_vector = |v: &Tensor| log_det(&v.reshape([2, 2]));
    let (a, b, c) = (4.0, 1.0, 3.0);
    let d2 = det * det;
    let (aa, ab, ac) = (-c * c / d2, 2.0 * b * c / d2, -b * b / d2);
    let (bb, bc, cc) = (-2.0 / det - 4.0 * b * b / d2, 2.0 * a * b / d2, -a * a / d2);
    let expected = vec![aa, 0.0, ab, ac, 0.0, 0.0, 0.0, 0.0, ab, 0.0, bb, bc, ac, 0.0, bc, cc];
    assert_close(hessian(&[a, 9.0, b, c], from_vector), expected);
}

#[test]
fn derivatives_of_high_order() {
    // All derivatives of e²ˣ, to the sixth.
    let x = Tensor::from(0.3).tracked();
    let mut y = (2.0 * &x).exp();
    for order in 1..=6 {
        y = grad_recorded(&y, &[&x]).unwrap().remove(0);
        let expected = f64::powi(2.0, order) * f64::exp(0.6);
        assert!((y.to_scalar().unwrap() / expected - 1.0).abs() < 1e-13, "order {order}");
    }
    // Derivatives of x⁵ end.
    let mut y = x.pow(5.0);
    for expected in [5.0 * 0.3_f64.powi(4), 20.0 * 0.3_f64.powi(3), 60.0 * 0.09, 120.0 * 0.3, 120.0, 0.0] {
        y = grad_recorded(&y, &[&x]).unwrap().remove(0);
        assert!((y.to_scalar().unwrap() - expected).abs() < 1e-12);
    }
    // Digamma, trigamma and on are derivatives of each other.
    let mut y = x.lgamma();
    for order in 0..4 {
        y = grad_recorded(&y, &[&x]).unwrap().remove(0);
        assert_close(values(&y), values(&x.detach().polygamma(order)));
    }
}

#[test]
fn casts_pass_gradients_between_floats_only() {
    use ppl_tensor::DType::{Bool, F32, F64, I64};
    let x = Tensor::from([1.5, -2.5]).tracked();
    let through = |dtype| {
        let y = x.cast(dtype).cast(F64).square();
        if y.is_tracked() { values(&grad(&y.sum_all(), &[&x]).unwrap()[0]) } else { vec![] }
    };
    assert_eq!(through(F64), [3.0, -5.0]);
    assert_eq!(through(F32), [3.0, -5.0]);
    assert_eq!((through(I64), through(Bool)), (vec![], vec![]));
    let of_single = grad(&x.cast(F32).exp().sum_all(), &[&x]).unwrap();
    assert_eq!(of_single[0].dtype(), F64);
}

#[test]
fn an_output_that_does_not_depend_on_a_leaf_has_a_zero_gradient() {
    let (x, y) = (Tensor::from([1.0, 2.0]).tracked(), Tensor::from([[3.0]]).tracked());
    let gradients = grad(&x.sum_all(), &[&x, &y]).unwrap();
    assert_eq!((values(&gradients[1]), gradients[1].shape().to_vec()), (vec![0.0], vec![1, 1]));
    let constant = grad(&Tensor::from([1.0]).sum_all(), &[&x]).unwrap();
    assert_eq!(values(&constant[0]), [0.0, 0.0]);
    // The output may be a leaf, and a leaf may be asked for twice.
    let z = Tensor::from(2.0).tracked();
    let gradients = grad(&z, &[&z, &z]).unwrap();
    assert_eq!((values(&gradients[0]), values(&gradients[1])), (vec![1.0], vec![1.0]));
}

#[test]
fn a_common_offset_of_logits_costs_no_digit() {
    let logits = Tensor::from(vec![0.0, 0.5, -1.25]).cast(ppl_tensor::DType::F32);
    // Sums that single precision holds exactly.
    let far = &logits + 4096.0;
    assert_eq!(values(&logits.log_softmax(-1)), values(&far.log_softmax(-1)));
}
