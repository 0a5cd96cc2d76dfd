//! Ranks.

use ppl_core::Result;

use super::{Number, PANELS, Plots, chain_color, grid};
use crate::figure::{BLACK, Figure, GREY, Panel};
use crate::quantities::{rank_band, rank_counts};

/// Bars of a chain, and draws that a bar should have at least.
const BARS: usize = 20;
const A_BAR: usize = 5;

/// Chains that there is room for, and of which rows can be high.
const CHAINS: usize = 16;
const ROOMY: usize = 6;

/// The share of a chain's row that its highest bar takes.
const HEIGHT: f64 = 0.85;

impl Plots<'_> {
    /// How the ranks of each chain's draws, among those of all chains, are spread: as many in each bar for chains that
    /// agree. Within the grey band all bars stay with a probability of 95% were draws independent; those of chains whose
    /// draws are correlated leave it more often ([`quantities::rank_band`](crate::quantities::rank_band)).
    ///
    /// # Errors
    /// If a site is not known, or draws cannot be read.
    pub fn rank(&self) -> Result<Figure> {
        let chosen = self.select(PANELS)?;
        let chains = self.chains().chain_count();
        let (rows, height) = (chains.min(CHAINS) as u32, if chains > ROOMY { 30 } else { 48 });
        let mut figure = grid("Ranks of draws by chain", chosen.numbers.len(), 3, (380, 100 + height * rows));
        for number in &chosen.numbers {
            figure = figure.panel(self.bars(number));
        }
        if chains > CHAINS {
            figure = figure.note(format!("{CHAINS} of {chains} chains are shown, ranked among all."));
        }
        let figure = figure.key("expected", BLACK).key("95% band of independent draws", GREY);
        Ok(chosen.notes(figure))
    }

    fn bars(&self, number: &Number) -> Panel {
        let panel = Panel::new(&number.name, "rank", "");
        if number.not_finite() > 0 {
            return panel.message("not all draws are finite");
        }
        if let Some(sameness) = number.sameness() {
            return panel.message(sameness);
        }
        let (chains, draws) = (number.chains.len(), self.chains().draw_count());
        let bars = (draws / A_BAR).clamp(1, BARS);
        let counts = rank_counts(&number.slices(), bars);
        let (low, high) = rank_band(chains, draws, bars);
        let expected = draws as f64 / bars as f64;
        let highest = counts.iter().flatten().copied().max().unwrap_or(0).max(high).max(1) as f64;
        let shown = chains.min(CHAINS);
        let total = (chains * draws) as f64;
        let names = self.chains().run_times().iter().take(shown).map(|run| format!("chain {}", run.number));
        let mut panel = panel.rows(names).x_range(0.0, total);
        for (place, counts) in counts.iter().enumerate().take(shown) {
            let ground = (shown - 1 - place) as f64 - HEIGHT / 2.0;
            let level = |count: f64| ground + HEIGHT * count / highest;
            let outline: Vec<(f64, f64, f64)> = counts
                .iter()
                .enumerate()
                .flat_map(|(bar, count)| {
                    let edges = [bar, bar + 1].map(|edge| edge as f64 / bars as f64 * total);
                    edges.map(|x| (x, ground, level(*count as f64)))
                })
                .collect();
            let band = [0.0, total].map(|x| (x, level(low as f64), level(high as f64)));
            let tops = outline.iter().map(|&(x, _, top)| (x, top)).collect();
            let line = [0.0, total].map(|x| (x, level(expected)));
            panel = panel
                .band("", GREY, 0.25, &band)
                .band("", chain_color(place), 0.18, &outline)
                .thin_line("", BLACK, 0.6, line.to_vec())
                .line("", chain_color(place), tops);
        }
        panel
    }
}
