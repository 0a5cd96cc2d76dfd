//! A log density at several points at once.

use ppl_core::{Ctx, Error, Model, Result};
use ppl_jit::Compiler;
use ppl_tensor::{Shape, Tensor, grad};

use super::Potential;
use super::density::Density;
use super::latent::Latent;
use crate::tracing::record;

/// The log density of a [`Potential`] at several points in one run of one program: the model is run once, with its latent
/// values along an implicit axis, as it is for vectorised particles. A row's numbers depend on that row alone.
///
/// A clone shares the compiled program, and may run on another thread.
#[derive(Clone)]
pub struct VectorizedPotential {
    density: Density,
    points: usize,
    dimension: usize,
}

impl Potential {
    /// The log density of a model as [`Potential::compile`] has it, at `points` points at once.
    ///
    /// # Errors
    /// As there; if there is no point; or if an operation of the model cannot be done for all points at once. The message
    /// names the site, or the statement before it.
    pub fn compile_vectorized<A: ?Sized, M: Model<A>>(
        model: &M,
        ctx: &Ctx,
        args: &A,
        points: usize,
    ) -> Result<VectorizedPotential> {
        if points == 0 {
            return Err(Error::argument("a log density at zero points at once was asked for"));
        }
        let device = ctx.device();
        let latent = Latent::find(model, ctx, args)?;
        let dimension = latent.size();
        let density = |x: &Tensor| {
            let x = x.tracked();
            let values = latent.log_densities(&x)?.cast(x.dtype());
            if values.check()?.shape() != Shape::from([points]) {
                let reason = format!("the log densities of {points} points have shape {}", values.shape());
                return Err(Error::Shape(reason));
            }
            // No row depends on another, so that the gradient of the sum has each row's gradient.
            let gradients = grad(&values.sum_all(), &[&x])?.swap_remove(0);
            Ok((values.detach(), gradients))
        };
        let shape = Shape::from([points, dimension]);
        let x = device.place(&Tensor::zeros(&shape).cast(device.default_float()))?;
        let traced = record(device, density, &x).map_err(|error| {
            let what = "the model cannot be run at several points at once (leave vectorising out)";
            latent.last.locate(what, &error)
        })?;
        Ok(VectorizedPotential {
            density: Density::compile(&Compiler::new(), traced, device, shape)?,
            points,
            dimension,
        })
    }
}

impl VectorizedPotential {
    /// Number `n` of points.
    pub fn points(&self) -> usize {
        self.points
    }

    /// Number `d` of unconstrained numbers of each.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The log densities in nats, written to `values` `[n]`, at points `x` `[n, d]`, row-major; and their gradients,
    /// written to `gradients` `[n, d]`. Where the model says so they are not finite: that is no error here.
    ///
    /// # Errors
    /// If a slice has another length, or the device fails.
    pub fn values_and_gradients(
        &mut self,
        x: &[f64],
        values: &mut [f64],
        gradients: &mut [f64],
    ) -> Result<()> {
        let (n, d) = (self.points, self.dimension);
        let found = (x.len(), values.len(), gradients.len());
        if found != (n * d, n, n * d) {
            let (x, values, gradients) = found;
            return Err(Error::Shape(format!(
                "{x} numbers of points, {values} values and {gradients} numbers of gradients, where {n} points have {d} each"
            )));
        }
        self.density.at(x, values, gradients)
    }

    /// What the compiled program does: fused loops, memory, and estimates of work.
    pub fn explain(&self) -> String {
        self.density.explain()
    }
}
