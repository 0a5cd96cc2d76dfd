//! How noisy an estimator's gradient is.

use std::fmt;

use indexmap::IndexMap;
use ppl_core::{Ctx, Error, Handler, Message, Model, ParamStore, Result, Statement};
use ppl_tensor::{Axis, Device, Key, Tensor, grad, no_grad};

use super::{Objective, ObjectiveState, estimate, estimate_from};

/// Replicates the gradient of an objective at fixed parameters, to see its mean and variance.
///
/// Replicates run as one vectorised program, each with its own draws and its own copy of the parameters.
pub struct GradientProbe<'a, J: ?Sized> {
    objective: &'a J,
    params: ParamStore,
    state: ObjectiveState,
    key: Key,
    device: Device,
    replicates: usize,
    batch_size: usize,
}

impl<'a, J: Objective + ?Sized> GradientProbe<'a, J> {
    /// 1000 replicates on the CPU, with seed 0, at the parameters' first values.
    pub fn new(objective: &'a J) -> Self {
        let (device, key) = (Device::cpu(), Key::new(0));
        let (params, state) = (ParamStore::new(), ObjectiveState::new());
        Self { objective, params, state, key, device, replicates: 1000, batch_size: usize::MAX }
    }

    /// The same probe with another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.key = Key::on(&self.device, seed);
        self
    }

    /// The same probe on another device, with a seed.
    #[must_use]
    pub fn on(mut self, device: &Device, seed: u64) -> Self {
        self.device = device.clone();
        self.seed(seed)
    }

    /// The same probe at these parameters.
    #[must_use]
    pub fn params(mut self, params: &ParamStore) -> Self {
        self.params = params.clone();
        self
    }

    /// The same probe after steps that left this state, as of baselines.
    #[must_use]
    pub fn state(mut self, state: &ObjectiveState) -> Self {
        self.state = state.clone();
        self
    }

    /// The same probe with `n` replicates.
    #[must_use]
    pub fn replicates(mut self, n: usize) -> Self {
        self.replicates = n;
        self
    }

    /// The same probe with at most `n` replicates running at once, when memory asks for it. Programs that choose random
    /// rows run one at a time in any case: replicates that run together share the rows.
    #[must_use]
    pub fn batch_size(mut self, n: usize) -> Self {
        self.batch_size = n;
        self
    }

    /// Mean and variance of the gradient of each unconstrained parameter.
    ///
    /// # Errors
    /// If there are fewer than two replicates, or no parameters, or an estimate fails.
    pub fn run<A, M, G>(&self, model: &M, guide: &G, args: &A) -> Result<GradientReport>
    where
        A: ?Sized,
        M: Model<A>,
        G: Model<A>,
    {
        if self.replicates < 2 || self.batch_size == 0 {
            return Err(Error::argument("a variance needs at least two replicates, and one at a time"));
        }
        // One run makes the parameters that are not there yet.
        let mut ctx = Ctx::with_key(&self.device, self.key.clone()).with_params(self.params.clone());
        let first = || ctx.with(RandomRows(false), |ctx| estimate(self.objective, ctx, model, guide, args));
        let (rows, _) = no_grad(first)?;
        let params = ctx.into_params();
        if params.is_empty() {
            return Err(Error::argument("neither model nor guide has a parameter"));
        }
        let batch = if rows.0 { 1 } else { self.batch_size.min(self.replicates) };
        let mut grads: IndexMap<String, Vec<Tensor>> = IndexMap::new();
        for first in (0..self.replicates).step_by(batch) {
            let axis = Axis::named(REPLICATES, batch.min(self.replicates - first));
            let copies = replicate(&params, axis)?;
            let key = self.key.fold_in_name(REPLICATES).fold_in(first);
            let mut ctx = Ctx::with_key(&self.device, key).with_params(copies.clone()).validating(false);
            let step = |ctx: &mut Ctx| estimate_from(self.objective, &self.state, ctx, model, guide, args);
            let (_, estimate) = ctx.replicas(REPLICATES, axis.size, step)?;
            let leaves = copies.names().map(|name| copies.unconstrained(name)).collect::<Result<Vec<_>>>()?;
            let surrogate = estimate.surrogate.expand_over(axis);
            for (name, grad) in copies.names().zip(grad(&surrogate, &leaves)?) {
                grads.entry(name.clone()).or_default().push(grad.to_positional(axis));
            }
        }
        let moments = |(name, parts): (String, Vec<Tensor>)| -> Result<_> {
            let all = Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0);
            let mean = all.mean(0);
            let variance = (all - &mean).square().sum(0) / (self.replicates as f64 - 1.0);
            variance.check()?;
            Ok((name, GradientMoments { mean, variance }))
        };
        let parameters = grads.into_iter().map(moments).collect::<Result<_>>()?;
        Ok(GradientReport { parameters, replicates: self.replicates })
    }
}

const REPLICATES: &str = "replicates";

/// Notes whether a program chooses rows at random.
struct RandomRows(bool);

impl Handler for RandomRows {
    fn process(&mut self, message: &mut Message) -> Result<()> {
        self.0 |= matches!(message.statement, Statement::Subsample { .. }) && message.value.is_none();
        Ok(())
    }
}

/// A copy of every parameter for each replicate, each a leaf.
fn replicate(params: &ParamStore, axis: Axis) -> Result<ParamStore> {
    let mut copies = params.clone();
    copies.track(false);
    for name in params.names() {
        let copy = params.unconstrained(name)?.detach().expand_over(axis).tracked();
        copies.set_unconstrained(name, copy)?;
    }
    Ok(copies)
}

/// Mean and variance of the gradient of one parameter, each of the unconstrained parameter's shape.
#[derive(Debug, Clone)]
pub struct GradientMoments {
    /// The mean over replicates.
    pub mean: Tensor,
    /// The variance of one replicate, entry by entry.
    pub variance: Tensor,
}

impl GradientMoments {
    /// `|mean| / sd` of one replicate, entry by entry: infinite without variance, 0 where the gradient is always 0.
    pub fn signal_to_noise(&self) -> Tensor {
        let size = self.mean.abs();
        size.eq(0.0).select(0.0, size / self.variance.sqrt())
    }
}

/// Means and variances of gradients by parameter. Its `Display` is a table of the root mean squares over entries.
#[derive(Debug, Clone)]
pub struct GradientReport {
    parameters: IndexMap<String, GradientMoments>,
    replicates: usize,
}

impl GradientReport {
    /// The moments of a parameter's gradient.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, parameter: &str) -> Result<&GradientMoments> {
        let known = || self.parameters.keys().cloned().collect::<Vec<_>>().join(", ");
        let unknown = || Error::Unknown { what: "parameter", name: parameter.to_owned(), known: known() };
        self.parameters.get(parameter).ok_or_else(unknown)
    }

    /// All parameters, in the order in which they first appeared.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &GradientMoments)> {
        self.parameters.iter()
    }

    /// How many gradients the moments are of.
    pub fn replicates(&self) -> usize {
        self.replicates
    }
}

impl fmt::Display for GradientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.parameters.keys().map(|name| name.chars().count()).max().unwrap_or(0).max(9);
        write!(f, "{:width$}  {:>12}  {:>12}  {:>12}", "parameter", "gradient", "sd", "signal/noise")?;
        for (name, moments) in &self.parameters {
            // Of no entries there is no mean: NaN in the table.
            let root = |mean_square: Tensor| mean_square.mean_all().to_scalar().unwrap_or(f64::NAN).sqrt();
            let (size, sd) = (root(moments.mean.square()), root(moments.variance.clone()));
            let ratio = if size == 0.0 { 0.0 } else { size / sd };
            write!(f, "\n{name:width$}  {size:>12.4e}  {sd:>12.4e}  {ratio:>12.3}")?;
        }
        Ok(())
    }
}
