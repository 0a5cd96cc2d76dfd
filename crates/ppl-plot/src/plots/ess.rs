//! Effective sample sizes.

use ppl_core::Result;
use ppl_mcmc::diagnostics::FEWEST_EFFECTIVE;

use super::{PANELS, Plots, grid};
use crate::figure::{BLACK, BLUE, Figure, ORANGE, Panel};
use crate::quantities::{EssPoint, ess_growth};

/// Points of a line.
const POINTS: usize = 20;

impl Plots<'_> {
    /// How effective sample sizes grow with the number of draws: in proportion for chains that mix. Dashed is what a
    /// summary asks for, 100 a chain.
    ///
    /// # Errors
    /// If a site is not known, or draws cannot be read.
    pub fn ess_growth(&self) -> Result<Figure> {
        let chosen = self.select(PANELS)?;
        let mut figure = grid("Growth of effective sample sizes", chosen.numbers.len(), 3, (380, 280));
        let enough = FEWEST_EFFECTIVE * self.chains().chain_count() as f64;
        let total = self.chains().len() as f64;
        for number in &chosen.numbers {
            let points = ess_growth(&number.slices(), POINTS);
            let line = |of: fn(&EssPoint) -> f64| -> Vec<(f64, f64)> {
                let points = points.iter().map(|point| (point.draws as f64, of(point)));
                points.filter(|point| point.1.is_finite()).collect()
            };
            let (bulk, tail) = (line(|point| point.bulk), line(|point| point.tail));
            let highest = bulk.iter().chain(&tail).fold(enough, |highest, point| highest.max(point.1));
            let mut panel = Panel::new(&number.name, "draws of all chains", "effective draws")
                .x_range(0.0, 1.04 * total)
                .y_range(0.0, 1.08 * highest);
            if bulk.is_empty() {
                panel = panel.message("there are too few draws, or not all are finite");
            }
            for (color, line) in [(BLUE, bulk), (ORANGE, tail)] {
                panel = panel.line("", color, line.clone()).dots("", color, line);
            }
            figure = figure.panel(panel.dashes("", BLACK, vec![(0.0, enough), (total, enough)]));
        }
        let threshold = format!("{enough}, {FEWEST_EFFECTIVE} a chain");
        Ok(chosen.notes(figure.key("bulk", BLUE).key("tail", ORANGE).key(&threshold, BLACK)))
    }
}
