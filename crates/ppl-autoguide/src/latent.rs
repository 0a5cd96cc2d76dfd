//! The latent sites of a model, as a guide sees them.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ppl_core::{
    Ctx, Error, Frame, FrameKind, Model, Result, Site, Statement, SubsampleExt, Transform, trace,
};
use ppl_tensor::{Shape, Tensor};

/// A latent site of the model: its plates, and how unconstrained numbers become its value.
#[derive(Debug, Clone)]
pub(crate) struct Latent {
    pub(crate) name: String,
    /// The plates around it, outermost first.
    pub(crate) plates: Vec<Frame>,
    /// Shape of the unconstrained value of one row.
    pub(crate) unconstrained: Shape,
    pub(crate) bijection: Arc<dyn Transform>,
}

impl Latent {
    fn of(site: &Site) -> Result<Latent> {
        let Statement::Sample { distribution, .. } = &site.statement else {
            return Err(Error::argument("a latent site is a sample statement"));
        };
        let support = distribution.support();
        if support.is_discrete() {
            return Err(Error::Unsupported {
                what: format!("a normal guide for discrete values ({})", support.name()),
                of: format!("{}: write a guide for it, or sum it out of the model", distribution.name()),
            });
        }
        let bijection = support.bijection()?;
        let value = distribution.batch_shape().concat(&distribution.event_shape());
        let plates = site.frames.iter().filter(|frame| frame.kind == FrameKind::Plate).cloned().collect();
        let unconstrained = bijection.inverse_shape(&value)?;
        Ok(Latent { name: site.name.clone(), plates, unconstrained, bijection })
    }

    /// Number of unconstrained numbers, of all rows.
    pub(crate) fn size(&self) -> usize {
        self.plates.iter().map(|plate| plate.axis.size).product::<usize>() * self.unconstrained.elements()
    }

    /// Where a fit starts: the middle of unconstrained space.
    pub(crate) fn start(&self) -> Tensor {
        Tensor::zeros(&self.unconstrained)
    }
}

/// The latent sites of a model, found by running it when they are first asked for.
#[derive(Debug, Default)]
pub(crate) struct Latents(OnceLock<Vec<Latent>>);

impl Latents {
    /// The latent sites of `model`, in order. The run is hidden from the handlers and plates of `ctx`.
    pub(crate) fn of<A: ?Sized, M: Model<A>>(&self, model: &M, ctx: &Ctx, args: &A) -> Result<&[Latent]> {
        if let Some(known) = self.0.get() {
            return Ok(known);
        }
        let key = ctx.key().fold_in_name("the latent sites of the model");
        let mut alone = Ctx::with_key(ctx.device(), key).with_params(ctx.params().clone());
        let (run, _) = trace(&mut alone, model, args)?;
        let latents = run
            .sites()
            .filter(|site| site.is_latent())
            .map(|site| Latent::of(site).map_err(|error| error.at_site(&site.name)))
            .collect::<Result<Vec<_>>>()?;
        if latents.is_empty() {
            return Err(Error::argument("the model has no latent site: there is nothing to guide"));
        }
        Ok(self.0.get_or_init(|| latents))
    }
}

/// Runs `f` inside plates, outermost first, over the rows the model chooses under the same key.
pub(crate) fn in_plates(
    ctx: &mut Ctx,
    plates: &[Frame],
    f: &mut dyn FnMut(&mut Ctx) -> Result<()>,
) -> Result<()> {
    let Some((plate, inner)) = plates.split_first() else { return f(ctx) };
    let (name, population) = (&plate.name, plate.population);
    if plate.is_subsampled() {
        ctx.plate(name, population.subsample(plate.axis.size), |ctx, _| in_plates(ctx, inner, f))
    } else {
        ctx.plate(name, population, |ctx, _| in_plates(ctx, inner, f))
    }
}

/// What a guide returns: the values of the latent sites, with one leading dimension for each plate, by name.
pub(crate) type Values = HashMap<String, Tensor>;
