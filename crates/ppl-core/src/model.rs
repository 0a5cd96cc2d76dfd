//! Programs as values.

use crate::handlers::Record;
use crate::{Ctx, Result, Trace};

/// A program over arguments `A`: any `Fn(&mut Ctx, &A) -> Result<O>`, and what wraps one.
pub trait Model<A: ?Sized> {
    /// What the program returns.
    type Output;

    /// Runs the program once.
    ///
    /// # Errors
    /// The first error of a statement.
    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Self::Output>;
}

impl<A: ?Sized, O, F: Fn(&mut Ctx, &A) -> Result<O>> Model<A> for F {
    type Output = O;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<O> {
        self(ctx, args)
    }
}

/// Runs a program and records its statements.
///
/// # Errors
/// The first error of a statement, two statements of one name among them.
pub fn trace<A: ?Sized, M: Model<A> + ?Sized>(
    ctx: &mut Ctx,
    model: &M,
    args: &A,
) -> Result<(Trace, M::Output)> {
    let (recorded, output) = ctx.with(Record::new(), |ctx| model.run(ctx, args))?;
    Ok((recorded.into_trace(), output))
}
