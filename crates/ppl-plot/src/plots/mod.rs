//! Figures of chains.

mod density;
mod energy;
mod ess;
mod forest;
mod numbers;
mod pairs;
mod rank;
mod trace;

use ppl_core::{Error, Result};
use ppl_mcmc::Chains;

use crate::figure::{AMBER, BLUE, Figure, GREEN, ORANGE, PURPLE, Rgb, SKY};
use numbers::{Number, Selection};

/// Figures of chains, being described: of which numbers, and how many at most. Their forms are those of
/// [ArviZ](https://python.arviz.org).
///
/// Numbers are those of all sites, latent and deterministic, under the names of the summary. Where there are more than a
/// figure has room for, it shows the first of each site and says so below its panels. What it leaves out, draws that are
/// not finite, is said there, too.
#[derive(Debug, Clone)]
#[must_use = "plots are nothing until one is drawn"]
pub struct Plots<'a> {
    chains: &'a Chains,
    sites: Option<Vec<String>>,
    limit: Option<usize>,
    interval: Interval,
}

/// An interval that holds a share of draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval {
    /// With equal shares of draws below and above.
    EqualTailed(f64),
    /// The shortest one.
    HighestDensity(f64),
}

/// Panels of a figure, if nothing else was asked for.
const PANELS: usize = 12;

/// Chains that the legend names one by one.
const NAMED_CHAINS: usize = 12;

impl<'a> Plots<'a> {
    /// Of all sites. The interval is the equal-tailed one of 89%.
    pub fn new(chains: &'a Chains) -> Self {
        Self { chains, sites: None, limit: None, interval: Interval::EqualTailed(0.89) }
    }

    /// Of these sites alone, or of these numbers: `theta`, `theta[3]`.
    pub fn sites<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.sites = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Of at most so many numbers. Without it there are 12, 40 in a forest, and 5 in pairs.
    pub fn limit(mut self, numbers: usize) -> Self {
        self.limit = Some(numbers);
        self
    }

    /// Another interval in a forest.
    pub fn interval(mut self, interval: Interval) -> Self {
        self.interval = interval;
        self
    }

    pub(crate) fn chains(&self) -> &'a Chains {
        self.chains
    }

    /// What is to be shown, at most so many numbers unless a limit was given.
    fn select(&self, usual: usize) -> Result<Selection> {
        let limit = self.limit.unwrap_or(usual);
        if limit == 0 {
            return Err(Error::argument("zero numbers are to be shown, at least 1 is needed"));
        }
        numbers::select(self.chains, self.sites.as_deref(), limit)
    }

    /// The same figure with a legend of chains.
    fn with_chains(&self, figure: Figure) -> Figure {
        let runs = self.chains.run_times();
        match runs.len() {
            0..=NAMED_CHAINS => runs.iter().enumerate().fold(figure, |figure, (place, run)| {
                figure.key(&format!("chain {}", run.number), chain_color(place))
            }),
            many => figure.note(format!("There are {many} chains; colours repeat.")),
        }
    }
}

/// One panel, or rows of panels of these sizes.
fn grid(title: &str, panels: usize, columns: usize, (width, height): (u32, u32)) -> Figure {
    let columns = columns.min(panels).max(1);
    let width = if columns == 1 { width.max(620) } else { width };
    Figure::new(title).columns(vec![width; columns]).row_height(height)
}

fn chain_color(place: usize) -> Rgb {
    const COLORS: [Rgb; 6] = [BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY];
    COLORS[place % COLORS.len()]
}
