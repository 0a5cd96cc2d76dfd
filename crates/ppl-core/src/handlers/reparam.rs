//! Writes latent sites in other coordinates.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use ppl_tensor::Tensor;

use crate::{Ctx, Distribution, Error, Handler, Message, Model, Result, Statement};

/// Another way to draw the same value: by sites of its own, from which the value is computed.
///
/// The concrete ways live in `ppl-dist`; this trait is for new ones.
pub trait Reparameterize: Debug + Send + Sync + 'static {
    /// Draws a value of `distribution` at a place where `ctx` has the plates of site `name`, by statements named after it.
    ///
    /// # Errors
    /// If the distribution cannot be drawn in that way.
    fn draw(&self, ctx: &mut Ctx, name: &str, distribution: &Arc<dyn Distribution>) -> Result<Tensor>;
}

/// Replaces latent sites by sites in other coordinates; the site's own value stays as a deterministic one.
#[derive(Debug, Clone)]
pub struct Reparam {
    ways: HashMap<String, Arc<dyn Reparameterize>>,
}

impl Reparam {
    /// Replaces these sites, by name.
    pub fn new(ways: HashMap<String, Arc<dyn Reparameterize>>) -> Self {
        Self { ways }
    }
}

impl Handler for Reparam {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        let (Statement::Sample { distribution, observed, .. }, Some(way)) =
            (&message.statement, self.ways.get(&message.name))
        else {
            return Ok(());
        };
        if *observed {
            return Err(Error::argument("data cannot be reparameterised"));
        }
        if message.value.is_some() {
            return Err(Error::argument(
                "a handler inside has decided the value of a site to be reparameterised: put it outside",
            ));
        }
        let (way, name, distribution) = (way.clone(), message.name.clone(), distribution.clone());
        message.replace_by(move |ctx| way.draw(ctx, &name, &distribution));
        Ok(())
    }
}

/// The program with some latent sites in other coordinates: `reparam(model, [("theta", LocScaleReparam::decentered())])`.
pub fn reparam<A: ?Sized, M: Model<A>, K: Into<String>, R: Reparameterize>(
    model: M,
    ways: impl IntoIterator<Item = (K, R)>,
) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> {
    let shared = |(name, way): (K, R)| (name.into(), Arc::new(way) as Arc<dyn Reparameterize>);
    let handler = Reparam::new(ways.into_iter().map(shared).collect());
    move |ctx, args| Ok(ctx.with(handler.clone(), |ctx| model.run(ctx, args))?.1)
}
