//! Runs examples and holds their results against known ones.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{cargo, output};
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

/// Where the first number must be above the second: a mean field leaves out what the slopes have in common.
const RUGGED_ORDER: [[&str; 2]; 2] = [
    ["/full_rank/slopes/outside/sd", "/mean_field/slopes/outside/sd"],
    ["/full_rank/slopes/inside/sd", "/mean_field/slopes/inside/sd"],
];

pub(crate) fn coin() -> Result {
    run("coin", &[], &COIN, &[])
}

/// Skipped without its data file, which is not part of the repository; not where the environment says `CI=true`.
pub(crate) fn rugged() -> Result {
    let file = data_folder().join("data").join("rugged.csv");
    if !file.is_file() {
        let reason = format!("there is no file {}: set PPL_DATA_DIR", file.display());
        let strict = std::env::var_os("CI").is_some_and(|value| value == "true");
        return if strict { Err(reason) } else { Ok(Outcome::Skipped(reason)) };
    }
    run("rugged", &["--data".as_ref(), &file], &RUGGED, &RUGGED_ORDER)
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
