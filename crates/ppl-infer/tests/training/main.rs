//! Optimisers, schedules, the loop around steps, and fits that are saved and resumed.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod checkpoint;
mod clipping;
mod fit;
mod killed;
mod lbfgs;
mod optimizers;
mod reference;
mod schedules;
mod stable;
mod state;

use ppl_core::{Ctx, ParamStore, Result};
use ppl_dist::{Normal, constraints};
use ppl_infer::{Optimizer, Svi, TraceElbo};
use ppl_tensor::Tensor;

type Boxed = Box<dyn Optimizer>;
type Bits = Vec<(String, Vec<u64>)>;
type Program<A> = fn(&mut Ctx, &A) -> Result<()>;
type Inference<A> = Svi<Program<A>, Program<A>, Boxed, TraceElbo>;

fn text<O>(result: Result<O>) -> String {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.to_string(),
    }
}

/// A guide without sites: what is minimised is all in the model.
fn nothing<A>(_: &mut Ctx, _: &A) -> Result<()> {
    Ok(())
}

/// Minimises minus the sum of a program's factors.
fn descent<A>(program: Program<A>, optimizer: impl Optimizer + 'static) -> Inference<A> {
    Svi::new(program, nothing as Program<A>, Box::new(optimizer) as Boxed, TraceElbo::new()).progress(false)
}

/// The mean of a few normal data.
fn mean_model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn mean_guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    let scale = ctx.param_in("scale", 1.0, constraints::positive())?;
    ctx.sample("mean", Normal::new(loc, scale))?;
    Ok(())
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1])
}

/// A noisy fit, whose draws depend on its key.
fn noisy(optimizer: Boxed) -> Inference<Tensor> {
    Svi::new(mean_model as Program<_>, mean_guide as Program<_>, optimizer, TraceElbo::new())
        .seed(11)
        .progress(false)
}

/// All unconstrained values as bits.
fn bits(params: &ParamStore) -> Bits {
    let values = |name: &String| params.unconstrained(name).unwrap().to_f64().unwrap();
    params.names().map(|name| (name.clone(), values(name).iter().map(|x| x.to_bits()).collect())).collect()
}

fn scalar(params: &ParamStore, name: &str) -> f64 {
    params.get(name).unwrap().to_scalar().unwrap()
}

/// A file in the folder for temporary files that is removed at the end.
struct TemporaryFile(std::path::PathBuf);

impl TemporaryFile {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("ppl-infer-{name}-{}", std::process::id())))
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
