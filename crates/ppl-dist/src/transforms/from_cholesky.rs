//! Products `L Lᵀ` of Cholesky factors.

use std::f64::consts::LN_2;
use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use super::matrix::square;
use super::split;
use crate::constraints::{corr_matrix, positive_definite};

/// `R = L Lᵀ`, from Cholesky factors of correlation matrices onto the correlation matrices. Both have as many free
/// entries as there are below the diagonal.
#[derive(Debug, Clone, Copy)]
pub struct CorrelationFromCholesky;

/// `Σ = L Lᵀ`, from lower triangular matrices of positive diagonal onto the positive definite matrices, which have as
/// many free entries.
#[derive(Debug, Clone, Copy)]
pub struct CovarianceFromCholesky;

/// The logarithm of the volume that `L Lᵀ` makes of the free entries of a lower triangle. Where the diagonal is free it is
/// `2ⁿ Π Lᵢᵢ^(n+1-i)` with `i` from 1 (Muirhead, "Aspects of Multivariate Statistical Theory", theorem 2.1.9), where it
/// follows from the other entries `Π Lᵢᵢ^(n-i)` (Lewandowski, Kurowicka and Joe 2009).
fn log_volume(factor: &Tensor, diagonal_is_free: bool) -> Tensor {
    let size = match factor.size(-1) {
        Ok(size) => size,
        Err(error) => return Tensor::failure(error),
    };
    let last = f64::from(u8::from(diagonal_is_free));
    let powers = (0..size).rev().map(|below| below as f64 + last).collect::<Vec<_>>();
    let powers = Tensor::from(powers).cast(factor.dtype());
    (factor.diagonal().log() * powers).sum(-1) + last * size as f64 * LN_2
}

macro_rules! product_of_factors {
    ($transform:ident, $codomain:ident, diagonal_is_free: $free:literal) => {
        impl Transform for $transform {
            fn name(&self) -> String {
                stringify!($transform).into()
            }

            fn forward(&self, x: &Tensor) -> Tensor {
                x.matmul(x.t())
            }

            fn inverse(&self, y: &Tensor) -> Tensor {
                y.cholesky()
            }

            fn log_abs_det_forward(&self, x: &Tensor, _y: &Tensor) -> Tensor {
                log_volume(x, $free)
            }

            fn domain_event_dim(&self) -> usize {
                2
            }

            fn codomain(&self) -> Arc<dyn Constraint> {
                $codomain()
            }

            fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
                let (_, sizes) = split(stringify!($transform), shape, 2)?;
                square(stringify!($transform), &sizes)?;
                Ok(shape.clone())
            }

            fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
                self.forward_shape(shape)
            }
        }
    };
}

product_of_factors!(CorrelationFromCholesky, corr_matrix, diagonal_is_free: false);
product_of_factors!(CovarianceFromCholesky, positive_definite, diagonal_is_free: true);
