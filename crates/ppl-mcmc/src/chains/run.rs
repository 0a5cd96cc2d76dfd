//! One chain from its start to its last draw, and many in parallel threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use ppl_core::{Error, Result};
use ppl_tensor::Key;

use super::progress::Bars;
use super::sampler::{ChainContext, Sampler, Target};
use super::store::{Identity, Place};
use crate::panics::caught;
use crate::{Adapted, LogDensity, Transition};

/// What one chain left.
#[derive(Debug, Clone, Default)]
pub(super) struct ChainRun {
    /// The draws, row-major `[draw, number]`.
    pub(super) values: Vec<f64>,
    /// What is known of each draw's transition.
    pub(super) transitions: Vec<Transition>,
    /// The draws of the warm-up, if they were asked for.
    pub(super) warmup_values: Vec<f64>,
    /// The transitions of the warm-up, if they were asked for.
    pub(super) warmup_transitions: Vec<Transition>,
    /// Why it ended before its last draw, unless it was stopped.
    pub(super) failure: Option<Error>,
    /// Why it could not be stored to its end, where that failed: its draws are all here.
    pub(super) unstored: Option<Error>,
    /// How long the warm-up took.
    pub(super) warmup_time: Duration,
    /// How long the draws took.
    pub(super) time: Duration,
    /// What adaptation came to, of a kernel that tells it.
    pub(super) adapted: Option<Adapted>,
}

/// How many transitions, of which kernel, and what is kept of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) warmup: usize,
    pub(super) draws: usize,
    pub(super) keep_warmup: bool,
    pub(super) threads: usize,
    /// Whether chains wait for each other: all of them have a thread then.
    pub(super) together: bool,
    pub(super) seed: u64,
    /// In words.
    pub(super) kernel: &'a str,
    pub(super) key: &'a Key,
    pub(super) store: Option<&'a Place>,
    pub(super) stop: Option<&'a AtomicBool>,
    pub(super) progress: bool,
}

impl Plan<'_> {
    /// Transitions of a chain, warm-up and draws.
    pub(super) fn transitions(&self) -> usize {
        self.warmup.saturating_add(self.draws)
    }

    /// What stored chains must have in common with these, of which a draw has `width` numbers.
    pub(super) fn identity(&self, width: usize) -> Identity {
        let Plan { seed, warmup, keep_warmup, .. } = *self;
        Identity { kernel: self.kernel.to_owned(), seed, warmup, keep_warmup, width }
    }
}

/// A chain that is to be run.
pub(super) struct Job<D> {
    pub(super) density: D,
    pub(super) start: Result<Vec<f64>>,
}

/// What an error says of a chain in whose own code, its density, say, there was a panic.
pub(super) const PANICS: &str = "the chain";

/// Runs all chains. Each has a stream of its own, so that threads make no difference; `keep` writes what is kept of a
/// position, `width` numbers.
pub(super) fn run_all<S, D>(
    sampler: &S,
    plan: Plan<'_>,
    jobs: Vec<Job<D>>,
    width: usize,
    keep: &(impl Fn(&mut D, &[f64], &mut [f64]) -> Result<()> + Sync),
) -> Result<Vec<ChainRun>>
where
    S: Sampler,
    D: LogDensity + Send,
{
    if let Some(place) = plan.store {
        place.prepare(jobs.len(), &plan.identity(width))?;
    }
    let bars = Bars::new(plan.progress, jobs.len(), plan.transitions());
    let work = jobs.into_iter().enumerate().map(|(number, job)| {
        let stream = plan.key.fold_in(number).stream()?;
        Ok(Mutex::new(Some((job, sampler.clone(), stream, bars.bar(number)))))
    });
    let work = work.collect::<Result<Vec<_>>>()?;
    let runs: Vec<Mutex<ChainRun>> = work.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < work.len()) {
            let Some((Job { density, start }, mut sampler, stream, bar)) = lock(&work[number]).take() else {
                continue;
            };
            let mut target = Kept { density, keep };
            let mut chain = ChainContext::new(number, plan, (&mut target, width), start, stream, bar);
            let ended = caught(PANICS, || sampler.sample(&mut chain));
            *lock(&runs[number]) = chain.finish(ended);
        }
    };
    std::thread::scope(|scope| {
        let threads = plan.threads.min(work.len());
        let spawned = (1..threads).map(|_| Builder::new().spawn_scoped(scope, worker).is_ok());
        let missing = spawned.filter(|spawned| !spawned).count();
        if plan.together {
            // Chains that wait for each other would wait for those that nobody runs.
            for number in work.len().saturating_sub(missing)..work.len() {
                if lock(&work[number]).take().is_some() {
                    let error = Error::argument("no thread could be started for the chain: run fewer");
                    lock(&runs[number]).failure = Some(error);
                }
            }
        }
        worker();
    });
    Ok(runs.into_iter().map(|run| run.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of a list that are reserved at once; longer ones grow.
const ROOM: usize = 1 << 30;

/// A density, and the function that says what is kept of its points.
struct Kept<'a, D, F> {
    density: D,
    keep: &'a F,
}

impl<D: LogDensity, F: Fn(&mut D, &[f64], &mut [f64]) -> Result<()>> Target for Kept<'_, D, F> {
    fn density(&mut self) -> &mut dyn LogDensity {
        &mut self.density
    }

    fn keep(&mut self, position: &[f64], values: &mut [f64]) -> Result<()> {
        (self.keep)(&mut self.density, position, values)
    }
}

impl ChainRun {
    pub(super) fn lists(&mut self, warming_up: bool) -> (&mut Vec<f64>, &mut Vec<Transition>) {
        match warming_up {
            true => (&mut self.warmup_values, &mut self.warmup_transitions),
            false => (&mut self.values, &mut self.transitions),
        }
    }

    /// Room for all that is to come, if there is so much: more may be asked for than is ever drawn.
    pub(super) fn reserve(&mut self, plan: Plan<'_>, width: usize) {
        let lengths = [(true, if plan.keep_warmup { plan.warmup } else { 0 }), (false, plan.draws)];
        for (warming_up, n) in lengths {
            let (values, transitions) = self.lists(warming_up);
            let more = n.saturating_sub(transitions.len());
            let numbers = more.saturating_mul(width);
            if numbers.saturating_mul(size_of::<f64>()) <= ROOM
                && more.saturating_mul(size_of::<Transition>()) <= ROOM
            {
                values.try_reserve_exact(numbers).and_then(|()| transitions.try_reserve_exact(more)).ok();
            }
        }
    }

    /// Room for one more draw.
    ///
    /// # Errors
    /// If there is no memory left.
    pub(super) fn room(&mut self, warming_up: bool, width: usize) -> Result<()> {
        let (values, transitions) = self.lists(warming_up);
        let room = values.try_reserve(width).and_then(|()| transitions.try_reserve(1));
        room.map_err(|_| Error::argument("there is no memory for another draw"))
    }

    /// Without what is there of a draw in which there was a panic.
    pub(super) fn cut(&mut self, width: usize) {
        for warming_up in [true, false] {
            let (values, transitions) = self.lists(warming_up);
            values.truncate(transitions.len() * width);
        }
    }

    /// What was stored: rows of the warm-up, `warmup` in all, and up to so many draws.
    pub(super) fn fill(&mut self, rows: Vec<(Vec<f64>, Transition)>, warmup: usize, draws: usize) {
        for (number, (row, transition)) in rows.into_iter().take(warmup.saturating_add(draws)).enumerate() {
            let (values, transitions) = self.lists(number < warmup);
            values.extend(row);
            transitions.push(transition);
        }
    }
}
