//! The rugged terrain regression by maximum likelihood: a model with parameters and no latent value.
//!
//! `cargo run --release --example rugged_mle -- --help`

mod model;
#[path = "../nations/mod.rs"]
mod nations;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ppl::prelude::*;
use ppl_examples_support::{Extra, Options, Outcome, Program, Table, Value, json, run, show, stats};
use ppl_plot::{BLUE, Figure, ORANGE, Panel};

use crate::model::{COEFFICIENTS, guide, model};
use crate::nations::Nations;

const PROGRAM: Program = Program {
    name: "rugged_mle",
    about: "Regression of log GDP on terrain ruggedness, with another level and slope for nations in Africa, by maximum\n\
            likelihood with Adam; compared with ordinary least squares. Draws the model with and without its parameters.",
    steps: 2000,
    extras: &[Extra {
        name: "data",
        value: "FILE",
        help: "the nations (data/rugged.csv below PPL_DATA_DIR)",
    }],
    cpu_only: None,
    figures: true,
    keys: &[
        ("fitted.NAME", "a, bA, bR, bAR and sigma after the last step"),
        ("least_squares.NAME", "the same by ordinary least squares; sigma divides by the number of nations"),
        ("loss", "negative log likelihood after the last step (nats)"),
        ("nations, steps, seed", "of the run"),
    ],
};

fn main() -> ExitCode {
    run(&PROGRAM, fit)
}

fn fit(options: &Options) -> Outcome {
    let nations = Nations::read(&nations::FILE.find(options.extra("data"))?)?;
    show(format!("{} nations; {} more without a known GDP left out", nations.len(), nations.left_out));
    let countries = options.device.place(&nations.columns())?;

    let adam = Adam::new(0.05);
    let mut svi = Svi::new(model, guide, adam, TraceElbo::new()).on(&options.device, options.seed);
    let losses = svi.run(options.steps, &countries)?;
    let loss = svi.evaluate_loss(&countries)?;

    let fitted = COEFFICIENTS.map(|name| svi.params().get(name).and_then(|value| Ok(value.to_scalar()?)));
    let fitted: Vec<f64> = fitted.into_iter().collect::<Result<_>>()?;
    let exact = least_squares(&nations)?;
    let mut table = Table::new("Maximum likelihood", ["", "Adam", "least squares", "difference"]);
    for ((name, fitted), exact) in COEFFICIENTS.iter().zip(&fitted).zip(&exact) {
        let fields = [format!("{fitted:.5}"), format!("{exact:.5}"), format!("{:.1e}", fitted - exact)];
        table = table.text_row(name, fields);
    }
    show(table);
    show(format!("negative log likelihood {loss:.4}"));
    for figure in save_figures(&options.out, &losses, &nations, &fitted)? {
        show(figure.display());
    }
    let context = Ctx::on(&options.device, options.seed);
    let graph = render_model(&context, &model, &countries)?.with_distributions(true);
    for (name, graph) in [("rugged_mle_model", graph.clone()), ("rugged_mle_params", graph.with_params(true))]
    {
        for (ending, text) in [("svg", graph.to_svg()), ("dot", graph.to_dot()), ("mmd", graph.to_mermaid())]
        {
            let path = options.out.join(format!("{name}.{ending}"));
            std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            show(path.display());
        }
    }
    let by_name = |values: &[f64]| -> Value {
        COEFFICIENTS.iter().zip(values).map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    };
    Ok(json!({
        "fitted": by_name(&fitted), "least_squares": by_name(&exact), "loss": loss,
        "nations": nations.len(), "steps": options.steps, "seed": options.seed,
    }))
}

/// The coefficients by the normal equations, and the root of the mean squared residual.
fn least_squares(nations: &Nations) -> Result<Vec<f64>> {
    let (africa, ruggedness) = (Tensor::from(nations.cont_africa()), Tensor::from(&nations.ruggedness[..]));
    let log_gdp = Tensor::from(&nations.log_gdp[..]);
    let both = &africa * &ruggedness;
    let design = Tensor::stack(&[&Tensor::ones([nations.len()]), &africa, &ruggedness, &both], 1);
    let factor = design.t().matmul(&design).cholesky();
    let moments = design.t().matmul(&log_gdp);
    let half = factor.solve_lower(moments.unsqueeze(-1));
    let coefficients = factor.solve_lower_transposed(half).squeeze(-1);
    let residual = log_gdp - design.matmul(&coefficients);
    let mut all = coefficients.to_f64()?;
    all.push(residual.square().mean(0).sqrt().to_scalar()?);
    Ok(all)
}

/// The loss, and the nations with the two fitted lines.
fn save_figures(folder: &Path, losses: &[f64], nations: &Nations, fitted: &[f64]) -> Result<Vec<PathBuf>> {
    let [a, b_a, b_r, b_ar, _] = *fitted else { return Ok(Vec::new()) };
    let loss = losses.iter().enumerate().map(|(step, loss)| (step as f64, *loss)).collect();
    let loss = Figure::new("Negative log likelihood")
        .panel(Panel::new("", "step", "nats").line("", BLUE, loss))
        .save(folder.join("rugged_mle_loss.svg"))?;
    let panel = |title: &str, inside: bool, level: f64, slope: f64, color| {
        let line = stats::grid((0.0, 6.5), 2).into_iter().map(|x| (x, level + slope * x)).collect();
        Panel::new(title, "ruggedness", "log GDP per head")
            .dots("", color, nations.points(inside))
            .line("", color, line)
    };
    let lines = Figure::new("Log GDP and terrain ruggedness")
        .panel(panel("outside Africa", false, a, b_r, BLUE))
        .panel(panel("in Africa", true, a + b_a, b_r + b_ar, ORANGE))
        .shared_y()
        .save(folder.join("rugged_mle_lines.svg"))?;
    Ok(vec![loss, lines])
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    /// A file of made-up nations.
    fn nations(path: &Path) {
        let nation = |i: u32| {
            let (in_africa, rugged) = (i % 2, f64::from(i * 7 % 20) / 4.0);
            let gdp = (9.0 - 0.2 * rugged - 1.8 * f64::from(in_africa) + 0.5 * f64::from(i % 3)).exp();
            format!("N{i};{in_africa};{rugged};{gdp}\n")
        };
        let rows: String = (0..20).map(nation).collect();
        std::fs::write(path, format!("isocode;cont_africa;rugged;rgdppc_2000\n{rows}")).unwrap();
    }

    #[test]
    fn a_fit_reaches_least_squares_and_draws_the_model() {
        let out = TemporaryPath::new("example-rugged-mle");
        std::fs::create_dir_all(&out).unwrap();
        let file = out.join("nations.csv");
        nations(&file);
        let arguments = ["--steps", "2000", "--data", file.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let results = fit(&PROGRAM.options(arguments).unwrap()).unwrap();
        for name in COEFFICIENTS {
            let [fitted, exact] = ["fitted", "least_squares"].map(|of| results[of][name].as_f64().unwrap());
            assert!((fitted - exact).abs() < 1e-6, "{name} {fitted} {exact}");
        }
        for file in
            ["rugged_mle_loss.svg", "rugged_mle_lines.svg", "rugged_mle_model.svg", "rugged_mle_params.dot"]
        {
            assert!(out.join(file).is_file(), "{file}");
        }
        let [without, with] = ["model", "params"]
            .map(|of| std::fs::read_to_string(out.join(format!("rugged_mle_{of}.dot"))).unwrap());
        assert!(!without.contains("bAR") && with.contains("bAR"));
    }
}
