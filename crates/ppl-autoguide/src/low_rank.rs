//! A guide with covariance of low rank plus diagonal.

use std::sync::Arc;

use ppl_core::{Ctx, Distribution, Error, ParamStore, Result};
use ppl_dist::{LowRankMultivariateNormal, constraints};
use ppl_tensor::Tensor;

use crate::continuous::{AutoContinuous, Family, check_init_scale};

/// A guide with one normal distribution of all unconstrained numbers whose covariance is `S (I + W Wᵀ) S`, for a diagonal
/// `S` and a `W` of few columns: correlations of many numbers at a cost that grows with their number, not its square.
///
/// Parameters: `AutoLowRankMultivariateNormal.loc` `[d]`, `AutoLowRankMultivariateNormal.scale` `[d]` (the diagonal of `S`,
/// positive) and `AutoLowRankMultivariateNormal.cov_factor` `[d, rank]` (`W`, which starts at normal draws: at 0 its
/// gradient would vanish).
pub type AutoLowRankMultivariateNormal<M> = AutoContinuous<M, LowRank>;

/// Normal distributions with covariance of low rank plus diagonal: the family of [`AutoLowRankMultivariateNormal`].
#[derive(Debug, Clone)]
pub struct LowRank {
    rank: usize,
    init_scale: f64,
}

impl<M> AutoLowRankMultivariateNormal<M> {
    /// A guide for a model, with `rank` columns to the factor: from 1 to the number of unconstrained numbers.
    pub fn new(model: M, rank: usize) -> Self {
        Self::with_family(model, LowRank { rank, init_scale: 0.1 })
    }

    /// The same guide with another standard deviation at the start, positive.
    #[must_use]
    pub fn init_scale(mut self, init_scale: f64) -> Self {
        self.family.init_scale = init_scale;
        self
    }

    /// The fitted covariance on unconstrained space, in full: `[d, d]`.
    ///
    /// # Errors
    /// If the guide has no parameters in `params`.
    pub fn covariance(&self, params: &ParamStore) -> Result<Tensor> {
        let scale = params.get(&format!("{}.scale", self.prefix))?;
        let factor = params.get(&format!("{}.cov_factor", self.prefix))? * scale.unsqueeze(-1);
        let covariance = factor.matmul(factor.t()) + scale.square().diagonal_matrix();
        Ok(covariance.check()?.clone())
    }
}

impl Family for LowRank {
    fn name(&self) -> &'static str {
        "AutoLowRankMultivariateNormal"
    }

    fn distribution(&self, ctx: &mut Ctx, prefix: &str, start: &Tensor) -> Result<Arc<dyn Distribution>> {
        check_init_scale(self.init_scale)?;
        let (size, rank) = (start.shape().elements(), self.rank);
        if rank == 0 || rank > size {
            let reason =
                format!("rank is {rank}, must be from 1 to the {size} unconstrained numbers of the model");
            return Err(Error::argument(reason));
        }
        let loc = ctx.param(&format!("{prefix}.loc"), start)?;
        // With entries of variance 1/rank, S (I + W Wᵀ) S has twice the variances of S².
        let scale = Tensor::full([size], self.init_scale * std::f64::consts::FRAC_1_SQRT_2);
        let scale = ctx.param_in(&format!("{prefix}.scale"), scale, constraints::positive())?;
        let name = format!("{prefix}.cov_factor");
        let draws = match ctx.params().unconstrained(&name) {
            Ok(_) => Tensor::zeros([size, rank]),
            Err(_) => ctx.key().fold_in_name(&name).normal([size, rank], ctx.device().default_float()),
        };
        let factor = ctx.param(&name, draws / (rank as f64).sqrt())?;
        let cov_factor = factor * scale.unsqueeze(-1);
        Ok(Arc::new(LowRankMultivariateNormal::new(loc, cov_factor, scale.square())))
    }

    fn scale(&self, params: &ParamStore, prefix: &str) -> Result<Tensor> {
        let factor = params.get(&format!("{prefix}.cov_factor"))?;
        let scale = params.get(&format!("{prefix}.scale"))?;
        Ok((scale * (factor.square().sum(-1) + 1.0).sqrt()).check()?.clone())
    }
}
