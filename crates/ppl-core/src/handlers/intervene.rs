//! Interventions: what a program would do if some sites had been set.

use std::collections::HashMap;

use ppl_tensor::Tensor;

use crate::ctx::check_value_shape;
use crate::plate::enter_frames;
use crate::{Ctx, Handler, Message, Model, Result, Statement};

/// Sets sites from outside, as Pearl's do-operator: the site is drawn (and seen by handlers further out) as if nothing had
/// happened, what comes after it in the program sees the value set. A value has one leading dimension for each plate around
/// its site, or none of them to be the same in every row.
#[derive(Debug, Clone)]
pub struct Intervene {
    values: HashMap<String, Tensor>,
}

impl Intervene {
    /// Sets these sites.
    pub fn new(values: HashMap<String, Tensor>) -> Self {
        Self { values }
    }
}

impl Handler for Intervene {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let (Statement::Sample { distribution, .. }, Some(value)) =
            (&message.statement, self.values.get(&message.name))
        else {
            return Ok(());
        };
        let rank = distribution.batch_shape().rank() + distribution.event_shape().rank();
        let value = enter_frames(value, &message.frames, rank)?;
        check_value_shape(&**distribution, &value, false)?;
        let untouched = message.clone();
        message.name.push_str("__do");
        message.hidden = true;
        message.replace_by(move |ctx| {
            ctx.send(untouched.clone())?;
            Ok(value.clone())
        });
        Ok(())
    }
}

/// The program with some sites set from outside: `do_(model, [("treatment", 1.0)])`.
///
/// Source: Pearl, Causality (2009), section 3.4.
pub fn do_<A: ?Sized, M: Model<A>, K: Into<String>, V: Into<Tensor>>(
    model: M,
    values: impl IntoIterator<Item = (K, V)>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let handler =
        Intervene::new(values.into_iter().map(|(name, value)| (name.into(), value.into())).collect());
    move |ctx, args| Ok(ctx.with(handler.clone(), |ctx| model.run(ctx, args))?.1)
}
