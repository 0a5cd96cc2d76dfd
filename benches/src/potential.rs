//! The log density of a model on unconstrained space, with its gradient, as a function of plain numbers.

use ppl::core::{Ctx, Model, Result};
use ppl::infer::{Compiler, Potential};

/// Returns the log density at a point, bijections' volumes included, and writes its gradient.
pub type LogDensity = Box<dyn FnMut(&[f64], &mut [f64]) -> Result<f64>>;

/// Traces and compiles the log density of a model given its arguments, which become constants of the program.
///
/// Points have the latent sites' numbers in the order of the program's statements.
///
/// # Errors
/// If the model fails, or has no density on unconstrained space.
pub fn log_density<A: ?Sized, M: Model<A>>(compiler: &Compiler, model: M, args: &A) -> Result<LogDensity> {
    let mut potential = Potential::compile_by(compiler, &model, &Ctx::new(0), args)?;
    Ok(Box::new(move |at, gradient| potential.value_and_gradient(at, gradient)))
}
