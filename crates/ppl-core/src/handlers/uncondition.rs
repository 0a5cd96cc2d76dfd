//! Makes data latent again.

use crate::{Ctx, Handler, Message, Model, Result, Statement};

/// Makes every observed site latent: its value is drawn, whatever the data are.
#[derive(Debug, Clone, Default)]
pub struct Uncondition;

impl Handler for Uncondition {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if let Statement::Sample { observed, .. } = &mut message.statement
            && *observed
        {
            *observed = false;
            message.value = None;
        }
        Ok(())
    }
}

/// The program with its data drawn instead of given.
pub fn uncondition<A: ?Sized, M: Model<A>>(model: M) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(Uncondition, |ctx| model.run(ctx, args))?.1)
}
