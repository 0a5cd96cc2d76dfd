//! Is this coin fair? Ten tosses, a prior, and a guide of the same family as the exact posterior.
//!
//! `cargo run --release --example coin -- --help`

mod beta;
mod figures;
mod model;

use std::process::ExitCode;
use std::time::Instant;

use ppl::infer::Execute;
use ppl::prelude::*;
use ppl_examples_support::{JIT, Options, Outcome, Program, Table, json, run, show, stats};

use crate::beta::BetaDensity;
use crate::model::{PRIOR, TOSSES, guide, model};

const PROGRAM: Program = Program {
    name: "coin",
    about: "Infers the fairness of a coin from ten tosses: 6 heads, 4 tails, fairness ~ Beta(10, 10).\n\
            The guide is a Beta distribution with two positive parameters, so the exact posterior can be reached.",
    steps: 2000,
    extras: &[JIT],
    cpu_only: None,
    figures: true,
    keys: &[
        ("mean, sd", "posterior of the fairness under the fitted guide"),
        ("alpha_q, beta_q", "fitted parameters of the guide"),
        ("exact_mean, exact_sd", "the exact posterior, by conjugacy"),
        ("final_loss", "mean loss of the last 100 steps (nats)"),
        ("exact_loss", "the least loss there is: -ln p(data)"),
        ("steps, seed, seconds", "of the fit"),
    ],
};

fn main() -> ExitCode {
    run(&PROGRAM, infer)
}

fn infer(options: &Options) -> Outcome {
    let start = Instant::now();
    let (params, losses) = match options.jit(false)? {
        true => fit(options, TraceElbo::new().jit())?,
        false => fit(options, TraceElbo::new())?,
    };
    let seconds = start.elapsed().as_secs_f64();

    let alpha_q = params.get("alpha_q")?.to_scalar()?;
    let beta_q = params.get("beta_q")?.to_scalar()?;
    let fitted = BetaDensity { alpha: alpha_q, beta: beta_q };
    let exact = PRIOR.after(TOSSES);
    let final_loss = stats::mean(&losses[losses.len().saturating_sub(100)..]);
    let exact_loss = PRIOR.ln_normaliser()? - exact.ln_normaliser()?;

    let table = Table::new("Fairness of the coin", ["", "alpha", "beta", "mean", "sd"])
        .row("prior", [PRIOR.alpha, PRIOR.beta, PRIOR.mean(), PRIOR.sd()])
        .row("exact posterior", [exact.alpha, exact.beta, exact.mean(), exact.sd()])
        .row("fitted guide", [fitted.alpha, fitted.beta, fitted.mean(), fitted.sd()]);
    show(table);
    show(format!("loss {final_loss:.4} (least possible: {exact_loss:.4})"));
    show(format!("{} steps in {seconds:.2} s", options.steps));
    show(figures::save_loss(&options.out, &losses, exact_loss)?.display());
    show(figures::save_densities(&options.out, PRIOR, exact, fitted)?.display());

    Ok(json!({
        "mean": fitted.mean(), "sd": fitted.sd(),
        "alpha_q": alpha_q, "beta_q": beta_q,
        "exact_mean": exact.mean(), "exact_sd": exact.sd(),
        "final_loss": final_loss, "exact_loss": exact_loss,
        "steps": options.steps, "seed": options.seed, "seconds": seconds,
    }))
}

/// The guide's parameters after the steps, and the losses.
fn fit(options: &Options, objective: impl Execute<Tensor>) -> Result<(ParamStore, Vec<f64>)> {
    let optimizer =
        Adam::with(AdamOptions { learning_rate: 0.0005, betas: (0.90, 0.999), ..AdamOptions::default() });
    let mut svi = Svi::new(model, guide, optimizer, objective).on(&options.device, options.seed);
    let losses = svi.run(options.steps, &options.device.place(&Tensor::from(TOSSES))?)?;
    Ok((svi.params().clone(), losses))
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    #[test]
    fn a_few_steps_give_results_and_figures() {
        let out = TemporaryPath::new("example-coin");
        let options = PROGRAM.options(["--steps", "20", "--out", out.to_str().unwrap()]).unwrap();
        let results = infer(&options).unwrap();
        assert!((results["exact_mean"].as_f64().unwrap() - 16.0 / 30.0).abs() < 1e-12);
        assert!((results["mean"].as_f64().unwrap() - 0.5).abs() < 0.02);
        for (key, _) in
            PROGRAM.keys.iter().flat_map(|(keys, help)| keys.split(", ").map(move |key| (key, help)))
        {
            assert!(results.get(key).is_some_and(|value| value.is_number()), "{key}");
        }
        assert!(out.join("coin_loss.svg").is_file() && out.join("coin_densities.svg").is_file());
        // The compiler changes rounding alone.
        let arguments = ["--steps", "20", "--out", out.to_str().unwrap(), "--jit", "on"];
        let compiled = infer(&PROGRAM.options(arguments).unwrap()).unwrap();
        for key in ["alpha_q", "beta_q", "final_loss"] {
            let [compiled, eager] = [&compiled, &results].map(|results| results[key].as_f64().unwrap());
            assert!((compiled / eager - 1.0).abs() < 1e-10, "{key}: {compiled} {eager}");
        }
    }
}
