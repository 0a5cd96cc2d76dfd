//! Divergences of distributions of vectors.

use ppl_tensor::Tensor;

use crate::MultivariateNormal;

/// `½ (|L_q⁻¹ Lₚ|² + |L_q⁻¹ (mₚ - m_q)|² - n) + ln det L_q - ln det Lₚ`.
pub(super) fn normal(p: &MultivariateNormal, q: &MultivariateNormal) -> Tensor {
    let spread = q.scale_tril().solve_lower(p.scale_tril()).square().sum_dims(&[-1, -2]);
    let distance = q.squared_distance(&(p.loc() - q.loc()));
    let size = p.loc().shape().last().copied().unwrap_or(0) as f64;
    (spread + distance - size) * 0.5 + (q.half_log_det() - p.half_log_det())
}
