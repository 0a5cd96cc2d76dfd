//! Makes data latent again.

use ppl_tensor::Shape;

use crate::plate::enter_frames;
use crate::{Ctx, Handler, Message, Model, Result, Statement};

/// Makes every observed site latent: its value is drawn, whatever the data are, and is of as many independent draws as
/// they are.
#[derive(Debug, Clone, Default)]
pub struct Uncondition;

impl Handler for Uncondition {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if let Statement::Sample { distribution, observed, .. } = &mut message.statement
            && *observed
        {
            *observed = false;
            let event = distribution.event_shape();
            let wanted = distribution.batch_shape().concat(&event);
            if let Some(data) = message.value.take() {
                let found = enter_frames(&data, &message.frames, wanted.rank())?.shape();
                if found != wanted && wanted.broadcasts_to(&found) {
                    *distribution =
                        distribution.expand(&Shape::from(&found[..found.rank() - event.rank()]))?;
                }
            }
        }
        Ok(())
    }
}

/// The program with its data drawn instead of given.
pub fn uncondition<A: ?Sized, M: Model<A>>(model: M) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(Uncondition, |ctx| model.run(ctx, args))?.1)
}
