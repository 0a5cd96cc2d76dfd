//! Makes latent sites data.

use std::collections::HashMap;

use ppl_tensor::Tensor;

use crate::{Ctx, Handler, Message, Model, Result, Statement};

/// Gives latent sites values as data. A value has one leading dimension for each plate around its site, or none of them
/// to be the same in every row.
#[derive(Debug, Clone)]
pub struct Condition {
    data: HashMap<String, Tensor>,
}

impl Condition {
    /// Conditions on these values, by site.
    pub fn new(data: HashMap<String, Tensor>) -> Self {
        Self { data }
    }
}

impl Handler for Condition {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if let (Statement::Sample { observed, .. }, Some(value)) =
            (&mut message.statement, self.data.get(&message.name))
        {
            *observed = true;
            message.value = Some(value.clone());
        }
        Ok(())
    }
}

/// The program with some sites observed: `condition(model, [("measurement", 9.5)])`.
pub fn condition<A: ?Sized, M: Model<A>, K: Into<String>, V: Into<Tensor>>(
    model: M,
    data: impl IntoIterator<Item = (K, V)>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let handler = Condition::new(data.into_iter().map(|(name, value)| (name.into(), value.into())).collect());
    move |ctx, args| Ok(ctx.with(handler.clone(), |ctx| model.run(ctx, args))?.1)
}
