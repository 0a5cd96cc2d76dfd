//! Does rugged terrain help or hurt a nation's wealth? A regression of GDP on ruggedness, inside and outside Africa,
//! fitted with three guides.
//!
//! `cargo run --release --example rugged -- --help`

mod figures;
mod fit;
mod model;
#[path = "../nations/mod.rs"]
mod nations;
mod report;

use std::process::ExitCode;

use ppl::prelude::*;
use ppl_examples_support::{Extra, JIT, Options, Outcome, Program, json, run, show};

use crate::fit::Fit;
use crate::model::{guide, model};
use crate::nations::Nations;

/// Number of draws from each posterior.
const DRAWS: usize = 800;

const PROGRAM: Program = Program {
    name: "rugged",
    about: "Regression of log GDP on terrain ruggedness, with another level and slope for nations in Africa.\n\
            Fitted with three guides: mean field written by hand, AutoNormal (mean field), AutoMultivariateNormal\n\
            (full rank). Steps are compiled if --jit is on.",
    steps: 1000,
    extras: &[
        Extra { name: "data", value: "FILE", help: "the nations (data/rugged.csv below PPL_DATA_DIR)" },
        JIT,
    ],
    cpu_only: None,
    figures: true,
    keys: &[
        ("auto_normal.locs.SITE", "AutoNormal's locations on unconstrained space, for a, bA, bR, bAR, sigma"),
        ("auto_normal.scales.SITE", "AutoNormal's scales on unconstrained space"),
        ("by_hand.params.NAME", "a_loc, a_scale, sigma_loc; weights_loc and weights_scale for [bA, bR, bAR]"),
        ("GUIDE.loss", "mean loss of the last 100 steps (nats); GUIDE: by_hand, mean_field, full_rank"),
        ("GUIDE.means.SITE", "posterior mean of each site, from draws; sigma on its own scale"),
        ("GUIDE.sds.SITE", "posterior standard deviation of each site, from draws"),
        ("GUIDE.slopes.outside.mean", "slope of log GDP on ruggedness outside Africa, bR; also .sd"),
        ("GUIDE.slopes.inside.mean", "the same inside Africa, bR + bAR; also .sd"),
        ("GUIDE.coverage", "fraction of nations inside their 90% predictive interval"),
        ("GUIDE.seconds", "duration of the fit"),
        ("nations, steps, seed, draws", "nations with a known GDP; settings of the run"),
    ],
};

fn main() -> ExitCode {
    run(&PROGRAM, compare)
}

fn compare(options: &Options) -> Outcome {
    let nations = Nations::read(&nations::FILE.find(options.extra("data"))?)?;
    show(format!("{} nations; {} more without a known GDP left out", nations.len(), nations.left_out));

    let jit = options.jit(false)?;
    let by_hand = Fit::new("by hand", guide, &nations, options, jit)?;
    let auto_normal = Fit::new("mean field", AutoNormal::new(model), &nations, options, jit)?;
    let full_rank =
        Fit::new("full rank", AutoMultivariateNormal::new(model), &nations, options, jit)?.posterior;
    let mean_field = &auto_normal.posterior;

    let posteriors = [&by_hand.posterior, mean_field, &full_rank];
    show(format!("\n{}", report::auto_normal(&auto_normal)?));
    show(report::by_hand(&by_hand)?);
    show(report::moments(&posteriors)?);
    show(report::slopes(&posteriors, &nations)?);

    let pair = figures::pair(mean_field, &full_rank);
    show(figures::save_losses(&options.out, posteriors)?.display());
    show(figures::save_cross_sections(&options.out, &pair)?.display());
    show(figures::save_slopes(&options.out, &pair)?.display());
    show(figures::save_predictive_bands(&options.out, &pair, &nations)?.display());

    let mut by_hand_json = report::posterior_json(&by_hand.posterior, &nations)?;
    by_hand_json["params"] = report::by_hand_json(&by_hand)?;
    Ok(json!({
        "auto_normal": report::auto_normal_json(&auto_normal)?,
        "by_hand": by_hand_json,
        "mean_field": report::posterior_json(mean_field, &nations)?,
        "full_rank": report::posterior_json(&full_rank, &nations)?,
        "nations": nations.len(), "steps": options.steps, "seed": options.seed, "draws": DRAWS,
    }))
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    /// A file of made-up nations.
    fn nations(path: &std::path::Path) {
        let nation = |i: u32| {
            let (in_africa, rugged) = (i % 2, f64::from(i * 7 % 20) / 4.0);
            let gdp = (9.0 - 0.2 * rugged - 1.8 * f64::from(in_africa) + 0.5 * f64::from(i % 3)).exp();
            format!("N{i};{in_africa};{rugged};{gdp}\n")
        };
        let rows: String = (0..20).map(nation).collect();
        let text = format!("isocode;cont_africa;rugged;rgdppc_2000\n{rows}UNK;0;1.5;NA\n");
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn a_few_steps_give_the_documented_results_and_the_figures() {
        let out = TemporaryPath::new("example-rugged");
        std::fs::create_dir_all(&out).unwrap();
        let file = out.join("nations.csv");
        nations(&file);
        let arguments = ["--steps", "5", "--data", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let results = compare(&PROGRAM.options(arguments).unwrap()).unwrap();
        // The compiler changes rounding alone.
        let compiled = PROGRAM.options(arguments.into_iter().chain(["--jit", "on"])).unwrap();
        let compiled = compare(&compiled).unwrap();
        let loss = |results: &ppl_examples_support::Value| results["full_rank"]["loss"].as_f64().unwrap();
        assert!((loss(&compiled) / loss(&results) - 1.0).abs() < 1e-10, "{compiled} {results}");
        assert_eq!((&results["nations"], &results["draws"]), (&json!(20), &json!(800)));
        for (keys, _) in PROGRAM.keys {
            for key in keys.split(", ").flat_map(documented) {
                let value = results.pointer(&format!("/{}", key.replace('.', "/")));
                assert!(value.is_some_and(|value| !value.is_null()), "`{key}` is missing in {results}");
            }
        }
        for figure in ["losses", "cross_sections", "slopes", "predictive"] {
            assert!(out.join(format!("rugged_{figure}.svg")).is_file(), "{figure}");
        }
    }

    /// The keys that a documented one stands for.
    fn documented(key: &str) -> Vec<String> {
        let each = |keys: Vec<String>, placeholder: &str, names: &[&str]| -> Vec<String> {
            keys.iter().flat_map(|key| names.iter().map(move |name| key.replace(placeholder, name))).collect()
        };
        let keys = each(vec![key.to_owned()], "GUIDE", &["by_hand", "mean_field", "full_rank"]);
        each(each(keys, "SITE", &model::SITES), "NAME", &report::PARAMS)
    }
}
