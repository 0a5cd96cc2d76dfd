//! The core of a probabilistic programming system in 250 lines (`mini.rs`), and a model fitted with it.
//!
//! `cargo run --release --example mini -- --help`

#[cfg(test)]
mod laws;
mod mini;

use std::process::ExitCode;
use std::time::Instant;

use ppl::core::{Distribution, Result};
use ppl::dist::Normal;
use ppl::tensor::{Key, Tensor};
use ppl_examples_support::{Options, Outcome, Program, Table, json, run, show};

use crate::mini::{Ctx, Model, block, condition, elbo, seed, substitute, trace};

const PROGRAM: Program = Program {
    name: "mini",
    about: "Weighs an object five times on scales of known error, with the system of `mini.rs`: statements,\n\
            handlers and an evidence lower bound in 250 lines. The exact posterior is known.",
    steps: 2000,
    extras: &[],
    cpu_only: Some("its statements know no devices"),
    figures: false,
    keys: &[
        ("loc, sd", "posterior of the weight under the fitted guide"),
        ("exact_loc, exact_sd", "the exact posterior, by conjugacy"),
        ("bound, log_evidence", "the evidence lower bound, by 100 draws, and what it cannot exceed (nats)"),
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

    let start = |ctx: &mut Ctx| {
        let fixed = |ctx: &mut Ctx| ctx.with(substitute("log_sd", Tensor::from(0.0)), guide);
        ctx.with(substitute("loc", Tensor::from(PRIOR.0)), fixed)
    };
    let unseen = |ctx: &mut Ctx| ctx.with(block(|message| message.name == "reading"), model);
    let bound = mean_bound(&mut ctx, model, guide)?;
    let log_evidence = log_evidence(&mut ctx)?;
    let table = Table::new("Weight (g)", ["", "mean", "sd"])
        .row("prior", [PRIOR.0, PRIOR.1])
        .row("exact posterior", [exact_loc, exact_sd])
        .row("fitted guide", [loc, sd]);
    show(table);
    let bounds = Table::new("Evidence lower bound (nats)", ["", "mean of 100 draws"])
        .row("guide as it starts", [mean_bound(&mut ctx, model, start)?])
        .row("fitted guide", [bound])
        .row("least upper bound: log evidence", [log_evidence])
        .row("fitted guide, readings hidden", [mean_bound(&mut ctx, unseen, guide)?]);
    show(bounds);
    show(format!("{} steps in {seconds:.2} s", options.steps));
    Ok(json!({
        "loc": loc, "sd": sd, "exact_loc": exact_loc, "exact_sd": exact_sd,
        "bound": bound, "log_evidence": log_evidence,
        "steps": options.steps, "seed": options.seed, "seconds": seconds,
    }))
}

/// The bound's mean over draws: the same draws, whatever the guide.
fn mean_bound(ctx: &mut Ctx, model: impl Model, guide: impl Model) -> Result<f64> {
    let mut sum = 0.0;
    for number in 0..100 {
        let drawn = |ctx: &mut Ctx| ctx.with(seed(Key::new(number)), &guide);
        sum += elbo(ctx, &model, drawn)?.to_scalar()?;
    }
    Ok(sum / 100.0)
}

/// By Bayes' rule at any weight: joint density over posterior density.
fn log_evidence(ctx: &mut Ctx) -> Result<f64> {
    let weight = Tensor::from(9.0);
    let (run, _) = trace(ctx, |ctx: &mut Ctx| ctx.with(condition("weight", weight.clone()), model))?;
    let (loc, sd) = exact();
    Ok((run.log_prob() - Normal::new(loc, sd).log_prob(&weight)).to_scalar()?)
}

/// Location and standard deviation of the posterior: precisions add up.
fn exact() -> (f64, f64) {
    let (prior, one) = (PRIOR.1.powi(-2), ERROR.powi(-2));
    let precision = prior + one * READINGS.len() as f64;
    let loc = (prior * PRIOR.0 + one * READINGS.iter().sum::<f64>()) / precision;
    (loc, precision.powf(-0.5))
}
