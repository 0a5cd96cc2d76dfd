//! Is this coin fair? Ten tosses, a prior, and a guide of the same family as the exact posterior.
//!
//! `cargo run --release --example coin -- --help`

mod beta;
mod figures;
mod model;

use std::process::ExitCode;
use std::time::Instant;

use ppl::prelude::*;
use ppl_examples_support::{Options, Outcome, Program, Table, json, run, show, stats};

use crate::beta::BetaDensity;
use crate::model::{PRIOR, TOSSES, guide, model};

const PROGRAM: Program = Program {
    name: "coin",
    about: "Infers the fairness of a coin from ten tosses: 6 heads, 4 tails, fairness ~ Beta(10, 10).\n\
            The guide is a Beta distribution with two positive parameters, so the exact posterior can be reached.",
    steps: 2000,
    extras: &[],
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
    let optimizer =
        Adam::with(AdamOptions { learning_rate: 0.0005, betas: (0.90, 0.999), ..AdamOptions::default() });
    let mut svi = Svi::new(model, guide, optimizer, TraceElbo::new()).on(&options.device, options.seed);
    let start = Instant::now();
    let losses = svi.run(options.steps, TOSSES)?;
    let seconds = start.elapsed().as_secs_f64();

    let alpha_q = svi.params().get("alpha_q")?.to_scalar()?;
    let beta_q = svi.params().get("beta_q")?.to_scalar()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_steps_give_results_and_figures() {
        let out = std::env::temp_dir().join("ppl-example-coin");
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
    }
}
