//! Distributions of vectors.

mod dirichlet;
mod lkj_cholesky;
mod low_rank_multivariate_normal;
mod multivariate_normal;

pub use dirichlet::Dirichlet;
pub use lkj_cholesky::LkjCholesky;
pub use low_rank_multivariate_normal::LowRankMultivariateNormal;
pub use multivariate_normal::MultivariateNormal;

use ppl_tensor::Tensor;

/// What densities, entropies and divergences of normal distributions of vectors are made of.
pub(crate) trait Gaussian {
    /// The mean.
    fn loc(&self) -> &Tensor;

    /// `½ ln det Σ`.
    fn half_log_det(&self) -> Tensor;

    /// `cᵀ Σ⁻¹ c` for each column `c` of matrices `[…, n, k]`: of shape `[…, k]`.
    fn squared_lengths(&self, columns: &Tensor) -> Tensor;

    /// Matrices `R` of `n` rows with `Σ = Σ R Rᵀ`.
    fn roots(&self) -> Vec<Tensor>;

    /// `xᵀ Σ⁻¹ x` for vectors `x`.
    fn squared_distance(&self, x: &Tensor) -> Tensor {
        self.squared_lengths(&x.unsqueeze(-1)).squeeze(-1)
    }
}
