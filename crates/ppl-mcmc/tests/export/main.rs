//! Files for other systems, and what these read in them.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod arviz;
mod loo;
#[path = "../common/python.rs"]
mod python;
mod stan;

use ppl_core::{Ctx, Result};
use ppl_dist::Normal;
use ppl_mcmc::{Chains, Mcmc, Nuts};
use ppl_suite::TemporaryPath;
use ppl_tensor::Tensor;

/// ArviZ, and what is used of it by name: it hides which of its parts are missing.
const ARVIZ: &str = "import sys, zarr, xarray; from arviz_stats import ess, loo, summary";

/// Two by three weights in a plate of two, and a scalar.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    ctx.plate("groups", 2, |ctx, _| ctx.sample("w", Normal::new(Tensor::zeros([3]), 1.0)))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 0.1])
}

fn chains() -> Chains {
    Mcmc::new(Nuts::new()).warmup(100).draws(20).chains(2).keep_warmup(true).run(&model, &data()).unwrap()
}

fn folder(name: &str) -> TemporaryPath {
    TemporaryPath::new(&format!("mcmc-{name}"))
}
