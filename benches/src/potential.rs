//! The log density of a model on unconstrained space, with its gradient, as a function of plain numbers.

use std::collections::HashMap;

use ppl::autoguide::AutoLaplace;
use ppl::core::{Ctx, Model, Result, Substitute};
use ppl::infer::{TraceElbo, estimate};
use ppl::tensor::{Device, Tensor, compile, grad, trace};

/// Returns the log density at a point, bijections' volumes included, and writes its gradient.
pub type LogDensity = Box<dyn FnMut(&[f64], &mut [f64]) -> Result<f64>>;

/// Where the guide that stands for one point keeps it.
const POINT: &str = "AutoLaplace.loc";

/// Traces and compiles the log density of a model given its arguments, which become constants of the program.
///
/// Points have the latent sites' numbers in the order of the program's statements.
///
/// # Errors
/// If the model fails, or has no density on unconstrained space.
pub fn log_density<A: ?Sized, M: Model<A> + Clone>(model: M, args: &A) -> Result<LogDensity> {
    let guide = AutoLaplace::new(model.clone());
    // The first run finds the latent sites, which a traced one cannot.
    let mut first = Ctx::new(0);
    guide.run(&mut first, args)?;
    let dim = first.params().get(POINT)?.size(0)?;
    // With all of the guide on one point, the bound is the log density there.
    let evaluate = |at: &Tensor| -> Result<(Tensor, Tensor)> {
        let at = at.tracked();
        let place = HashMap::from([(POINT.to_owned(), at.clone())]);
        let pinned = |ctx: &mut Ctx, args: &A| {
            Ok(ctx.with(Substitute::new(place.clone()), |ctx| guide.run(ctx, args))?.1)
        };
        let value = -estimate(&TraceElbo::new(), &mut Ctx::new(0), &model, &pinned, args)?.loss;
        let gradient = grad(&value, &[&at])?.swap_remove(0);
        Ok((value, gradient))
    };
    let zero = Tensor::from(vec![0.0; dim]);
    let traced = trace(
        &Device::cpu(),
        |at| evaluate(at).map_err(|error| ppl::tensor::Error::argument("log density", error.to_string())),
        &zero,
    )?;
    let program = compile(traced)?;
    Ok(Box::new(move |at, gradient| {
        let (value, slopes) = program.run(&Tensor::from(at))?;
        gradient.copy_from_slice(&slopes.to_f64()?);
        Ok(value.to_scalar()?)
    }))
}
