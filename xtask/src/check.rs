//! The checks a change must pass, one after the other, announced and timed.

use std::time::{Duration, Instant};

use crate::command::{self, cargo};
use crate::{Outcome, Result, backends, examples, lines, python, workspace};

/// A check.
struct Step {
    name: &'static str,
    run: fn() -> Result,
}

/// Cheap checks come first, so that a slip is seen soon; the steps that build more, last.
const STEPS: [Step; 17] = [
    Step { name: "format", run: || command::run(cargo(&["fmt", "--all", "--check"])) },
    Step { name: "lines", run: || lines::check(workspace()) },
    Step { name: "clippy", run: clippy },
    Step { name: "docs", run: docs },
    Step { name: "backends", run: backends::check },
    Step { name: "tests", run: command::tests },
    Step { name: "coin", run: examples::coin },
    Step { name: "scale", run: examples::scale },
    Step { name: "rugged_mle", run: examples::rugged_mle },
    Step { name: "rugged", run: examples::rugged },
    Step { name: "linreg", run: examples::linreg },
    Step { name: "rugged_nuts", run: examples::rugged_nuts },
    Step { name: "eight_schools", run: examples::eight_schools },
    Step { name: "posteriordb", run: examples::posteriordb },
    Step { name: "arviz", run: python::arviz },
    Step { name: "flex", run: || command::backend_suite("flex") },
    Step { name: "nuts-rs", run: command::nuts_rs },
];

pub(crate) fn is_step(name: &str) -> bool {
    STEPS.iter().any(|step| step.name == name)
}

/// Runs the named steps, or all, and stops at the first that fails.
pub(crate) fn run(names: &[&str]) -> Result {
    let chosen = STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name));
    let start = Instant::now();
    let mut report = Vec::new();
    for step in chosen {
        println!("==> {}", step.name);
        let begun = Instant::now();
        let outcome = (step.run)().map_err(|reason| format!("step `{}` failed: {reason}", step.name))?;
        let passed = match outcome {
            Outcome::Done => "passed".to_owned(),
            Outcome::Skipped(reason) => format!("SKIPPED: {reason}"),
        };
        println!("<== {} {passed} ({})", step.name, seconds(begun.elapsed()));
        report.push(format!("{:10} {:>8}  {passed}", step.name, seconds(begun.elapsed())));
    }
    println!("\n{}\n{:10} {:>8}", report.join("\n"), "all", seconds(start.elapsed()));
    Ok(Outcome::Done)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn clippy() -> Result {
    command::run(cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn docs() -> Result {
    let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command::run(command)
}

#[cfg(test)]
mod tests {
    use super::STEPS;
    use crate::USAGE;

    #[test]
    fn the_help_names_every_step() {
        let (_, steps) = USAGE.split_once("ci [STEP ...]").unwrap();
        let (steps, _) = steps.split_once("\n  slow").unwrap();
        let named: Vec<&str> = steps.split_once(':').unwrap().1.split_whitespace().collect();
        assert_eq!(named, STEPS.map(|step| step.name));
    }
}
