//! Runs examples and holds their results against known ones.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{cargo, lacking, output};
use crate::{Outcome, Result, workspace};

/// A number in an example's results, and what it must be.
struct Expected {
    /// Where it is: `/mean`.
    pointer: &'static str,
    value: f64,
    /// How far from the value it may be.
    within: f64,
}

const fn expected(pointer: &'static str, value: f64, within: f64) -> Expected {
    Expected { pointer, value, within }
}

/// The exact posterior is Beta(16, 14), whose moments these are. A fit ends within a tenth of the deviation.
const COIN: [Expected; 2] = [expected("/mean", 0.5333, 0.009), expected("/sd", 0.0896, 0.009)];

/// A step of the loop closes 0.001 (1 + 1 / 0.75²) of the distance between a and 9.14, and twice that of the distance
/// between |b| and 0.6, on average; the draws add a noise whose standard deviation settles at 0.024 for both.
const SCALE: [Expected; 4] = [
    expected("/exact_mean", 9.14, 1e-9),
    expected("/exact_sd", 0.6, 1e-9),
    expected("/a", 9.100, 0.075),
    expected("/b", 0.602, 0.075),
];

/// Ordinary least squares by numpy 2, to 3 digits.
const RUGGED_MLE: [Expected; 7] = [
    expected("/nations", 170.0, 0.0),
    expected("/fitted/a", 9.22323, 5e-4),
    expected("/fitted/bA", -1.94805, 5e-4),
    expected("/fitted/bR", -0.20286, 5e-4),
    expected("/fitted/bAR", 0.39339, 5e-4),
    expected("/fitted/sigma", 0.93268, 5e-4),
    expected("/loss", 229.37165, 5e-4),
];

/// Every true value within 4 posterior standard deviations: more than that happens to one of ten in 1600 data sets.
const LINREG: [Expected; 2] = [expected("/worst_z", 0.0, 4.0), expected("/rows", 2500.0, 0.0)];

/// A figure of Pyro's tutorial: the end of one noisy run, as ours is. `spread` is the standard deviation over runs with
/// nine seeds of ours; the two may differ by three times that of their difference.
const fn published(pointer: &'static str, value: f64, spread: f64) -> Expected {
    Expected { pointer, value, within: 3.0 * std::f64::consts::SQRT_2 * spread }
}

const RUGGED: [Expected; 12] = [
    expected("/nations", 170.0, 0.0),
    published("/auto_normal/locs/a", 9.17, 0.015),
    published("/auto_normal/locs/bA", -1.85, 0.034),
    published("/auto_normal/locs/bR", -0.19, 0.014),
    published("/auto_normal/locs/bAR", 0.36, 0.030),
    published("/auto_normal/locs/sigma", -2.21, 0.020),
    published("/auto_normal/scales/a", 0.070, 0.003),
    published("/auto_normal/scales/bA", 0.141, 0.014),
    published("/auto_normal/scales/bR", 0.044, 0.0027),
    published("/auto_normal/scales/bAR", 0.079, 0.0045),
    published("/auto_normal/scales/sigma", 0.061, 0.0045),
    published("/mean_field/loss", 248.0, 0.35),
];

/// The exact posterior: coefficients are normal given sigma, over which scipy 1.15 integrated on a grid. Five standard errors
/// of 1500 effective draws.
const RUGGED_NUTS: [Expected; 14] = [
    expected("/nations", 170.0, 0.0),
    expected("/r_hat", 1.0, 0.01),
    expected("/divergences", 0.0, 0.0),
    expected("/means/a", 9.18025, 0.018),
    expected("/means/bA", -1.84038, 0.029),
    expected("/means/bR", -0.18285, 0.010),
    expected("/means/bAR", 0.34581, 0.017),
    expected("/means/sigma", 0.95147, 0.007),
    expected("/sds/a", 0.13920, 0.0127),
    expected("/sds/bA", 0.22277, 0.0203),
    expected("/sds/bR", 0.07724, 0.0071),
    expected("/sds/bAR", 0.13005, 0.0119),
    expected("/sds/sigma", 0.05278, 0.0049),
    expected("/slopes/inside/mean", 0.16296, 0.014),
];

/// The reference draws of posteriordb, within five standard errors.
const EIGHT_SCHOOLS: [Expected; 3] = [
    expected("/standardised/divergences", 0.0, 0.0),
    expected("/standardised/mu", 4.4105, 0.30),
    expected("/standardised/tau", 3.6021, 0.40),
];

/// Means and mean squares within four combined standard errors of the reference draws, and R-hat below 1.01.
const POSTERIORDB: [Expected; 4] = [
    expected("/verdict", 1.0, 0.0),
    expected("/numbers", 10.0, 0.0),
    expected("/r_hat", 1.0, 0.01),
    expected("/worst_z", 0.0, 4.0),
];

/// Where the first number must be above the second: a mean field leaves out what the slopes have in common.
const RUGGED_ORDER: [[&str; 2]; 2] = [
    ["/full_rank/slopes/outside/sd", "/mean_field/slopes/outside/sd"],
    ["/full_rank/slopes/inside/sd", "/mean_field/slopes/inside/sd"],
];

const EIGHT_SCHOOLS_ORDER: [[&str; 2]; 1] = [["/centred/divergences", "/standardised/divergences"]];

pub(crate) fn coin() -> Result {
    by_both("coin", &COIN)
}

pub(crate) fn scale() -> Result {
    by_both("scale", &SCALE)
}

pub(crate) fn linreg() -> Result {
    run("linreg", &[], &LINREG, &[])
}

pub(crate) fn rugged() -> Result {
    on_nations("rugged", &RUGGED, &RUGGED_ORDER)
}

pub(crate) fn rugged_mle() -> Result {
    on_nations("rugged_mle", &RUGGED_MLE, &[])
}

pub(crate) fn rugged_nuts() -> Result {
    on_nations("rugged_nuts", &RUGGED_NUTS, &[])
}

pub(crate) fn eight_schools() -> Result {
    run("eight_schools", &[], &EIGHT_SCHOOLS, &EIGHT_SCHOOLS_ORDER)
}

/// One of the posteriors: the tests have them all.
pub(crate) fn posteriordb() -> Result {
    let posterior = "eight_schools-eight_schools_noncentered";
    with_data(&format!("posteriordb/{posterior}/data.json"), |_| {
        run("posteriordb", &[posterior.as_ref()], &POSTERIORDB, &[])
    })
}

/// With the compiler and without.
fn by_both(example: &str, expected: &[Expected]) -> Result {
    run(example, &["--jit".as_ref(), "on".as_ref()], expected, &[])?;
    run(example, &[], expected, &[])
}

fn on_nations(example: &str, expected: &[Expected], order: &[[&'static str; 2]]) -> Result {
    with_data("data/rugged.csv", |file| run(example, &["--data".as_ref(), file], expected, order))
}

/// Without a data file, which is not part of the repository, there is nothing to check.
fn with_data(path: &str, check: impl FnOnce(&Path) -> Result) -> Result {
    let file = data_folder().join(path);
    if !file.is_file() {
        let reason = format!("there is no file {}: set PPL_DATA_DIR", file.display());
        return lacking(reason);
    }
    check(&file)
}

/// The folder that `PPL_DATA_DIR` names, or the one where the examples look without it.
fn data_folder() -> PathBuf {
    std::env::var_os("PPL_DATA_DIR").map_or_else(|| workspace().join("..").join("shared"), PathBuf::from)
}

/// Runs an example, whose last line of output is its results, and compares them.
fn run(example: &str, options: &[&Path], expected: &[Expected], order: &[[&'static str; 2]]) -> Result {
    let figures = std::env::temp_dir().join(format!("ppl-{example}-{}", std::process::id()));
    let mut command = cargo(&["run", "--quiet", "--release", "--example", example, "--", "--json", "--out"]);
    command.arg(&figures).args(options);
    let printed = output(command)?;
    // Nobody looks at the figures of a check; that they were drawn is enough.
    std::fs::remove_dir_all(&figures)
        .map_err(|error| format!("no figures in {}: {error}", figures.display()))?;
    let last = printed.lines().last().unwrap_or_default();
    let results: Value =
        serde_json::from_str(last).map_err(|error| format!("the last line is not JSON: {error}"))?;
    let mut wrong = Vec::new();
    for Expected { pointer, value, within } in expected {
        let found = results.pointer(pointer).and_then(Value::as_f64);
        let holds = found.is_some_and(|found| (found - value).abs() <= *within);
        let shown = found.map_or("missing".to_owned(), |found| format!("{found:.4}"));
        println!(
            "{pointer:32} {shown:>10}  expected {value} ± {within:.3}{}",
            if holds { "" } else { "  WRONG" }
        );
        if !holds {
            wrong.push(*pointer);
        }
    }
    for [above, below] in order {
        let [high, low] = [above, below].map(|pointer| results.pointer(pointer).and_then(Value::as_f64));
        let holds = matches!((high, low), (Some(high), Some(low)) if high > low);
        println!("{above} {high:?} above {below} {low:?}{}", if holds { "" } else { "  WRONG" });
        if !holds {
            wrong.push(*above);
        }
    }
    if wrong.is_empty() { Ok(Outcome::Done) } else { Err(format!("wrong results: {}", wrong.join(", "))) }
}
