//! One chain from its start to its last draw, and many in parallel threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ppl_core::{Error, Result};
use ppl_tensor::{Key, KeyStream};

use super::progress::{Bar, Bars};
use super::store::{self, Identity, Place, Store, Stored};
use crate::{Kernel, LogDensity, Transition};

/// What one chain left.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ChainRun {
    /// The draws, row-major `[draw, number]`.
    pub values: Vec<f64>,
    /// What is known of each draw's transition.
    pub transitions: Vec<Transition>,
    /// The draws of the warm-up, if they were asked for.
    pub warmup_values: Vec<f64>,
    /// The transitions of the warm-up, if they were asked for.
    pub warmup_transitions: Vec<Transition>,
    /// Why it ended before its last draw, unless it was stopped.
    pub failure: Option<Error>,
    /// Why it could not be stored to its end, where that failed: its draws are all here.
    pub unstored: Option<Error>,
    /// How long the warm-up took.
    pub warmup_time: Duration,
    /// How long the draws took.
    pub time: Duration,
}

/// How many transitions, and what is kept of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) warmup: usize,
    pub(super) draws: usize,
    pub(super) keep_warmup: bool,
    pub(super) threads: usize,
    pub(super) seed: u64,
    pub(super) key: &'a Key,
    pub(super) store: Option<&'a Place>,
    pub(super) stop: Option<&'a AtomicBool>,
    pub(super) progress: bool,
}

/// A chain that is to be run.
pub(super) struct Job<D> {
    pub(super) density: D,
    pub(super) start: Result<Vec<f64>>,
}

/// Runs all chains. Each has a stream of its own, so that threads make no difference; `keep` writes what is kept of a
/// position, `width` numbers.
pub(super) fn run_all<K, D>(
    kernel: &K,
    plan: Plan<'_>,
    jobs: Vec<Job<D>>,
    width: usize,
    keep: &(impl Fn(&mut D, &[f64], &mut [f64]) -> Result<()> + Sync),
) -> Result<Vec<ChainRun>>
where
    K: Kernel,
    D: LogDensity + Send,
{
    if let Some(place) = plan.store {
        place.prepare()?;
    }
    let bars = Bars::new(plan.progress, jobs.len(), plan.warmup + plan.draws);
    let work = jobs.into_iter().enumerate().map(|(number, job)| {
        let stream = plan.key.fold_in(number).stream()?;
        Ok(Mutex::new(Some((job, kernel.clone(), stream, bars.bar(number)))))
    });
    let work = work.collect::<Result<Vec<_>>>()?;
    let runs: Vec<Mutex<ChainRun>> = work.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < work.len()) {
            let taken = work[number].lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((Job { density, start }, kernel, stream, bar)) = taken else { continue };
            let mut run = ChainRun::default();
            let mut chain = Chain { number, kernel, plan, density, width, bar };
            if let Err(error) = chain.run(start, stream, keep, &mut run) {
                run.failure = Some(error);
            }
            chain.bar.finish();
            *runs[number].lock().unwrap_or_else(PoisonError::into_inner) = run;
        }
    };
    match plan.threads.min(work.len()) {
        0 | 1 => worker(),
        threads => std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(worker);
            }
            worker();
        }),
    }
    Ok(runs.into_iter().map(|run| run.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

/// One chain's work.
struct Chain<'a, K, D> {
    number: usize,
    kernel: K,
    plan: Plan<'a>,
    density: D,
    width: usize,
    bar: Bar,
}

impl<K: Kernel, D: LogDensity> Chain<'_, K, D> {
    /// All transitions. What is drawn before one fails is in `run`.
    fn run(
        &mut self,
        start: Result<Vec<f64>>,
        stream: KeyStream,
        keep: &impl Fn(&mut D, &[f64], &mut [f64]) -> Result<()>,
        run: &mut ChainRun,
    ) -> Result<()> {
        let Plan { warmup, draws, keep_warmup, stop, .. } = self.plan;
        let begin = Instant::now();
        let (mut store, stored) = self.plan.store.map(|place| self.open(place)).transpose()?.unzip();
        let (mut state, taken) = match stored.flatten() {
            Some(stored) => {
                store::check_same::<K>(&mut self.density, &stored)?;
                run.fill(stored.rows, if keep_warmup { warmup } else { 0 }, draws);
                (stored.state, stored.taken)
            }
            None => (self.kernel.init(&mut self.density, &start?, warmup, stream)?, 0),
        };
        if let Some(store) = &mut store {
            store.save::<K>(&state, taken)?;
        }
        run.reserve(self.plan, self.width);
        run.warmup_time = begin.elapsed();
        let (mut drawing, mut done) = (Instant::now(), taken);
        for number in taken..warmup + draws {
            if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                break;
            }
            if number == warmup {
                run.warmup_time = begin.elapsed();
                drawing = Instant::now();
            }
            let transition = self.kernel.step(&mut self.density, &mut state)?;
            done += 1;
            self.bar.tell(&transition, number < warmup);
            if number >= warmup || keep_warmup {
                let (values, transitions) = run.lists(number < warmup);
                let end = values.len();
                values.resize(end + self.width, 0.0);
                let kept = keep(&mut self.density, K::position(&state), &mut values[end..]);
                let stored = kept.and_then(|()| match &mut store {
                    Some(store) => store.append(&values[end..], &transition),
                    None => Ok(()),
                });
                if let Err(error) = stored {
                    values.truncate(end);
                    return Err(error);
                }
                transitions.push(transition);
            }
            if let Some(store) = &mut store {
                store.save_in_time::<K>(&state, done)?;
            }
        }
        if !run.transitions.is_empty() {
            run.time = drawing.elapsed();
        }
        if let Some(mut store) = store {
            if done > taken {
                store.save::<K>(&state, done)?;
            }
            run.unstored = store.broken();
        }
        Ok(())
    }

    fn open(&self, place: &Place) -> Result<(Store, Option<Stored<K::State>>)> {
        let Plan { seed, warmup, keep_warmup, .. } = self.plan;
        Store::open::<K>(place, self.number, Identity { seed, warmup, keep_warmup, width: self.width })
    }
}

impl ChainRun {
    fn lists(&mut self, warming_up: bool) -> (&mut Vec<f64>, &mut Vec<Transition>) {
        match warming_up {
            true => (&mut self.warmup_values, &mut self.warmup_transitions),
            false => (&mut self.values, &mut self.transitions),
        }
    }

    /// Room for all that is to come.
    fn reserve(&mut self, plan: Plan<'_>, width: usize) {
        let lengths = [(true, if plan.keep_warmup { plan.warmup } else { 0 }), (false, plan.draws)];
        for (warming_up, n) in lengths {
            let (values, transitions) = self.lists(warming_up);
            let more = n.saturating_sub(transitions.len());
            values.reserve_exact(more.saturating_mul(width));
            transitions.reserve_exact(more);
        }
    }

    /// What was stored: rows of the warm-up, `warmup` in all, and up to so many draws.
    fn fill(&mut self, rows: Vec<(Vec<f64>, Transition)>, warmup: usize, draws: usize) {
        for (number, (row, transition)) in rows.into_iter().take(warmup + draws).enumerate() {
            let (values, transitions) = self.lists(number < warmup);
            values.extend(row);
            transitions.push(transition);
        }
    }
}
