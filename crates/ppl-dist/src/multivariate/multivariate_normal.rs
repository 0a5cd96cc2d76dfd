//! The multivariate normal distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use super::Gaussian;
use crate::constraints::{lower_cholesky, positive_definite, real_vector};
use crate::parameters::{draw_dtype, expand, float, float_like, misfit, split_last};
use crate::special::LN_SQRT_TAU;

/// The normal distribution of vectors of mean `loc` and covariance `Σ = L Lᵀ`:
/// `p(x) = exp(-½ |L⁻¹ (x - loc)|²) / ((2π)^(n/2) |det L|)`.
///
/// `loc` has shape `[…, n]` (a scalar stands for all entries), matrices `[…, n, n]`; leading dimensions broadcast.
#[derive(Debug, Clone)]
pub struct MultivariateNormal {
    loc: Tensor,
    scale_tril: Tensor,
    given: Given,
    batch_shape: Shape,
    size: usize,
}

/// The matrix as it was given, for validation.
#[derive(Debug, Clone)]
enum Given {
    ScaleTril,
    Covariance(Tensor),
    Precision(Tensor),
}

impl MultivariateNormal {
    /// The distribution of a mean and the lower Cholesky factor `L` of the covariance, of positive diagonal.
    #[track_caller]
    pub fn with_scale_tril(loc: impl Into<Tensor>, scale_tril: impl Into<Tensor>) -> Self {
        Self::of(float(loc), float(scale_tril), "scale_tril", Given::ScaleTril)
    }

    /// The distribution of a mean and a covariance matrix, of which the lower triangle is read.
    #[track_caller]
    pub fn with_covariance(loc: impl Into<Tensor>, covariance_matrix: impl Into<Tensor>) -> Self {
        let covariance = float(covariance_matrix);
        let factor = covariance.cholesky();
        Self::of(float(loc), factor, "covariance_matrix", Given::Covariance(covariance))
    }

    /// The distribution of a mean and a precision matrix `Σ⁻¹`.
    #[track_caller]
    pub fn with_precision(loc: impl Into<Tensor>, precision_matrix: impl Into<Tensor>) -> Self {
        let precision = float(precision_matrix);
        let factor = scale_tril_of_precision(&precision);
        Self::of(float(loc), factor, "precision_matrix", Given::Precision(precision))
    }

    #[track_caller]
    fn of(loc: Tensor, scale_tril: Tensor, matrix: &str, given: Given) -> Self {
        match fit(&loc, &scale_tril, matrix) {
            Ok((batch_shape, size)) => {
                let loc = if loc.rank() == 0 { loc.broadcast_to([size]) } else { loc };
                Self { loc, scale_tril, given, batch_shape, size }
            }
            Err(reason) => {
                let shapes = [loc.shape(), scale_tril.shape()];
                let error = loc.error().or(scale_tril.error()).cloned();
                let failure = match error {
                    Some(error) => Tensor::failure(error),
                    None => misfit("MultivariateNormal", &shapes, reason),
                };
                let (loc, scale_tril) = (failure.clone(), failure);
                Self { loc, scale_tril, given: Given::ScaleTril, batch_shape: Shape::scalar(), size: 0 }
            }
        }
    }

    /// The mean, as given.
    pub fn loc(&self) -> &Tensor {
        &self.loc
    }

    /// The lower Cholesky factor of the covariance.
    pub fn scale_tril(&self) -> &Tensor {
        &self.scale_tril
    }

    /// The covariance matrix.
    pub fn covariance_matrix(&self) -> Tensor {
        match &self.given {
            Given::Covariance(covariance) => covariance.clone(),
            Given::ScaleTril | Given::Precision(_) => self.scale_tril.matmul(self.scale_tril.t()),
        }
    }
}

impl Gaussian for MultivariateNormal {
    fn loc(&self) -> &Tensor {
        &self.loc
    }

    fn half_log_det(&self) -> Tensor {
        self.scale_tril.diagonal().log().sum(-1)
    }

    fn squared_lengths(&self, columns: &Tensor) -> Tensor {
        self.scale_tril.solve_lower(columns).square().sum(-2)
    }

    fn roots(&self) -> Vec<Tensor> {
        vec![self.scale_tril.clone()]
    }
}

/// Batch shape and size, or why the two do not fit.
fn fit(loc: &Tensor, scale_tril: &Tensor, matrix: &str) -> std::result::Result<(Shape, usize), String> {
    let shape = scale_tril.shape();
    let (matrices, size) = match split_last(&shape, 2) {
        Some((batch, sizes)) if sizes[0] == sizes[1] => (batch, sizes[0]),
        _ => return Err(format!("`{matrix}` must be square matrices")),
    };
    let vectors = match split_last(&loc.shape(), 1) {
        Some((batch, sizes)) if sizes[0] == size => batch,
        Some(_) => return Err(format!("`loc` and `{matrix}` are of different sizes")),
        None => Shape::scalar(),
    };
    let batch = vectors.broadcast(&matrices);
    batch
        .map(|batch| (batch, size))
        .ok_or_else(|| format!("batches of `loc` and `{matrix}` do not broadcast"))
}

/// `L` with `L Lᵀ = P⁻¹`. With all rows and columns in reverse order `P` is `M Mᵀ` for a lower `M`; so `P = U Uᵀ` with
/// the upper `U`, which is `M` in reverse order, and `L = U⁻ᵀ` is lower, without a matrix inverted on the way.
#[track_caller]
fn scale_tril_of_precision(precision: &Tensor) -> Tensor {
    let size = match precision.size(-1) {
        Ok(size) => size,
        Err(error) => return Tensor::failure(error),
    };
    if precision.rank() < 2 {
        return precision.clone();
    }
    let backwards = size as i64 - 1 - Tensor::arange(size);
    let reverse = |matrix: &Tensor| matrix.take(&backwards, -1).take(&backwards, -2);
    reverse(&reverse(precision).cholesky()).t().solve_lower(Tensor::eye(size))
}

impl Distribution for MultivariateNormal {
    fn name(&self) -> &'static str {
        "MultivariateNormal"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        let matrix = match &self.given {
            Given::ScaleTril => {
                Parameter { name: "scale_tril", value: &self.scale_tril, constraint: lower_cholesky() }
            }
            Given::Covariance(value) => {
                Parameter { name: "covariance_matrix", value, constraint: positive_definite() }
            }
            Given::Precision(value) => {
                Parameter { name: "precision_matrix", value, constraint: positive_definite() }
            }
        };
        vec![Parameter { name: "loc", value: &self.loc, constraint: real_vector() }, matrix]
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn event_shape(&self) -> Shape {
        Shape::from([self.size])
    }

    fn support(&self) -> Arc<dyn Constraint> {
        real_vector()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[&self.loc, &self.scale_tril]);
        let noise = key.normal(self.batch_shape.concat(&[self.size, 1]), dtype);
        &self.loc + self.scale_tril.matmul(noise).squeeze(-1)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let difference = float_like(value, &[&self.loc, &self.scale_tril]) - &self.loc;
        let normaliser = self.half_log_det() + LN_SQRT_TAU * self.size as f64;
        self.squared_distance(&difference) * -0.5 - normaliser
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let loc = expand(self.name(), &self.batch_shape, batch_shape, &[self.size], &self.loc)?;
        Ok(Arc::new(Self { loc, batch_shape: batch_shape.clone(), ..self.clone() }))
    }

    fn mean(&self) -> Tensor {
        self.loc.broadcast_to(self.batch_shape.concat(&[self.size]))
    }

    fn variance(&self) -> Tensor {
        self.scale_tril.square().sum(-1).broadcast_to(self.batch_shape.concat(&[self.size]))
    }

    fn entropy(&self) -> Tensor {
        let entropy = self.half_log_det() + (0.5 + LN_SQRT_TAU) * self.size as f64;
        entropy.broadcast_to(&self.batch_shape)
    }
}
