//! Objectives whose steps are compiled.

/// An objective whose steps [`Svi`](crate::Svi) traces once and compiles ([`Objective::jit`]): guide, model, surrogate,
/// gradient and the optimiser's update become one program, with the same draws and, to rounding, the same results as
/// without.
///
/// ```
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::Normal;
/// use ppl_infer::{Adam, Objective, Svi, TraceElbo};
/// use ppl_tensor::Tensor;
///
/// fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
///     let mean = ctx.sample("mean", Normal::new(0.0, 1.0))?;
///     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
/// }
/// fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
///     let loc = ctx.param("loc", 0.0)?;
///     ctx.sample("mean", Normal::new(loc, 0.5)).map(|_| ())
/// }
/// let mut svi = Svi::new(model, guide, Adam::new(0.01), TraceElbo::new().jit());
/// svi.run(200, &Tensor::from([0.4, 1.2, 0.9]))?;
/// println!("traced and compiled in {:?}", svi.compile_time());
/// # Ok::<(), ppl_core::Error>(())
/// ```
///
/// A program is kept for each structure, shapes and dtypes of the arguments (a [`TensorTree`](ppl_tensor::TensorTree)),
/// and used whenever they come again with other numbers, as minibatches do. What this means for the programs:
///
/// - Tensors that they capture are constants, and so is all else that is no tensor of the arguments: a program is what
///   its first run with such arguments made of them.
/// - They must not read values ([`Tensor::to_scalar`](ppl_tensor::Tensor::to_scalar) and its kin) that depend on
///   arguments, parameters or draws: the error says after which statement and at which line.
/// - The data of arguments with new shapes are checked once, by a run without the compiler; later ones are not.
///
/// A step whose loss or update is not finite is repeated without the compiler, which then names the site, or skips it
/// ([`Svi::stable`](crate::Svi::stable)). The first step of a fit, losses without a step
/// ([`Svi::evaluate_loss`](crate::Svi::evaluate_loss), validation) and [`Svi::minimize`](crate::Svi::minimize) run
/// without the compiler as well.
///
/// [`Objective::jit`]: crate::Objective::jit
#[derive(Debug, Clone)]
pub struct Jit<J>(pub(crate) J);

impl<J> Jit<J> {
    /// The objective.
    pub fn objective(&self) -> &J {
        &self.0
    }

    /// The objective, to be used without the compiler.
    pub fn into_objective(self) -> J {
        self.0
    }
}
