//! How heavy is it? A guess, one measurement, and a loop of gradient steps written by hand.
//!
//! `cargo run --release --example scale -- --help`

use std::path::Path;
use std::process::ExitCode;

use ppl::prelude::*;
use ppl::tensor::trace;
use ppl_examples_support::{JIT, Options, Outcome, Program, Table, json, run, show, stats};
use ppl_plot::{BLACK, BLUE, Corner, Figure, GREY, Panel};

/// What is believed before the object is put on the scale.
const GUESS: f64 = 8.5;
/// What the scale says.
const MEASUREMENT: f64 = 9.5;
/// Standard deviation of what is believed, and of the scale's error.
const SDS: (f64, f64) = (1.0, 0.75);
const LEARNING_RATE: f64 = 0.001;

const PROGRAM: Program = Program {
    name: "scale",
    about: "Infers a weight from a guess and one measurement on an unreliable scale: weight ~ Normal(8.5, 1),\n\
            measurement ~ Normal(weight, 0.75) is 9.5. No optimiser: gradients of a differentiable loss, and steps by hand.",
    steps: 1000,
    extras: &[JIT],
    cpu_only: None,
    figures: true,
    keys: &[
        ("a, b", "the guide Normal(a, |b|) after the last step"),
        ("exact_mean, exact_sd", "the exact posterior, by conjugacy"),
        ("final_loss", "mean loss of the last 100 steps (nats)"),
        ("exact_loss", "the least loss there is: -ln p(measurement)"),
        ("steps, seed", "of the run"),
    ],
};

fn main() -> ExitCode {
    run(&PROGRAM, infer)
}

/// An object of unknown weight is measured.
fn scale(ctx: &mut Ctx, guess: &f64) -> Result<Tensor> {
    let weight = ctx.sample("weight", Normal::new(*guess, SDS.0))?;
    ctx.sample("measurement", Normal::new(weight, SDS.1))
}

/// The guide's two numbers, tensors of the loop's own: no store of parameters is involved.
type State = (Tensor, Tensor);

/// The numbers after one more step along the gradient of the loss, and the loss.
fn step(device: &Device, key: Key, (a, b): &State) -> Result<(State, Tensor)> {
    let conditioned = condition(scale, [("measurement", MEASUREMENT)]);
    let (loc, scale) = (a.tracked(), b.tracked());
    let guide = |ctx: &mut Ctx, _: &f64| ctx.sample("weight", Normal::new(&loc, scale.abs()));
    let mut ctx = Ctx::with_key(device, key);
    let loss = differentiable_loss(&TraceElbo::new(), &mut ctx, &conditioned, &guide, &GUESS)?;
    let gradients = grad(&loss, &[&loc, &scale])?;
    let next = (a - LEARNING_RATE * &gradients[0], b - LEARNING_RATE * &gradients[1]);
    Ok((next, loss.detach()))
}

fn infer(options: &Options) -> Outcome {
    let device = &options.device;
    let mut state = device.place(&(Tensor::from(GUESS), Tensor::from(1.0)))?;
    let key = Key::on(device, options.seed);
    // The draws of a step are those of its number.
    let numbered = |state: &State, number: &Tensor| step(device, key.fold_in(number), state);
    let program = match options.jit(false)? {
        true => {
            let first = (state.clone(), device.place(&Tensor::from(0_i64))?);
            let record = |(state, number): &(State, Tensor)| {
                let failed = |error: Error| ppl::tensor::Error::argument("step", error.to_string());
                numbered(state, number).map_err(failed)
            };
            let traced = trace(device, record, &first)?;
            Some(device.compile(traced)?)
        }
        false => None,
    };
    let mut losses = Vec::new();
    let (mut path_of_a, mut path_of_b) = (Vec::new(), Vec::new());
    for step in 0..options.steps {
        path_of_a.push((step as f64, state.0.to_scalar()?));
        path_of_b.push((step as f64, state.1.abs().to_scalar()?));
        let number = device.place(&Tensor::from(step as i64))?;
        let (next, loss) = match &program {
            Some(program) => program.run(&(state, number))?,
            None => numbered(&state, &number)?,
        };
        losses.push(loss.to_scalar()?);
        state = next;
    }
    let (a, b) = state;
    let (a, b) = (a.to_scalar()?, b.abs().to_scalar()?);

    let precision = SDS.0.powi(-2) + SDS.1.powi(-2);
    let exact_mean = (GUESS * SDS.0.powi(-2) + MEASUREMENT * SDS.1.powi(-2)) / precision;
    let exact_sd = precision.powf(-0.5);
    let spread = (SDS.0.powi(2) + SDS.1.powi(2)).sqrt();
    let exact_loss = -Normal::new(GUESS, spread).log_prob(&MEASUREMENT.into()).to_scalar()?;
    let final_loss = stats::mean(&losses[losses.len().saturating_sub(100)..]);

    let table = Table::new("Weight", ["", "mean", "sd"])
        .row("guess", [GUESS, SDS.0])
        .row("exact posterior", [exact_mean, exact_sd])
        .row("fitted guide", [a, b]);
    show(table);
    show(format!("loss {final_loss:.4} (least possible: {exact_loss:.4})"));
    let figure =
        save_figure(&options.out, &losses, exact_loss, [path_of_a, path_of_b], [exact_mean, exact_sd]);
    show(figure?.display());
    Ok(json!({
        "a": a, "b": b, "exact_mean": exact_mean, "exact_sd": exact_sd,
        "final_loss": final_loss, "exact_loss": exact_loss,
        "steps": options.steps, "seed": options.seed,
    }))
}

/// The losses, and the way of the two numbers towards the exact ones.
fn save_figure(
    folder: &Path,
    losses: &[f64],
    exact_loss: f64,
    paths: [Vec<(f64, f64)>; 2],
    exact: [f64; 2],
) -> Result<std::path::PathBuf> {
    let level = |value: f64| (0..=1).map(|end| ((end * losses.len()) as f64, value)).collect::<Vec<_>>();
    let each = losses.iter().enumerate().map(|(step, loss)| (step as f64, *loss)).collect();
    let [path_of_a, path_of_b] = paths;
    Figure::new("A weight, measured once")
        .panel(
            Panel::new("loss", "step", "nats")
                .line("one draw a step", GREY, each)
                .line("mean of 100 steps", BLUE, stats::running_mean(losses, 100))
                .dashes("least possible", BLACK, level(exact_loss)),
        )
        .panel(
            Panel::new("a, the mean", "step", "weight")
                .legend(Corner::LowerRight)
                .line("a", BLUE, path_of_a)
                .dashes("exact", BLACK, level(exact[0])),
        )
        .panel(
            Panel::new("|b|, the standard deviation", "step", "weight").line("|b|", BLUE, path_of_b).dashes(
                "exact",
                BLACK,
                level(exact[1]),
            ),
        )
        .save(folder.join("scale.svg"))
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    #[test]
    fn a_few_steps_give_results_and_the_figure() {
        let out = TemporaryPath::new("example-scale");
        let options = PROGRAM.options(["--steps", "150", "--out", out.to_str().unwrap()]).unwrap();
        let results = infer(&options).unwrap();
        assert!((results["exact_mean"].as_f64().unwrap() - 9.14).abs() < 1e-12);
        assert!((results["exact_sd"].as_f64().unwrap() - 0.6).abs() < 1e-12);
        // Each step closes 0.001 · (1 + 1 / 0.75²) of the distance; draws add noise of mean zero.
        let expected = 9.14 - 0.64 * (1.0 - 0.001 * (1.0 + 0.75_f64.powi(-2))).powi(150);
        assert!((results["a"].as_f64().unwrap() - expected).abs() < 0.1, "{results}");
        for key in PROGRAM.keys.iter().flat_map(|(keys, _)| keys.split(", ")) {
            assert!(results.get(key).is_some_and(|value| value.is_number()), "{key}");
        }
        assert!(out.join("scale.svg").is_file());
        // The compiler changes rounding alone.
        let arguments = ["--steps", "150", "--out", out.to_str().unwrap(), "--jit", "on"];
        let compiled = infer(&PROGRAM.options(arguments).unwrap()).unwrap();
        for key in ["a", "b", "final_loss"] {
            let [compiled, eager] = [&compiled, &results].map(|results| results[key].as_f64().unwrap());
            assert!((compiled / eager - 1.0).abs() < 1e-10, "{key}: {compiled} {eager}");
        }
    }
}
