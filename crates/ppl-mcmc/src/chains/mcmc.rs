//! Many chains of one kernel.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ppl_core::{Ctx, Error, Model, ParamStore, Result};
use ppl_infer::{Init, Potential};
use ppl_tensor::{Device, Key};

use super::draws::{Chains, RunSettings};
use super::layout::Part;
use super::lockstep::{Seat, Seated, seats};
use super::run::{Job, PANICS, Plan, run_all};
use super::sampler::Sampler;
use super::start::start;
use super::store::Place;
use crate::LogDensity;
use crate::panics::caught;

/// Chains of one kernel (or [`Sampler`]), being described; [`Mcmc::run`] samples a model's posterior.
///
/// ```
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::{Exponential, Normal};
/// use ppl_mcmc::{Mcmc, Nuts};
/// use ppl_tensor::Tensor;
///
/// fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
///     let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
///     let sd = ctx.sample("sd", Exponential::new(1.0))?;
///     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
/// }
/// let y = Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7]);
/// let chains = Mcmc::new(Nuts::new()).warmup(500).draws(500).chains(4).seed(1).run(&model, &y)?;
/// println!("{}", chains.summary()?);
/// let mean = chains.get("mean")?;
/// assert_eq!(mean.shape().to_vec(), [4, 500]);
/// # assert!((mean.mean_all().to_scalar()? - 1.27).abs() < 0.1);
/// # Ok::<(), ppl_core::Error>(())
/// ```
///
/// A chain's draws are a function of the seed and its number: threads make no difference, and other chains neither.
#[derive(Debug, Clone)]
#[must_use = "chains do nothing until they are run"]
pub struct Mcmc<S> {
    kernel: S,
    warmup: usize,
    draws: usize,
    /// Those that are not told are the default's; told, they are refused where they mean nothing.
    chains: Option<usize>,
    seed: u64,
    threads: Option<usize>,
    vectorized: bool,
    init: Option<Init>,
    params: ParamStore,
    keep_warmup: bool,
    stop: Option<Arc<AtomicBool>>,
    store: Option<Place>,
    progress: bool,
}

/// Half the length of the interval on unconstrained space from which chains start: Stan's.
const RADIUS: f64 = 2.0;

/// Chains, unless so many others are asked for.
const CHAINS: usize = 4;

/// Chains beyond this would take days to find their starts, and a list of them more memory than there is.
const MOST_CHAINS: usize = 1 << 20;

/// Transitions of a warm-up beyond this would take years.
const LONGEST_WARMUP: usize = 1 << 40;

/// The site of a log density of one's own.
const SITE: &str = "x";

impl<S: Sampler> Mcmc<S> {
    /// Four chains of 1000 transitions of warm-up and 1000 draws, seed 0, that start at uniform draws from (-2, 2) on
    /// unconstrained space.
    pub fn new(kernel: S) -> Self {
        Self {
            kernel,
            warmup: 1000,
            draws: 1000,
            chains: None,
            seed: 0,
            threads: None,
            vectorized: false,
            init: None,
            params: ParamStore::new(),
            keep_warmup: false,
            stop: None,
            store: None,
            progress: true,
        }
    }

    /// So many transitions before the first draw, in which the kernel may adapt; 0 for none, 2⁴⁰ at most.
    pub fn warmup(mut self, transitions: usize) -> Self {
        self.warmup = transitions;
        self
    }

    /// So many draws a chain, at least 1; `usize::MAX` are drawn until somebody [stops](Mcmc::stop) the chains, or memory
    /// ends.
    pub fn draws(mut self, draws: usize) -> Self {
        self.draws = draws;
        self
    }

    /// So many chains, from 1 to 2²⁰. Of [`Mcmc::sample`] there are as many as starts.
    pub fn chains(mut self, chains: usize) -> Self {
        self.chains = Some(chains);
        self
    }

    /// Another seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// At most so many threads that run at a time, at least 1; by default as many as the machine has processors.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Whether chains move in lockstep, so that one evaluation of the compiled log density serves all of them. There are
    /// as many such groups of chains as threads (at most one a chain), and the draws are those of separate chains but for
    /// rounding. Each gradient costs some 5 µs more, to switch between the chains' threads, and a group lasts as long as
    /// its longest chain. On a processor that pays for regressions on matrices of millions of numbers, of which many
    /// gradients at once cost a third less than one by one, in long runs, and nowhere else that was tried: time it. Not for
    /// [`Mcmc::sample`].
    pub fn vectorized(mut self, vectorized: bool) -> Self {
        self.vectorized = vectorized;
        self
    }

    /// Another choice of where chains of a model start. Not for [`Mcmc::sample`], which is given the starts.
    pub fn init(mut self, init: Init) -> Self {
        self.init = Some(init);
        self
    }

    /// Values of the model's parameters, which stay as they are. Not for [`Mcmc::sample`].
    pub fn with_params(mut self, params: &ParamStore) -> Self {
        self.params = params.clone();
        self
    }

    /// Whether the draws of the warm-up are kept, too ([`Chains::warmup`]).
    pub fn keep_warmup(mut self, keep: bool) -> Self {
        self.keep_warmup = keep;
        self
    }

    /// All chains end after the transition they are at when this becomes true, those that wait for a thread before their
    /// first one, and what they have drawn is kept: [`Chains`] has a table of it, and each chain's own draws
    /// ([`Chains::chain`]).
    pub fn stop(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Every chain is written to this folder while it runs, its draws and its state every second, or after each transition
    /// that takes longer: of a run that is killed all draws are there but those that it made within a second before, and
    /// [`Mcmc::resume`] goes on with them. The draws are an array `chain-N.zarr` of the Zarr format, `[draw, number]`. The
    /// folder holds no chains yet.
    pub fn store(mut self, folder: impl AsRef<Path>) -> Self {
        self.store = Some(Place { folder: folder.as_ref().to_owned(), resume: false });
        self
    }

    /// Goes on with the chains that [`Mcmc::store`] left in this folder, bit for bit as if they had not been interrupted,
    /// given the same kernel with the same options, model, arguments, seed and warm-up, without which it is an error (and, of
    /// vectorised chains, as many chains and threads, or they differ by rounding); with more draws than before if more are
    /// asked for. Chains that had ended are read.
    pub fn resume(mut self, folder: impl AsRef<Path>) -> Self {
        self.store = Some(Place { folder: folder.as_ref().to_owned(), resume: true });
        self
    }

    /// With or without progress bars, one a chain, on a terminal.
    pub fn progress(mut self, progress: bool) -> Self {
        self.progress = progress;
        self
    }

    /// Samples the posterior of a model given its arguments, on the CPU. A chain that fails leaves the others
    /// ([`Chains::failures`]), also where its failure is a panic of the model's own code, or the kernel's.
    ///
    /// # Errors
    /// If an option is out of range; if the model has no log density on unconstrained space ([`Potential::compile`]: no
    /// latent site, a discrete one), or, for vectorised chains, none at many points at once
    /// ([`Potential::compile_vectorized`]); if the chains cannot be stored, or those stored are of another run; or if nothing
    /// was drawn: because no start is found, all chains fail, the message says why, or they were stopped before. Where all
    /// fail after some draws that is told by [`Chains::get`], and [`Chains::chain`] has the draws.
    pub fn run<A: ?Sized, M: Model<A>>(&self, model: &M, args: &A) -> Result<Chains> {
        self.check(self.chain_count())?;
        self.run_compiled(&Potential::compile(model, &self.context(), args)?, model, args)
    }

    /// As [`Mcmc::run`], with the log density that [`Potential::compile`] has made of this model and these arguments: for
    /// many runs of the same.
    ///
    /// # Errors
    /// As [`Mcmc::run`]; of those of compiling, for vectorised chains alone.
    pub fn run_compiled<A: ?Sized, M: Model<A>>(
        &self,
        potential: &Potential,
        model: &M,
        args: &A,
    ) -> Result<Chains> {
        let chains = self.chain_count();
        self.check(chains)?;
        let key = Key::new(self.seed);
        let init = self.init.clone().unwrap_or(Init::Uniform { radius: RADIUS });
        let starts = key.fold_in_name("start");
        let mut scratch = potential.clone();
        let mut begin = |chain: usize| {
            let key = starts.fold_in(chain);
            let begun = || start(&init, &mut scratch, (model, args), &self.params, &key);
            caught(PANICS, begun).inspect_err(|_| scratch = potential.clone())
        };
        let starts: Vec<_> = (0..chains).map(&mut begin).collect();
        let width = potential.quantities().last().map_or(0, |quantity| quantity.range.end);
        let kernel = self.kernel.in_words();
        let plan = self.plan(&key, &kernel);
        let runs = if self.vectorized {
            let seats = self.seats(potential, plan.threads, (model, args))?;
            let jobs = seats.into_iter().zip(starts);
            let seated = |seat| Seated { seat, potential: potential.clone() };
            let jobs = jobs.map(|(seat, start)| Job { density: seated(seat), start }).collect();
            let plan = Plan { threads: chains, together: true, ..plan };
            run_all(&self.kernel, plan, jobs, width, &|seated: &mut Seated, x, values| {
                seated.potential.evaluate(x, values)
            })?
        } else {
            let jobs = starts.into_iter().map(|start| Job { density: potential.clone(), start }).collect();
            run_all(&self.kernel, plan, jobs, width, &|potential: &mut Potential, x, values| {
                potential.evaluate(x, values)
            })?
        };
        let parts: Vec<Part> = potential.quantities().iter().map(Part::from).collect();
        Chains::collect(&parts, runs, self.settings(kernel, chains))
    }

    fn settings(&self, kernel: String, chains: usize) -> RunSettings {
        let (warmup, draws, seed) = (self.warmup, self.draws, self.seed);
        let resumed = self.store.as_ref().is_some_and(|place| place.resume);
        let deepest_tree = self.kernel.deepest_tree_of();
        RunSettings { kernel, chains, warmup, draws, deepest_tree, seed, resumed }
    }

    /// What a model is compiled in.
    fn context(&self) -> Ctx {
        let key = Key::new(self.seed).fold_in_name("model");
        Ctx::with_key(&Device::cpu(), key).with_params(self.params.clone())
    }

    /// The seats of all chains, at as many tables as threads are wanted.
    fn seats<A: ?Sized, M: Model<A>>(
        &self,
        potential: &Potential,
        threads: usize,
        (model, args): (&M, &A),
    ) -> Result<Vec<Seat>> {
        let chains = self.chain_count();
        let size = chains.div_ceil(threads.min(chains));
        let many = Potential::compile_vectorized(model, &self.context(), args, size)?;
        let table = |first: usize| {
            let mut many = many.clone();
            let evaluate = move |x: &[f64], values: &mut [f64], gradients: &mut [f64]| {
                many.values_and_gradients(x, values, gradients)
            };
            seats(Box::new(evaluate), size, size.min(chains - first), potential.dimension())
        };
        Ok((0..chains).step_by(size).flat_map(table).collect())
    }

    /// Samples a log density of one's own: a chain from each start `[d]`, each with a density of its own. The draws are
    /// those of one site, `x`, `[chain, draw, d]`, with all that is told of the draws of models. A chain whose density gives
    /// an error, or panics, leaves the others ([`Chains::failures`]).
    ///
    /// ```
    /// use ppl_core::Result;
    /// use ppl_mcmc::{LogDensity, Mcmc, Nuts};
    ///
    /// /// Two normal numbers, the second of scale 3.
    /// struct Normal;
    ///
    /// impl LogDensity for Normal {
    ///     fn dimension(&self) -> usize {
    ///         2
    ///     }
    ///
    ///     fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
    ///         gradient.copy_from_slice(&[-x[0], -x[1] / 9.0]);
    ///         Ok(-0.5 * x[0] * x[0] - x[1] * x[1] / 18.0)
    ///     }
    /// }
    ///
    /// let chains = Mcmc::new(Nuts::new()).sample(|| Normal, &[vec![0.0, 0.0], vec![1.0, -1.0]])?;
    /// println!("{}", chains.summary()?);
    /// assert_eq!(chains.get("x")?.shape().to_vec(), [2, 1000, 2]);
    /// # assert!((chains.summary()?.row("x[1]").map_or(0.0, |row| row.sd) - 3.0).abs() < 0.5);
    /// # Ok::<(), ppl_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If an option is out of range, or means nothing here (other chains than starts, `init`, `with_params`,
    /// `vectorized`); if there is no start, or densities have several dimensions; if the chains cannot be stored, or those
    /// stored are of another run; or if nothing was drawn, as [`Mcmc::run`].
    pub fn sample<D: LogDensity + Send>(
        &self,
        density: impl Fn() -> D,
        starts: &[Vec<f64>],
    ) -> Result<Chains> {
        let chains = starts.len();
        self.check(chains)?;
        if let Some(wanted) = self.chains.filter(|wanted| *wanted != chains) {
            let reason = format!(
                "{wanted} chains were asked for, and {chains} starts given: there is one chain a start"
            );
            return Err(Error::argument(reason));
        }
        let odd = [
            (self.vectorized, "vectorised chains are of models: leave `vectorized` out"),
            (self.init.is_some(), "chains begin at the starts that are given: leave `init` out"),
            (!self.params.is_empty(), "parameters are of models: leave `with_params` out"),
        ];
        if let Some((_, reason)) = odd.into_iter().find(|(given, _)| *given) {
            return Err(Error::argument(reason));
        }
        let jobs: Vec<_> =
            starts.iter().map(|start| Job { density: density(), start: Ok(start.clone()) }).collect();
        let width = jobs.first().map_or(0, |job| job.density.dimension());
        if let Some(other) = jobs.iter().map(|job| job.density.dimension()).find(|d| *d != width) {
            let reason = format!("the log densities of the chains have {width} numbers, and {other}");
            return Err(Error::Shape(reason));
        }
        let (key, kernel) = (Key::new(self.seed), self.kernel.in_words());
        let runs = run_all(&self.kernel, self.plan(&key, &kernel), jobs, width, &|_: &mut D, x, values| {
            let changed =
                || Error::Shape(format!("the log density had {width} numbers, and now {}", x.len()));
            values.get_mut(..x.len()).ok_or_else(changed)?.copy_from_slice(x);
            Ok(())
        })?;
        Chains::collect(&[Part::vector(SITE, width)], runs, self.settings(kernel, chains))
    }

    fn plan<'a>(&'a self, key: &'a Key, kernel: &'a str) -> Plan<'a> {
        Plan {
            warmup: self.warmup,
            draws: self.draws,
            keep_warmup: self.keep_warmup,
            threads: self.thread_count(),
            together: false,
            seed: self.seed,
            kernel,
            key,
            store: self.store.as_ref(),
            stop: self.stop.as_deref(),
            progress: self.progress,
        }
    }

    fn check(&self, chains: usize) -> Result<()> {
        let zeros = [("draws", Some(self.draws)), ("chains", Some(chains)), ("threads", self.threads)];
        if let Some((what, _)) = zeros.iter().find(|(_, n)| *n == Some(0)) {
            return Err(Error::argument(format!("zero {what} were asked for, at least 1 is needed")));
        }
        for (what, n, most) in
            [("chains", chains, MOST_CHAINS), ("transitions of warm-up", self.warmup, LONGEST_WARMUP)]
        {
            if n > most {
                return Err(Error::argument(format!(
                    "{n} {what} were asked for, at most {most} can be made"
                )));
            }
        }
        if self.store.is_some() && !S::STORED {
            return Err(Error::Unsupported {
                what: "storing chains".into(),
                of: "this sampler: it keeps its state to itself".into(),
            });
        }
        self.kernel.check_options()
    }
}

/// What runs over many data sets read of the description.
impl<K> Mcmc<K> {
    pub(crate) fn seed_and_draws(&self) -> (u64, usize) {
        (self.seed, self.draws)
    }

    pub(crate) fn total_draws(&self) -> usize {
        self.chain_count().saturating_mul(self.draws)
    }

    fn chain_count(&self) -> usize {
        self.chains.unwrap_or(CHAINS)
    }

    pub(crate) fn params(&self) -> &ParamStore {
        &self.params
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.store.is_some()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(std::sync::atomic::Ordering::Relaxed))
    }

    pub(crate) fn shows_progress(&self) -> bool {
        self.progress
    }

    /// The most threads that run at a time.
    pub(crate) fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }
}
