//! Work in several threads, with a progress bar.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What `work` makes of `0..n`, in order, in several threads, each with a tool of its own. A bar shows how far it is, on
/// a terminal.
pub(super) fn in_threads<T: Clone + Send, R: Send>(
    n: usize,
    threads: usize,
    shown: bool,
    tool: &T,
    work: impl Fn(&mut T, usize) -> R + Sync,
) -> Vec<R> {
    let bar = bar(n, shown);
    let results: Vec<Mutex<Option<R>>> = (0..n).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let worker = |mut tool: T| {
        while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < n) {
            let result = work(&mut tool, number);
            *results[number].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(n) {
            let tool = tool.clone();
            // Those that cannot be started are work for the others.
            Builder::new().spawn_scoped(scope, || worker(tool)).ok();
        }
        worker(tool.clone());
    });
    bar.finish_and_clear();
    results
        .into_iter()
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

fn bar(n: usize, shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}  {eta}");
    ProgressBar::with_draw_target(Some(n as u64), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix("simulated data sets")
}
