//! Running sums, recurrences, factorisations and large products have kernels of their own, which give what the definitions give.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_jit::Compile;
use ppl_suite::graphs::agrees;
use ppl_tensor::op::TriangularSolve;
use ppl_tensor::{DType, Device, HostTensor, Op, Result, Tensor, Traced, trace};

fn scattered(dtype: DType, shape: &[usize], phase: f64) -> Tensor {
    let count: usize = shape.iter().product();
    let numbers = (0..count).map(|i| ((i * i) as f64 * 0.7 + phase).sin()).collect();
    let numbers = Tensor::new(shape, numbers).unwrap();
    if dtype.is_float() { numbers.cast(dtype) } else { (numbers * 1e12).cast(dtype) }
}

/// Checks a function of arrays, which does not need the host backend.
fn check(args: &[Tensor], f: &dyn Fn(&[Tensor]) -> Tensor) {
    let args = args.to_vec();
    let function = |args: &Vec<Tensor>| -> Result<Vec<Tensor>> { Ok(vec![f(args)]) };
    let runner = |traced: Traced<Vec<Tensor>>, args: &Vec<Tensor>| Device::cpu().compile(traced)?.run(args);
    if let Err(failure) = agrees(&Device::cpu(), &function, &args, &args, &runner) {
        panic!("{failure}");
    }
    let traced = trace(&Device::cpu(), function, &args).unwrap();
    let plan = Device::cpu().compile(traced).unwrap().explain();
    assert!(!plan.contains("by the host backend"), "{plan}");
}

#[test]
fn along_every_dimension_in_both_directions() {
    for dtype in [DType::F64, DType::F32, DType::I64] {
        for shape in [&[7][..], &[1], &[0, 3], &[4, 3], &[2, 5, 3]] {
            let (x, y) = (scattered(dtype, shape, 0.3), scattered(dtype, shape, 1.1));
            for (axis, reverse) in (0..shape.len()).flat_map(|axis| [(axis, false), (axis, true)]) {
                let sum = |x: &[Tensor]| Tensor::apply(Op::CumulativeSum { axis, reverse }, &[&x[0]]);
                check(std::slice::from_ref(&x), &sum);
                let op = Op::LinearRecurrence { axis, reverse };
                let recurrence = |x: &[Tensor]| Tensor::apply(op.clone(), &[&x[0], &x[1]]);
                check(&[x.clone(), y.clone()], &recurrence);
                // One factor for all.
                let decay = |x: &[Tensor]| Tensor::apply(op.clone(), &[&x[0].broadcast_to(shape), &x[1]]);
                check(&[scattered(dtype, &[], 0.5), y.clone()], &decay);
                // Columns of something else.
                let transposed = |x: &[Tensor]| {
                    let t = if shape.len() > 1 { x[0].t() } else { x[0].clone() };
                    Tensor::apply(Op::CumulativeSum { axis, reverse }, &[&t])
                };
                check(std::slice::from_ref(&x), &transposed);
            }
        }
    }
}

/// `A Aᵀ + I` of each matrix.
fn positive(a: &Tensor) -> Tensor {
    a.matmul(a.t()) + Tensor::eye(a.shape()[a.rank() - 1])
}

#[test]
fn factors_of_all_sizes() {
    for shape in [&[1, 1][..], &[2, 2], &[5, 5], &[11, 11], &[33, 33], &[90, 90], &[3, 4, 4], &[2, 0, 0]] {
        let a = positive(&scattered(DType::F64, shape, 0.2)).to_host().unwrap();
        let a = Device::cpu().upload(a).unwrap();
        check(&[a.cast(DType::F32)], &|x| x[0].cholesky());
        check(&[a], &|x| x[0].cholesky());
    }
    // What has no factor has NaN in the lower triangle, and the others of a batch have theirs.
    let (good, bad, none) = ([4.0, 9.0, 2.0, 5.0], [1.0, 0.0, 2.0, 1.0], [f64::NAN, 0.0, 2.0, 1.0]);
    let zero = [0.0, 0.0, 0.0, 1.0];
    let batch = Tensor::new([4, 2, 2], [good, bad, none, zero].concat()).unwrap();
    check(&[batch.cast(DType::F32)], &|x| x[0].cholesky());
    check(&[batch], &|x| x[0].cholesky());
}

#[test]
fn triangular_systems_of_all_kinds() {
    let batches: [(&[usize], &[usize]); 6] =
        [(&[], &[]), (&[3], &[3]), (&[], &[3]), (&[3], &[]), (&[1], &[3]), (&[2, 1], &[1, 2])];
    for dtype in [DType::F64, DType::F32] {
        for (n, m) in [(1, 1), (2, 3), (5, 1), (11, 11), (19, 1), (70, 1), (70, 3), (3, 0)] {
            for (left, right) in batches {
                let a = scattered(dtype, &[left, &[n, n][..]].concat(), 0.7);
                // Far from singular.
                let a = a * 0.3 + Tensor::eye(n).cast(dtype) * 2.0;
                let b = scattered(dtype, &[right, &[n, m][..]].concat(), 1.9);
                for (upper, transpose) in [(false, false), (false, true), (true, false), (true, true)] {
                    let op = Op::TriangularSolve(TriangularSolve { upper, transpose });
                    check(&[a.clone(), b.clone()], &|x| Tensor::apply(op.clone(), &[&x[0], &x[1]]));
                }
            }
        }
    }
    // A zero on the diagonal.
    let singular = Device::cpu().upload(HostTensor::new([2, 2], vec![1.0, 0.0, 3.0, 0.0]).unwrap()).unwrap();
    let op = Op::TriangularSolve(TriangularSolve { upper: false, transpose: false });
    let side = Tensor::from([[1.0], [3.0]]);
    check(&[singular, side], &|x| Tensor::apply(op.clone(), &[&x[0], &x[1]]));
}

/// Larger than what plain loops do and smaller, of transposes and of batches.
#[test]
fn products_of_all_kinds() {
    let batches: [(&[usize], &[usize]); 5] =
        [(&[], &[]), (&[3], &[3]), (&[], &[3]), (&[3, 1], &[1]), (&[2, 1], &[1, 2])];
    for (number, (left, right)) in batches.iter().enumerate() {
        let dtype = if number % 2 == 0 { DType::F64 } else { DType::F32 };
        for [m, k, n] in [[70, 67, 81], [5, 3, 4], [1, 9, 13], [20, 31, 1], [2, 0, 3]] {
            for (first, second) in [(false, false), (true, false), (false, true), (true, true)] {
                let sizes = |m: usize, n: usize, turned: bool| if turned { [n, m] } else { [m, n] };
                let x = scattered(dtype, &[left, &sizes(m, k, first)[..]].concat(), 0.7);
                let y = scattered(dtype, &[right, &sizes(k, n, second)[..]].concat(), 1.9);
                let turned = |x: &Tensor, turned: bool| if turned { x.t() } else { x.clone() };
                check(&[x, y], &|x| turned(&x[0], first).matmul(turned(&x[1], second)));
            }
        }
    }
}
