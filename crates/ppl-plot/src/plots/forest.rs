//! Intervals of many numbers.

use ppl_core::{Error, Result};
use ppl_mcmc::diagnostics::{FEWEST_EFFECTIVE, LARGEST_R_HAT, ess_bulk, ess_tail, r_hat};

use super::{Interval, Number, Plots};
use crate::figure::{BLACK, BLUE, Figure, GREEN, ORANGE, Panel};
use crate::quantities::{eti, hdi};

/// Numbers, if nothing else was asked for.
const NUMBERS: usize = 40;

/// The share of the thick stroke.
const INNER: f64 = 0.5;

impl Interval {
    /// The interval of these draws that holds this share.
    fn of(self, draws: &[f64], probability: f64) -> (f64, f64) {
        match self {
            Self::EqualTailed(_) => eti(draws, probability),
            Self::HighestDensity(_) => hdi(draws, probability),
        }
    }

    /// Its share, and its name.
    fn parts(self) -> (f64, &'static str) {
        match self {
            Self::EqualTailed(share) => (share, "equal-tailed"),
            Self::HighestDensity(share) => (share, "highest density"),
        }
    }
}

impl Plots<'_> {
    /// Median and intervals of each number, of all chains: a thick stroke for half of the draws, a thin one for the share
    /// of the interval; beside them R̂ and effective sample sizes, with what a summary warns of as dashed lines.
    ///
    /// # Errors
    /// If a site is not known, draws cannot be read, or the interval's share is not between 0 and 1.
    pub fn forest(&self) -> Result<Figure> {
        let (share, kind) = self.interval.parts();
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::argument(format!(
                "the share of the interval is {share}, must be between 0 and 1"
            )));
        }
        let chosen = self.select(NUMBERS)?;
        let numbers = &chosen.numbers;
        let height = 120 + 24 * numbers.len() as u32;
        let names = numbers.iter().map(|number| number.name.as_str());
        let unnamed = || numbers.iter().map(|_| "");
        let percent = |share: f64| (share * 1000.0).round() / 10.0;
        let title = format!("{}% and {}% {kind} intervals", percent(INNER), percent(share));
        let mut intervals = Panel::new(&title, "", "").rows(names);
        let (mut bulk, mut tail, mut r_hats) = (Vec::new(), Vec::new(), Vec::new());
        let mut medians = Vec::new();
        for (place, number) in numbers.iter().enumerate() {
            let y = (numbers.len() - 1 - place) as f64;
            let all = number.all();
            for (share, width) in [(share, 2), (INNER, 6)] {
                let (low, high) = self.interval.of(&all, share);
                intervals = intervals.segment("", BLUE, width, (low, y), (high, y));
            }
            medians.push((eti(&all, 0.0).0, y));
            let chains = number.slices();
            r_hats.push((r_hat(&chains), y));
            bulk.push((ess_bulk(&chains), y));
            tail.push((ess_tail(&chains), y));
        }
        let ends = |x: f64| vec![(x, -0.6), (x, numbers.len() as f64 - 0.4)];
        let enough = FEWEST_EFFECTIVE * self.chains().chain_count() as f64;
        let undefined = undefined(numbers, &r_hats);
        let figure = Figure::new("Forest")
            .columns([560, 250, 330])
            .row_height(height)
            .panel(intervals.dots("", BLACK, medians))
            .panel(
                Panel::new("R-hat", "", "")
                    .rows(unnamed())
                    .dashes("", BLACK, ends(LARGEST_R_HAT))
                    .dashes("", BLACK, ends(1.0))
                    .dots("", BLUE, r_hats),
            )
            .panel(
                Panel::new("effective draws", "", "")
                    .rows(unnamed())
                    .dashes("", BLACK, ends(enough))
                    .dots("", GREEN, bulk)
                    .dots("", ORANGE, tail),
            )
            .key("interval", BLUE)
            .key("median", BLACK)
            .key("bulk", GREEN)
            .key("tail", ORANGE)
            .note(format!(
                "Dashed: R-hat of 1 and {LARGEST_R_HAT}, and {enough} effective draws, {FEWEST_EFFECTIVE} a chain."
            ));
        let figure = if undefined.is_empty() { figure } else { figure.note(undefined) };
        Ok(chosen.notes(figure))
    }
}

/// A sentence on numbers that have no R̂.
fn undefined(numbers: &[Number], r_hats: &[(f64, f64)]) -> String {
    let names = numbers.iter().zip(r_hats).filter(|(_, r_hat)| !r_hat.0.is_finite());
    let names: Vec<&str> = names.map(|(number, _)| number.name.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(
            "No R-hat, for want of draws or because they are equal or not finite: {}.",
            names.join(", ")
        ),
    }
}
