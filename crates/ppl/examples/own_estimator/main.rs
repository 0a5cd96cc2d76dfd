//! A researcher's own estimator: what it does where the evidence lower bound is too sure of itself.
//!
//! `cargo run --release --example own_estimator -- --help`

mod wake;

use std::process::ExitCode;
use std::time::Instant;

use ppl::prelude::*;
use ppl_examples_support::{Options, Outcome, Program, Table, json, run, show};

use crate::wake::WakePhase;

const PROGRAM: Program = Program {
    name: "own_estimator",
    about: "Two correlated values under a guide that takes them for independent: the evidence lower bound finds\n\
            deviations that are too small, an objective of our own, in wake.rs, those of the posterior.",
    steps: 3000,
    extras: &[],
    cpu_only: None,
    figures: false,
    keys: &[
        ("exact_sd", "posterior deviation of either value"),
        ("elbo_sd_a, elbo_sd_b", "those of a guide fitted with TraceElbo"),
        ("wake_sd_a, wake_sd_b", "those of a guide fitted with our own objective"),
        ("steps, seed, seconds", "of each fit; seconds of both together"),
    ],
};

const CORRELATION: f64 = 0.9;

fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 1.0))?;
    ctx.sample("b", Normal::new(a * CORRELATION, (1.0 - CORRELATION.powi(2)).sqrt()))?;
    Ok(())
}

fn guide(ctx: &mut Ctx, _: &()) -> Result<()> {
    for name in ["a", "b"] {
        let loc = ctx.param(&format!("{name}_loc"), 0.5)?;
        let scale = ctx.param_in(&format!("{name}_scale"), 1.5, constraints::positive())?;
        ctx.sample(name, Normal::new(loc, scale))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    run(&PROGRAM, infer)
}

/// The deviations of the guide's two sites after a fit.
fn fitted(objective: impl Objective, options: &Options) -> Result<[f64; 2]> {
    let mut svi = Svi::new(model, guide, Adam::new(0.005), objective).on(&options.device, options.seed);
    svi.run(options.steps, &())?;
    Ok([svi.params().get("a_scale")?.to_scalar()?, svi.params().get("b_scale")?.to_scalar()?])
}

fn infer(options: &Options) -> Outcome {
    let start = Instant::now();
    let elbo = fitted(TraceElbo::new().particles(64), options)?;
    let wake = fitted(WakePhase { particles: 64 }, options)?;
    let seconds = start.elapsed().as_secs_f64();
    let table = Table::new("Posterior deviations", ["", "a", "b"])
        .row("exact", [1.0, 1.0])
        .row("TraceElbo", elbo)
        .row("our own", wake);
    show(table);
    Ok(json!({
        "exact_sd": 1.0,
        "elbo_sd_a": elbo[0], "elbo_sd_b": elbo[1],
        "wake_sd_a": wake[0], "wake_sd_b": wake[1],
        "steps": options.steps, "seed": options.seed, "seconds": seconds,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best independent guide by `KL(q ‖ p)` has the conditional deviations √(1 - 0.9²), by `KL(p ‖ q)` the marginal
    /// ones, 1. Over the last steps a scale wanders by Adam's rate times a few: below 0.05.
    #[test]
    fn our_own_objective_finds_the_marginal_deviations() {
        let options = PROGRAM.options(["--steps", "800"]).unwrap();
        let results = infer(&options).unwrap();
        let of = |key: &str| results[key].as_f64().unwrap();
        let conditional = (1.0 - CORRELATION.powi(2)).sqrt();
        for site in ["a", "b"] {
            assert!((of(&format!("elbo_sd_{site}")) - conditional).abs() < 0.05, "{results}");
            assert!((of(&format!("wake_sd_{site}")) - 1.0).abs() < 0.12, "{results}");
        }
        for (keys, _) in PROGRAM.keys {
            assert!(
                keys.split(", ").all(|key| results.get(key).is_some_and(|value| value.is_number())),
                "{keys}"
            );
        }
    }
}
