//! Draws from a model under a guide, under given draws, or under the prior.

use std::collections::HashMap;

use ppl_core::{
    Ctx, Error, Model, ParamStore, Record, Replay, Result, Site, Statement, Substitute, Trace, Uncondition,
};
use ppl_tensor::{Axis, Device, Key, Tensor, no_grad};

use crate::draws::Draws;

const DRAWS: &str = "draws";

/// Predictive draws of a model. All draws run as one vectorised program.
pub struct Predictive<M> {
    model: M,
    params: ParamStore,
    key: Key,
    device: Device,
}

impl<M> Predictive<M> {
    /// Draws from a model on the CPU, with seed 0 and no parameters.
    pub fn new(model: M) -> Self {
        let device = Device::cpu();
        Self { model, params: ParamStore::new(), key: Key::on(&device, 0), device }
    }

    /// The same draws with another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.key = Key::on(&self.device, seed);
        self
    }

    /// The same draws on another device, with a seed.
    #[must_use]
    pub fn on(mut self, device: &Device, seed: u64) -> Self {
        self.device = device.clone();
        self.seed(seed)
    }

    /// The same draws with fitted parameters, of the model and of the guide.
    #[must_use]
    pub fn with_params(mut self, params: &ParamStore) -> Self {
        self.params = params.clone();
        self
    }

    /// `n` draws of every site that is not data, from the prior.
    ///
    /// # Errors
    /// If `n` is zero, or the program fails.
    pub fn prior<A: ?Sized>(&self, n: usize, args: &A) -> Result<Draws>
    where
        M: Model<A>,
    {
        self.draw(n, |ctx, _| Ok(ctx.with(Record::new(), |ctx| self.model.run(ctx, args))?.0.into_trace()))
    }

    /// `n` draws of every site from the prior, data included: what the model expects to see before it has seen any.
    ///
    /// ```
    /// use ppl_core::{Ctx, Result};
    /// use ppl_dist::Normal;
    /// use ppl_infer::Predictive;
    ///
    /// fn model(ctx: &mut Ctx, y: &f64) -> Result<()> {
    ///     let mean = ctx.sample("mean", Normal::new(0.0, 3.0))?;
    ///     ctx.observe("y", Normal::new(mean, 4.0), *y).map(|_| ())
    /// }
    /// let expected = Predictive::new(model).prior_predictive(4000, &100.0)?;
    /// let spread = expected.get("y")?.square().mean(0).to_scalar()?.sqrt();
    /// assert!((spread - 5.0).abs() < 0.3);
    /// # Ok::<(), ppl_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `n` is zero, or the program fails.
    pub fn prior_predictive<A: ?Sized>(&self, n: usize, args: &A) -> Result<Draws>
    where
        M: Model<A>,
    {
        let run = |ctx: &mut Ctx| self.run_open(ctx, args);
        self.draw(n, |ctx, _| Ok(ctx.with(Record::new(), run)?.0.into_trace()))
    }

    /// `n` draws of every site that is not data, with latent values from a guide.
    ///
    /// # Errors
    /// If `n` is zero, or a program fails.
    pub fn posterior<A: ?Sized, G: Model<A>>(&self, guide: &G, n: usize, args: &A) -> Result<Draws>
    where
        M: Model<A>,
    {
        self.draw(n, |ctx, _| {
            let (recorded, _) = ctx.with(Record::new(), |ctx| guide.run(ctx, args))?;
            let replay = Replay::new(recorded.into_trace());
            let (recorded, _) =
                ctx.with(Record::new(), |ctx| ctx.with(replay, |ctx| self.model.run(ctx, args)))?;
            Ok(recorded.into_trace())
        })
    }

    /// One draw of every site that is not data for each of these draws of latent sites, as of a sampler. Data stay as they
    /// are: [`Predictive::posterior_predictive`] draws them.
    ///
    /// # Errors
    /// If the sites' numbers of draws differ or are zero, or the program fails.
    pub fn given<A: ?Sized>(&self, draws: &Draws, args: &A) -> Result<Draws>
    where
        M: Model<A>,
    {
        let run = |ctx: &mut Ctx| self.model.run(ctx, args);
        self.traced(number_of(draws)?, |ctx, axis| run_given(ctx, axis, draws, run), not_data)
    }

    /// One draw of the data for each of these draws of latent sites, as of a sampler or of [`Predictive::posterior`]: what
    /// the model expects to see after it has seen the data. Every observed site is drawn anew, of the size of its data and
    /// whole where some are missing; so is a latent site that is not among the draws, and deterministic sites are computed
    /// from these. Sites that are given are not repeated.
    ///
    /// ```
    /// use ppl_core::{Ctx, Result};
    /// use ppl_dist::Normal;
    /// use ppl_infer::Predictive;
    /// use ppl_tensor::Key;
    ///
    /// fn model(ctx: &mut Ctx, y: &f64) -> Result<()> {
    ///     let mean = ctx.sample("mean", Normal::new(0.0, 3.0))?;
    ///     ctx.observe("y", Normal::new(mean, 4.0), *y).map(|_| ())
    /// }
    /// // Given y = 5 the posterior of the mean is Normal(1.8, 2.4).
    /// let mean = Key::new(1).normal([4000], ppl_tensor::DType::F64) * 2.4 + 1.8;
    /// let posterior = [("mean".to_owned(), mean)].into_iter().collect();
    /// let y = Predictive::new(model).posterior_predictive(&posterior, &5.0)?.get("y")?.clone();
    /// let spread = (&y - 1.8).square().mean(0).to_scalar()?.sqrt();
    /// assert!((spread - (2.4f64.powi(2) + 4.0f64.powi(2)).sqrt()).abs() < 0.3);
    /// # Ok::<(), ppl_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Predictive::given`].
    pub fn posterior_predictive<A: ?Sized>(&self, draws: &Draws, args: &A) -> Result<Draws>
    where
        M: Model<A>,
    {
        let run = |ctx: &mut Ctx| self.run_open(ctx, args);
        let drawn = |site: &Site| match site.statement {
            Statement::Sample { .. } if draws.get(&site.name).is_ok() => Ok(None),
            _ => not_data(site),
        };
        self.traced(number_of(draws)?, |ctx, axis| run_given(ctx, axis, draws, run), drawn)
    }

    /// The log density of each datum of each observed site, in nats, at each of these draws of latent sites, as of a
    /// sampler: `[draw, …]`, then one dimension for each plate, and those that count independent values of one site. 0
    /// where a mask leaves a datum out.
    ///
    /// # Errors
    /// As [`Predictive::given`].
    pub fn log_likelihood<A: ?Sized>(&self, draws: &Draws, args: &A) -> Result<Draws>
    where
        M: Model<A>,
    {
        let run = |ctx: &mut Ctx| self.model.run(ctx, args);
        self.traced(number_of(draws)?, |ctx, axis| run_given(ctx, axis, draws, run), pointwise)
    }

    /// A run in which nothing is data.
    fn run_open<A: ?Sized>(&self, ctx: &mut Ctx, args: &A) -> Result<M::Output>
    where
        M: Model<A>,
    {
        Ok(ctx.with(Uncondition, |ctx| self.model.run(ctx, args))?.1)
    }

    fn draw(&self, n: usize, run: impl FnOnce(&mut Ctx, Axis) -> Result<Trace>) -> Result<Draws> {
        self.traced(n, run, not_data)
    }

    /// What `pick` says of the sites of a run of `n` replicas.
    fn traced(
        &self,
        n: usize,
        run: impl FnOnce(&mut Ctx, Axis) -> Result<Trace>,
        pick: impl Fn(&Site) -> Result<Option<Tensor>>,
    ) -> Result<Draws> {
        if n == 0 {
            return Err(Error::argument("zero draws were asked for"));
        }
        no_grad(|| {
            let mut ctx = Ctx::with_key(&self.device, self.key.clone()).with_params(self.params.clone());
            let axis = Axis::named(DRAWS, n);
            let (_, trace) = ctx.replicas(DRAWS, n, |ctx| run(ctx, axis))?;
            let picked = |site: &Site| {
                let plates = site.frames.iter().filter(|frame| frame.has_rows());
                let plates = plates.map(|frame| frame.name.clone()).collect::<Vec<_>>();
                Ok(pick(site)?.map(|value| (site.name.clone(), value, plates)))
            };
            trace.sites().filter_map(|site| picked(site).transpose()).collect()
        })
    }
}

/// A run for all draws at once.
fn run_given<O>(
    ctx: &mut Ctx,
    axis: Axis,
    draws: &Draws,
    run: impl FnOnce(&mut Ctx) -> Result<O>,
) -> Result<Trace> {
    let rows = |(name, values): (&String, &Tensor)| Ok((name.clone(), values.to_implicit(axis.id)?));
    let values = draws.iter().map(rows).collect::<Result<HashMap<_, _>>>()?;
    let (recorded, _) = ctx.with(Record::new(), |ctx| ctx.with(Substitute::new(values), run))?;
    Ok(recorded.into_trace())
}

/// The value of a site that is not data.
fn not_data(site: &Site) -> Result<Option<Tensor>> {
    match site.statement {
        Statement::Sample { observed: false, .. } | Statement::Deterministic => {
            Ok(Some(site.positional_value().check()?.clone()))
        }
        _ => Ok(None),
    }
}

/// The log density of each datum of an observed site.
fn pointwise(site: &Site) -> Result<Option<Tensor>> {
    let Statement::Sample { distribution, observed: true, .. } = &site.statement else { return Ok(None) };
    let mut each = distribution.log_prob(&site.value);
    if let Some(weight) = &site.weight {
        each = each * weight;
    }
    if let Some(mask) = &site.mask {
        each = mask.select(&each, 0.0);
    }
    let whole = site.frames.iter().rev().fold(each, |each, frame| each.to_positional(frame.axis));
    Ok(Some(whole.check().map_err(|error| Error::from(error).at_site(&site.name))?.clone()))
}

/// The number of draws, which is that of every site.
fn number_of(draws: &Draws) -> Result<usize> {
    let mut first: Option<(usize, &String)> = None;
    for (name, values) in draws.iter() {
        let shape = values.check().map_err(|error| Error::from(error).at_site(name))?.shape();
        let scalar = || Error::Shape("draws are counted by the first dimension, found a scalar".into());
        let &size = shape.first().ok_or_else(|| scalar().at_site(name))?;
        let (n, other) = *first.get_or_insert((size, name));
        if n != size {
            let reason = format!("site `{name}` has {size} draws, site `{other}` {n}");
            return Err(Error::argument(reason));
        }
    }
    first.map(|(n, _)| n).ok_or_else(|| Error::argument("no draws were given"))
}
