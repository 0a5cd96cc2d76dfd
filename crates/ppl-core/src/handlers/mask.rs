//! Switches log densities off, entry by entry.

use ppl_tensor::{DType, Tensor};

use crate::plate::enter_frames;
use crate::{Ctx, Error, Handler, Message, Model, Result, Statement};

/// Lets the log densities of sample and factor statements count only where a mask holds. The mask broadcasts with the batch
/// shape of each distribution; given from outside of plates it has one leading dimension for each, or none of them to be
/// the same in every row.
#[derive(Debug, Clone)]
pub struct Mask {
    mask: Tensor,
}

impl Mask {
    /// Counts where `mask` (`Bool`) holds.
    pub fn new(mask: impl Into<Tensor>) -> Self {
        Self { mask: mask.into() }
    }
}

impl Handler for Mask {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let rank = match &message.statement {
            Statement::Sample { distribution, .. } => distribution.batch_shape().rank(),
            Statement::Factor => message.value.as_ref().map_or(0, Tensor::rank),
            _ => return Ok(()),
        };
        self.mask.check()?;
        if self.mask.dtype() != DType::Bool {
            let dtype = self.mask.dtype();
            return Err(Error::Shape(format!("a mask must be of truth values, found {dtype}")));
        }
        let mask = enter_frames(&self.mask, &message.frames, rank)?;
        message.mask = Some(match &message.mask {
            Some(known) => known.and(&mask),
            None => mask,
        });
        Ok(())
    }
}

/// The program with log densities that count only where `mask` (`Bool`) holds.
pub fn mask<A: ?Sized, M: Model<A>>(
    model: M,
    mask: impl Into<Tensor>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let handler = Mask::new(mask);
    move |ctx, args| Ok(ctx.with(handler.clone(), |ctx| model.run(ctx, args))?.1)
}
