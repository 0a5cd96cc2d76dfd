//! Bijections onto sets of matrices.

use std::sync::Arc;

use ppl_core::{Constraint, Error, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use super::{behind_batch, split};
use crate::constraints::lower_cholesky;

/// From vectors of `n (n + 1) / 2` numbers onto the lower triangular `n × n` matrices of positive diagonal.
///
/// The first entries are those below the diagonal, row by row; the last `n` are the logarithms of the diagonal (the
/// order of NumPyro).
#[derive(Debug, Clone, Copy)]
pub struct LowerCholesky;

/// The size of matrices whose lower triangle has so many entries.
pub(super) fn matrix_size(entries: usize) -> Option<usize> {
    let size = ((8.0 * entries as f64 + 1.0).sqrt() * 0.5) as usize;
    (triangle(size) == entries).then_some(size)
}

/// Number of entries of a lower triangle; the largest there is where that overflows.
pub(super) fn triangle(size: usize) -> usize {
    let (even, odd) =
        if size.is_multiple_of(2) { (size / 2, size.saturating_add(1)) } else { (size.div_ceil(2), size) };
    even.saturating_mul(odd)
}

impl LowerCholesky {
    /// Splits vectors into what stands below the diagonal and the diagonal, with the matrices' size.
    fn parts(self, x: &Tensor) -> ppl_tensor::Result<(Tensor, Tensor, usize)> {
        let entries = x.size(-1)?;
        let misfit = || ppl_tensor::Error::argument("LowerCholesky", not_triangular(entries));
        let size = matrix_size(entries).ok_or_else(misfit)?;
        let below = entries - size;
        Ok((x.slice(-1, 0..below), x.slice(-1, below..entries), size))
    }
}

fn not_triangular(entries: usize) -> String {
    format!("{entries} numbers do not fill a lower triangle")
}

/// The size of square matrices.
pub(super) fn square(transform: &str, sizes: &Shape) -> Result<usize> {
    match sizes[..] {
        [rows, columns] if rows == columns => Ok(rows),
        _ => Err(Error::Shape(format!("{transform}: matrices of shape {sizes} are not square"))),
    }
}

/// Numbers as the lower triangles of `n × n` matrices with zeros elsewhere: entry `[row][column]` is the number at
/// `place(row, column)`.
pub(super) fn fill_matrix(
    numbers: &Tensor,
    size: usize,
    place: impl Fn(usize, usize) -> Option<usize>,
) -> Tensor {
    let count = numbers.size(-1).unwrap_or(0);
    // Every entry of the matrix is an entry of the vector, or the zero behind it.
    let source = |entry: usize| place(entry / size, entry % size).unwrap_or(count) as i64;
    let sources = Tensor::from((0..size * size).map(source).collect::<Vec<_>>()).to_device(numbers.device());
    numbers.pad(-1, 0, 1).take(sources, -1).reshape(behind_batch(numbers, 1, &[size, size]))
}

/// Where the entry below the diagonal stands among those of a lower triangle without diagonal, row by row.
pub(super) fn below_diagonal(row: usize, column: usize) -> Option<usize> {
    (column < row).then(|| row * (row - 1) / 2 + column)
}

/// The entries below the diagonals, row by row.
pub(super) fn take_below_diagonal(matrices: &Tensor, size: usize) -> Tensor {
    let entries = (0..size).flat_map(|row| (0..row).map(move |column| (row * size + column) as i64));
    let below = Tensor::from(entries.collect::<Vec<_>>()).to_device(matrices.device());
    matrices.reshape(behind_batch(matrices, 2, &[size * size])).take(below, -1)
}

impl Transform for LowerCholesky {
    fn name(&self) -> String {
        "LowerCholesky".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let (below, log_diagonal, size) = match self.parts(x) {
            Ok(parts) => parts,
            Err(error) => return Tensor::failure(error),
        };
        let entries = size * (size + 1) / 2;
        let place = |row, column| match row == column {
            true => Some(entries - size + row),
            false => below_diagonal(row, column),
        };
        fill_matrix(&Tensor::concat(&[&below, &log_diagonal.exp()], -1), size, place)
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let size = match y.size(-1) {
            Ok(size) => size,
            Err(error) => return Tensor::failure(error),
        };
        Tensor::concat(&[&take_below_diagonal(y, size), &y.diagonal().log()], -1)
    }

    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        // Of each diagonal entry eˣ; all others are copied.
        match self.parts(x) {
            Ok((_, log_diagonal, _)) => log_diagonal.sum(-1),
            Err(error) => Tensor::failure(error),
        }
    }

    fn domain_event_dim(&self) -> usize {
        1
    }

    fn codomain_event_dim(&self) -> usize {
        2
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        lower_cholesky()
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        let (batch, entries) = split("LowerCholesky", shape, 1)?;
        let misfit = || Error::Shape(format!("LowerCholesky: {}", not_triangular(entries[0])));
        let size = matrix_size(entries[0]).ok_or_else(misfit)?;
        Ok(batch.concat(&[size, size]))
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        let (batch, sizes) = split("LowerCholesky", shape, 2)?;
        let size = square("LowerCholesky", &sizes)?;
        Ok(batch.concat(&[triangle(size)]))
    }
}
