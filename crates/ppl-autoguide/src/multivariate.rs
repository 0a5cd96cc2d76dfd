//! A full-rank guide: one multivariate normal over all unconstrained numbers.

use std::sync::Arc;

use ppl_core::{Ctx, Distribution, ParamStore, Result};
use ppl_dist::{MultivariateNormal, constraints};
use ppl_tensor::Tensor;

use crate::continuous::{AutoContinuous, Family, check_init_scale};

/// A guide with one multivariate normal distribution of all unconstrained numbers.
///
/// Parameters: `AutoMultivariateNormal.loc` `[d]` and `AutoMultivariateNormal.scale_tril` `[d, d]`, the lower Cholesky
/// factor of the covariance (starts at 0.1 times the identity).
pub type AutoMultivariateNormal<M> = AutoContinuous<M, FullRank>;

/// Multivariate normal distributions: the family of [`AutoMultivariateNormal`].
#[derive(Debug, Clone)]
pub struct FullRank {
    init_scale: f64,
}

impl<M> AutoMultivariateNormal<M> {
    /// A guide for a model.
    pub fn new(model: M) -> Self {
        Self::with_family(model, FullRank { init_scale: 0.1 })
    }

    /// The same guide with another scale at the start, positive.
    #[must_use]
    pub fn init_scale(mut self, init_scale: f64) -> Self {
        self.family.init_scale = init_scale;
        self
    }

    /// The fitted covariance on unconstrained space, `[d, d]`.
    ///
    /// # Errors
    /// If the guide has no parameters in `params`.
    pub fn covariance(&self, params: &ParamStore) -> Result<Tensor> {
        let factor = params.get(&format!("{}.scale_tril", self.prefix))?;
        Ok(factor.matmul(factor.t()).check()?.clone())
    }
}

impl Family for FullRank {
    fn name(&self) -> &'static str {
        "AutoMultivariateNormal"
    }

    fn distribution(&self, ctx: &mut Ctx, prefix: &str, start: &Tensor) -> Result<Arc<dyn Distribution>> {
        check_init_scale(self.init_scale)?;
        let loc = ctx.param(&format!("{prefix}.loc"), start)?;
        let scale_tril = Tensor::eye(start.shape().elements()) * self.init_scale;
        let name = format!("{prefix}.scale_tril");
        let scale_tril = ctx.param_in(&name, scale_tril, constraints::lower_cholesky())?;
        Ok(Arc::new(MultivariateNormal::with_scale_tril(loc, scale_tril)))
    }

    fn scale(&self, params: &ParamStore, prefix: &str) -> Result<Tensor> {
        let factor = params.get(&format!("{prefix}.scale_tril"))?;
        Ok(factor.square().sum(-1).sqrt().check()?.clone())
    }
}
