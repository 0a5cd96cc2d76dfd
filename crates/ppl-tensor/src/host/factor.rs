//! Cholesky factors and triangular systems.

use std::sync::Arc;

use super::matmul::dot;
use super::nest::Nest;
use super::number::Float;
use super::{arity, refused};
use crate::op::TriangularSolve;
use crate::{Error, HostData, HostTensor, Op, Result, Shape};

pub(super) fn cholesky(op: &Op, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let Some(&[n, _]) = x.shape().last_chunk() else {
        return Err(Error::shape(op.name(), [x.shape()], "needs at least two dimensions"));
    };
    let data = match x.data() {
        HostData::F64(values) => HostData::F64(Arc::new(factors(values.to_vec(), n))),
        HostData::F32(values) => {
            // In double precision, a matrix that is barely positive definite in single precision keeps its factor.
            let factors = factors(values.iter().map(|&x| f64::from(x)).collect(), n);
            HostData::F32(Arc::new(factors.into_iter().map(|x| x as f32).collect()))
        }
        HostData::I64(_) | HostData::Bool(_) => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(x.shape(), data)
}

/// Replaces each `[n, n]` matrix by its factor.
fn factors(mut matrices: Vec<f64>, n: usize) -> Vec<f64> {
    if n > 0 {
        for matrix in matrices.chunks_exact_mut(n * n) {
            if !factor(matrix, n) {
                (0..n).for_each(|row| matrix[row * n..=row * n + row].fill(f64::NAN));
            }
            (0..n).for_each(|row| matrix[row * n + row + 1..(row + 1) * n].fill(0.0));
        }
    }
    matrices
}

/// The Cholesky–Banachiewicz algorithm on the lower triangle, row by row. Returns whether all pivots are positive.
fn factor(matrix: &mut [f64], n: usize) -> bool {
    for row in 0..n {
        let (above, rest) = matrix.split_at_mut(row * n);
        let line = &mut rest[..=row];
        for column in 0..row {
            let other = &above[column * n..=column * n + column];
            line[column] = (line[column] - dot(&line[..column], &other[..column])) / other[column];
        }
        let pivot = line[row] - dot(&line[..row], &line[..row]);
        if pivot <= 0.0 || pivot.is_nan() {
            return false;
        }
        line[row] = pivot.sqrt();
    }
    true
}

pub(super) fn triangular_solve(
    op: &Op,
    solve: TriangularSolve,
    inputs: &[&HostTensor],
    target: &Shape,
) -> Result<HostTensor> {
    let [a, b] = arity(op, inputs)?;
    let data = match (a.data(), b.data()) {
        (HostData::F64(x), HostData::F64(y)) => solutions(op, solve, (x, a.shape()), (y, b.shape()), target)?,
        (HostData::F32(x), HostData::F32(y)) => solutions(op, solve, (x, a.shape()), (y, b.shape()), target)?,
        _ => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(target, data)
}

fn solutions<T: Float>(
    op: &Op,
    solve: TriangularSolve,
    (a, left): (&[T], &Shape),
    (b, right): (&[T], &Shape),
    target: &Shape,
) -> Result<HostData> {
    let (Some((left, _)), Some((right, &[n, m]))) = (left.split_last_chunk::<2>(), right.split_last_chunk())
    else {
        return Err(Error::shape(op.name(), [left, right], "needs at least two dimensions"));
    };
    let batch = &target[..target.rank() - 2];
    let mut out = Vec::with_capacity(target.elements());
    if n * m > 0 {
        Nest::new(batch, [left, right]).turns(|[i, j]| {
            let start = out.len();
            out.extend_from_slice(&b[j * n * m..][..n * m]);
            let (a, x) = (&a[i * n * n..][..n * n], &mut out[start..]);
            match solve.transpose {
                false => substitute(a, x, n, m, solve.upper),
                true => substitute_transposed(a, x, n, m, solve.upper),
            }
        });
    }
    Ok(T::wrap(Arc::new(out)))
}

/// The rows of a triangular system in the order in which they can be solved.
fn solving_order(n: usize, backwards: bool) -> impl Iterator<Item = usize> {
    (0..n).map(move |i| if backwards { n - 1 - i } else { i })
}

/// Solves `a · x = b` in place of `b`: each row of the solution is the right side less what solved rows contribute.
fn substitute<T: Float>(a: &[T], x: &mut [T], n: usize, m: usize, upper: bool) {
    for row in solving_order(n, upper) {
        let line = &a[row * n..(row + 1) * n];
        let (before, rest) = x.split_at_mut(row * m);
        let (own, after) = rest.split_at_mut(m);
        let (weights, solved) = if upper { (&line[row + 1..], &*after) } else { (&line[..row], &*before) };
        if let [value] = own {
            *value = value.minus(dot(weights, solved));
        } else {
            for (&weight, row) in weights.iter().zip(solved.chunks_exact(m)) {
                subtract(own, weight, row);
            }
        }
        divide(own, line[row]);
    }
}

/// Solves `aᵀ · x = b` in place of `b`: each solved row is taken from the right sides of all rows that wait for it,
/// so that `a` is read along its rows.
fn substitute_transposed<T: Float>(a: &[T], x: &mut [T], n: usize, m: usize, upper: bool) {
    for row in solving_order(n, !upper) {
        let line = &a[row * n..(row + 1) * n];
        let (before, rest) = x.split_at_mut(row * m);
        let (own, after) = rest.split_at_mut(m);
        divide(own, line[row]);
        let (weights, waiting) = if upper { (&line[row + 1..], after) } else { (&line[..row], before) };
        if let [value] = *own {
            for (x, &weight) in waiting.iter_mut().zip(weights) {
                *x = x.minus(weight.times(value));
            }
        } else {
            for (&weight, row) in weights.iter().zip(waiting.chunks_exact_mut(m)) {
                subtract(row, weight, own);
            }
        }
    }
}

fn subtract<T: Float>(row: &mut [T], weight: T, other: &[T]) {
    for (x, &y) in row.iter_mut().zip(other) {
        *x = x.minus(weight.times(y));
    }
}

fn divide<T: Float>(row: &mut [T], divisor: T) {
    for x in row {
        *x = x.over(divisor);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, counting, f64s, run, scattered};
    use crate::op::TriangularSolve;
    use crate::{DType, HostTensor, Op};

    fn transposed(x: &HostTensor) -> HostTensor {
        let rank = x.shape().rank();
        let order = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        run(Op::Permute(order), &[x])
    }

    fn single(x: &HostTensor) -> HostTensor {
        run(Op::Cast(DType::F32), &[x])
    }

    /// `A Aᵀ + n I` for a matrix without pattern.
    fn positive_definite(n: usize) -> HostTensor {
        let a = scattered([n, n], n as u64);
        let mut product = run(Op::Matmul, &[&a, &transposed(&a)]).to_f64();
        (0..n).for_each(|i| product[i * n + i] += n as f64);
        f64s([n, n], &product)
    }

    #[test]
    fn a_factor_times_its_transpose_is_the_matrix() {
        for n in [1, 2, 5, 19, 40] {
            let a = positive_definite(n);
            let l = run(Op::Cholesky, &[&a]);
            assert_close(&run(Op::Matmul, &[&l, &transposed(&l)]).to_f64(), &a.to_f64(), 1e-14);
            let values = l.to_f64();
            assert!((0..n * n).all(|i| i % n <= i / n || values[i] == 0.0));
            assert_close(&run(Op::Cholesky, &[&single(&a)]).to_f64(), &values, 1e-6);
        }
    }

    #[test]
    fn only_the_lower_triangle_is_read() {
        let l = run(Op::Cholesky, &[&f64s([2, 2], &[4.0, f64::NAN, 2.0, 5.0])]);
        assert_eq!(l, f64s([2, 2], &[2.0, 0.0, 1.0, 2.0]));
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_factor() {
        let nan = f64::NAN;
        let matrices =
            [[1.0, 0.0, 2.0, 1.0], [4.0, 0.0, 2.0, 5.0], [1.0, 0.0, nan, 5.0], [0.0, 0.0, 0.0, 1.0]];
        let l = run(Op::Cholesky, &[&f64s([4, 2, 2], &matrices.concat())]);
        let lost = [nan, 0.0, nan, nan];
        assert_close(&l.to_f64(), &[lost, [2.0, 0.0, 1.0, 2.0], lost, lost].concat(), 0.0);
        assert_eq!(run(Op::Cholesky, &[&counting([2, 0, 0])]), counting([2, 0, 0]));
        assert_eq!(run(Op::Cholesky, &[&counting([0, 2, 2])]), counting([0, 2, 2]));
    }

    #[test]
    fn solutions_solve_the_system() {
        for (n, m) in [(1, 1), (2, 3), (7, 1), (20, 1), (11, 6)] {
            // Entries of the triangle that must not be read are NaN.
            let full = run(Op::Cholesky, &[&positive_definite(n)]).to_f64();
            for (upper, transpose) in [(false, false), (false, true), (true, false), (true, true)] {
                let at = |i: usize| if upper { i % n * n + i / n } else { i };
                let unread = |i: usize| if upper { i % n < i / n } else { i % n > i / n };
                let a: Vec<f64> =
                    (0..n * n).map(|i| if unread(i) { f64::NAN } else { full[at(i)] }).collect();
                let known: Vec<f64> = (0..n * n).map(|i| full[at(i)]).collect();
                let b = scattered([n, m], 9);
                let solve = Op::TriangularSolve(TriangularSolve { upper, transpose });
                let x = run(solve.clone(), &[&f64s([n, n], &a), &b]);
                let known = f64s([n, n], &known);
                let matrix = if transpose { transposed(&known) } else { known };
                assert_close(&run(Op::Matmul, &[&matrix, &x]).to_f64(), &b.to_f64(), 1e-13);
                let x32 = run(solve, &[&single(&f64s([n, n], &a)), &single(&b)]);
                assert_close(&x32.to_f64(), &x.to_f64(), 1e-5);
            }
        }
    }

    #[test]
    fn leading_dimensions_broadcast() {
        let a = f64s([2, 1, 2, 2], &[1.0, 0.0, 1.0, 2.0, 2.0, 0.0, 0.0, 1.0]);
        let b = f64s([2, 2, 1], &[1.0, 3.0, 2.0, 4.0]);
        let x = run(Op::TriangularSolve(TriangularSolve { upper: false, transpose: false }), &[&a, &b]);
        assert_eq!(x, f64s([2, 2, 2, 1], &[1.0, 1.0, 2.0, 1.0, 0.5, 3.0, 1.0, 4.0]));
    }

    #[test]
    fn empty_systems() {
        let solve = Op::TriangularSolve(TriangularSolve { upper: true, transpose: false });
        assert_eq!(run(solve.clone(), &[&counting([0, 0]), &counting([0, 2])]), counting([0, 2]));
        assert_eq!(run(solve.clone(), &[&counting([2, 2]), &counting([2, 0])]), counting([2, 0]));
        assert_eq!(run(solve, &[&counting([0, 2, 2]), &counting([2, 1])]), counting([0, 2, 1]));
    }

    #[test]
    fn a_singular_system_has_infinite_or_nan_solutions() {
        let solve = Op::TriangularSolve(TriangularSolve { upper: false, transpose: false });
        let x = run(solve, &[&f64s([2, 2], &[0.0, 0.0, 1.0, 1.0]), &f64s([2, 1], &[1.0, 1.0])]);
        assert_close(&x.to_f64(), &[f64::INFINITY, -f64::INFINITY], 0.0);
    }
}
