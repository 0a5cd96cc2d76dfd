//! Bijections onto correlation matrices and their Cholesky factors.

use std::f64::consts::LN_2;
use std::sync::Arc;

use ppl_core::{Constraint, Error, Result, Transform};
use ppl_tensor::{Op, Shape, Tensor};

use super::matrix::{below_diagonal, fill_matrix, matrix_size, square, take_below_diagonal, triangle};
use super::split;
use crate::constraints::corr_cholesky;
use crate::special::above_zero;

/// From vectors of `n (n - 1) / 2` numbers onto the Cholesky factors of `n × n` correlation matrices.
///
/// The hyperbolic tangents of the numbers, row by row below the diagonal, are canonical partial correlations: each is a
/// part of what the entries before have left of a row's length 1 (Lewandowski, Kurowicka and Joe 2009; Stan reference
/// manual, "Cholesky factors of correlation matrices").
#[derive(Debug, Clone, Copy)]
pub struct CorrCholesky;

/// The size of matrices with so many entries below the diagonal.
fn size_of(entries: usize) -> std::result::Result<usize, String> {
    let size = matrix_size(entries).map(|below| below + 1);
    size.ok_or_else(|| format!("CorrCholesky: {entries} numbers do not fill a triangle below a diagonal"))
}

/// The numbers below the diagonals of matrices, and logarithms of the length that is left of a row before each entry.
fn rows(x: &Tensor) -> ppl_tensor::Result<(Tensor, Tensor)> {
    let size = size_of(x.size(-1)?).map_err(|reason| ppl_tensor::Error::argument("CorrCholesky", reason))?;
    let numbers = fill_matrix(x, size, below_diagonal);
    let log_left = log_kept(&numbers).cumsum(-1).slice(-1, 0..size - 1).pad(-1, 1, 0);
    Ok((numbers, log_left))
}

/// `ln √(1 - tanh² x) = -ln cosh x`, without overflow.
fn log_kept(x: &Tensor) -> Tensor {
    x - (2.0 * x).softplus() + LN_2
}

impl Transform for CorrCholesky {
    fn name(&self) -> String {
        "CorrCholesky".into()
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        match rows(x) {
            Ok((numbers, log_left)) => {
                let size = numbers.size(-1).unwrap_or(0);
                // On the diagonal stands all that is left, above it the tangent of 0.
                (numbers.tanh() + Tensor::eye(size)) * above_zero(&log_left.exp())
            }
            Err(error) => Tensor::failure(error),
        }
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        let size = match y.size(-1) {
            Ok(size) => size,
            Err(error) => return Tensor::failure(error),
        };
        // The length of a row from each entry on: no difference from 1 cancels.
        let axis = y.rank() - 1;
        let squares = Tensor::apply(Op::CumulativeSum { axis, reverse: true }, &[&y.square()]);
        let behind = squares.slice(-1, 1..size.max(1)).pad(-1, 0, size.min(1));
        let length_behind = take_below_diagonal(&behind, size).sqrt();
        // The sine of the angle is a hyperbolic tangent, its tangent a hyperbolic sine.
        (take_below_diagonal(y, size) / length_behind).asinh()
    }

    /// Of each entry `tanh(x) r` with the length `r` that is left: `r / cosh² x`; the matrix is triangular.
    fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
        match rows(x) {
            Ok((numbers, log_left)) => {
                let terms = log_kept(&numbers) * 2.0 + log_left;
                terms.tril(-1).sum_dims(&[-1, -2])
            }
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
        corr_cholesky()
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        let (batch, entries) = split("CorrCholesky", shape, 1)?;
        let size = size_of(entries[0]).map_err(Error::Shape)?;
        Ok(batch.concat(&[size, size]))
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        let (batch, sizes) = split("CorrCholesky", shape, 2)?;
        let empty = || Error::Shape("CorrCholesky: matrices have at least one row".into());
        let below = square("CorrCholesky", &sizes)?.checked_sub(1).ok_or_else(empty)?;
        Ok(batch.concat(&[triangle(below)]))
    }
}
