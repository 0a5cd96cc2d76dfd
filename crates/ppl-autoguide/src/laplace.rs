//! Laplace's approximation: a normal distribution around the mode, with the curvature there.

use std::collections::HashMap;
use std::sync::Arc;

use ppl_core::{
    Ctx, Distribution, Error, IntoDistribution, Model, ParamStore, Result, Statement, Substitute, trace,
};
use ppl_dist::{Delta, DistributionExt, MultivariateNormal};
use ppl_infer::{Compile, TraceElbo, estimate};
use ppl_tensor::{DType, Program, Tensor, grad, grad_recorded, no_grad};

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
    /// so the fit need not have converged, only come near. The density, its gradient and the product of its Hessian with a
    /// direction are compiled as one program, of which a step takes one run for each unconstrained number. A model whose
    /// structure depends on a value cannot be compiled: for it the interpreter does the same.
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
        let program = joint.compiled(&mode);
        let (mode, precision) = joint.mode(program.as_ref(), mode)?;
        let family = Gaussian(no_grad(|| MultivariateNormal::with_precision(mode, precision)));
        family.0.validate()?;
        let guide = LaplaceApproximation::with_family(self.model.clone(), family);
        Ok(AutoContinuous { latents: self.latents.clone(), ..guide })
    }
}

/// At a point of `[d]`, along directions `[k, d]`: value, gradient `[d]`, and the products of Hessian and directions, `[k, d]`.
type Expansion = (Tensor, Tensor, Tensor);

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
        // What is being recorded has no values that could be checked.
        let mut ctx = self.context().validating(!at.is_traced());
        Ok(estimate(&TraceElbo::new(), &mut ctx, &self.guide.model, &guide, self.args)?.loss)
    }

    fn expand(&self, at: &Tensor, directions: &Tensor) -> Result<Expansion> {
        let at = at.tracked();
        let value = self.value(&at)?;
        let gradient = grad_recorded(&value, &[&at])?.swap_remove(0);
        let along = |i: usize| {
            let slope = (&gradient * directions.select_index(0, i)).sum_all();
            Ok(grad(&slope, &[&at])?.swap_remove(0))
        };
        let products = (0..directions.size(0)?).map(along).collect::<Result<Vec<_>>>()?;
        let products = Tensor::stack(&products.iter().collect::<Vec<_>>(), 0);
        Ok((value.detach(), gradient.detach(), products.check()?.detach()))
    }

    /// The expansion along one direction as a program; none if it cannot be traced. An error of the model itself is told
    /// by who then runs it without a program.
    fn compiled(&self, at: &Tensor) -> Option<Program<Expansion>> {
        let direction = at.zeros_like().unsqueeze(0);
        let expand = |(at, direction): &(Tensor, Tensor)| {
            let reason = |error: Error| ppl_tensor::Error::argument("trace", error.to_string());
            self.expand(at, direction).map_err(reason)
        };
        let traced = ppl_tensor::trace(at.device(), expand, &(at.clone(), direction)).ok()?;
        at.device().compile(traced).ok()
    }

    /// Value, gradient `[d]` and Hessian `[d, d]`.
    fn derivatives(&self, program: Option<&Program<Expansion>>, at: &Tensor) -> Result<Expansion> {
        let directions = Tensor::eye(at.size(0)?) + at.zeros_like();
        let (value, gradient, hessian) = match program {
            None => self.expand(at, &directions)?,
            Some(program) => {
                let along = |i: usize| Ok(program.run(&(at.clone(), directions.slice(0, i..i + 1)))?);
                let rows = (0..at.size(0)?).map(along).collect::<Result<Vec<Expansion>>>()?;
                let hessian = Tensor::concat(&rows.iter().map(|(.., row)| row).collect::<Vec<_>>(), 0);
                // The same in each run.
                let first = rows.into_iter().next().map(|(value, gradient, _)| (value, gradient));
                let (value, gradient) = first.ok_or_else(|| Error::argument("there is no latent number"))?;
                (value, gradient, hessian)
            }
        };
        // Rounding makes the two halves differ.
        let hessian = (&hessian + hessian.t()) * 0.5;
        Ok((value, gradient, hessian.check()?.clone()))
    }

    /// The value alone.
    fn value_at(&self, program: Option<&Program<Expansion>>, at: &Tensor) -> Result<f64> {
        let value = match program {
            None => no_grad(|| self.value(at))?,
            Some(program) => program.run(&(at.clone(), at.zeros_like().unsqueeze(0)))?.0,
        };
        Ok(value.to_scalar()?)
    }

    /// The mode and the Hessian there, by Newton's method with steps halved until the density grows.
    fn mode(&self, program: Option<&Program<Expansion>>, mut at: Tensor) -> Result<(Tensor, Tensor)> {
        // In standard deviations of the posterior, squared: further steps would be rounding.
        let rounding = if at.dtype() == DType::F32 { 1e-8 } else { 1e-20 };
        for _ in 0..NEWTON_STEPS {
            let (value, gradient, hessian) = self.derivatives(program, &at)?;
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
            let lower = |point: &Tensor| self.value_at(program, point).is_ok_and(|v| v <= allowed);
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

#[cfg(test)]
mod tests {
    use ppl_dist::{Exponential, Normal, constraints};
    use ppl_infer::{Adam, Svi};
    use ppl_tensor::{Device, scan};

    use super::*;

    /// Sites of several kinds: positive, in a plate, and under a loop over time; and a parameter.
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let noise = ctx.param_in("noise", 0.7, constraints::positive())?;
        let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
        let sd = ctx.sample("sd", Exponential::new(1.0))?;
        ctx.plate("rows", y, |ctx, y| {
            let z = ctx.sample("z", Normal::new(&mean, &sd))?;
            ctx.observe("y", Normal::new(z.sin(), &noise), y).map(|_| ())
        })?;
        let (path, ()) =
            scan(5, &mean, &(), |x, ()| Ok::<_, ppl_tensor::Error>(((x * 0.9).tanh() + &sd, ())))?;
        ctx.observe("last", Normal::new(path, 1.0), 0.8).map(|_| ())
    }

    /// The same to who runs it, but not to who records it.
    fn choosing(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let push = ctx.sample("push", Normal::new(0.0, 1.0))?;
        match push.to_scalar()? > 1e6 {
            true => Ok(()),
            false => model(ctx, y),
        }
    }

    fn data() -> Tensor {
        Tensor::from([0.3, -0.4, 1.1])
    }

    #[test]
    fn compiled_derivatives_are_those_of_the_interpreter() {
        for float in [DType::F64, DType::F32] {
            let device = Device::cpu().float(float);
            let y = device.place(&data()).unwrap();
            let guide = AutoLaplace::new(model);
            let mut svi = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new()).on(&device, 0);
            svi.run(5, &y).unwrap();
            let joint = Joint { guide: svi.guide(), params: svi.params(), args: &y };
            let at = svi.guide().loc(svi.params()).unwrap() + (Tensor::arange(5) * 0.3 - 0.4);
            assert_eq!(at.dtype(), float);
            let program = joint.compiled(&at).unwrap();
            let compiled = joint.derivatives(Some(&program), &at).unwrap();
            let interpreted = joint.derivatives(None, &at).unwrap();
            let numbers = |x: &Tensor| x.to_f64().unwrap();
            let pairs =
                [(&compiled.0, &interpreted.0), (&compiled.1, &interpreted.1), (&compiled.2, &interpreted.2)];
            let rounding = if float == DType::F32 { f32::EPSILON.into() } else { f64::EPSILON };
            for (found, wanted) in pairs {
                assert_eq!(found.shape(), wanted.shape());
                // Sums of a few dozen terms up to the largest entry, each rounded a few times.
                let largest = numbers(wanted).iter().fold(1.0, |most: f64, x| most.max(x.abs()));
                for (a, b) in numbers(found).iter().zip(numbers(wanted)) {
                    assert!((a - b).abs() <= 200.0 * rounding * largest, "{float}: {a} instead of {b}");
                }
            }
            let value = joint.value_at(Some(&program), &at).unwrap();
            assert_eq!(value, compiled.0.to_scalar().unwrap());
        }
    }

    #[test]
    fn models_that_cannot_be_compiled_are_interpreted() {
        let mut svi = Svi::new(choosing, AutoLaplace::new(choosing), Adam::new(0.1), TraceElbo::new());
        svi.run(20, &data()).unwrap();
        let joint = Joint { guide: svi.guide(), params: svi.params(), args: &data() };
        assert!(joint.compiled(&svi.guide().loc(svi.params()).unwrap()).is_none());
        let found = svi.guide().laplace(svi.params(), &data()).unwrap();
        // `push` is standard normal whatever the others are, and these are as they are without it.
        let mut without = Svi::new(model, AutoLaplace::new(model), Adam::new(0.1), TraceElbo::new());
        without.run(20, &data()).unwrap();
        let others = without.guide().laplace(without.params(), &data()).unwrap().covariance();
        let mut wanted = Tensor::eye(6).to_vec::<f64>().unwrap();
        for (i, row) in others.to_vec::<f64>().unwrap().chunks_exact(5).enumerate() {
            wanted[(i + 1) * 6 + 1..][..5].copy_from_slice(row);
        }
        for (found, wanted) in found.covariance().to_f64().unwrap().iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-9 * wanted.abs().max(1.0), "{found} instead of {wanted}");
        }
    }
}
