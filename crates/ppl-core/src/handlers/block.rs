//! Hides statements from handlers further out.

use crate::{Ctx, Handler, Message, Model, Result, SiteFilter};

/// Hides the statements that a filter chooses.
#[derive(Debug, Clone)]
pub struct Block<F> {
    hides: F,
}

impl<F: SiteFilter> Block<F> {
    /// Hides what `hides` chooses.
    pub fn new(hides: F) -> Self {
        Self { hides }
    }
}

impl<F: SiteFilter> Handler for Block<F> {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        message.hidden |= self.hides.chooses(message);
        Ok(())
    }
}

/// The program with the statements that `hides` chooses hidden from handlers further out: by name
/// (`block(model, ["a", "b"])`), by kind ([`SiteKind`](crate::SiteKind)), by a predicate over the message, or all but
/// those ([`AllBut`](crate::AllBut)).
pub fn block<A: ?Sized, M: Model<A>>(
    model: M,
    hides: impl SiteFilter,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(Block::new(hides.clone()), |ctx| model.run(ctx, args))?.1)
}
