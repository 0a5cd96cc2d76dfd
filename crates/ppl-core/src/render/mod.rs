//! Pictures of programs: sites, plates, and which value enters which statement.

mod carries;
mod dependencies;
mod dot;
mod graph;
mod layout;
mod mermaid;
mod svg;

pub(crate) use carries::Carries;
pub use graph::{Dependence, Edge, ModelGraph, Node, Plate};

use dependencies::Dependencies;
use ppl_tensor::watch_reads;

use crate::{Ctx, Model, Result};

/// Runs a program once and gives its graph: sites with their distributions, nested plates, and direct dependences between
/// sites, which are read off the run (so those of a branch that was not taken are missing).
///
/// The run begins without the handlers and plates of `ctx`, at its key and with copies of its parameters; `ctx` stays as
/// it is.
///
/// ```
/// use ppl_core::{Ctx, Result, render_model};
/// use ppl_dist::Normal;
/// use ppl_tensor::Tensor;
///
/// fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
///     let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
///     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y))?;
///     Ok(())
/// }
///
/// # fn main() -> Result<()> {
/// let graph = render_model(&Ctx::new(0), &model, &Tensor::from([0.3, 1.2]))?;
/// assert!(graph.to_mermaid().contains("n0 --> n1"));
/// assert!(graph.with_distributions(true).to_svg().contains("y ~ Normal"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The first error of a statement, two statements of one name among them.
pub fn render_model<A: ?Sized, M: Model<A> + ?Sized>(ctx: &Ctx, model: &M, args: &A) -> Result<ModelGraph> {
    let mut apart = ctx.apart();
    let (seen, _) = watch_reads(|| apart.with(Dependencies::default(), |ctx| model.run(ctx, args)))?;
    Ok(seen.into_graph(&apart.into_carries()))
}
