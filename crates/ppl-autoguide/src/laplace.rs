//! Laplace's approximation: a normal distribution around the mode, with the curvature there.

use std::collections::HashMap;
use std::sync::Arc;

use ppl_core::{
    Ctx, Distribution, Error, IntoDistribution, Model, ParamStore, Result, Statement, Substitute, trace,
};
use ppl_dist::{Delta, DistributionExt, MultivariateNormal};
use ppl_infer::{TraceElbo, estimate};
use ppl_tensor::{DType, Tensor, grad, grad_recorded, no_grad};

use crate::continuous::{AutoContinuous, Family};

/// A guide with one point on unconstrained space: fitted by the evidence lower bound, the mode of the posterior density
/// there (not that of the constrained values, which [`AutoDelta`] finds). [`AutoLaplace::laplace`] then makes it a normal
/// distribution.
///
/// Parameter: `AutoLaplace.loc` `[d]`.
///
/// [`AutoDelta`]: crate::AutoDelta
pub type AutoLaplace<M> = AutoContinuous<M, Point>;

/// A guide with one fixed multivariate normal distribution of all unconstrained numbers, as [`AutoLaplace::laplace`] makes
/// it. It has no parameters: any store will do where one is asked for.
pub type LaplaceApproximation<M> = AutoContinuous<M, Gaussian>;

/// Point masses: the family of [`AutoLaplace`].
#[derive(Debug, Clone)]
pub struct Point;

/// One normal distribution: the family of [`LaplaceApproximation`].
#[derive(Debug, Clone)]
pub struct Gaussian(MultivariateNormal);

impl Family for Point {
    fn name(&self) -> &'static str {
        "AutoLaplace"
    }

    fn distribution(&self, ctx: &mut Ctx, prefix: &str, start: &Tensor) -> Result<Arc<dyn Distribution>> {
        Ok(Delta::new(ctx.param(&format!("{prefix}.loc"), start)?).to_event(1).into_distribution())
    }

    fn scale(&self, params: &ParamStore, prefix: &str) -> Result<Tensor> {
        Ok(self.loc(params, prefix)?.zeros_like())
    }
}

impl Family for Gaussian {
    fn name(&self) -> &'static str {
        "LaplaceApproximation"
    }

    fn distribution(&self, _: &mut Ctx, _: &str, _: &Tensor) -> Result<Arc<dyn Distribution>> {
        Ok(Arc::new(self.0.clone()))
    }

    fn loc(&self, _: &ParamStore, _: &str) -> Result<Tensor> {
        Ok(self.0.loc().clone())
    }

    fn scale(&self, _: &ParamStore, _: &str) -> Result<Tensor> {
        Ok(self.0.variance().sqrt())
    }
}

impl<M> LaplaceApproximation<M> {
    /// The covariance on unconstrained space, `[d, d]`: the inverse Hessian of the negative log joint density at the mode.
    pub fn covariance(&self) -> Tensor {
        let factor = self.family.0.scale_tril();
        factor.matmul(factor.t())
    }
}

/// Most steps of Newton's method from the fitted point to the mode.
const NEWTON_STEPS: usize = 50;

/// Most halvings of one such step.
const HALVINGS: i32 = 20;

impl<M> AutoLaplace<M> {
    /// A guide for a model.
    pub fn new(model: M) -> Self {
        Self::with_family(model, Point)
    }

    /// The normal distribution on unconstrained space whose mean is the mode of the posterior density there and whose
    /// precision is minus the second derivative of its logarithm. Newton's method goes from the fitted point to the mode,
    /// so the fit need not have converged, only come near. The cost of a step grows with the number of unconstrained
    /// numbers, of which each takes one pass backwards through the model's gradient.
    ///
    /// `params` are those of the fit, of the guide and of the model.
    ///
    /// # Errors
    /// If the guide has no parameters in `params`; if a plate is subsampled; if the curvature on the way is not that of a
    /// maximum, or the mode is not reached; if the model fails.
    pub fn laplace<A: ?Sized>(&self, params: &ParamStore, args: &A) -> Result<LaplaceApproximation<M>>
    where
        M: Model<A> + Clone,
    {
        let joint = Joint { guide: self, params, args };
        joint.check_rows()?;
        let mode = params.get(&format!("{}.loc", self.prefix))?;
        let (mode, precision) = joint.mode(mode)?;
        let family = Gaussian(no_grad(|| MultivariateNormal::with_precision(mode, precision)));
        family.0.validate()?;
        let guide = LaplaceApproximation::with_family(self.model.clone(), family);
        Ok(AutoContinuous { latents: self.latents.clone(), ..guide })
    }
}

/// The negative log joint density of a model on unconstrained space.
struct Joint<'a, M, A: ?Sized> {
    guide: &'a AutoLaplace<M>,
    params: &'a ParamStore,
    args: &'a A,
}

impl<A: ?Sized, M: Model<A>> Joint<'_, M, A> {
    /// The same key in every run: the same density.
    fn context(&self) -> Ctx {
        Ctx::new(0).with_params(self.params.clone())
    }

    /// The density of a subsample would be another one in each run.
    fn check_rows(&self) -> Result<()> {
        let (run, _) = trace(&mut self.context(), &self.guide.model, self.args)?;
        let part = |statement: &Statement| matches!(statement, Statement::Subsample { population, size } if size != population);
        match run.sites().find(|site| part(&site.statement)) {
            None => Ok(()),
            Some(site) => {
                let reason = "is subsampled: the curvature needs all rows".to_owned();
                Err(Error::Plate { plate: site.name.clone(), reason })
            }
        }
    }

    fn value(&self, at: &Tensor) -> Result<Tensor> {
        let point = HashMap::from([(format!("{}.loc", self.guide.prefix), at.clone())]);
        let guide = |ctx: &mut Ctx, args: &A| {
            Ok(ctx.with(Substitute::new(point.clone()), |ctx| self.guide.run(ctx, args))?.1)
        };
        let mut ctx = self.context();
        Ok(estimate(&TraceElbo::new(), &mut ctx, &self.guide.model, &guide, self.args)?.loss)
    }

    /// Value, gradient `[d]` and Hessian `[d, d]`.
    fn derivatives(&self, at: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let at = at.tracked();
        let value = self.value(&at)?;
        let gradient = grad_recorded(&value, &[&at])?.swap_remove(0);
        let row = |i: usize| Ok(grad(&gradient.select_index(0, i), &[&at])?.swap_remove(0));
        let rows = (0..gradient.size(0)?).map(row).collect::<Result<Vec<_>>>()?;
        let hessian = Tensor::stack(&rows.iter().collect::<Vec<_>>(), 0);
        // Rounding makes the two halves differ.
        let hessian = (&hessian + hessian.t()) * 0.5;
        Ok((value.detach(), gradient.detach(), hessian.check()?.detach()))
    }

    /// The mode and the Hessian there, by Newton's method with steps halved until the density grows.
    fn mode(&self, mut at: Tensor) -> Result<(Tensor, Tensor)> {
        // In standard deviations of the posterior, squared: further steps would be rounding.
        let rounding = if at.dtype() == DType::F32 { 1e-8 } else { 1e-20 };
        for _ in 0..NEWTON_STEPS {
            let (value, gradient, hessian) = self.derivatives(&at)?;
            let factor = hessian.cholesky();
            if factor.is_finite().all_all().to_scalar()? == 0.0 {
                return Err(Error::argument(
                    "the second derivative of the log joint density at the point reached is not that of a maximum: fit \
                     the guide further, from several starts, or the posterior has no mode",
                ));
            }
            let whitened = factor.solve_lower(gradient.unsqueeze(-1));
            let step = factor.solve_lower_transposed(&whitened).squeeze(-1);
            if whitened.square().sum_all().to_scalar()? <= rounding {
                return Ok((at, hessian));
            }
            let value = value.to_scalar()?;
            let allowed = value + f64::EPSILON.sqrt() * value.abs().max(1.0);
            let halved = |halving: i32| &at - &step * 0.5_f64.powi(halving);
            let lower = |point: &Tensor| {
                no_grad(|| self.value(point)).and_then(|v| Ok(v.to_scalar()?)).is_ok_and(|v| v <= allowed)
            };
            at = (0..=HALVINGS).map(halved).find(lower).ok_or_else(|| {
                Error::argument(
                    "no step towards the mode raises the joint density: its gradient is not smooth",
                )
            })?;
        }
        Err(Error::argument(format!(
            "the mode was not reached in {NEWTON_STEPS} steps: fit the guide further"
        )))
    }
}
