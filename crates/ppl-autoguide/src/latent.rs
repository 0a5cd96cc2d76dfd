//! The latent sites of a model, as a guide sees them.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use ppl_core::{
    Constraint, Ctx, Error, Frame, Model, Result, Site, Statement, SubsampleExt, Trace, Transform, trace,
};
use ppl_infer::Init;
use ppl_tensor::{Key, Shape, Tensor, no_grad};

/// Values by site, in the order of the model, each with one leading dimension for each plate and scan.
pub type Values = IndexMap<String, Tensor>;

/// A latent site of the model: its plates, and how unconstrained numbers become its value.
#[derive(Debug, Clone)]
pub(crate) struct Latent {
    pub(crate) name: String,
    /// The plates and scans around it, outermost first. The steps of a scan are rows to a guide: it draws those of one
    /// step without those before.
    pub(crate) plates: Vec<Frame>,
    /// Shape of the unconstrained value of one row.
    pub(crate) unconstrained: Shape,
    pub(crate) support: Arc<dyn Constraint>,
    pub(crate) bijection: Arc<dyn Transform>,
    /// Whether the bounds of the support belong to rows.
    pub(crate) differs_by_row: bool,
    /// Where a fit starts, in its support: all rows.
    pub(crate) start: Tensor,
    /// The same on unconstrained space.
    pub(crate) place: Tensor,
}

impl Latent {
    fn of(site: &Site) -> Result<Latent> {
        let Statement::Sample { distribution, .. } = &site.statement else {
            return Err(Error::argument("a latent site is a sample statement"));
        };
        let support = distribution.support();
        if support.is_discrete() {
            return Err(Error::Unsupported {
                what: format!("an automatic guide for discrete values ({})", support.name()),
                of: format!("{}: write a guide for it, or sum it out of the model", distribution.name()),
            });
        }
        let bijection = support.bijection()?;
        let value = distribution.batch_shape().concat(&distribution.event_shape());
        let plates = site.frames.iter().filter(|frame| frame.has_rows()).cloned().collect();
        let unconstrained = bijection.inverse_shape(&value)?;
        let differs_by_row = !bijection.forward(&Tensor::zeros(&unconstrained)).axes().is_empty();
        let (name, start, place) = (site.name.clone(), site.value.clone(), site.value.clone());
        Ok(Latent { name, plates, unconstrained, support, bijection, differs_by_row, start, place })
    }

    fn set_start(&mut self, value: &Tensor) -> Result<()> {
        let float = value.device().default_float();
        self.start = if value.dtype().is_float() { value.clone() } else { value.cast(float) };
        self.place = self.inverse(&self.start)?;
        if self.place.is_traced() || self.place.is_finite().all_all().to_scalar()? != 0.0 {
            return Ok(());
        }
        let support = self.support.name();
        Err(Error::argument(format!("the start is at the edge of the support {support}: move it inside")))
    }

    /// The plates' sizes before those of one row: of the rows there are, not of those chosen.
    pub(crate) fn all_rows(&self, row: &Shape) -> Shape {
        self.plates.iter().map(|plate| plate.population).chain(row.iter().copied()).collect()
    }

    /// Number of unconstrained numbers, of all rows.
    pub(crate) fn size(&self) -> usize {
        self.all_rows(&self.unconstrained).elements()
    }

    /// A plate of which the model uses some rows only.
    pub(crate) fn subsampled(&self) -> Option<&Frame> {
        self.plates.iter().find(|plate| plate.is_subsampled())
    }

    /// The value of unconstrained numbers, both of all rows.
    pub(crate) fn forward(&self, unconstrained: &Tensor) -> Result<Tensor> {
        self.by_row(unconstrained, |x| self.bijection.forward(x))
    }

    /// The unconstrained numbers of a value, both of all rows.
    pub(crate) fn inverse(&self, value: &Tensor) -> Result<Tensor> {
        self.by_row(value, |y| self.bijection.inverse(y))
    }

    /// The logarithm of the change of volume at unconstrained numbers, with their image, both of all rows: a scalar.
    pub(crate) fn volume(&self, unconstrained: &Tensor, value: &Tensor) -> Result<Tensor> {
        if !self.differs_by_row {
            return Ok(self.bijection.log_abs_det_forward(unconstrained, value).sum_all());
        }
        let (x, y) = (self.rows(unconstrained)?, self.rows(value)?);
        let volume = self.bijection.log_abs_det_forward(&x, &y).sum_all();
        Ok(self.plates.iter().fold(volume, |volume, plate| volume.sum_over(plate.axis)))
    }

    fn by_row(&self, whole: &Tensor, f: impl FnOnce(&Tensor) -> Tensor) -> Result<Tensor> {
        if !self.differs_by_row {
            return Ok(f(whole).check()?.clone());
        }
        let rows = f(&self.rows(whole)?);
        Ok(self.plates.iter().rev().fold(rows, |rows, plate| rows.to_positional(plate.axis)).check()?.clone())
    }

    /// The rows of a value of all of them, as a program sees them inside the plates.
    fn rows(&self, whole: &Tensor) -> Result<Tensor> {
        Ok(self.plates.iter().try_fold(whole.clone(), |rows, plate| rows.to_implicit(plate.axis.id))?)
    }

    /// The rows that the open plates chose out of a value of all rows, as seen from inside them.
    pub(crate) fn enter(&self, ctx: &Ctx, whole: &Tensor) -> Result<Tensor> {
        self.plates.iter().try_fold(whole.clone(), |rows, plate| {
            let frame = ctx.frames().iter().find(|frame| frame.name == plate.name);
            let frame = frame.ok_or_else(|| Error::argument("a plate of the site is not open"))?;
            let chosen = match frame.is_subsampled() {
                true => rows.at(frame.rows().to_positional(frame.axis)),
                false => rows,
            };
            Ok(chosen.to_implicit(frame.axis.id)?)
        })
    }

    /// Runs `f` inside the site's plates, over the rows that the model chooses under the same key, and inside plates named
    /// as its scans, of whose rows the model's steps take their values. What it returns comes back with one leading
    /// dimension for each.
    pub(crate) fn in_plates(
        &self,
        ctx: &mut Ctx,
        f: &mut dyn FnMut(&mut Ctx) -> Result<Tensor>,
    ) -> Result<Tensor> {
        in_plates(ctx, &self.plates, f)
    }
}

fn in_plates(
    ctx: &mut Ctx,
    plates: &[Frame],
    f: &mut dyn FnMut(&mut Ctx) -> Result<Tensor>,
) -> Result<Tensor> {
    let Some((plate, inner)) = plates.split_first() else { return f(ctx) };
    let (name, population) = (&plate.name, plate.population);
    if plate.is_subsampled() {
        ctx.plate(name, population.subsample(plate.axis.size), |ctx, _| in_plates(ctx, inner, f))
    } else {
        ctx.plate(name, population, |ctx, _| in_plates(ctx, inner, f))
    }
}

/// The latent sites of a model, found by running it when they are first asked for, and where they start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latents {
    pub(crate) init: Init,
    known: OnceLock<Arc<[Latent]>>,
}

impl Latents {
    /// The latent sites of `model`, in order. The runs are hidden from the handlers and plates of `ctx`.
    pub(crate) fn of<A: ?Sized, M: Model<A>>(&self, model: &M, ctx: &Ctx, args: &A) -> Result<&[Latent]> {
        if let Some(known) = self.known.get() {
            return Ok(known);
        }
        let latents = no_grad(|| find(model, &self.init, ctx, args))?;
        Ok(self.known.get_or_init(|| latents.into()))
    }

    /// The latent sites of a model that has run.
    pub(crate) fn known(&self) -> Result<&[Latent]> {
        let unknown = || Error::argument("the guide has not run yet: its sites are not known");
        Ok(self.known.get().ok_or_else(unknown)?)
    }

    pub(crate) fn site(&self, name: &str) -> Result<&Latent> {
        let known = self.known()?;
        let unknown = || Error::unknown("latent site", name, known.iter().map(|latent| &latent.name));
        known.iter().find(|latent| latent.name == name).ok_or_else(unknown)
    }

    pub(crate) fn names(&self) -> Result<Vec<String>> {
        Ok(self.known()?.iter().map(|latent| latent.name.clone()).collect())
    }
}

fn find<A: ?Sized, M: Model<A>>(model: &M, init: &Init, ctx: &Ctx, args: &A) -> Result<Vec<Latent>> {
    // The key of a program being traced cannot be read, but starts must be numbers.
    let key = if ctx.key().tensor().is_traced() { Key::on(ctx.device(), 0) } else { ctx.key().clone() };
    let alone = |purpose: &str| {
        Ctx::with_key(ctx.device(), key.fold_in_name(purpose)).with_params(ctx.params().clone())
    };
    let (run, _) = trace(&mut alone("the latent sites of the model"), model, args)?;
    let mut latents = latent_sites(&run)?;
    if latents.is_empty() {
        return Err(Error::argument("the model has no latent site: there is nothing to guide"));
    }
    let start = init.start(model, &alone("where the guide starts"), args)?;
    let again = latent_sites(start.trace())?;
    same_names(&latents, &again)?;
    for (latent, again) in latents.iter_mut().zip(&again) {
        let value = start.value(&latent.name)?;
        same_support(latent, again)
            .and_then(|()| latent.set_start(value))
            .map_err(|error| error.at_site(&latent.name))?;
    }
    Ok(latents)
}

fn latent_sites(run: &Trace) -> Result<Vec<Latent>> {
    let latent = |site: &&Site| site.is_latent() && !site.is_auxiliary();
    run.sites()
        .filter(latent)
        .map(|site| Latent::of(site).map_err(|error| error.at_site(&site.name)))
        .collect()
}

/// Two runs with different draws have the same latent sites in the same order.
fn same_names(latents: &[Latent], again: &[Latent]) -> Result<()> {
    let lacks = |others: &[Latent], name: &str| others.iter().all(|other| other.name != name);
    let moved = latents.iter().zip(again).find(|(a, b)| a.name != b.name).map(|(a, _)| a);
    let missing = latents.iter().find(|a| lacks(again, &a.name));
    let added = again.iter().find(|b| lacks(latents, &b.name));
    match missing.or(added).or(moved) {
        None => Ok(()),
        Some(latent) => Err(Error::argument(
            "runs of the model differ in it, or in where it comes: an automatic guide needs the same latent sites in \
             the same order",
        )
        .at_site(&latent.name)),
    }
}

/// Two runs with different draws (and different rows of subsampled plates) have the same support.
fn same_support(latent: &Latent, again: &Latent) -> Result<()> {
    let changes = |what: &str| {
        Err(Error::argument(format!(
            "its {what} changes from run to run: it depends on other sites or on the rows chosen, which an automatic \
             guide does not follow"
        )))
    };
    if latent.unconstrained != again.unconstrained || latent.plates.len() != again.plates.len() {
        return changes("shape");
    }
    // Two points tell all bounds: images of 0 and 1.
    for x in [0.0, 1.0] {
        let image = |latent: &Latent| {
            let y = latent.bijection.forward(&Tensor::full(&latent.unconstrained, x));
            latent.plates.iter().rev().fold(y, |y, plate| {
                if y.axes().iter().any(|axis| axis.id == plate.axis.id) {
                    y.to_positional(plate.axis)
                } else {
                    y
                }
            })
        };
        let (image, other) = (image(latent), image(again));
        if image.is_traced() || other.is_traced() {
            continue;
        }
        if image.shape() != other.shape() || image.to_f64()? != other.to_f64()? {
            return changes("support");
        }
    }
    Ok(())
}
