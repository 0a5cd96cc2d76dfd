//! Densities.

use ppl_core::Result;

use super::{Number, PANELS, Plots, chain_color, grid};
use crate::figure::{BLACK, Figure, Panel};
use crate::quantities;

impl Plots<'_> {
    /// The density of each number: of all draws, and a thin line for each chain; those of chains that agree are alike.
    /// Kernels are reflected at the ends of a site's support ([`quantities::density`]).
    ///
    /// # Errors
    /// If a site is not known, or draws cannot be read.
    pub fn density(&self) -> Result<Figure> {
        let chosen = self.select(PANELS)?;
        let mut figure = grid("Densities", chosen.numbers.len(), 3, (380, 290));
        let mut cut = Vec::new();
        for number in &chosen.numbers {
            let (panel, outside) = hill(number, Panel::new(&number.name, "", "density"), true);
            if outside > 0 {
                cut.push(left_out(number, outside));
            }
            figure = figure.panel(panel);
        }
        figure = self.with_chains(figure).key("all chains", BLACK);
        Ok(cut.into_iter().fold(chosen.notes(figure), Figure::note))
    }
}

/// A sentence on draws that a density lacks.
pub(super) fn left_out(number: &Number, outside: usize) -> String {
    format!("{}: the density is without {outside} draws in far tails.", number.name)
}

/// A panel with the density of all draws, and of each chain if asked for; and the number of draws in tails that are left
/// out.
pub(super) fn hill(number: &Number, mut panel: Panel, by_chain: bool) -> (Panel, usize) {
    let Some(density) = quantities::density(&number.all(), number.bounds) else {
        let why = number.sameness().unwrap_or_else(|| "there is no density".into());
        return (panel.message(why), 0);
    };
    if by_chain && number.chains.len() > 1 {
        for (place, chain) in number.chains.iter().enumerate() {
            if let Some(density) = quantities::density(chain, number.bounds) {
                panel = panel.thin_line("", chain_color(place), 0.9, density.points);
            }
        }
    }
    let (start, end) = (density.points.first(), density.points.last());
    if let (Some(start), Some(end)) = (start, end) {
        let margin = 0.02 * (end.0 - start.0);
        panel = panel.x_range(start.0 - margin, end.0 + margin);
    }
    (panel.hill("", BLACK, density.points), density.outside)
}
