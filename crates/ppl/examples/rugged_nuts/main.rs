//! Does rugged terrain help or hurt a nation's wealth? The regression of the example `rugged`, sampled.
//!
//! `cargo run --release --example rugged_nuts -- --help`

#[allow(dead_code, reason = "the guide and the imagined countries are for variational inference")]
#[path = "../rugged/model.rs"]
mod model;
#[allow(dead_code, reason = "the points are for the figures of other examples")]
#[path = "../nations/mod.rs"]
mod nations;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ppl::mcmc::Summary;
use ppl::prelude::*;
use ppl_examples_support::{
    CHAINS_ON_CPU, Extra, Options, Outcome, Program, Table, Value, json, run, show, stats,
};
use ppl_plot::quantities::density;
use ppl_plot::{BLUE, Figure, ORANGE, Panel, Plots, Report};

use crate::model::{SITES, model};
use crate::nations::Nations;

const PROGRAM: Program = Program {
    name: "rugged_nuts",
    about: "Regression of log GDP on terrain ruggedness, with another level and slope for nations in Africa, sampled by\n\
            the No-U-Turn sampler: --steps draws of each chain.",
    steps: 1000,
    extras: &[
        Extra { name: "data", value: "FILE", help: "the nations (data/rugged.csv below PPL_DATA_DIR)" },
        Extra { name: "warmup", value: "N", help: "transitions before the first draw (200)" },
        Extra { name: "chains", value: "N", help: "number of chains (4)" },
    ],
    cpu_only: Some(CHAINS_ON_CPU),
    figures: true,
    keys: &[
        ("means.SITE, sds.SITE", "posterior mean and standard deviation of a, bA, bR, bAR, sigma"),
        ("r_hat, ess_bulk, ess_tail", "the worst over the sites"),
        ("slopes.outside.mean", "slope of log GDP on ruggedness outside Africa, bR; also .sd"),
        ("slopes.inside.mean", "the same inside Africa, bR + bAR; also .sd"),
        ("divergences, leapfrogs", "of all draws"),
        ("nations, chains, draws, warmup, seed", "nations with a known GDP; settings of the run"),
        ("seconds", "from the data to the summary: tracing, compiling, sampling"),
    ],
};

fn main() -> ExitCode {
    run(&PROGRAM, sample)
}

fn sample(options: &Options) -> Outcome {
    let (warmup, chains) = (options.count("warmup", 200)?, options.count("chains", 4)?);
    let nations = Nations::read(&nations::FILE.find(options.extra("data"))?)?;
    show(format!("{} nations; {} more without a known GDP left out\n", nations.len(), nations.left_out));

    let start = Instant::now();
    let mcmc = Mcmc::new(Nuts::new()).warmup(warmup).draws(options.steps).chains(chains).seed(options.seed);
    let drawn = mcmc.run(&model, &nations.columns())?;
    let summary = drawn.summary()?;
    let seconds = start.elapsed().as_secs_f64();

    let (b_r, b_ar) = (drawn.get("bR")?.to_f64()?, drawn.get("bAR")?.to_f64()?);
    let inside: Vec<f64> = b_r.iter().zip(&b_ar).map(|(b_r, b_ar)| b_r + b_ar).collect();
    let row = |draws: &[f64]| [0.05, 0.5, 0.95].map(|probability| stats::quantile(draws, probability));
    show(&summary);
    show(
        Table::new("Slope of log GDP on terrain ruggedness", ["", "5%", "50%", "95%"])
            .row("outside Africa: bR", row(&b_r))
            .row("inside Africa: bR + bAR", row(&inside)),
    );
    let leapfrogs = drawn.leapfrogs();
    show(format!("{} draws, {leapfrogs} leapfrog steps, {seconds:.2} s", drawn.len()));
    let scores = Predictive::new(model).log_likelihood(&drawn.draws(), &nations.columns())?;
    for file in save(&options.out, &drawn, &scores, (&b_r, &inside))? {
        show(file.display());
    }

    let mut results = json!({
        "slopes": { "outside": moments(&b_r), "inside": moments(&inside) },
        "divergences": drawn.divergences(), "leapfrogs": leapfrogs, "nations": nations.len(), "chains": chains,
        "draws": options.steps, "warmup": warmup, "seed": options.seed, "seconds": seconds,
    });
    worst(&summary, &mut results);
    Ok(results)
}

fn moments(draws: &[f64]) -> Value {
    json!({ "mean": stats::mean(draws), "sd": stats::sd(draws) })
}

/// Adds the moments of each site, and the worst diagnostics.
fn worst(summary: &Summary, results: &mut Value) {
    let rows = || SITES.iter().filter_map(|site| summary.row(site));
    for row in rows() {
        results["means"][&row.name] = row.mean.into();
        results["sds"][&row.name] = row.sd.into();
    }
    results["r_hat"] = rows().map(|row| row.r_hat).fold(0.0, f64::max).into();
    results["ess_bulk"] = rows().map(|row| row.ess_bulk).fold(f64::INFINITY, f64::min).into();
    results["ess_tail"] = rows().map(|row| row.ess_tail).fold(f64::INFINITY, f64::min).into();
}

/// The figures, and the report in one file.
fn save(
    folder: &Path,
    drawn: &Chains,
    scores: &Draws,
    (outside, inside): (&[f64], &[f64]),
) -> Result<[PathBuf; 3]> {
    let curve = |draws: &[f64]| density(draws, None).map(|density| density.points).unwrap_or_default();
    let panel = Panel::new("posterior", "slope", "density")
        .x_range(-0.6, 0.7)
        .hill("outside Africa: bR", BLUE, curve(outside))
        .hill("inside Africa: bR + bAR", ORANGE, curve(inside));
    let slopes = Figure::new("Slope of log GDP on terrain ruggedness").panel(panel);
    let report = Report::new(drawn)
        .title("Wealth of nations and ruggedness of their terrain")
        .log_likelihood(scores)
        .figure(slopes.clone());
    Ok([
        Plots::new(drawn).trace()?.save(folder.join("rugged_nuts_traces.svg"))?,
        slopes.save(folder.join("rugged_nuts_slopes.svg"))?,
        report.write(folder.join("rugged_nuts/report.html"))?,
    ])
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    #[test]
    fn a_few_draws_give_the_documented_results_and_the_figures() {
        let out = TemporaryPath::new("example-rugged-nuts");
        std::fs::create_dir_all(&out).unwrap();
        let file = out.join("nations.csv");
        let nation = |i: u32| {
            let (in_africa, rugged) = (i % 2, f64::from(i * 7 % 20) / 4.0);
            let gdp = (9.0 - 0.2 * rugged - 1.8 * f64::from(in_africa) + 0.5 * f64::from(i % 3)).exp();
            format!("N{i};{in_africa};{rugged};{gdp}\n")
        };
        let rows: String = (0..20).map(nation).collect();
        std::fs::write(&file, format!("isocode;cont_africa;rugged;rgdppc_2000\n{rows}")).unwrap();
        let (file, folder) = (file.to_str().unwrap(), out.to_str().unwrap());
        let arguments = ["--steps", "40", "--chains", "2", "--data", file, "--out", folder];
        let results = sample(&PROGRAM.options(arguments).unwrap()).unwrap();
        for key in PROGRAM.keys.iter().flat_map(|(keys, _)| keys.split(", ")) {
            for site in SITES {
                let pointer = format!("/{}", key.replace("SITE", site).replace('.', "/"));
                assert!(results.pointer(&pointer).is_some_and(Value::is_number), "{pointer} in {results}");
            }
        }
        assert_eq!((&results["nations"], &results["draws"]), (&json!(20), &json!(40)));
        for file in ["rugged_nuts_traces.svg", "rugged_nuts_slopes.svg", "rugged_nuts/report.html"] {
            assert!(out.join(file).is_file(), "{file}");
        }
        let wrong = PROGRAM.options(["--chains", "four", "--data", file]).unwrap();
        assert_eq!(sample(&wrong).unwrap_err().to_string(), "`--chains` is `four`, must be a whole number");
    }
}
