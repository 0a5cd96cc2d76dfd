//! Prefixes names, so that a program can be part of another more than once.

use crate::{Ctx, Handler, Message, Model, Result, Statement};

/// Prefixes the names of all statements. Plates keep theirs: rows meet by the plate's name, inside and outside.
#[derive(Debug, Clone)]
pub struct Scope {
    prefix: String,
}

impl Scope {
    /// Site `x` becomes `prefix/x`.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }
}

impl Handler for Scope {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if !matches!(message.statement, Statement::Subsample { .. }) {
            message.name = format!("{}/{}", self.prefix, message.name);
        }
        Ok(())
    }
}

/// The program with every name prefixed: site `x` becomes `prefix/x`. Plates keep their names.
pub fn scope<A: ?Sized, M: Model<A>>(
    model: M,
    prefix: impl Into<String>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let handler = Scope::new(prefix);
    move |ctx, args| Ok(ctx.with(handler.clone(), |ctx| model.run(ctx, args))?.1)
}
