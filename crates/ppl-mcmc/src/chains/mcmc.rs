//! Many chains of one kernel.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ppl_core::{Ctx, Error, Model, ParamStore, Result};
use ppl_infer::{Init, Potential};
use ppl_tensor::{Device, Key};

use super::draws::{Chains, RunSettings};
use super::lockstep::{Seat, Seated, seats};
use super::run::{ChainRun, Job, Plan, run_all};
use super::sampler::Sampler;
use super::start::start;
use super::store::Place;
use crate::LogDensity;

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
    chains: usize,
    seed: u64,
    threads: Option<usize>,
    vectorized: bool,
    init: Init,
    params: ParamStore,
    keep_warmup: bool,
    stop: Option<Arc<AtomicBool>>,
    store: Option<Place>,
    progress: bool,
}

/// Half the length of the interval on unconstrained space from which chains start: Stan's.
const RADIUS: f64 = 2.0;

impl<S: Sampler> Mcmc<S> {
    /// Four chains of 1000 transitions of warm-up and 1000 draws, seed 0, that start at uniform draws from (-2, 2) on
    /// unconstrained space.
    pub fn new(kernel: S) -> Self {
        Self {
            kernel,
            warmup: 1000,
            draws: 1000,
            chains: 4,
            seed: 0,
            threads: None,
            vectorized: false,
            init: Init::Uniform { radius: RADIUS },
            params: ParamStore::new(),
            keep_warmup: false,
            stop: None,
            store: None,
            progress: true,
        }
    }

    /// So many transitions before the first draw, in which the kernel may adapt; 0 for none.
    pub fn warmup(mut self, transitions: usize) -> Self {
        self.warmup = transitions;
        self
    }

    /// So many draws a chain, at least 1.
    pub fn draws(mut self, draws: usize) -> Self {
        self.draws = draws;
        self
    }

    /// So many chains, at least 1.
    pub fn chains(mut self, chains: usize) -> Self {
        self.chains = chains;
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

    /// Another choice of where chains start.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Values of the model's parameters, which stay as they are.
    pub fn with_params(mut self, params: &ParamStore) -> Self {
        self.params = params.clone();
        self
    }

    /// Whether the draws of the warm-up are kept, too ([`Chains::warmup`]).
    pub fn keep_warmup(mut self, keep: bool) -> Self {
        self.keep_warmup = keep;
        self
    }

    /// All chains end after the transition they are at when this becomes true, and what they have drawn is kept.
    pub fn stop(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Every chain is written to this folder while it runs, its draws and its state every second: what a run that is killed
    /// has drawn but for the last second is there, and [`Mcmc::resume`] goes on with it. The draws are an array
    /// `chain-N.zarr` of the Zarr format, `[draw, number]`. The folder holds no chains yet.
    pub fn store(mut self, folder: impl AsRef<Path>) -> Self {
        self.store = Some(Place { folder: folder.as_ref().to_owned(), resume: false });
        self
    }

    /// Goes on with the chains that [`Mcmc::store`] left in this folder, bit for bit as if they had not been interrupted,
    /// given the same kernel, model, arguments, seed and warm-up (and, of vectorised chains, as many chains and threads, or
    /// they differ by rounding); with more draws than before if more are asked for.
    /// Chains that had ended are read.
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
    /// ([`Chains::failures`]).
    ///
    /// # Errors
    /// If an option is out of range; if the model has no log density on unconstrained space ([`Potential::compile`]: no
    /// latent site, a discrete one), or, for vectorised chains, none at many points at once
    /// ([`Potential::compile_vectorized`]); if no start is found; if the chains cannot be stored, or those stored are of another
    /// run; if all chains fail: the first one's error; or if they were stopped before the first draw.
    pub fn run<A: ?Sized, M: Model<A>>(&self, model: &M, args: &A) -> Result<Chains> {
        self.check(self.chains)?;
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
        self.check(self.chains)?;
        let key = Key::new(self.seed);
        let mut potential = potential.clone();
        let starts = key.fold_in_name("start");
        let mut begin = |chain: usize| {
            start(&self.init, &mut potential, (model, args), &self.params, &starts.fold_in(chain))
        };
        let starts: Vec<_> = (0..self.chains).map(&mut begin).collect();
        let width = potential.quantities().last().map_or(0, |quantity| quantity.range.end);
        let plan = self.plan(&key);
        let runs = if self.vectorized {
            let seats = self.seats(&potential, plan.threads, (model, args))?;
            let jobs = seats.into_iter().zip(starts);
            let seated = |seat| Seated { seat, potential: potential.clone() };
            let jobs = jobs.map(|(seat, start)| Job { density: seated(seat), start }).collect();
            let plan = Plan { threads: self.chains, together: true, ..plan };
            run_all(&self.kernel, plan, jobs, width, &|seated: &mut Seated, x, values| {
                seated.potential.evaluate(x, values)
            })?
        } else {
            let jobs = starts.into_iter().map(|start| Job { density: potential.clone(), start }).collect();
            run_all(&self.kernel, plan, jobs, width, &|potential: &mut Potential, x, values| {
                potential.evaluate(x, values)
            })?
        };
        Ok(Chains::collect(potential.quantities(), runs)?.with_settings(RunSettings {
            kernel: self.kernel.in_words(),
            chains: self.chains,
            warmup: self.warmup,
            draws: self.draws,
            deepest_tree: self.kernel.deepest_tree_of(),
            seed: self.seed,
            resumed: self.store.as_ref().is_some_and(|place| place.resume),
        }))
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
        let size = self.chains.div_ceil(threads.min(self.chains));
        let many = Potential::compile_vectorized(model, &self.context(), args, size)?;
        let table = |first: usize| {
            let mut many = many.clone();
            let evaluate = move |x: &[f64], values: &mut [f64], gradients: &mut [f64]| {
                many.values_and_gradients(x, values, gradients)
            };
            seats(Box::new(evaluate), size, size.min(self.chains - first), potential.dimension())
        };
        Ok((0..self.chains).step_by(size).flat_map(table).collect())
    }

    /// Samples a log density of one's own: a chain from each start `[d]`, each with a density of its own. The values of
    /// the runs are the positions.
    ///
    /// # Errors
    /// If an option is out of range, or there is no start. What goes wrong in a chain is its failure.
    pub fn sample<D: LogDensity + Send>(
        &self,
        density: impl Fn() -> D,
        starts: &[Vec<f64>],
    ) -> Result<Vec<ChainRun>> {
        self.check(starts.len())?;
        if self.vectorized {
            return Err(Error::argument("vectorised chains are of models: leave `vectorized` out"));
        }
        let jobs: Vec<_> =
            starts.iter().map(|start| Job { density: density(), start: Ok(start.clone()) }).collect();
        let width = jobs.first().map_or(0, |job| job.density.dimension());
        let key = Key::new(self.seed);
        run_all(&self.kernel, self.plan(&key), jobs, width, &|_: &mut D, x, values| {
            values.copy_from_slice(x);
            Ok(())
        })
    }

    fn plan<'a>(&'a self, key: &'a Key) -> Plan<'a> {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        Plan {
            warmup: self.warmup,
            draws: self.draws,
            keep_warmup: self.keep_warmup,
            threads: self.threads.unwrap_or_else(processors),
            together: false,
            seed: self.seed,
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
        self.chains.saturating_mul(self.draws)
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
