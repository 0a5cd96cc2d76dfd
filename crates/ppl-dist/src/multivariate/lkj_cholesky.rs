//! The distribution of Lewandowski, Kurowicka and Joe.

use std::f64::consts::LN_2;
use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result, Transform};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::{corr_cholesky, positive};
use crate::parameters::{draw_dtype, expand, failed, float, float_like, misfit, strong};
use crate::special::{ln_beta, lowest};
use crate::transforms::CorrCholesky;

/// The distribution of Cholesky factors `L` of `n × n` correlation matrices `R = L Lᵀ` with density proportional to
/// `det(R)^(concentration - 1)` of the matrices (Lewandowski, Kurowicka and Joe 2009): uniform for a concentration of
/// 1, near the identity for a large one.
///
/// As a density of the factors' entries below the diagonal it is `Π Lₖₖ^(n - k + 2 concentration - 2) / Z`, the product
/// over `k = 2, …, n`. Draws are differentiable in the concentration, implicitly (Figurnov, Mohamed and Mnih 2018).
#[derive(Debug, Clone)]
pub struct LkjCholesky {
    size: usize,
    concentration: Tensor,
}

impl LkjCholesky {
    /// The distribution of matrices of a size, which is at least 1, of a concentration.
    #[track_caller]
    pub fn new(size: usize, concentration: impl Into<Tensor>) -> Self {
        if size == 0 {
            let error = ppl_tensor::Error::argument("LkjCholesky", "matrices have at least one row");
            return Self { size: 1, concentration: Tensor::failure(error) };
        }
        if !Shape::from([size, size]).is_addressable() {
            let reason = "no memory holds so large a matrix";
            let concentration = misfit("LkjCholesky", &[Shape::from([size, size])], reason);
            return Self { size: 1, concentration };
        }
        Self { size, concentration: float(concentration) }
    }

    /// Number of rows and of columns.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The concentration, as given.
    pub fn concentration(&self) -> &Tensor {
        &self.concentration
    }

    /// For each entry below the diagonal, row by row: the concentration of the beta distribution, of two equal ones, of
    /// its canonical partial correlation, moved from (-1, 1) to (0, 1).
    fn of_partial_correlations(&self, concentration: &Tensor) -> Tensor {
        let columns_behind = |column: usize| (self.size - 2 - column) as f64;
        let halves = (0..self.size).flat_map(|row| (0..row).map(move |column| columns_behind(column) * 0.5));
        concentration.unsqueeze(-1) + like(concentration, halves.collect())
    }

    /// `ln Z`: of each partial correlation the beta function, and the powers of 2 from the change of its interval.
    fn normaliser(&self, concentration: &Tensor) -> Tensor {
        let beta = self.of_partial_correlations(concentration);
        (ln_beta(&beta, &beta) + (&beta * 2.0 - 1.0) * LN_2).sum(-1)
    }
}

/// A vector of a tensor's dtype, on its device.
fn like(tensor: &Tensor, vector: Vec<f64>) -> Tensor {
    Tensor::from(vector).to_device(tensor.device()).cast(tensor.dtype())
}

impl Distribution for LkjCholesky {
    fn name(&self) -> &'static str {
        "LkjCholesky"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![Parameter { name: "concentration", value: &self.concentration, constraint: positive() }]
    }

    fn batch_shape(&self) -> Shape {
        self.concentration.shape()
    }

    fn event_shape(&self) -> Shape {
        Shape::from([self.size, self.size])
    }

    fn support(&self) -> Arc<dyn Constraint> {
        corr_cholesky()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    /// By partial correlations, which are independent.
    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[&self.concentration]);
        let beta = self.of_partial_correlations(&strong(&self.concentration, key.tensor().device(), dtype));
        let shape = self.batch_shape().concat(&[self.size * (self.size - 1) / 2]);
        let log_gamma = |key: Key| key.log_gamma(&shape, &beta).maximum(lowest(dtype) * 0.5);
        // The inverse hyperbolic tangent of 2 b - 1 for a beta draw b is half of its log odds.
        let (one, other) = key.split();
        CorrCholesky.forward(&((log_gamma(one) - log_gamma(other)) * 0.5))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        if let Some(failed) = failed(&[&self.concentration]) {
            return failed;
        }
        let value = float_like(value, &[&self.concentration]);
        let inside = corr_cholesky().check(&value);
        // Numbers among numbers of another dtype.
        let concentration = strong(&self.concentration, value.device(), value.dtype());
        let diagonal = inside.unsqueeze(-1).select(value.diagonal(), 1.0);
        let rows_behind = (1..self.size).rev().map(|row| (row - 1) as f64).collect();
        let powers = (concentration.unsqueeze(-1) - 1.0) * 2.0 + like(&concentration, rows_behind);
        let log_prob = (powers * diagonal.slice(-1, 1..self.size).log()).sum(-1);
        let log_prob = log_prob - self.normaliser(&concentration);
        inside.select(log_prob, f64::NEG_INFINITY)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let from = self.batch_shape();
        let concentration = expand(self.name(), &from, batch_shape, &[], &self.concentration)?;
        Ok(Arc::new(Self { size: self.size, concentration }))
    }
}
