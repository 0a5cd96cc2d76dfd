//! Sets of square matrices.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::Tensor;

use super::real::is_finite;
use super::rounding;
use crate::parameters::{all_last, float};
use crate::transforms::{
    Compose, CorrCholesky, CorrelationFromCholesky, CovarianceFromCholesky, LowerCholesky,
};

/// Lower triangular matrices of positive diagonal.
pub fn lower_cholesky() -> Arc<dyn Constraint> {
    Arc::new(LowerTriangular)
}

/// Symmetric positive definite matrices. Entries may differ from their mirror images by 1e-6 of the largest entry.
pub fn positive_definite() -> Arc<dyn Constraint> {
    Arc::new(PositiveDefinite)
}

/// Lower triangular matrices of positive diagonal whose rows have length 1, up to rounding: Cholesky factors of
/// correlation matrices. The squares sum to 1 within 1e-6, or 1e-5 in single precision.
pub fn corr_cholesky() -> Arc<dyn Constraint> {
    Arc::new(CorrelationFactor)
}

/// Positive definite matrices with ones on the diagonal, up to rounding as in [`corr_cholesky`].
pub fn corr_matrix() -> Arc<dyn Constraint> {
    Arc::new(Correlation)
}

/// Relative difference to the mirror image that counts as rounding, in either float.
const ASYMMETRY: f64 = 1e-6;

#[derive(Debug)]
struct LowerTriangular;

impl Constraint for LowerTriangular {
    fn name(&self) -> String {
        "lower triangular with positive diagonal".into()
    }

    fn event_dim(&self) -> usize {
        2
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        let lower = all_last(&value.eq(value.tril(0)).and(is_finite(&value)), 2);
        lower.and(value.diagonal().gt(0.0).all(-1))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(LowerCholesky))
    }
}

#[derive(Debug)]
struct PositiveDefinite;

impl Constraint for PositiveDefinite {
    fn name(&self) -> String {
        "positive definite".into()
    }

    fn event_dim(&self) -> usize {
        2
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        let largest = value.abs().max(-1).max(-1).unsqueeze(-1).unsqueeze(-1);
        let symmetric = all_last(&(&value - value.t()).abs().le(largest * ASYMMETRY), 2);
        symmetric.and(all_last(&is_finite(&value.cholesky()), 2))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Compose::new(vec![Arc::new(LowerCholesky), Arc::new(CovarianceFromCholesky)])))
    }
}

#[derive(Debug)]
struct CorrelationFactor;

impl Constraint for CorrelationFactor {
    fn name(&self) -> String {
        "lower triangular with positive diagonal and rows of length 1".into()
    }

    fn event_dim(&self) -> usize {
        2
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        let squares = (value.square().sum(-1) - 1.0).abs();
        LowerTriangular.check(&value).and(squares.le(rounding(&value)).all(-1))
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(CorrCholesky))
    }
}

#[derive(Debug)]
struct Correlation;

impl Constraint for Correlation {
    fn name(&self) -> String {
        "positive definite with ones on the diagonal".into()
    }

    fn event_dim(&self) -> usize {
        2
    }

    fn check(&self, value: &Tensor) -> Tensor {
        let value = float(value);
        let ones = (value.diagonal() - 1.0).abs().le(rounding(&value)).all(-1);
        PositiveDefinite.check(&value).and(ones)
    }

    fn bijection(&self) -> Result<Arc<dyn Transform>> {
        Ok(Arc::new(Compose::new(vec![Arc::new(CorrCholesky), Arc::new(CorrelationFromCholesky)])))
    }
}
