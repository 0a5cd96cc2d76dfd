//! Makes parameters random.

use std::sync::Arc;

use ppl_tensor::Tensor;

use crate::{Ctx, Distribution, FrameKind, Handler, Message, Model, Result, Statement};

/// Turns parameters into latent sites with priors. A parameter of each row (`param_per_row`) becomes a site inside the
/// plates around it, any other a site outside of all plates.
#[derive(Debug, Clone)]
pub struct Lift<P> {
    prior: P,
}

impl<P: Fn(&str, &Tensor) -> Option<Arc<dyn Distribution>> + Send + 'static> Lift<P> {
    /// Asks `prior` for the distribution of each parameter, by its name and first value; `None` leaves it a parameter.
    pub fn new(prior: P) -> Self {
        Self { prior }
    }
}

impl<P: Fn(&str, &Tensor) -> Option<Arc<dyn Distribution>> + Send + 'static> Handler for Lift<P> {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let Statement::Param { init, per_row, .. } = &message.statement else { return Ok(()) };
        let Some(distribution) = (self.prior)(&message.name, init) else { return Ok(()) };
        if !per_row {
            message.frames.retain(|frame| frame.kind == FrameKind::Replica);
            message.scale = 1.0;
        }
        let observed = false;
        message.statement = Statement::Sample { distribution, observed, auxiliary: false };
        Ok(())
    }
}

/// The program with parameters drawn from priors: `prior` gives the distribution of a parameter by its name and first value,
/// of the value's shape; `None` leaves it a parameter.
pub fn lift<A: ?Sized, M: Model<A>>(
    model: M,
    prior: impl Fn(&str, &Tensor) -> Option<Arc<dyn Distribution>> + Clone + Send + 'static,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    move |ctx, args| Ok(ctx.with(Lift::new(prior.clone()), |ctx| model.run(ctx, args))?.1)
}
