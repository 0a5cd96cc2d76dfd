//! Multiplies log densities.

use ppl_tensor::Tensor;

use crate::constraint::positional;
use crate::plate::enter_frames;
use crate::{Ctx, Error, Handler, Message, Model, Result, Statement};

/// Multiplies the log densities of sample and factor statements: a number for all (annealing, data seen several times), or
/// weights row by row. The factor broadcasts with the batch shape of each distribution; given from outside of plates it has
/// one leading dimension for each, or none of them to be the same in every row.
#[derive(Debug, Clone)]
pub struct Scale {
    factor: Tensor,
}

impl Scale {
    /// Multiplies by `factor`, positive.
    pub fn new(factor: impl Into<Tensor>) -> Self {
        Self { factor: factor.into() }
    }

    fn check(&self) -> Result<()> {
        self.factor.check()?;
        if self.factor.is_traced() {
            return Ok(());
        }
        let factors = positional(&self.factor.detach()).to_f64()?;
        match factors.into_iter().find(|factor| !(factor.is_finite() && *factor > 0.0)) {
            Some(factor) => {
                Err(Error::argument(format!("a scale must be positive and finite, found {factor}")))
            }
            None => Ok(()),
        }
    }
}

impl Handler for Scale {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let rank = match &message.statement {
            Statement::Sample { distribution, .. } => distribution.batch_shape().rank(),
            Statement::Factor => message.value.as_ref().map_or(0, Tensor::rank),
            _ => return Ok(()),
        };
        self.check()?;
        let factor = enter_frames(&self.factor, &message.frames, rank)?;
        message.weight = Some(match &message.weight {
            Some(known) => known * factor,
            None => factor,
        });
        Ok(())
    }
}

/// The program with log densities multiplied by `factor`, positive.
pub fn scale<A: ?Sized, M: Model<A>>(
    model: M,
    factor: impl Into<Tensor>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let handler = Scale::new(factor);
    move |ctx, args| Ok(ctx.with(handler.clone(), |ctx| model.run(ctx, args))?.1)
}
