//! Linear regression on simulated data: 30 000 steps with one particle, then 300 with a hundred.
//!
//! `cargo run --release --example linreg -- --help`

mod model;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ppl::infer::Execute;
use ppl::prelude::*;
use ppl_examples_support::{JIT, Options, Outcome, Program, Table, Value, json, run, show, stats};
use ppl_plot::{BLUE, Figure, GREY, Panel};

use crate::model::{COLUMNS, Data, ROWS, Truth, model, simulate};

/// Steps and particles of the second fit, which goes on where the first ends.
const MANY: (usize, usize) = (300, 100);
/// Number of draws from the posterior.
const DRAWS: usize = 4000;

const PROGRAM: Program = Program {
    name: "linreg",
    about: "Linear regression on 2500 simulated rows of 8 features: alpha ~ Normal(0, 100), beta ~ Normal(0, 10) each,\n\
            sigma ~ HalfNormal(10). Fitted with AutoDiagonalNormal and the TraceGraph evidence lower bound, compiled\n\
            unless --jit is off: --steps steps with one particle, then 300 (or --steps, if fewer) with a hundred. The data are simulated from\n\
            --seed.",
    steps: 30_000,
    extras: &[JIT],
    cpu_only: None,
    figures: true,
    keys: &[
        (
            "sites.NAME.mean, .sd",
            "posterior of alpha, beta[0] … beta[7] and sigma, from draws, each on its own scale",
        ),
        ("sites.NAME.truth", "the value that the data were simulated from"),
        ("worst_z", "largest distance of a mean from the truth, in posterior standard deviations"),
        (
            "one.seconds, one.loss",
            "of the steps with one particle: duration, mean loss of the last 100 (nats)",
        ),
        ("many.seconds, many.loss", "the same of the 300 steps with a hundred particles"),
        ("one.compile_seconds, many.compile_seconds", "of these the time spent on tracing and compiling"),
        ("rows, steps, seed, draws", "of the run"),
    ],
};

fn main() -> ExitCode {
    run(&PROGRAM, fit)
}

/// A stretch of steps.
struct Stretch {
    losses: Vec<f64>,
    seconds: f64,
    compile_seconds: f64,
}

impl Stretch {
    fn last_loss(&self) -> f64 {
        stats::mean(&self.losses[self.losses.len().saturating_sub(100)..])
    }

    fn json(&self) -> Value {
        json!({ "seconds": self.seconds, "compile_seconds": self.compile_seconds, "loss": self.last_loss() })
    }
}

fn fit(options: &Options) -> Outcome {
    match options.jit(true)? {
        true => fit_by(options, |objective| objective.jit()),
        false => fit_by(options, |objective| objective),
    }
}

/// The fit by an objective as it is run.
fn fit_by<J: Execute<Data>>(options: &Options, run: impl Fn(TraceGraphElbo) -> J) -> Outcome {
    let device = &options.device;
    let (truth, data) = simulate(&Key::new(options.seed).fold_in_name("data"))?;
    let data = device.place(&data)?;

    let guide = AutoDiagonalNormal::new(model);
    let objective = run(TraceGraphElbo::new());
    let mut svi = Svi::new(model, guide, Adam::new(0.01), objective).on(device, options.seed);
    let one = stretch("1 particle", options.steps, &mut svi, &data)?;

    // Another objective is another fit, which starts where this one has come to.
    let parts = svi.into_parts();
    let objective = run(TraceGraphElbo::new().particles(MANY.1));
    let mut svi = Svi::new(model, parts.guide, Adam::new(0.01), objective)
        .on(device, options.seed.wrapping_add(1))
        .with_params(parts.params);
    let many = stretch("100 particles", MANY.0.min(options.steps), &mut svi, &data)?;

    let predictive = Predictive::new(model).with_params(svi.params()).on(device, options.seed);
    let draws = predictive.posterior(svi.guide(), DRAWS, &data)?;
    let summary = summary(&draws, &truth)?;
    let mut table = Table::new("Posterior", ["", "truth", "mean", "sd", "z"]);
    for Row { name, truth, mean, sd } in &summary {
        table = table.row(name, [*truth, *mean, *sd, (mean - truth) / sd]);
    }
    show(table);
    for figure in save_losses(&options.out, &one, &many)? {
        show(figure.display());
    }
    let worst = summary.iter().map(|row| ((row.mean - row.truth) / row.sd).abs()).fold(0.0, f64::max);
    let sites: Value = summary
        .iter()
        .map(|row| (row.name.clone(), json!({ "mean": row.mean, "sd": row.sd, "truth": row.truth })))
        .collect();
    Ok(json!({
        "sites": sites, "worst_z": worst, "one": one.json(), "many": many.json(),
        "rows": ROWS, "steps": options.steps, "seed": options.seed, "draws": DRAWS,
    }))
}

fn stretch<M: Model<Data>, G: Model<Data>, J: Execute<Data>>(
    name: &str,
    steps: usize,
    svi: &mut Svi<M, G, Adam, J>,
    data: &Data,
) -> Result<Stretch> {
    let start = Instant::now();
    let losses = svi.run(steps, data)?;
    let (seconds, compile_seconds) = (start.elapsed().as_secs_f64(), svi.compile_time().as_secs_f64());
    let each = (seconds - compile_seconds) / steps as f64 * 1e6;
    let compiled = match compile_seconds {
        0.0 => String::new(),
        seconds => format!(" after {:.1} ms of tracing and compiling", seconds * 1e3),
    };
    show(format!("{name}: {steps} steps in {seconds:.2} s, {each:.1} µs each{compiled}"));
    Ok(Stretch { losses, seconds, compile_seconds })
}

/// What is known of one number of the regression.
struct Row {
    name: String,
    truth: f64,
    mean: f64,
    sd: f64,
}

fn summary(draws: &Draws, truth: &Truth) -> Result<Vec<Row>> {
    let row = |name: String, truth: f64, values: &Tensor| -> Result<Row> {
        let values = values.to_f64()?;
        Ok(Row { name, truth, mean: stats::mean(&values), sd: stats::sd(&values) })
    };
    let beta = draws.get("beta")?;
    let mut rows = vec![row("alpha".into(), truth.alpha, draws.get("alpha")?)?];
    for column in 0..COLUMNS {
        let values = beta.select_index(-1, column);
        rows.push(row(format!("beta[{column}]"), truth.beta[column], &values)?);
    }
    rows.push(row("sigma".into(), truth.sigma, draws.get("sigma")?)?);
    Ok(rows)
}

/// The losses of both fits: whole, and their last 1000 steps.
fn save_losses(folder: &Path, one: &Stretch, many: &Stretch) -> Result<Vec<PathBuf>> {
    let figure = |stretch: &Stretch, title: &str, name: &str| {
        let points = |first: usize| -> Vec<(f64, f64)> {
            let steps = stretch.losses.iter().enumerate().skip(first);
            steps.map(|(step, loss)| (step as f64, *loss)).collect()
        };
        let first = stretch.losses.len().saturating_sub(1000);
        let mean = stats::running_mean(&stretch.losses[first..], 100);
        let mean = mean.into_iter().map(|(step, loss)| (step + first as f64, loss)).collect();
        Figure::new(title)
            .panel(Panel::new("all steps", "step", "loss (nats)").line("", BLUE, points(0)))
            .panel(Panel::new("the last 1000", "step", "").line("each step", GREY, points(first)).line(
                "mean of 100 steps",
                BLUE,
                mean,
            ))
            .save(folder.join(name))
    };
    Ok(vec![
        figure(one, "Loss with one particle", "linreg_loss_one.svg")?,
        figure(many, "Loss with a hundred particles", "linreg_loss_many.svg")?,
    ])
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    #[test]
    fn data_are_what_they_are_simulated_from() {
        let (truth, Data { features, outcome }) = simulate(&Key::new(3)).unwrap();
        let mean = features.matmul(Tensor::from(&truth.beta[..])) + truth.alpha;
        let residual = (outcome - mean).to_f64().unwrap();
        assert_eq!(residual.len(), ROWS);
        // The sample deviation of n normals is off by its 1 / √(2n), at most 4 of them.
        let ratio = stats::sd(&residual) / truth.sigma;
        assert!((ratio - 1.0).abs() < 4.0 / (2.0 * ROWS as f64).sqrt(), "{ratio}");
    }

    #[test]
    fn a_few_steps_give_results_and_figures() {
        let out = TemporaryPath::new("example-linreg");
        let options = PROGRAM.options(["--steps", "5", "--out", out.to_str().unwrap()]).unwrap();
        let results = fit(&options).unwrap();
        for name in ["alpha", "beta[0]", "beta[7]", "sigma"] {
            for key in ["mean", "sd", "truth"] {
                assert!(results["sites"][name][key].is_number(), "{name} {key}");
            }
        }
        for pointer in
            ["/worst_z", "/one/seconds", "/one/loss", "/many/seconds", "/many/loss", "/many/compile_seconds"]
        {
            assert!(results.pointer(pointer).is_some_and(Value::is_number), "{pointer}");
        }
        for file in ["linreg_loss_one.svg", "linreg_loss_many.svg"] {
            assert!(out.join(file).is_file(), "{file}");
        }
        // The compiler changes rounding alone.
        let options =
            PROGRAM.options(["--steps", "5", "--out", out.to_str().unwrap(), "--jit", "off"]).unwrap();
        let eager = fit(&options).unwrap();
        assert_eq!(eager["one"]["compile_seconds"], 0.0);
        let loss = |results: &Value| results["many"]["loss"].as_f64().unwrap();
        assert!((loss(&eager) / loss(&results) - 1.0).abs() < 1e-10, "{eager} {results}");
    }
}
