//! Divergences of distributions of vectors.

use ppl_tensor::Tensor;

use crate::Dirichlet;
use crate::multivariate::Gaussian;

/// `½ (tr Σ_q⁻¹ Σₚ + |mₚ - m_q|²_q - n) + ½ ln det Σ_q - ½ ln det Σₚ` with lengths `|·|_q` in units of `q`.
pub(super) fn normal<P: Gaussian, Q: Gaussian>(p: &P, q: &Q) -> Tensor {
    let spreads = p.roots().into_iter().map(|root| q.squared_lengths(&root).sum(-1));
    let distance = q.squared_distance(&(p.loc() - q.loc()));
    let size = p.loc().shape().last().copied().unwrap_or(0) as f64;
    (spreads.fold(distance, |sum, spread| sum + spread) - size) * 0.5 + (q.half_log_det() - p.half_log_det())
}

/// `ln Γ(sₚ) - ln Γ(s_q) + Σ (ln Γ(a_q) - ln Γ(aₚ) + (aₚ - a_q) (ψ(aₚ) - ψ(sₚ)))` with the sums `s`.
pub(super) fn dirichlet(p: &Dirichlet, q: &Dirichlet) -> Tensor {
    let (a, a_q) = (p.concentration(), q.concentration());
    let difference = a - a_q;
    let digammas = (&difference * a.digamma()).sum(-1) - difference.sum(-1) * a.sum(-1).digamma();
    q.normaliser() - p.normaliser() + digammas
}
