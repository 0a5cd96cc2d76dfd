//! Methods made of several operations: sorting and quantiles, running products, determinants and eigenvalues, choices by
//! label; on the processor, on a device without 64-bit floats, in maps and in programs.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::{Narrow, Tolerance, compare, for_each, require};
use ppl_tensor::{DType, Device, HostTensor, Result, Tensor, compile, grad, trace, vmap};
use proptest::prelude::*;

const INF: f64 = f64::INFINITY;

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to_f64().unwrap()
}

/// The gradient of the sum of `f` at `x`.
fn gradient(x: impl Into<Tensor>, f: impl FnOnce(&Tensor) -> Tensor) -> Vec<f64> {
    let x = x.into().tracked();
    values(&grad(&f(&x).sum_all(), &[&x]).unwrap()[0])
}

#[track_caller]
fn assert_close(actual: &[f64], expected: &[f64]) {
    let vector = |values: &[f64]| HostTensor::new([values.len()], values.to_vec()).unwrap();
    compare(&vector(actual), &vector(expected), Tolerance::bound(1e-13)).unwrap();
}

fn matrix() -> Tensor {
    Tensor::from([[3.5, -1.0, 2.0, 7.0, 0.5], [1.0, 1.0, 4.0, -2.0, 9.0]])
}

#[test]
fn sorted_entries_are_those_of_the_standard_library() {
    let entries = proptest::collection::vec(prop_oneof![3 => -3..3_i64, 1 => any::<i64>()], 0..20);
    for_each(&entries, 200, |entries| {
        let mut expected = entries.clone();
        expected.sort_unstable();
        let found = Tensor::from(entries.clone()).sort(0).to_vec::<i64>().unwrap();
        require(found == expected, || format!("{found:?} instead of {expected:?}"))
    })
    .unwrap();
    assert_eq!(values(&matrix().sort(0)), [1.0, -1.0, 2.0, -2.0, 0.5, 3.5, 1.0, 4.0, 7.0, 9.0]);
    assert_eq!(values(&matrix().sort(-1))[..5], [-1.0, 0.5, 2.0, 3.5, 7.0]);
    // A gradient goes back to where the entry came from.
    let weights = Tensor::from([[1.0, 2.0, 3.0, 4.0, 5.0]]);
    let back = gradient(matrix(), |x| x.sort(1) * &weights);
    assert_eq!(back, [4.0, 1.0, 3.0, 5.0, 2.0, 2.0, 3.0, 4.0, 1.0, 5.0]);
}

#[test]
fn quantiles_are_those_of_numpy() {
    // numpy.quantile, with its default interpolation.
    let references = [
        (0.0, [-1.0, -2.0], [1.0, -1.0, 2.0, -2.0, 0.5]),
        (0.1, [-0.4, -0.8], [1.25, -0.8, 2.2, -1.1, 1.35]),
        (0.37, [1.22, 1.0], [1.925, -0.26, 2.74, 1.33, 3.645]),
        (0.5, [2.0, 1.0], [2.25, 0.0, 3.0, 2.5, 4.75]),
        (0.9, [5.6, 7.0], [3.25, 0.8, 3.8, 6.1, 8.15]),
        (1.0, [7.0, 9.0], [3.5, 1.0, 4.0, 7.0, 9.0]),
    ];
    for (probability, rows, columns) in references {
        assert_close(&values(&matrix().quantile(probability, 1)), &rows);
        assert_close(&values(&matrix().quantile(probability, 0)), &columns);
    }
    let several = matrix().quantiles(&[0.5, 0.1], 1);
    assert_eq!(several.shape().to_vec(), [2, 2]);
    assert_close(&values(&several), &[2.0, -0.4, 1.0, -0.8]);
    assert_close(&values(&matrix().median(0)), &[2.25, 0.0, 3.0, 2.5, 4.75]);
    // Infinite entries have quantiles, missing ones do not.
    let x = Tensor::from([[-INF, -INF, 1.0], [INF, 0.0, INF], [f64::NAN, 0.0, 1.0]]);
    let found = values(&x.quantile(0.25, 1));
    assert_eq!(found[..2], [-INF, INF]);
    assert!(found[2].is_nan());
    assert_eq!(gradient([4.0, 0.0, 1.0], |x| x.quantile(0.25, 0)), [0.0, 0.5, 0.5]);
}

#[test]
fn running_products_and_their_gradients() {
    let x = [2.0, -1.5, 0.0, 3.0, 0.0, 0.5];
    assert_eq!(values(&Tensor::from(x).cumprod(0)), [2.0, -3.0, 0.0, 0.0, 0.0, 0.0]);
    let weights = [1.0, 0.5, 2.0, -1.0, 3.0, 4.0];
    // The slope of the sum in each entry: it is linear in each, so that a difference is exact.
    let sum = |x: [f64; 6]| -> f64 {
        let mut product = 1.0;
        x.iter()
            .zip(weights)
            .map(|(x, weight)| {
                product *= x;
                weight * product
            })
            .sum()
    };
    let slope = |i: usize| {
        let with = |value: f64| {
            let mut x = x;
            x[i] = value;
            sum(x)
        };
        with(1.0) - with(0.0)
    };
    let slopes: Vec<f64> = (0..6).map(slope).collect();
    assert_close(&gradient(x, |x| x.cumprod(0) * Tensor::from(weights)), &slopes);
    assert_eq!(values(&Tensor::from([[1.0, 2.0], [3.0, 4.0]]).cumprod(0)), [1.0, 2.0, 3.0, 8.0]);
    assert_eq!(Tensor::from([2_i64, 3, 4]).cumprod(0).to_vec::<i64>().unwrap(), [2, 6, 24]);
    assert_eq!(Tensor::zeros([0, 2]).cumprod(0).shape().to_vec(), [0, 2]);
    // An autoregression with one coefficient for all steps.
    let path = Tensor::from(0.5).linear_recurrence(Tensor::from([1.0, 1.0, 0.0, 2.0]), 0);
    assert_eq!(values(&path), [1.0, 1.5, 0.75, 2.375]);
    let decay = Tensor::from(0.5).tracked();
    let last = decay.linear_recurrence(Tensor::from([1.0, 0.0, 0.0]), 0).select_index(0, 2);
    assert_close(&values(&grad(&last, &[&decay]).unwrap()[0]), &[2.0 * 0.5]);
}

#[test]
fn eigenvalues_and_determinants_are_those_of_numpy() {
    let a = Tensor::from([[2.0, 0.3, -0.5], [0.3, 1.0, 0.2], [-0.5, 0.2, 3.0]]);
    let (w, v) = a.eigh();
    assert_close(&values(&w), &[0.8633277096387281, 1.92725730584522, 3.2094149845160524]);
    // numpy's vectors, each with its largest entry positive.
    let vectors = [
        [-0.31775495616151095, 0.8709271805886606, -0.3748568179274361],
        [0.9342644195383517, 0.3550535720304919, 0.03296900624913579],
        [-0.16180785586448976, 0.3397393222755869, 0.9264963090483749],
    ];
    assert_close(&values(&v), &vectors.concat());
    assert_close(&values(&a.logdet()), &[1.6752256529721032]);
    assert_close(&values(&a.trace()), &[6.0]);
    assert!(values(&(-&a).logdet())[0].is_nan());
    // Of a diagonal matrix each entry is a value, wherever it stands.
    let (w, v) = Tensor::from([3.0, -1.0, 2.0]).diagonal_matrix().eigh();
    assert_eq!(values(&w), [-1.0, 2.0, 3.0]);
    assert_eq!(values(&v), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    // An upper triangle is solved from its end.
    let u = Tensor::from([[2.0, 1.0], [0.0, 4.0]]);
    assert_eq!(values(&u.solve_upper(Tensor::from([[4.0], [4.0]]))), [1.5, 1.0]);
}

#[test]
fn gradients_of_functions_of_a_matrix_need_no_distinct_eigenvalues() {
    // Σ f(w) is the trace of f(A): its gradient is f'(A), here through the lower triangle.
    let identity = gradient(Tensor::eye(3), |a| a.eigh().0.exp());
    let e = std::f64::consts::E;
    assert_close(&identity, &[e, 0.0, 0.0, 0.0, e, 0.0, 0.0, 0.0, e]);
    // exp(A) through values and vectors, with a double eigenvalue: the gradient of its trace is exp(A) again.
    let a = Tensor::from([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -0.5]]);
    let exponential = |a: &Tensor| {
        let (w, v) = a.eigh();
        (&v * w.exp().unsqueeze(-2)).matmul(v.t()).trace()
    };
    let small = (-0.5_f64).exp();
    assert_close(&gradient(a, exponential), &[e, 0.0, 0.0, 0.0, e, 0.0, 0.0, 0.0, small]);
    // ln det through eigenvalues is that through Cholesky.
    let a = Tensor::from([[2.0, 0.3, -0.5], [0.3, 1.0, 0.2], [-0.5, 0.2, 3.0]]);
    let by_values = gradient(&a, |a| a.eigh().0.log());
    assert_close(&by_values, &gradient(&a, Tensor::logdet));
}

#[test]
fn entries_by_label_and_index() {
    let labels = Tensor::from([2_i64, 0, 7, -1]);
    let rows = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(values(&labels.one_hot(3)), rows);
    assert_eq!(labels.one_hot(3).shape().to_vec(), [4, 3]);
    let x = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(values(&x.flip(0)), [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
    assert_eq!(values(&x.flip(-1)), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
    assert_eq!(Tensor::zeros([0, 2]).flip(0).shape().to_vec(), [0, 2]);
    let indices = Tensor::from([[1_i64, 0, 1], [0, 0, 0], [1, 1, 1]]);
    assert_eq!(values(&x.take_along_dim(indices, 0)), [4.0, 2.0, 6.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    // A diagonal of infinities is no product with the identity.
    assert_eq!(values(&Tensor::from([INF, 1.0]).diagonal_matrix()), [INF, 0.0, 0.0, 1.0]);
}

#[test]
fn means_of_counts_are_fractions() {
    let counts = Tensor::from([[1_i64, 2], [4, 2]]);
    assert_eq!(values(&counts.mean(0)), [2.5, 2.0]);
    assert_eq!(values(&counts.mean_all()), [2.25]);
    assert_eq!(values(&counts.gt(1).mean_all()), [0.75]);
    assert_eq!(counts.to_device(&Device::new(Narrow, DType::F32)).mean(1).dtype(), DType::F32);
}

#[test]
fn what_no_memory_holds_is_an_error() {
    // A petabyte: there are addresses, but no memory.
    let great = [1 << 47, 1];
    for failed in [
        Tensor::zeros(great),
        Tensor::arange(1 << 47),
        Tensor::from([1.0]).broadcast_to(great),
        Tensor::from([1.0]).pad(0, 0, 1 << 47),
    ] {
        let text = failed.check().map(drop).unwrap_err().to_string();
        assert!(
            text.contains("no memory for shape [140737488355328") || text.contains("[140737488355329]"),
            "{text}"
        );
    }
}

/// All of them, of rows of three entries and a positive definite matrix.
fn everything((x, a): &(Tensor, Tensor)) -> Result<Vec<Tensor>> {
    let (w, v) = a.eigh();
    Ok(vec![
        x.sort(0),
        x.quantiles(&[0.3, 0.9], 0),
        x.median(0),
        x.cumprod(0),
        x.linear_recurrence(1.0, 0),
        x.flip(0),
        x.argsort(0).one_hot(3),
        x.softmax(0),
        x.logsumexp(0),
        x.diagonal_matrix(),
        w,
        v,
        a.logdet(),
        a.trace(),
    ])
}

#[test]
fn they_work_on_other_devices_in_maps_and_in_programs() {
    let rows = HostTensor::new([2, 3], vec![0.5, -1.0, 2.0, 1.5, 0.25, -0.75]).unwrap();
    let matrices = [2.0, 0.0, 0.5, 1.0, 3.0, 0.0, -0.5, 2.5];
    let matrices = HostTensor::new([2, 2, 2], matrices.to_vec()).unwrap();
    let cpu = (Device::cpu().upload(rows).unwrap(), Device::cpu().upload(matrices).unwrap());
    let row = |args: &(Tensor, Tensor), i: usize| (args.0.select_index(0, i), args.1.select_index(0, i));
    let host =
        |tensors: Vec<Tensor>| -> Vec<HostTensor> { tensors.iter().map(|y| y.to_host().unwrap()).collect() };
    let expected = [0, 1].map(|i| host(everything(&row(&cpu, i)).unwrap()));
    for device in [Device::cpu(), Device::new(Narrow, DType::F32)] {
        let float = device.default_float();
        let close = |actual: &HostTensor, expected: &HostTensor| {
            let expected = Device::cpu().upload(expected.clone()).unwrap().cast(float).to_host().unwrap();
            compare(actual, &expected, Tolerance::rounding(float)).unwrap();
        };
        let args = device.place(&cpu).unwrap();
        let program = compile(trace(&device, everything, &row(&args, 0)).unwrap()).unwrap();
        let mapped = host(vmap(everything, &args).unwrap());
        for (i, expected) in expected.iter().enumerate() {
            let run = host(program.run(&row(&args, i)).unwrap());
            for (k, expected) in expected.iter().enumerate() {
                close(&run[k], expected);
                let of_map = device.upload(mapped[k].clone()).unwrap().select_index(0, i);
                close(&of_map.to_host().unwrap(), expected);
            }
        }
    }
}
