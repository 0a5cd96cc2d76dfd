//! What a calibration found.

use std::fmt;

use indexmap::IndexMap;
use ppl_core::{Error, Result};

use super::uniformity::p_value;
use super::{LEVEL, holm, p_text};

/// What one simulation gave.
#[derive(Debug)]
pub(super) struct Simulated {
    /// By the name of each number.
    pub(super) ranks: Vec<(String, usize)>,
    /// Whether its draws are not worth as many independent ones as ranks take.
    pub(super) slow: bool,
    /// Share of its draws whose trajectory diverged.
    pub(super) divergences: f64,
}

/// In which way a posterior does not fit the parameters that made the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misfit {
    /// Draws lie too close together: true values are outside of them too often.
    TooNarrow,
    /// Draws lie too far apart: true values are in the midst of them too often.
    TooWide,
    /// Draws lie below the true values too often.
    TooLow,
    /// Draws lie above the true values too often.
    TooHigh,
    /// Ranks are not uniform in some other way.
    Uneven,
}

/// The ranks of one number.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CalibrationRow {
    /// The site, with the place in its value: `theta[3]`; or `log density`.
    pub name: String,
    /// The rank of the true value among the draws of each simulation: how many are below it.
    pub ranks: Vec<usize>,
    /// Mean of the ranks as shares of the largest: ½ if calibrated.
    pub mean: f64,
    /// Mean squared distance of those shares from ½, over that of uniform ones: 1 if calibrated, larger where the draws
    /// are too narrow.
    pub spread: f64,
    /// The probability of ranks as far from uniform as these, if the sampler is right.
    pub p_value: f64,
    /// The same, adjusted for the number of rows (Holm 1979).
    pub p_adjusted: f64,
    /// What is off, if the adjusted p-value is below 0.01; empty otherwise.
    pub misfits: Vec<Misfit>,
}

/// What a calibration found: a row a number, and what is off in words.
#[derive(Debug, Clone)]
pub struct CalibrationReport {
    rows: Vec<CalibrationRow>,
    simulations: usize,
    draws: usize,
    slow: usize,
    divergent: usize,
    failures: Vec<(usize, Error)>,
    missing: usize,
}

/// Moments this many standard errors off tell what is wrong with ranks that are not uniform.
const CLEAR: f64 = 2.5;

/// Simulations with more divergences than this share of their draws are told.
const DIVERGENT: f64 = 0.01;

impl CalibrationReport {
    /// Of simulations with ranks among so many draws; `None` of one that was stopped.
    pub(super) fn of(draws: usize, found: Vec<Option<Result<Simulated>>>) -> Result<Self> {
        let mut report = Self {
            rows: Vec::new(),
            simulations: 0,
            draws,
            slow: 0,
            divergent: 0,
            failures: Vec::new(),
            missing: 0,
        };
        let mut ranks: IndexMap<String, Vec<usize>> = IndexMap::new();
        for (number, found) in found.into_iter().enumerate() {
            match found {
                None => report.missing += 1,
                Some(Err(error)) => report.failures.push((number, error)),
                Some(Ok(one)) => {
                    report.simulations += 1;
                    report.slow += usize::from(one.slow);
                    report.divergent += usize::from(one.divergences > DIVERGENT);
                    one.ranks.into_iter().for_each(|(name, rank)| ranks.entry(name).or_default().push(rank));
                }
            }
        }
        if report.simulations == 0 {
            let stopped = || Error::argument("the calibration was stopped before its first simulation ended");
            return Err(report.failures.into_iter().next().map_or_else(stopped, |(_, error)| error));
        }
        let p_values: Vec<f64> = ranks.values().map(|ranks| p_value(ranks, draws)).collect();
        let adjusted = holm(&p_values);
        let row = |((name, ranks), (p_value, p_adjusted))| row(name, ranks, draws, p_value, p_adjusted);
        report.rows = ranks.into_iter().zip(p_values.into_iter().zip(adjusted)).map(row).collect();
        Ok(report)
    }

    /// The rows, a number each, the log density last.
    pub fn rows(&self) -> &[CalibrationRow] {
        &self.rows
    }

    /// The row of a name, as `theta[3]`.
    pub fn row(&self, name: &str) -> Option<&CalibrationRow> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// Whether all simulations were made and no row is off.
    pub fn is_calibrated(&self) -> bool {
        self.failures.is_empty() && self.missing == 0 && self.rows.iter().all(|row| row.misfits.is_empty())
    }

    /// The number of simulations with ranks.
    pub fn simulations(&self) -> usize {
        self.simulations
    }

    /// The largest rank there can be: the number of draws among which they are counted.
    pub fn largest_rank(&self) -> usize {
        self.draws
    }

    /// Simulations that failed, by number, and why.
    pub fn failures(&self) -> &[(usize, Error)] {
        &self.failures
    }

    /// What should worry beside the rows, in words; none if all is well.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let n = self.simulations;
        if let Some((number, error)) = self.failures.first() {
            let failed = self.failures.len();
            warnings.push(format!(
                "{failed} of {} simulations failed and are left out, which ranks cannot make up for; number {number}: {error}",
                n + failed
            ));
        }
        if self.missing > 0 {
            warnings.push(format!("stopped early: {} simulations are missing", self.missing));
        }
        if self.slow > 0 {
            warnings.push(format!(
                "{} of {n} runs mixed too slowly for {} independent draws, which drives ranks to both ends: take more draws, or \
                 rank fewer",
                self.slow, self.draws
            ));
        }
        if self.divergent > 0 {
            warnings.push(format!(
                "{} of {n} runs had more than {:.0}% of divergent trajectories: parts of their posteriors may be missing",
                self.divergent,
                100.0 * DIVERGENT
            ));
        }
        warnings
    }
}

fn row(name: String, ranks: Vec<usize>, draws: usize, p_value: f64, p_adjusted: f64) -> CalibrationRow {
    let (n, largest) = (ranks.len() as f64, draws as f64);
    let shares = || ranks.iter().map(|rank| *rank as f64 / largest - 0.5);
    let centre = shares().sum::<f64>() / n;
    // Of a uniform rank among 0..=L, over L: the variance is (L + 2) / 12 L, the fourth moment about 1/80.
    let variance = (largest + 2.0) / (12.0 * largest);
    let spread = shares().map(|share| share * share).sum::<f64>() / n / variance;
    let fourth = (0..=draws).map(|rank| (rank as f64 / largest - 0.5).powi(4)).sum::<f64>() / (largest + 1.0);
    let shift = centre / (variance / n).sqrt();
    let excess =
        (spread - 1.0) * variance / ((fourth - variance * variance).max(f64::MIN_POSITIVE) / n).sqrt();
    let mut misfits = Vec::new();
    if p_adjusted < LEVEL {
        let clear = |z: f64, above, below| (z.abs() > CLEAR).then_some(if z > 0.0 { above } else { below });
        misfits.extend(clear(shift, Misfit::TooLow, Misfit::TooHigh));
        // Ranks at one end alone are far from the middle, too: that is told by where they are.
        let aside = (spread - 1.0) * variance <= 1.5 * centre * centre;
        misfits.extend(clear(excess, Misfit::TooNarrow, Misfit::TooWide).filter(|_| !aside || excess < 0.0));
        if misfits.is_empty() {
            misfits.push(Misfit::Uneven);
        }
    }
    CalibrationRow { name, ranks, mean: centre + 0.5, spread, p_value, p_adjusted, misfits }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooNarrow => "too narrow",
            Self::TooWide => "too wide",
            Self::TooLow => "shifted: too low",
            Self::TooHigh => "shifted: too high",
            Self::Uneven => "uneven",
        })
    }
}

impl fmt::Display for CalibrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |row: &CalibrationRow| {
            let words: Vec<String> = row.misfits.iter().map(Misfit::to_string).collect();
            if words.is_empty() { "calibrated".to_owned() } else { words.join(", ") }
        };
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        writeln!(f, "{:width$}  mean rank  spread  p       adjusted", "")?;
        for row in &self.rows {
            let (p, adjusted) = (p_text(row.p_value), p_text(row.p_adjusted));
            let CalibrationRow { name, mean, spread, .. } = row;
            writeln!(f, "{name:width$}  {mean:9.3}  {spread:6.3}  {p:6}  {adjusted:8}  {}", words(row))?;
        }
        let (n, bad) = (self.simulations, self.rows.iter().filter(|row| !row.misfits.is_empty()).count());
        match bad {
            0 => writeln!(f, "ranks are uniform, as far as {n} simulations can tell")?,
            _ => writeln!(
                f,
                "{bad} of {} numbers are not calibrated: the sampler is wrong for this model, or cannot reach all of its posterior",
                self.rows.len()
            )?,
        }
        self.warnings().iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(rank: impl Fn(usize) -> usize) -> CalibrationReport {
        let simulation = |i| Simulated { ranks: vec![("x".into(), rank(i))], slow: false, divergences: 0.0 };
        CalibrationReport::of(99, (0..200).map(|i| Some(Ok(simulation(i)))).collect()).unwrap()
    }

    /// Equally spaced ranks, mapped.
    #[test]
    fn what_is_off_is_told() {
        let mapped = |f: fn(f64) -> f64| {
            let report = report(|i| (100.0 * f((i as f64 + 0.5) / 200.0)) as usize);
            report.rows()[0].misfits.clone()
        };
        assert_eq!(mapped(|u| u), []);
        assert_eq!(mapped(|u| u * u), [Misfit::TooHigh]);
        assert_eq!(mapped(|u| u.sqrt()), [Misfit::TooLow]);
        assert_eq!(
            mapped(|u| 0.5 + 0.5 * (2.0 * u - 1.0).signum() * (2.0 * u - 1.0).abs().sqrt()),
            [Misfit::TooNarrow]
        );
        assert_eq!(mapped(|u| 0.25 + 0.5 * u), [Misfit::TooWide]);
        // With the mean and the variance of uniform ones.
        assert_eq!(mapped(|u| if u < 0.5 { 0.2115 } else { 0.7885 }), [Misfit::Uneven]);
    }

    #[test]
    fn failures_and_stops_are_told() {
        let good = || Some(Ok(Simulated { ranks: vec![("x".into(), 3)], slow: true, divergences: 0.5 }));
        let bad = || Some(Err(Error::argument("no luck")));
        let report = CalibrationReport::of(9, vec![good(), bad(), None]).unwrap();
        assert!(!report.is_calibrated() && (report.simulations(), report.largest_rank()) == (1, 9));
        let text = report.to_string();
        for part in [
            "1 of 2 simulations failed",
            "number 1: no luck",
            "stopped early",
            "too slowly for 9",
            "divergent",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let error = |found| CalibrationReport::of(9, found).unwrap_err().to_string();
        assert_eq!(error(vec![bad()]), "no luck");
        assert_eq!(error(vec![None]), "the calibration was stopped before its first simulation ended");
    }
}
