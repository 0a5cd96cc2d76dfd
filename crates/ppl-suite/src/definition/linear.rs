//! Products, factors and substitutions by their schoolbook formulas.

use ppl_tensor::op::TriangularSolve;
use ppl_tensor::{HostTensor, Shape};

use super::Scalar::{self, Float};
use super::index::{broadcast_place, coordinates};

/// The matrix of an array at batch coordinates to which its leading dimensions broadcast.
fn matrix(x: &HostTensor, batch: &[usize]) -> Vec<Vec<f64>> {
    let (rows, columns) = (x.shape()[x.shape().rank() - 2], x.shape()[x.shape().rank() - 1]);
    let at = |i: usize, j: usize| {
        let own = &batch[batch.len() + 2 - x.shape().rank()..];
        let coordinates: Vec<usize> = own.iter().copied().chain([i, j]).collect();
        // A matrix of one row is no broadcast dimension: i is 0 there anyway.
        Scalar::of(x, broadcast_place(x.shape(), &coordinates)).float()
    };
    (0..rows).map(|i| (0..columns).map(|j| at(i, j)).collect()).collect()
}

fn flat(matrix: Vec<Vec<f64>>) -> impl Iterator<Item = Scalar> {
    matrix.into_iter().flatten().map(Float)
}

fn batches(shape: &Shape) -> Vec<Vec<usize>> {
    coordinates(&shape[..shape.rank() - 2])
}

pub(super) fn matmul(x: &HostTensor, y: &HostTensor, shape: &Shape) -> Vec<Scalar> {
    let columns = shape[shape.rank() - 1];
    let product = |batch: &Vec<usize>| {
        let (x, y) = (matrix(x, batch), matrix(y, batch));
        let entry = |row: &[f64], j: usize| row.iter().zip(&y).map(|(x, y)| x * y[j]).sum::<f64>();
        flat(x.iter().map(|row| (0..columns).map(|j| entry(row, j)).collect()).collect()).collect::<Vec<_>>()
    };
    batches(shape).iter().flat_map(product).collect()
}

pub(super) fn cholesky(x: &HostTensor) -> Vec<Scalar> {
    let factor = |batch: &Vec<usize>| {
        let a = matrix(x, batch);
        let n = a.len();
        let mut l = vec![vec![0.0; n]; n];
        for i in 0..n {
            for j in 0..=i {
                let rest = a[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
                l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
            }
        }
        if (0..n).any(|i| l[i][i].is_nan() || l[i][i] == 0.0) {
            l = (0..n).map(|i| (0..n).map(|j| if j <= i { f64::NAN } else { 0.0 }).collect()).collect();
        }
        flat(l).collect::<Vec<_>>()
    };
    batches(x.shape()).iter().flat_map(factor).collect()
}

/// Eigenvalues by bisection, eigenvectors by inverse iteration: of matrices whose eigenvalues differ.
pub(super) fn symmetric_eigen(x: &HostTensor) -> Vec<Scalar> {
    let decompose = |batch: &Vec<usize>| {
        let mut a = matrix(x, batch);
        let n = a.len();
        for i in 0..n {
            for j in i + 1..n {
                a[i][j] = a[j][i];
            }
        }
        if a.iter().flatten().any(|x| !x.is_finite()) {
            return vec![Float(f64::NAN); (n + 1) * n];
        }
        let bound = a.iter().map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).fold(1.0, f64::max);
        let value = |k: usize| {
            let (mut low, mut high) = (-bound, bound);
            for _ in 0..100 {
                let middle = 0.5 * (low + high);
                if eigenvalues_below(&a, middle) > k { high = middle } else { low = middle }
            }
            low
        };
        let values: Vec<f64> = (0..n).map(value).collect();
        let vectors: Vec<Vec<f64>> = values.iter().map(|&value| eigenvector(&a, value)).collect();
        let columns = (0..n).map(|i| vectors.iter().map(|vector| vector[i]).collect());
        flat(std::iter::once(values).chain(columns).collect()).collect::<Vec<_>>()
    };
    batches(x.shape()).iter().flat_map(decompose).collect()
}

/// By Sylvester's law of inertia: the negative pivots of `a - shift`.
fn eigenvalues_below(a: &[Vec<f64>], shift: f64) -> usize {
    let n = a.len();
    let mut a = shifted(a, shift);
    for k in 0..n {
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            for j in k..n {
                a[i][j] -= factor * a[k][j];
            }
        }
    }
    (0..n).filter(|&k| a[k][k] < 0.0).count()
}

fn shifted(a: &[Vec<f64>], shift: f64) -> Vec<Vec<f64>> {
    let mut a = a.to_vec();
    (0..a.len()).for_each(|i| a[i][i] -= shift);
    a
}

/// Of length 1, the largest entry positive.
fn eigenvector(a: &[Vec<f64>], value: f64) -> Vec<f64> {
    let n = a.len();
    // Not orthogonal to any vector in practice.
    let mut x: Vec<f64> = (0..n).map(|i| 1.0 + 0.1 * (i as f64 + 1.0).sqrt()).collect();
    for _ in 0..4 {
        // Elimination with row exchanges of `a - value`, moved a little off its singularity.
        let mut rows: Vec<Vec<f64>> = shifted(a, value + 1e-9);
        (0..n).for_each(|i| rows[i].push(x[i]));
        for k in 0..n {
            let pivot = (k..n).max_by(|&i, &j| rows[i][k].abs().total_cmp(&rows[j][k].abs())).expect("a row");
            rows.swap(k, pivot);
            for i in (0..n).filter(|&i| i != k) {
                let factor = rows[i][k] / rows[k][k];
                for j in k..=n {
                    rows[i][j] -= factor * rows[k][j];
                }
            }
        }
        x = (0..n).map(|i| rows[i][n] / rows[i][i]).collect();
        let largest = x.iter().copied().max_by(|x, y| x.abs().total_cmp(&y.abs())).expect("an entry");
        let length = x.iter().map(|x| x * x).sum::<f64>().sqrt().copysign(largest);
        x.iter_mut().for_each(|x| *x /= length);
    }
    x
}

pub(super) fn triangular_solve(
    solve: TriangularSolve,
    a: &HostTensor,
    b: &HostTensor,
    shape: &Shape,
) -> Vec<Scalar> {
    let solution = |batch: &Vec<usize>| {
        let (a, mut x) = (matrix(a, batch), matrix(b, batch));
        let n = a.len();
        let TriangularSolve { upper, transpose } = solve;
        let a = |i: usize, j: usize| if transpose { a[j][i] } else { a[i][j] };
        // Rows in the order in which each depends on earlier ones only.
        let forward = upper == transpose;
        let order: Vec<usize> = if forward { (0..n).collect() } else { (0..n).rev().collect() };
        for (step, &i) in order.iter().enumerate() {
            let solved = |(column, right): (usize, &f64)| {
                let known: f64 = order[..step].iter().map(|&k| a(i, k) * x[k][column]).sum();
                (right - known) / a(i, i)
            };
            x[i] = x[i].iter().enumerate().map(solved).collect();
        }
        flat(x).collect::<Vec<_>>()
    };
    batches(shape).iter().flat_map(solution).collect()
}
