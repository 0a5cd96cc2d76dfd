//! Products, factors and triangular systems.

use ppl_tensor::op::TriangularSolve;
use ppl_tensor::{HostTensor, Op};
use proptest::prelude::*;

use super::make::{Make, broadcasting, dims, float};
use super::{Case, Row};
use crate::source::Source;

fn real(source: &mut Source) -> f64 {
    source.signed(0.1, 2.0)
}

pub(super) fn matmul() -> Vec<Row> {
    let product =
        |x: &[usize], y: &[usize], seed| Case::drawn(Op::Matmul, seed, &[float(x, real), float(y, real)]);
    let random = (broadcasting(2), dims(3), any::<u64>()).prop_map(move |(batch, sizes, seed)| {
        let matrix = |batch: &[usize], rows: usize, columns: usize| -> Vec<usize> {
            // At most two batch dimensions: rank 4.
            batch.iter().rev().take(2).rev().copied().chain([rows, columns]).collect()
        };
        product(&matrix(&batch[0], sizes[0], sizes[1]), &matrix(&batch[1], sizes[1], sizes[2]), seed)
    });
    let fixed = vec![
        product(&[1, 1], &[1, 1], 1),
        product(&[2, 3], &[3, 4], 2),
        product(&[1, 3], &[3, 1], 3),
        product(&[3, 1], &[1, 3], 4),
        product(&[2, 0], &[0, 3], 5),
        product(&[0, 2], &[2, 3], 6),
        product(&[2, 3, 2], &[2, 2], 7),
        product(&[3, 2], &[2, 2, 2], 8),
        product(&[2, 1, 3, 2], &[3, 2, 2], 9),
        product(&[0, 2, 2], &[2, 2], 10),
        product(&[9, 17], &[17, 5], 11),
        product(&[3, 3], &[3, 3], 12),
    ];
    vec![Row::new(&Op::Matmul, random, fixed)]
}

/// Square matrices, each made by `matrix` from its order.
fn matrices(batch: &[usize], n: usize, matrix: impl Fn(&mut Source, usize) -> Vec<f64> + 'static) -> Make {
    let count = batch.iter().product();
    let shape: Vec<usize> = batch.iter().copied().chain([n, n]).collect();
    Box::new(move |source| {
        let values: Vec<f64> = (0..count).flat_map(|_: usize| matrix(source, n)).collect();
        HostTensor::new(&shape[..], values).expect("as many values as the shape has")
    })
}

/// A positive definite lower triangle, and anything above it.
fn positive_definite(batch: &[usize], n: usize, above: Option<f64>) -> Make {
    matrices(batch, n, move |source, n| {
        let factor: Vec<f64> = (0..n * n).map(|_| source.signed(0.1, 1.0)).collect();
        let inner = |i: usize, j: usize| (0..n).map(|k| factor[i * n + k] * factor[j * n + k]).sum::<f64>();
        (0..n * n)
            .map(|place| match (place / n, place % n) {
                (i, j) if i == j => inner(i, i) + 1.0,
                (i, j) if i > j => inner(i, j),
                _ => above.unwrap_or_else(|| source.signed(0.1, 2.0)),
            })
            .collect()
    })
}

/// A well-conditioned triangle, and anything on its other side.
fn triangle(batch: &[usize], n: usize, upper: bool, beyond: Option<f64>) -> Make {
    matrices(batch, n, move |source, n| {
        (0..n * n)
            .map(|place| match (place / n, place % n) {
                (i, j) if i == j => source.signed(1.0, 2.0),
                (i, j) if (i < j) == upper => source.signed(0.1, 0.8),
                _ => beyond.unwrap_or_else(|| source.signed(0.1, 2.0)),
            })
            .collect()
    })
}

pub(super) fn cholesky() -> Vec<Row> {
    let of = |batch: &[usize], n, above, seed| {
        Case::drawn(Op::Cholesky, seed, &[positive_definite(batch, n, above)])
    };
    let random =
        (dims(0..=2), 0..5_usize, any::<u64>()).prop_map(move |(batch, n, seed)| of(&batch, n, None, seed));
    let indefinite = vec![4.0, 0.0, 2.0, -3.0, /* and a good one */ 4.0, 0.0, 2.0, 3.0];
    let fixed = vec![
        of(&[], 1, None, 1),
        of(&[], 0, None, 2),
        of(&[0], 3, None, 3),
        of(&[], 7, None, 4),
        of(&[2, 2], 3, Some(0.0), 5),
        of(&[], 3, Some(f64::NAN), 6),
        Case::fixed(Op::Cholesky, vec![HostTensor::new([2, 2, 2], indefinite).expect("two matrices")])
            .rough(),
    ];
    vec![Row::new(&Op::Cholesky, random, fixed)]
}

/// The lower triangle of a matrix whose eigenvalues are about 1.5 apart, with eigenvectors near the axes, and anything
/// above it.
fn separated(batch: &[usize], n: usize, above: Option<f64>) -> Make {
    matrices(batch, n, move |source, n| {
        let order = source.permutation(n);
        (0..n * n)
            .map(|place| match (place / n, place % n) {
                (i, j) if i == j => 1.5 * (order[i] as f64 - 1.0) + source.between(0.0, 0.2),
                (i, j) if i > j => source.signed(0.05, 0.25),
                _ => above.unwrap_or_else(|| source.signed(0.1, 2.0)),
            })
            .collect()
    })
}

pub(super) fn symmetric_eigen() -> Vec<Row> {
    let of = |batch: &[usize], n, above, seed| {
        Case::drawn(Op::SymmetricEigen, seed, &[separated(batch, n, above)])
    };
    let random =
        (dims(0..=2), 0..4_usize, any::<u64>()).prop_map(move |(batch, n, seed)| of(&batch, n, None, seed));
    let not_finite = vec![f64::NAN, 0.0, 2.0, -3.0, /* and a good one */ 4.0, 0.0, 2.0, 3.0];
    let fixed = vec![
        of(&[], 1, None, 1),
        of(&[], 0, None, 2),
        of(&[0], 3, None, 3),
        of(&[], 5, None, 4),
        of(&[2, 2], 3, Some(0.0), 5),
        of(&[], 3, Some(f64::NAN), 6),
        Case::fixed(Op::SymmetricEigen, vec![HostTensor::new([2, 2, 2], not_finite).expect("two matrices")])
            .rough(),
    ];
    vec![Row::new(&Op::SymmetricEigen, random, fixed)]
}

pub(super) fn triangular_solve() -> Vec<Row> {
    let row = |(upper, transpose): (bool, bool)| {
        let op = Op::TriangularSolve(TriangularSolve { upper, transpose });
        let of = move |left: &[usize], right: &[usize], n: usize, m: usize, beyond, seed| {
            let shape: Vec<usize> = right.iter().copied().chain([n, m]).collect();
            let op = Op::TriangularSolve(TriangularSolve { upper, transpose });
            Case::drawn(op, seed, &[triangle(left, n, upper, beyond), float(&shape, real)])
        };
        let random =
            (broadcasting(2), 0..4_usize, 0..4_usize, any::<u64>()).prop_map(move |(batch, n, m, seed)| {
                let short = |batch: &[usize]| batch.iter().rev().take(2).rev().copied().collect::<Vec<_>>();
                of(&short(&batch[0]), &short(&batch[1]), n, m, None, seed)
            });
        let fixed = vec![
            of(&[], &[], 1, 1, None, 1),
            of(&[], &[], 3, 2, None, 2),
            of(&[], &[], 3, 2, Some(f64::NAN), 3),
            of(&[2], &[], 3, 1, None, 4),
            of(&[], &[2], 3, 3, None, 5),
            of(&[2, 1], &[3], 2, 2, Some(0.0), 6),
            of(&[], &[], 0, 2, None, 7),
            of(&[], &[], 2, 0, None, 8),
            of(&[0], &[], 2, 1, None, 9),
            of(&[], &[], 8, 5, None, 10),
        ];
        let mut row = Row::new(&op, random, fixed);
        row.name = format!("{} upper={upper} transpose={transpose}", row.name);
        row
    };
    [(false, false), (false, true), (true, false), (true, true)].map(row).into_iter().collect()
}
