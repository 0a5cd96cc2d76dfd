//! Times work in interleaved rounds: what is compared runs in turn, so that whatever else the machine does meets all of
//! it alike.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ppl::core::Result;

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Number of rounds; each runs every case of a group once.
    pub rounds: usize,
    /// Least time of a case in one round.
    pub slice: Duration,
}

impl Effort {
    /// Enough for figures to be compared.
    pub const FULL: Self = Self { rounds: 21, slice: Duration::from_millis(20) };
    /// The same with other systems, of which some take up to a millisecond to enter a loop.
    pub const COMPARISON: Self = Self { rounds: 21, slice: Duration::from_millis(100) };
    /// Enough to see that everything runs.
    pub const QUICK: Self = Self { rounds: 5, slice: Duration::from_millis(2) };

    /// Whether figures are not meant to be compared.
    pub fn is_quick(self) -> bool {
        self.rounds < Self::FULL.rounds
    }
}

/// Time that a case has spent on tracing and compiling, told by what it does.
pub type CompileTime = Rc<Cell<Duration>>;

/// One piece of work.
struct Case<'a> {
    name: String,
    compile: Option<CompileTime>,
    /// Does it so many times, and returns how long that took.
    run: Box<dyn FnMut(usize) -> Result<Duration> + 'a>,
}

/// Cases that do the same work, or belong together. The first is what the others are compared with.
pub struct Group<'a> {
    name: String,
    unit: &'static str,
    units: f64,
    cases: Vec<Case<'a>>,
}

/// Times of one case, in nanoseconds a unit.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// Name of the group.
    pub group: String,
    /// Name of the case.
    pub case: String,
    /// What is counted: `op`, `element`, `step`.
    pub unit: &'static str,
    /// The fastest round.
    pub min: f64,
    /// The middle round.
    pub median: f64,
    /// The slowest round.
    pub max: f64,
    /// Median over the rounds of the time divided by that of the group's first case in the same round.
    pub ratio: f64,
    /// Tracing and compiling, once, in nanoseconds; of cases that are compiled.
    pub compile: Option<f64>,
}

impl<'a> Group<'a> {
    /// A group without cases, of which each call of a case does `units` of the work that `unit` names.
    pub fn new(name: impl Into<String>, unit: &'static str, units: usize) -> Self {
        Self { name: name.into(), unit, units: units as f64, cases: Vec::new() }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same group with another case. What `run` returns is kept from being optimised away.
    #[must_use]
    pub fn case<O>(self, name: &str, mut run: impl FnMut() -> Result<O> + 'a) -> Self {
        self.timed(name, move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(run()?);
            }
            Ok(start.elapsed())
        })
    }

    /// As [`Group::case`], with a case of which each call does the group's work so many times.
    #[must_use]
    pub fn repeated<O>(self, name: &str, repeats: usize, mut run: impl FnMut() -> Result<O> + 'a) -> Self {
        self.timed(name, move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(run()?);
            }
            Ok(start.elapsed().div_f64(repeats as f64))
        })
    }

    /// The same group with another case, which does its work as often as it is told and returns how long that took: for
    /// work that loops, or is timed, elsewhere.
    #[must_use]
    pub fn timed(mut self, name: &str, run: impl FnMut(usize) -> Result<Duration> + 'a) -> Self {
        self.cases.push(Case { name: name.to_owned(), compile: None, run: Box::new(run) });
        self
    }

    /// The same group, the last case of which tells of the time that it spent on compiling.
    #[must_use]
    pub fn compiled_in(mut self, time: CompileTime) -> Self {
        if let Some(case) = self.cases.last_mut() {
            case.compile = Some(time);
        }
        self
    }

    /// Runs all cases in turn, round after round.
    ///
    /// # Errors
    /// The first that a case returns.
    pub fn measure(mut self, effort: Effort) -> Result<Vec<Measurement>> {
        let calls =
            self.cases.iter_mut().map(|case| calls_of(case, effort.slice)).collect::<Result<Vec<_>>>()?;
        let mut rounds: Vec<Vec<f64>> = vec![Vec::with_capacity(effort.rounds); self.cases.len()];
        for round in 0..effort.rounds {
            for turn in 0..self.cases.len() {
                // Every round starts with another case: none always runs in the wake of the same one.
                let case = (round + turn) % self.cases.len();
                let time = (self.cases[case].run)(calls[case])?;
                rounds[case].push(time.as_nanos() as f64 / (calls[case] as f64 * self.units));
            }
        }
        let reference = rounds.first().cloned().unwrap_or_default();
        let measured = self.cases.into_iter().zip(rounds).map(|(case, mut times)| {
            let mut ratios: Vec<f64> =
                times.iter().zip(&reference).map(|(time, other)| time / other).collect();
            Measurement {
                group: self.name.clone(),
                case: case.name,
                compile: case.compile.map(|time| time.get().as_nanos() as f64),
                unit: self.unit,
                ratio: median(&mut ratios),
                median: median(&mut times),
                min: times.first().copied().unwrap_or(f64::NAN),
                max: times.last().copied().unwrap_or(f64::NAN),
            }
        });
        Ok(measured.collect())
    }
}

/// The number of calls that take at least `slice`, after a first one that fills caches.
fn calls_of(case: &mut Case<'_>, slice: Duration) -> Result<usize> {
    (case.run)(1)?;
    let mut calls = 1;
    while (case.run)(calls)? < slice {
        calls *= 2;
    }
    Ok(calls)
}

/// Sorts the numbers, and returns the middle one, or the upper of the two.
fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CompileTime, Effort, Group, median};

    #[test]
    fn medians() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 3.0);
        assert!(median(&mut []).is_nan());
    }

    #[test]
    fn every_case_is_measured_against_the_first() {
        let wait = |micros| {
            move || {
                std::thread::sleep(Duration::from_micros(micros));
                Ok(())
            }
        };
        let effort = Effort { rounds: 5, slice: Duration::from_micros(100) };
        let measured =
            Group::new("sleep", "nap", 2).case("short", wait(200)).case("long", wait(4000)).measure(effort);
        let [short, long] = &measured.unwrap()[..] else { panic!("two cases, two measurements") };
        assert_eq!(short.ratio, 1.0);
        // Half of a call, as each is two units; a sleep is never shorter than asked for.
        assert!(short.min >= 100_000.0 && short.min <= short.median && short.median <= short.max);
        assert!(long.min >= 2_000_000.0 && long.ratio > 1.0);
        assert_eq!((long.group.as_str(), long.case.as_str(), long.unit), ("sleep", "long", "nap"));
    }

    #[test]
    fn compile_times_are_those_at_the_end() {
        let time = CompileTime::default();
        let told = time.clone();
        let group = Group::new("fit", "step", 1).case("eager", || Ok(())).case("compiled", move || {
            told.set(Duration::from_millis(3));
            Ok(())
        });
        let measured = group.compiled_in(time).measure(Effort::QUICK).unwrap();
        assert_eq!(measured.iter().map(|row| row.compile).collect::<Vec<_>>(), [None, Some(3e6)]);
    }

    #[test]
    fn the_first_failure_ends_a_measurement() {
        let failing = || -> ppl::core::Result<()> { Err(ppl::core::Error::argument("no")) };
        assert!(Group::new("bad", "op", 1).case("fails", failing).measure(Effort::QUICK).is_err());
    }
}
