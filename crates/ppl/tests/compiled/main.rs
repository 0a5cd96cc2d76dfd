//! Compiled fits beside the same ones without the compiler, and potentials beside densities written by hand.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod fits;
mod potentials;
mod refusals;
mod runs;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ppl::core::TensorFile;
use ppl::infer::{Execute, Optimizer};
use ppl::prelude::*;

/// Runs of a model so far.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// The model, which counts its runs.
    fn of<A, M: Model<A>>(&self, model: M) -> impl Fn(&mut Ctx, &A) -> Result<M::Output> + use<A, M> {
        let count = self.clone();
        move |ctx, args| {
            count.0.fetch_add(1, Ordering::Relaxed);
            model.run(ctx, args)
        }
    }
}

fn text<O>(result: Result<O>) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.to_string(),
    }
}

/// A file in the folder for temporary files that is removed at the end.
struct TemporaryFile(std::path::PathBuf);

impl TemporaryFile {
    fn new(name: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("ppl-compiled-{name}-{}-{number}", std::process::id())))
    }
}

impl AsRef<std::path::Path> for TemporaryFile {
    fn as_ref(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

/// All that a fit is, by the names of its file: parameters, what optimiser and objective remember, losses.
fn contents<M, G, O: Optimizer, J>(svi: &Svi<M, G, O, J>) -> Vec<(String, Vec<f64>)> {
    let path = TemporaryFile::new("contents");
    svi.save(&path).unwrap();
    let file = TensorFile::read(&path).unwrap();
    let values = |name: &String| file.tensor(name, &Device::cpu()).unwrap().to_f64().unwrap();
    let mut all: Vec<_> = file.names().map(|name| (name.to_owned(), values(&name.to_owned()))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// Both fits are the same but for rounding: of each tensor, to `tolerance` of its largest entry.
fn assert_same<M, G, O: Optimizer, J, N, H, K>(
    what: &str,
    eager: &Svi<M, G, O, J>,
    compiled: &Svi<N, H, O, K>,
    tolerance: f64,
) {
    let (eager, compiled) = (contents(eager), contents(compiled));
    let names = |all: &[(String, Vec<f64>)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&eager), names(&compiled), "{what}");
    for ((name, a), (_, b)) in eager.iter().zip(&compiled) {
        let scale = a.iter().fold(0.0, |scale: f64, x| scale.max(x.abs()));
        assert_eq!(a.len(), b.len(), "{what}: {name}");
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= tolerance * scale, "{what}: {name}: {a} {b}");
        }
    }
}

/// Steps of each comparison.
const STEPS: usize = 50;

/// What `STEPS` steps of rounding in 64 bits may add up to.
const ROUNDING: f64 = 1e-10;

/// Fits with and without the compiler, which must agree; the compiled one must not run its model in each step.
fn agrees<A: TensorTree, M: Model<A>, G: Model<A>, O: Optimizer, J: Objective>(
    what: &str,
    parts: impl Fn() -> (M, G, O, J),
    args: &A,
) where
    Jit<J>: Execute<A>,
{
    agrees_on(&Device::cpu(), what, parts, args, ROUNDING);
}

fn agrees_on<A: TensorTree, M: Model<A>, G: Model<A>, O: Optimizer, J: Objective>(
    device: &Device,
    what: &str,
    parts: impl Fn() -> (M, G, O, J),
    args: &A,
    tolerance: f64,
) {
    let args = device.place(args).unwrap();
    let (model, guide, optimizer, objective) = parts();
    let mut eager = Svi::new(model, guide, optimizer, objective).on(device, 7).progress(false);
    eager.run(STEPS, &args).unwrap();
    let (model, guide, optimizer, objective) = parts();
    let (count, chunks) = (Count::default(), objective.particles().div_ceil(objective.chunk_size()));
    let mut compiled =
        Svi::new(count.of(model), guide, optimizer, objective.jit()).on(device, 7).progress(false);
    compiled.run(STEPS, &args).unwrap();
    // The first step and the trace, each with the model's draws held fixed at most.
    assert!(count.get() <= 4 * chunks, "{what}: {} runs of the model", count.get());
    assert!(!compiled.compile_time().is_zero(), "{what}");
    assert_same(what, &eager, &compiled, tolerance);
}
