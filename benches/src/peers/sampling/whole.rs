//! A whole program, from the start of its process to the summary of its draws.

use std::process::Command;
use std::time::Instant;

use ppl::core::{Error, Result};
use ppl::mcmc::{Mcmc, Nuts};
use serde_json::{Value, json};

use super::measure::Spread;
use super::processes;
use crate::data::Rugged;
use crate::inference::rugged;
use crate::peers::Session;

/// The option by which this program is the one that is timed.
pub const OPTION: &str = "--rugged-nuts";

const NAME: &str = "sampling/rugged_nuts, a whole process";

/// Times of processes, and the most memory that one of them had.
pub(in crate::peers) struct Whole {
    seconds: Spread,
    megabytes: Option<f64>,
}

/// Reads the data, compiles, samples four chains of 1000 + 1000, and prints their summary; then the most memory that the
/// process had.
///
/// # Errors
/// If the data cannot be read, or sampling fails.
pub fn sample() -> Result<()> {
    let chains = Mcmc::new(Nuts::new()).progress(false).run(&rugged, &Rugged::load()?.countries)?;
    println!("{}", chains.summary()?);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with(PEAK)).unwrap_or_default());
    Ok(())
}

/// Linux's name for the most memory that a process had.
const PEAK: &str = "VmHWM:";

/// Starts this program as many times as the effort asks for.
pub(in crate::peers) fn run(session: &mut Session<'_>) -> Result<()> {
    if !session.wants(NAME) {
        return Ok(());
    }
    eprintln!("  measuring {NAME}");
    let fault = |reason: String| Error::argument(format!("{NAME}: {reason}"));
    let program = std::env::current_exe().map_err(|error| fault(error.to_string()))?;
    let (mut seconds, mut megabytes): (Vec<f64>, Option<f64>) = (Vec::new(), None);
    for _ in 0..processes(session.effort) {
        let start = Instant::now();
        let output = Command::new(&program).arg(OPTION).output().map_err(|error| fault(error.to_string()))?;
        seconds.push(start.elapsed().as_secs_f64());
        if !output.status.success() {
            return Err(fault(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let found = peak(&String::from_utf8_lossy(&output.stdout));
        megabytes = megabytes.into_iter().chain(found).reduce(f64::max);
    }
    session.whole = Some(Whole { seconds: Spread::of(seconds), megabytes });
    Ok(())
}

/// The memory in what a process printed, in megabytes.
fn peak(printed: &str) -> Option<f64> {
    let line = printed.lines().find_map(|line| line.strip_prefix(PEAK))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

impl Whole {
    /// In words, beside what it should be.
    pub(in crate::peers) fn words(&self) -> String {
        let Spread { low, median, high } = self.seconds;
        let milliseconds = [median, low, high].map(|seconds| format!("{:.0} ms", 1e3 * seconds));
        let [median, low, high] = milliseconds;
        let memory = self.megabytes.map_or("unknown".to_owned(), |megabytes| format!("{megabytes:.0} MB"));
        format!(
            "{NAME}, from its start to the summary of 4 x (1000 + 1000): {median} (quartiles {low}, {high}), aim 500 ms; \
             most memory {memory}, aim 100 MB"
        )
    }

    pub(in crate::peers) fn json(&self) -> Value {
        let Spread { low, median, high } = self.seconds;
        json!({ "work": NAME, "seconds": { "median": median, "quartiles": [low, high] }, "megabytes": self.megabytes })
    }
}

#[cfg(test)]
mod tests {
    use super::peak;

    #[test]
    fn memory_is_read_from_the_end_of_the_summary() {
        assert_eq!(peak("a  0.1  0.2\nVmHWM:\t   25000 kB\n"), Some(25.6));
        assert_eq!(peak("a  0.1  0.2\n\n"), None);
    }
}
