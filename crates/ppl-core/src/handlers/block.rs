//! Hides statements from handlers further out.

use crate::{Ctx, Handler, Message, Model, Result};

/// Hides the statements that a predicate chooses.
pub struct Block<P> {
    hides: P,
}

impl<P: Fn(&Message) -> bool + Send + 'static> Block<P> {
    /// Hides what `hides` chooses.
    pub fn new(hides: P) -> Self {
        Self { hides }
    }
}

impl<P: Fn(&Message) -> bool + Send + 'static> Handler for Block<P> {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        message.hidden |= (self.hides)(message);
        Ok(())
    }
}

/// The program with the statements that `hides` chooses hidden from handlers further out.
pub fn block<A: ?Sized, M: Model<A>>(
    model: M,
    hides: impl Fn(&Message) -> bool + Clone + Send + 'static,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(Block::new(hides.clone()), |ctx| model.run(ctx, args))?.1)
}
