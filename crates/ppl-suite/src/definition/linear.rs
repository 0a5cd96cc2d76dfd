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
