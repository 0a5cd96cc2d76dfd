//! Fixes the randomness of a program.

use ppl_tensor::Key;

use crate::{Ctx, Handler, Message, Model, Result};

/// Makes draws a function of a key, whatever the context's; the innermost such handler decides.
#[derive(Debug, Clone)]
pub struct Seed {
    key: Key,
}

impl Seed {
    /// Draws from this key.
    pub fn new(key: Key) -> Self {
        Self { key }
    }
}

impl Handler for Seed {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        message.key.get_or_insert_with(|| self.key.clone());
        Ok(())
    }
}

/// The program with draws that are a function of `key`.
pub fn seed<A: ?Sized, M: Model<A>>(model: M, key: Key) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(Seed::new(key.clone()), |ctx| model.run(ctx, args))?.1)
}
