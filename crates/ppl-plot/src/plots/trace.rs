//! The course of chains.

use ppl_core::Result;

use super::{PANELS, Plots, chain_color, grid};
use crate::figure::{BLACK, Figure, Panel};

/// Longer chains are drawn by the least and the largest of groups of draws, so that a line has so many points.
const POINTS: usize = 1500;

/// Shorter ones have a dot at each draw.
const FEW: usize = 30;

impl Plots<'_> {
    /// The course of each number, a colour a chain: chains that have come to agree are one band without a drift. Strokes
    /// at the bottom mark draws whose trajectory diverged. Draws of the warm-up, if they were kept, have negative numbers
    /// and are pale.
    ///
    /// # Errors
    /// If a site is not known, or draws cannot be read.
    pub fn trace(&self) -> Result<Figure> {
        let chosen = self.select(PANELS)?;
        let draws = self.chains().draw_count();
        let diverged: Vec<f64> = {
            let number = |chain: &Vec<ppl_mcmc::Transition>| -> Vec<usize> {
                chain.iter().enumerate().filter(|(_, t)| t.divergent).map(|(draw, _)| draw).collect()
            };
            let mut all: Vec<usize> = self.chains().transitions().iter().flat_map(number).collect();
            all.sort_unstable();
            // Closer strokes would be one.
            all.dedup_by_key(|draw| *draw * POINTS / draws.max(POINTS));
            all.into_iter().map(|draw| draw as f64).collect()
        };
        let mut figure = grid("Course of chains", chosen.numbers.len(), 2, (570, 250));
        for number in &chosen.numbers {
            let mut panel = Panel::new(&number.name, "draw", "");
            for (place, chain) in number.chains.iter().enumerate() {
                let color = chain_color(place);
                if let Some(warmup) = number.warmup.get(place).filter(|warmup| !warmup.is_empty()) {
                    panel = panel.thin_line("", color, 0.35, course(warmup, -(warmup.len() as f64)));
                }
                panel = panel.thin_line("", color, 0.8, course(chain, 0.0));
                if chain.len() < FEW {
                    panel = panel.dots("", color, course(chain, 0.0));
                }
            }
            if number.not_finite() == number.chains.iter().map(Vec::len).sum::<usize>() {
                panel = panel.message("no draw is finite");
            }
            figure = figure.panel(panel.ticks("", BLACK, diverged.clone()));
        }
        figure = self.with_chains(figure);
        if !diverged.is_empty() {
            figure = figure.key("diverged", BLACK);
        }
        Ok(chosen.notes(figure))
    }
}

/// The points of a line, the first at `start`.
fn course(draws: &[f64], start: f64) -> Vec<(f64, f64)> {
    let place = |draw: usize| start + draw as f64;
    if draws.len() <= POINTS {
        return draws.iter().enumerate().map(|(draw, x)| (place(draw), *x)).collect();
    }
    let group = draws.len().div_ceil(POINTS / 2);
    let ends = |(number, group_draws): (usize, &[f64])| -> Vec<(f64, f64)> {
        let points = || {
            let first = number * group;
            let points = group_draws.iter().enumerate().map(move |(draw, x)| (place(first + draw), *x));
            points.filter(|point| point.1.is_finite())
        };
        let least = points().min_by(|a, b| a.1.total_cmp(&b.1));
        let largest = points().max_by(|a, b| a.1.total_cmp(&b.1));
        let mut ends: Vec<(f64, f64)> = least.into_iter().chain(largest).collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        // A gap where no draw is finite.
        if ends.is_empty() { vec![(place(number * group), f64::NAN)] } else { ends }
    };
    draws.chunks(group).enumerate().flat_map(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_course_keeps_its_extremes_and_its_gaps() {
        let mut draws: Vec<f64> = (0..100_000).map(|i| f64::from(i % 7)).collect();
        (draws[777], draws[55_555]) = (-50.0, 90.0);
        draws[20_000..30_000].fill(f64::NAN);
        let points = course(&draws, -10.0);
        assert!(points.len() <= POINTS + 2);
        assert!(points.contains(&(767.0, -50.0)) && points.contains(&(55_545.0, 90.0)));
        let gap = points.iter().filter(|point| point.1.is_nan());
        assert!(gap.clone().count() > 70 && gap.into_iter().all(|p| (19_990.0..29_990.0).contains(&p.0)));
        assert!(points.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        assert_eq!(course(&[1.0, 2.0], 0.0), [(0.0, 1.0), (1.0, 2.0)]);
    }
}
