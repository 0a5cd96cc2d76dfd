//! The multivariate normal distribution of a covariance that is diagonal but for a few directions.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use super::Gaussian;
use crate::constraints::{independent, positive, real, real_vector};
use crate::parameters::{draw_dtype, expand, float, float_like, misfit, split_last};
use crate::special::LN_SQRT_TAU;

/// The normal distribution of vectors of mean `loc` and covariance `Σ = W Wᵀ + diag(D)`, with `W = cov_factor` of shape
/// `[…, n, m]` and `D = cov_diag` of `[…, n]`.
///
/// `loc` has shape `[…, n]`; for it and `cov_diag` a scalar stands for all entries. Leading dimensions broadcast.
/// Densities, entropies and draws cost `O(n m²)`: they need the `m × m` capacitance matrix `I + Wᵀ D⁻¹ W` only, never
/// `Σ`.
#[derive(Debug, Clone)]
pub struct LowRankMultivariateNormal {
    loc: Tensor,
    cov_factor: Tensor,
    cov_diag: Tensor,
    /// `D^-½ W`.
    whitened_factor: Tensor,
    /// Lower Cholesky factor of the capacitance.
    capacitance_tril: Tensor,
    batch_shape: Shape,
    size: usize,
    rank: usize,
}

impl LowRankMultivariateNormal {
    /// The distribution of a mean, a factor of the covariance and a diagonal to add to it.
    #[track_caller]
    pub fn new(loc: impl Into<Tensor>, cov_factor: impl Into<Tensor>, cov_diag: impl Into<Tensor>) -> Self {
        let parameters = [float(loc), float(cov_factor), float(cov_diag)];
        match fit(&parameters) {
            Ok((batch_shape, size, rank)) => {
                let [loc, cov_factor, cov_diag] = parameters;
                let fill = |vector: Tensor| match vector.rank() {
                    0 => vector.broadcast_to([size]),
                    _ => vector,
                };
                let (loc, cov_diag) = (fill(loc), fill(cov_diag));
                let whitened_factor = &cov_factor / cov_diag.sqrt().unsqueeze(-1);
                let capacitance = Tensor::eye(rank) + whitened_factor.t().matmul(&whitened_factor);
                let capacitance_tril = capacitance.cholesky();
                Self { loc, cov_factor, cov_diag, whitened_factor, capacitance_tril, batch_shape, size, rank }
            }
            Err(reason) => {
                let failure = match parameters.iter().find_map(Tensor::error) {
                    Some(error) => Tensor::failure(error.clone()),
                    None => misfit("LowRankMultivariateNormal", &parameters.map(|p| p.shape()), reason),
                };
                let [loc, cov_factor, cov_diag, whitened_factor, capacitance_tril] =
                    std::array::from_fn(|_| failure.clone());
                let (batch_shape, size, rank) = (Shape::scalar(), 0, 0);
                Self { loc, cov_factor, cov_diag, whitened_factor, capacitance_tril, batch_shape, size, rank }
            }
        }
    }

    /// The mean, as given.
    pub fn loc(&self) -> &Tensor {
        &self.loc
    }

    /// The factor of the covariance, as given.
    pub fn cov_factor(&self) -> &Tensor {
        &self.cov_factor
    }

    /// What is added to the diagonal, as given.
    pub fn cov_diag(&self) -> &Tensor {
        &self.cov_diag
    }

    /// The covariance matrix, in full.
    pub fn covariance_matrix(&self) -> Tensor {
        self.cov_factor.matmul(self.cov_factor.t()) + self.cov_diag.diagonal_matrix()
    }

    fn over_batch(&self, vectors: &Tensor) -> Tensor {
        vectors.broadcast_to(self.batch_shape.concat(&[self.size]))
    }
}

/// Batch shape, size and rank, or why the parameters do not fit.
fn fit([loc, cov_factor, cov_diag]: &[Tensor; 3]) -> std::result::Result<(Shape, usize, usize), String> {
    let Some((mut batch, sizes)) = split_last(&cov_factor.shape(), 2) else {
        return Err("`cov_factor` must be matrices".into());
    };
    for (name, vector) in [("loc", loc), ("cov_diag", cov_diag)] {
        let shape = vector.shape();
        let Some((leading, last)) = split_last(&shape, 1) else { continue };
        if last[0] != sizes[0] {
            return Err(format!("`{name}` and `cov_factor` are of different sizes"));
        }
        let misfit = || format!("the leading dimensions of `{name}` and `cov_factor` do not broadcast");
        batch = batch.broadcast(&leading).ok_or_else(misfit)?;
    }
    // A failed parameter has the shape of a scalar.
    match loc.error().is_some() || cov_diag.error().is_some() {
        true => Err("a parameter failed".into()),
        false => Ok((batch, sizes[0], sizes[1])),
    }
}

impl Gaussian for LowRankMultivariateNormal {
    fn loc(&self) -> &Tensor {
        &self.loc
    }

    /// By the determinant lemma: `det Σ = det D · det(I + Wᵀ D⁻¹ W)`.
    fn half_log_det(&self) -> Tensor {
        self.cov_diag.log().sum(-1) * 0.5 + self.capacitance_tril.diagonal().log().sum(-1)
    }

    /// `cᵀ Σ⁻¹ c` is the least `|u - V z|² + |z|²` of all `z`, with `u` and `V` the whitened column and factor: a sum
    /// of squares, where Woodbury's identity would subtract.
    fn squared_lengths(&self, columns: &Tensor) -> Tensor {
        let whitened = columns / self.cov_diag.sqrt().unsqueeze(-1);
        let (factor, root) = (&self.whitened_factor, &self.capacitance_tril);
        let best = root.solve_lower_transposed(root.solve_lower(factor.t().matmul(&whitened)));
        (whitened - factor.matmul(&best)).square().sum(-2) + best.square().sum(-2)
    }

    fn roots(&self) -> Vec<Tensor> {
        vec![self.cov_factor.clone(), self.cov_diag.sqrt().diagonal_matrix()]
    }
}

impl Distribution for LowRankMultivariateNormal {
    fn name(&self) -> &'static str {
        "LowRankMultivariateNormal"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        vec![
            Parameter { name: "loc", value: &self.loc, constraint: real_vector() },
            Parameter { name: "cov_factor", value: &self.cov_factor, constraint: independent(real(), 2) },
            Parameter { name: "cov_diag", value: &self.cov_diag, constraint: independent(positive(), 1) },
        ]
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
        let dtype = draw_dtype(key, &[&self.loc, &self.cov_factor, &self.cov_diag]);
        let (along, across) = key.split();
        let along = along.normal(self.batch_shape.concat(&[self.rank, 1]), dtype);
        let across = across.normal(self.batch_shape.concat(&[self.size]), dtype);
        &self.loc + self.cov_factor.matmul(along).squeeze(-1) + self.cov_diag.sqrt() * across
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let value = float_like(value, &[&self.loc, &self.cov_factor, &self.cov_diag]);
        let normaliser = self.half_log_det() + LN_SQRT_TAU * self.size as f64;
        self.squared_distance(&(value - &self.loc)) * -0.5 - normaliser
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let loc = expand(self.name(), &self.batch_shape, batch_shape, &[self.size], &self.loc)?;
        Ok(Arc::new(Self { loc, batch_shape: batch_shape.clone(), ..self.clone() }))
    }

    fn mean(&self) -> Tensor {
        self.over_batch(&self.loc)
    }

    fn variance(&self) -> Tensor {
        self.over_batch(&(self.cov_factor.square().sum(-1) + &self.cov_diag))
    }

    fn entropy(&self) -> Tensor {
        let entropy = self.half_log_det() + (0.5 + LN_SQRT_TAU) * self.size as f64;
        entropy.broadcast_to(&self.batch_shape)
    }
}
