//! A mean-field guide in one vector.

use std::sync::Arc;

use ppl_core::{Ctx, Distribution, IntoDistribution, ParamStore, Result};
use ppl_dist::{DistributionExt, Normal, constraints};
use ppl_tensor::Tensor;

use crate::continuous::{AutoContinuous, Family, check_init_scale};

/// A guide with an independent normal distribution of every unconstrained number, all in one vector: [`AutoNormal`] with
/// fewer and larger parameters.
///
/// Parameters: `AutoDiagonalNormal.loc` `[d]` and `AutoDiagonalNormal.scale` `[d]`, positive (starts at 0.1).
///
/// [`AutoNormal`]: crate::AutoNormal
pub type AutoDiagonalNormal<M> = AutoContinuous<M, Diagonal>;

/// Independent normal numbers: the family of [`AutoDiagonalNormal`].
#[derive(Debug, Clone)]
pub struct Diagonal {
    init_scale: f64,
}

impl<M> AutoDiagonalNormal<M> {
    /// A guide for a model.
    pub fn new(model: M) -> Self {
        Self::with_family(model, Diagonal { init_scale: 0.1 })
    }

    /// The same guide with another scale at the start, positive.
    #[must_use]
    pub fn init_scale(mut self, init_scale: f64) -> Self {
        self.family.init_scale = init_scale;
        self
    }
}

impl Family for Diagonal {
    fn name(&self) -> &'static str {
        "AutoDiagonalNormal"
    }

    fn distribution(&self, ctx: &mut Ctx, prefix: &str, start: &Tensor) -> Result<Arc<dyn Distribution>> {
        check_init_scale(self.init_scale)?;
        let loc = ctx.param(&format!("{prefix}.loc"), start)?;
        let scale = Tensor::full(start.shape(), self.init_scale);
        let scale = ctx.param_in(&format!("{prefix}.scale"), scale, constraints::positive())?;
        Ok(Normal::new(loc, scale).to_event(1).into_distribution())
    }

    fn scale(&self, params: &ParamStore, prefix: &str) -> Result<Tensor> {
        params.get(&format!("{prefix}.scale"))
    }
}
