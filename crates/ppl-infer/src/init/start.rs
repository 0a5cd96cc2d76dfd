//! The search for values at which the log density is finite.

use indexmap::IndexMap;
use ppl_core::{Ctx, Error, Frame, Handler, Message, Model, Record, Result, Site, Statement, Trace};
use ppl_tensor::{Key, Shape, Tensor, no_grad};

use super::Init;

/// Candidates of a strategy that draws.
const CANDIDATES: usize = 100;

/// A run of a model whose latent sites have the values at which inference starts. Its log density is finite.
#[derive(Debug, Clone)]
pub struct Start {
    trace: Trace,
    values: IndexMap<String, Tensor>,
}

impl Start {
    /// The run.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The latent sites with their values on the constrained scale, in order: one leading dimension for each plate and
    /// scan, of all its rows. Rows that the run did not choose start like rows that it did.
    pub fn values(&self) -> &IndexMap<String, Tensor> {
        &self.values
    }

    /// The value of a latent site, as in [`Start::values`].
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn value(&self, site: &str) -> Result<&Tensor> {
        self.values.get(site).ok_or_else(|| unknown(site, self.values.keys()))
    }
}

impl Init {
    /// Chooses values for the latent sites of `model`. The model runs apart from the handlers and plates of `ctx`, with
    /// its device, its parameters and its key.
    ///
    /// Strategies that draw try up to 100 keys until the log density of every site is finite.
    ///
    /// # Errors
    /// If an option is out of range, a value is given for a site that is not latent, or has another shape, or lies
    /// outside the support; if the model fails; or if the log density of a site is not finite at any candidate. The
    /// message names the site.
    pub fn start<A: ?Sized, M: Model<A>>(&self, model: &M, ctx: &Ctx, args: &A) -> Result<Start> {
        self.validate()?;
        let candidates = if self.draws() { CANDIDATES } else { 1 };
        let candidate =
            |number: usize| no_grad(|| self.candidate(model, ctx, args, ctx.key().fold_in(number)));
        let first = match candidate(0) {
            Err(error) if another_may_do(&error) => error,
            found => return found,
        };
        (1..candidates).find_map(|number| candidate(number).ok()).ok_or(first)
    }

    fn candidate<A: ?Sized, M: Model<A>>(&self, model: &M, ctx: &Ctx, args: &A, key: Key) -> Result<Start> {
        let mut alone = Ctx::with_key(ctx.device(), key.clone()).with_params(ctx.params().clone());
        let starting = Starting { init: self.clone(), key };
        let (recorded, _) =
            alone.with(Record::new(), |ctx| ctx.with(starting, |ctx| model.run(ctx, args)))?;
        let trace = recorded.into_trace();
        let latent = |site: &&Site| site.is_latent() && !site.is_auxiliary();
        let values = trace
            .sites()
            .filter(latent)
            .map(|site| Ok((site.name.clone(), self.whole(site).map_err(|error| error.at_site(&site.name))?)))
            .collect::<Result<IndexMap<_, _>>>()?;
        if let Some(site) = self.given_sites().into_iter().find(|site| !values.contains_key(*site)) {
            return Err(unknown(site, values.keys()));
        }
        match not_finite(&trace)? {
            Some(error) => Err(error),
            None => Ok(Start { trace, values }),
        }
    }

    /// The value of a site in all rows of its plates and scans.
    fn whole(&self, site: &Site) -> Result<Tensor> {
        let Statement::Sample { distribution, .. } = &site.statement else { return Ok(site.value.clone()) };
        let row = distribution.batch_shape().concat(&distribution.event_shape());
        let plates: Vec<&Frame> = site.frames.iter().filter(|f| f.has_rows()).collect();
        if let Some(given) = self.given(&site.name).filter(|given| given.rank() == plates.len() + row.rank())
        {
            let rows: Shape = plates.iter().map(|plate| plate.population).collect();
            return Ok(given.broadcast_to(rows.concat(&row)).check()?.clone());
        }
        let value = site.value.broadcast_to(row);
        let whole = plates.iter().rev().fold(value, |value, plate| {
            let rows = value.to_positional(plate.axis);
            if plate.axis.size == plate.population && !plate.is_subsampled() {
                return rows;
            }
            let source = (0..plate.population).map(|row| (row % plate.axis.size.max(1)) as i64);
            rows.at(Tensor::from(source.collect::<Vec<_>>()).to_device(rows.device()))
        });
        Ok(whole.check()?.clone())
    }
}

/// Decides latent sites by a strategy.
struct Starting {
    init: Init,
    key: Key,
}

impl Handler for Starting {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        if let (Statement::Sample { distribution, observed: false, .. }, None) =
            (&message.statement, &message.value)
        {
            message.value = self.init.value(&message.name, &**distribution, &message.frames, &self.key)?;
        }
        Ok(())
    }
}

/// Whether the error comes from the values tried.
fn another_may_do(error: &Error) -> bool {
    match error {
        Error::Site { source, .. } => another_may_do(source),
        Error::NonFinite { .. } | Error::InvalidParameter { .. } | Error::OutsideSupport { .. } => true,
        _ => false,
    }
}

/// The error for the first site whose log density is not finite, if there is one.
fn not_finite(trace: &Trace) -> Result<Option<Error>> {
    for site in trace.sites().filter(|site| site.has_density()) {
        let log_prob = site.log_prob_sum(&[])?;
        if log_prob.is_traced() {
            continue;
        }
        let value = log_prob.to_scalar().map_err(|error| Error::from(error).at_site(&site.name))?;
        if !value.is_finite() {
            let (site, table) = (format!("{} (at the start)", site.name), trace.format_shapes());
            return Ok(Some(Error::NonFinite { site, value, table }));
        }
    }
    Ok(None)
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    Error::unknown("latent site", name, known)
}
