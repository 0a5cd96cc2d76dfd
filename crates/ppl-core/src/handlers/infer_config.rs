//! Gives statements settings from outside.

use crate::{Config, Ctx, Handler, Message, Model, Result};

/// Adds settings to the statements it sees, in place of those of their types.
#[derive(Debug, Clone)]
pub struct InferConfig<F> {
    settings: F,
}

impl<F: Fn(&Message) -> Config + Send + 'static> InferConfig<F> {
    /// Asks `settings` what each statement gets.
    pub fn new(settings: F) -> Self {
        Self { settings }
    }
}

impl<F: Fn(&Message) -> Config + Send + 'static> Handler for InferConfig<F> {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let settings = (self.settings)(message);
        message.config.extend(&settings);
        Ok(())
    }
}

/// The program with settings given to its statements: `settings` gives those of each, none to leave it as it is.
pub fn infer_config<A: ?Sized, M: Model<A>>(
    model: M,
    settings: impl Fn(&Message) -> Config + Clone + Send + 'static,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(InferConfig::new(settings.clone()), |ctx| model.run(ctx, args))?.1)
}
