//! One chain from its start to its last draw, and many in parallel threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ppl_core::{Error, Result};
use ppl_tensor::{Key, KeyStream};

use super::progress::{Bar, Bars};
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
    pub(super) key: &'a Key,
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
            let Some((job, mut kernel, stream, mut bar)) = taken else { continue };
            let mut run = ChainRun::default();
            if let Err(error) = one(&mut kernel, plan, job, stream, width, keep, &mut bar, &mut run) {
                run.failure = Some(error);
            }
            bar.finish();
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

#[allow(clippy::too_many_arguments)]
fn one<K: Kernel, D: LogDensity>(
    kernel: &mut K,
    plan: Plan<'_>,
    Job { mut density, start }: Job<D>,
    stream: KeyStream,
    width: usize,
    keep: &impl Fn(&mut D, &[f64], &mut [f64]) -> Result<()>,
    bar: &mut Bar,
    run: &mut ChainRun,
) -> Result<()> {
    let begin = Instant::now();
    let mut state = kernel.init(&mut density, &start?, plan.warmup, stream)?;
    let reserve = |values: &mut Vec<f64>, transitions: &mut Vec<Transition>, n: usize| {
        values.reserve_exact(n.saturating_mul(width));
        transitions.reserve_exact(n);
    };
    reserve(&mut run.values, &mut run.transitions, plan.draws);
    if plan.keep_warmup {
        reserve(&mut run.warmup_values, &mut run.warmup_transitions, plan.warmup);
    }
    run.warmup_time = begin.elapsed();
    let mut drawing = begin;
    for number in 0..plan.warmup + plan.draws {
        if plan.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            break;
        }
        if number == plan.warmup {
            run.warmup_time = begin.elapsed();
            drawing = Instant::now();
        }
        let transition = kernel.step(&mut density, &mut state)?;
        bar.tell(&transition, number < plan.warmup);
        let (values, transitions) = match number < plan.warmup {
            true if !plan.keep_warmup => continue,
            true => (&mut run.warmup_values, &mut run.warmup_transitions),
            false => (&mut run.values, &mut run.transitions),
        };
        let end = values.len();
        values.resize(end + width, 0.0);
        if let Err(error) = keep(&mut density, K::position(&state), &mut values[end..]) {
            values.truncate(end);
            return Err(error);
        }
        transitions.push(transition);
    }
    if !run.transitions.is_empty() {
        run.time = drawing.elapsed();
    }
    Ok(())
}
