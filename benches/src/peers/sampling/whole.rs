//! Whole programs, from the start of their processes to what they print.

use std::process::Command;
use std::time::Instant;

use ppl::autoguide::AutoDiagonalNormal;
use ppl::core::{Error, Result};
use ppl::infer::{Adam, Objective, Svi, TraceGraphElbo};
use ppl::mcmc::{Mcmc, Nuts};
use serde_json::{Value, json};

use super::measure::Spread;
use super::processes;
use crate::data::{Rugged, simulated_regression};
use crate::inference::{linreg, rugged};
use crate::peers::Session;

/// A program that is timed as a whole.
pub struct Program {
    /// The option by which this program is that one.
    pub option: &'static str,
    name: &'static str,
    /// What it does, in words.
    does: &'static str,
    /// Milliseconds, and megabytes, that it should not exceed.
    aims: (f64, Option<f64>),
    body: fn() -> Result<()>,
}

/// All of them.
pub const PROGRAMS: [Program; 2] = [
    Program {
        option: "--rugged-nuts",
        name: "sampling/rugged_nuts, a whole process",
        does: "the summary of 4 x (1000 + 1000)",
        aims: (500.0, Some(100.0)),
        body: sample,
    },
    Program {
        option: "--linreg",
        name: "svi/linreg, a whole process",
        does: "the loss after 30000 steps",
        aims: (1000.0, None),
        body: fit,
    },
];

/// Times of processes, and the most memory that one of them had.
pub(in crate::peers) struct Whole {
    program: &'static Program,
    seconds: Spread,
    megabytes: Option<f64>,
}

impl Program {
    /// Does what is timed, and prints the most memory that the process had.
    ///
    /// # Errors
    /// If the data cannot be read, or the work fails.
    pub fn run(&self) -> Result<()> {
        (self.body)()?;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        println!("{}", status.lines().find(|line| line.starts_with(PEAK)).unwrap_or_default());
        Ok(())
    }
}

/// Reads the data, compiles, samples four chains of 1000 + 1000, and prints their summary.
fn sample() -> Result<()> {
    let chains = Mcmc::new(Nuts::new()).progress(false).run(&rugged, &Rugged::load()?.countries)?;
    println!("{}", chains.summary()?);
    Ok(())
}

/// Simulates the data, compiles, takes 30 000 steps as the example `linreg` does, and prints the last loss.
fn fit() -> Result<()> {
    let (rows, _) = simulated_regression()?;
    let objective = TraceGraphElbo::new().jit();
    let mut svi =
        Svi::new(linreg, AutoDiagonalNormal::new(linreg), Adam::new(0.01), objective).progress(false);
    let losses = svi.run(30_000, &rows)?;
    println!("{:?} after {} steps", losses.last(), losses.len());
    Ok(())
}

/// Linux's name for the most memory that a process had.
const PEAK: &str = "VmHWM:";

/// Starts this program as each of them, as many times as the effort asks for.
pub(in crate::peers) fn run(session: &mut Session<'_>) -> Result<()> {
    for program in &PROGRAMS {
        if session.wants(program.name) {
            eprintln!("  measuring {}", program.name);
            let whole = timed(program, processes(session.effort));
            session
                .wholes
                .push(whole.map_err(|reason| Error::argument(format!("{}: {reason}", program.name)))?);
        }
    }
    Ok(())
}

fn timed(program: &'static Program, times: usize) -> std::result::Result<Whole, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let (mut seconds, mut megabytes): (Vec<f64>, Option<f64>) = (Vec::new(), None);
    for _ in 0..times {
        let start = Instant::now();
        let output = Command::new(&this).arg(program.option).output().map_err(|error| error.to_string())?;
        seconds.push(start.elapsed().as_secs_f64());
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let found = peak(&String::from_utf8_lossy(&output.stdout));
        megabytes = megabytes.into_iter().chain(found).reduce(f64::max);
    }
    Ok(Whole { program, seconds: Spread::of(seconds), megabytes })
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
        let Program { name, does, aims: (aim, most), .. } = self.program;
        let milliseconds = [median, low, high].map(|seconds| format!("{:.0} ms", 1e3 * seconds));
        let [median, low, high] = milliseconds;
        let memory = self.megabytes.map_or("unknown".to_owned(), |megabytes| format!("{megabytes:.0} MB"));
        let most = most.map_or_else(String::new, |most| format!(", aim {most:.0} MB"));
        format!(
            "{name}, from its start to {does}: {median} (quartiles {low}, {high}), aim {aim:.0} ms; most memory \
             {memory}{most}"
        )
    }

    pub(in crate::peers) fn json(&self) -> Value {
        let Spread { low, median, high } = self.seconds;
        json!({ "work": self.program.name, "seconds": { "median": median, "quartiles": [low, high] }, "megabytes": self.megabytes })
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
