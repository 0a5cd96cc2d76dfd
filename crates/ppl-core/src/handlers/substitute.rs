//! Decides values of latent sites and parameters without making them data.

use std::collections::HashMap;

use ppl_tensor::Tensor;

use crate::{Ctx, Handler, Message, Model, Result, Statement};

/// Gives latent sites and parameters values, on the constrained scale. A value has one leading dimension for each plate
/// around its site, or none of them to be the same in every row.
#[derive(Debug, Clone)]
pub struct Substitute {
    values: HashMap<String, Tensor>,
}

impl Substitute {
    /// Substitutes these values, by site.
    pub fn new(values: HashMap<String, Tensor>) -> Self {
        Self { values }
    }
}

impl Handler for Substitute {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let undecided = message.value.is_none()
            && matches!(message.statement, Statement::Sample { .. } | Statement::Param { .. });
        if let (true, Some(value)) = (undecided, self.values.get(&message.name)) {
            message.value = Some(value.clone());
        }
        Ok(())
    }
}

/// The program with values given to latent sites and parameters.
pub fn substitute<A: ?Sized, M: Model<A>, K: Into<String>, V: Into<Tensor>>(
    model: M,
    values: impl IntoIterator<Item = (K, V)>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let handler =
        Substitute::new(values.into_iter().map(|(name, value)| (name.into(), value.into())).collect());
    move |ctx, args| Ok(ctx.with(handler.clone(), |ctx| model.run(ctx, args))?.1)
}
