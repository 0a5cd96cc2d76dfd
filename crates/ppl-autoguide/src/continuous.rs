//! Guides with one joint distribution of all unconstrained numbers.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use ppl_core::{Ctx, Distribution, Error, Model, ParamStore, Result};
use ppl_dist::{Delta, DistributionExt};
use ppl_infer::Init;
use ppl_tensor::Tensor;

use crate::latent::{Latent, Latents, Values};
use crate::marginal::{Marginal, Marginals};

/// A family of distributions over the `d` unconstrained numbers of a model's latent sites: what a joint guide is made of.
///
/// Parameters are declared by [`Family::distribution`], named `{prefix}.…`.
pub trait Family {
    /// First part of the names of parameters, unless the guide is given another.
    fn name(&self) -> &'static str;

    /// The distribution, of event shape `[d]`, which starts around `start` `[d]`.
    ///
    /// # Errors
    /// If an option is out of range, or a parameter cannot be had.
    fn distribution(&self, ctx: &mut Ctx, prefix: &str, start: &Tensor) -> Result<Arc<dyn Distribution>>;

    /// Mean of each number, `[d]`; each number alone is normal.
    ///
    /// # Errors
    /// If the guide has no parameters in `params`.
    fn loc(&self, params: &ParamStore, prefix: &str) -> Result<Tensor> {
        params.get(&format!("{prefix}.loc"))
    }

    /// Standard deviation of each number, `[d]`.
    ///
    /// # Errors
    /// If the guide has no parameters in `params`.
    fn scale(&self, params: &ParamStore, prefix: &str) -> Result<Tensor>;
}

/// A guide that draws all unconstrained numbers at once from a distribution of some [`Family`], cuts the vector into
/// sites and maps each to its support.
///
/// The draw is the auxiliary site `{prefix}.latent`, the change of volume the factor `{prefix}.volume`. Numbers are ordered
/// by site, as [`AutoContinuous::ranges`] tells. Sites local to a subsampled plate are refused, as are supports that depend
/// on other sites.
pub struct AutoContinuous<M, F> {
    pub(crate) model: M,
    pub(crate) latents: Latents,
    pub(crate) family: F,
    pub(crate) prefix: String,
}

impl<M, F: Family> AutoContinuous<M, F> {
    /// A guide of some family for a model.
    pub fn with_family(model: M, family: F) -> Self {
        let prefix = family.name().to_owned();
        Self { model, latents: Latents::default(), family, prefix }
    }

    /// The same guide with another start.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.latents.init = init;
        self
    }

    /// The same guide with another first part of the names of its parameters, so that several of a kind can be joined.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The fitted mean on unconstrained space, `[d]`.
    ///
    /// # Errors
    /// If the guide has no parameters in `params`.
    pub fn loc(&self, params: &ParamStore) -> Result<Tensor> {
        self.family.loc(params, &self.prefix)
    }

    /// The fitted standard deviation of each unconstrained number, `[d]`.
    ///
    /// # Errors
    /// If the guide has no parameters in `params`.
    pub fn scale(&self, params: &ParamStore) -> Result<Tensor> {
        self.family.scale(params, &self.prefix)
    }

    /// The latent sites with the range of each in the joint vector.
    ///
    /// # Errors
    /// If the guide has not run.
    pub fn ranges(&self) -> Result<Vec<(String, Range<usize>)>> {
        Ok(ranges(self.latents.known()?).map(|(latent, range)| (latent.name.clone(), range)).collect())
    }
}

// A model is a closure, which shows nothing.
impl<M, F: fmt::Debug> fmt::Debug for AutoContinuous<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, family) = (&self.prefix, &self.family);
        f.debug_struct("AutoContinuous")
            .field("prefix", prefix)
            .field("family", family)
            .finish_non_exhaustive()
    }
}

fn ranges(latents: &[Latent]) -> impl Iterator<Item = (&Latent, Range<usize>)> {
    latents.iter().scan(0, |start, latent| {
        let range = *start..*start + latent.size();
        *start = range.end;
        Some((latent, range))
    })
}

/// Where the joint vector starts: the unconstrained numbers of all sites' starts.
fn start(latents: &[Latent]) -> Result<Tensor> {
    let places: Vec<Tensor> = latents.iter().map(|latent| latent.place.flatten()).collect();
    Ok(Tensor::concat(&places.iter().collect::<Vec<_>>(), 0).check()?.clone())
}

impl<A: ?Sized, M: Model<A>, F: Family> Model<A> for AutoContinuous<M, F> {
    type Output = Values;

    fn run(&self, ctx: &mut Ctx, args: &A) -> Result<Values> {
        let latents = self.latents.of(&self.model, ctx, args)?;
        if let Some((latent, plate)) = latents.iter().find_map(|latent| Some((latent, latent.subsampled()?)))
        {
            let reason =
                format!("`{}` is local to its subsampled rows: use AutoNormal or AutoDelta", latent.name);
            return Err(Error::Plate { plate: plate.name.clone(), reason });
        }
        let distribution = self.family.distribution(ctx, &self.prefix, &start(latents)?)?;
        let joint = ctx.sample_auxiliary(&format!("{}.latent", self.prefix), distribution)?;

        let mut volume = Tensor::from(0.0);
        let mut values = Values::new();
        for (latent, range) in ranges(latents) {
            let numbers = joint.slice(-1, range).reshape(latent.all_rows(&latent.unconstrained));
            let whole = latent.forward(&numbers)?;
            volume = volume + latent.volume(&numbers, &whole)?;
            latent.in_plates(ctx, &mut |ctx| {
                let row = latent.enter(ctx, &whole)?;
                let event = row.rank();
                ctx.sample(&latent.name, Delta::new(row).to_event(event))
            })?;
            values.insert(latent.name.clone(), whole);
        }
        // The density of the cuts is that of the joint draw under the change of volume.
        ctx.factor(&format!("{}.volume", self.prefix), -volume)?;
        Ok(values)
    }
}

impl<M, F: Family> Marginals for AutoContinuous<M, F> {
    fn sites(&self) -> Result<Vec<String>> {
        self.latents.names()
    }

    fn marginal(&self, params: &ParamStore, site: &str) -> Result<Marginal> {
        let latent = self.latents.site(site)?;
        let range = ranges(self.latents.known()?).find(|(other, _)| other.name == site);
        let range = range.map_or(0..0, |(_, range)| range);
        let [loc, scale] = [self.loc(params)?, self.scale(params)?].map(|all| all.slice(-1, range.clone()));
        Marginal::normal(latent, &loc, &scale)
    }
}

/// Checks a scale at which a guide starts.
pub(crate) fn check_init_scale(init_scale: f64) -> Result<()> {
    if init_scale.is_finite() && init_scale > 0.0 {
        return Ok(());
    }
    Err(Error::argument(format!("init_scale is {init_scale}, must be positive")))
}
