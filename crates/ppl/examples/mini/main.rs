//! The core of a probabilistic programming system in 250 lines (`mini.rs`), and a model fitted with it.
//!
//! `cargo run --release --example mini -- --help`

#[cfg(test)]
mod laws;
mod mini;

use std::process::ExitCode;
use std::time::Instant;

use ppl::core::Result;
use ppl::dist::Normal;
use ppl::tensor::Tensor;
use ppl_examples_support::{Options, Outcome, Program, Table, json, run, show};

use crate::mini::Ctx;

const PROGRAM: Program = Program {
    name: "mini",
    about: "Weighs an object five times on scales of known error, with the system of `mini.rs`: statements,\n\
            handlers and an evidence lower bound in 250 lines. The exact posterior is known.",
    steps: 2000,
    extras: &[],
    keys: &[
        ("loc, sd", "posterior of the weight under the fitted guide"),
        ("exact_loc, exact_sd", "the exact posterior, by conjugacy"),
        ("steps, seed, seconds", "of the fit"),
    ],
};

/// What the scales showed, in grams.
const READINGS: [f64; 5] = [9.3, 8.7, 10.1, 9.6, 9.1];
/// Standard deviation of the scales' error.
const ERROR: f64 = 0.75;
/// What is believed before: location and standard deviation.
const PRIOR: (f64, f64) = (8.5, 1.0);

fn model(ctx: &mut Ctx) -> Result<Tensor> {
    let weight = ctx.sample("weight", Normal::new(PRIOR.0, PRIOR.1))?;
    ctx.plate("readings", &Tensor::from(READINGS), |ctx, reading| {
        ctx.observe("reading", Normal::new(&weight, ERROR), reading)
    })
}

fn guide(ctx: &mut Ctx) -> Result<Tensor> {
    let loc = ctx.param("loc", PRIOR.0)?;
    let log_sd = ctx.param("log_sd", 0.0)?;
    ctx.sample("weight", Normal::new(loc, log_sd.exp()))
}

fn main() -> ExitCode {
    run(&PROGRAM, infer)
}

fn infer(options: &Options) -> Outcome {
    let mut ctx = Ctx::new(options.seed);
    let start = Instant::now();
    for number in 0..options.steps {
        // Steps that fall off as one over the number let the noise of the draws average out.
        let rate = 0.1 / (1.0 + number as f64 * 0.05);
        mini::step(&mut ctx, rate, model, guide)?;
    }
    let seconds = start.elapsed().as_secs_f64();

    let param = |name: &str| ctx.params.get(name).ok_or("the guide has no parameter").map(Tensor::to_scalar);
    let (loc, sd) = (param("loc")??, param("log_sd")??.exp());
    let (exact_loc, exact_sd) = exact();
    let table = Table::new("Weight (g)", ["", "mean", "sd"])
        .row("prior", [PRIOR.0, PRIOR.1])
        .row("exact posterior", [exact_loc, exact_sd])
        .row("fitted guide", [loc, sd]);
    show(table);
    show(format!("{} steps in {seconds:.2} s", options.steps));
    Ok(json!({
        "loc": loc, "sd": sd, "exact_loc": exact_loc, "exact_sd": exact_sd,
        "steps": options.steps, "seed": options.seed, "seconds": seconds,
    }))
}

/// Location and standard deviation of the posterior: precisions add up.
fn exact() -> (f64, f64) {
    let (prior, one) = (PRIOR.1.powi(-2), ERROR.powi(-2));
    let precision = prior + one * READINGS.len() as f64;
    let loc = (prior * PRIOR.0 + one * READINGS.iter().sum::<f64>()) / precision;
    (loc, precision.powf(-0.5))
}
