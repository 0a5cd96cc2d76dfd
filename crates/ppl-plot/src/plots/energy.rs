//! Energies.

use ppl_mcmc::diagnostics::{LEAST_BFMI, e_bfmi, mean};

use super::{NAMED_CHAINS, Plots};
use crate::figure::{BLUE, Figure, ORANGE, Panel};
use crate::quantities;

impl Plots<'_> {
    /// Energies of the draws about their mean, and their changes from one draw to the next (Betancourt 2016, "Diagnosing
    /// suboptimal cotangent disintegrations in Hamiltonian Monte Carlo"): where changes are much narrower, a chain takes
    /// long to reach the tails. With the estimated fraction of missing information of each chain, of which there should be
    /// 0.3 or more. Of a kernel without energies it says so.
    pub fn energy(&self) -> Figure {
        let chains = self.chains();
        let panel = Panel::new("", "energy (nats)", "density");
        let Some(energies) = chains.energies() else {
            let why = "the chains' kernel has no energy";
            return Figure::new("Energy").panel(panel.message(why));
        };
        let finite: Vec<f64> = energies.iter().flatten().copied().filter(|e| e.is_finite()).collect();
        let centre = mean(&finite);
        let levels: Vec<f64> = finite.iter().map(|energy| energy - centre).collect();
        let changes: Vec<f64> =
            energies.iter().flat_map(|chain| chain.windows(2).map(|pair| pair[1] - pair[0])).collect();
        let curves = [quantities::density(&levels, None), quantities::density(&changes, None)];
        let [Some(levels), Some(changes)] = curves else {
            let why = "energies do not differ, or are too few";
            return Figure::new("Energy").panel(panel.message(why));
        };
        let mut panel = panel.hill("energy, about its mean", BLUE, levels.points).hill(
            "change from draw to draw",
            ORANGE,
            changes.points,
        );
        let fractions: Vec<f64> = energies.iter().map(|chain| e_bfmi(chain)).collect();
        if fractions.len() <= NAMED_CHAINS {
            for (run, fraction) in chains.run_times().iter().zip(&fractions) {
                panel = panel.remark(&format!("chain {}: E-BFMI {fraction:.2}", run.number));
            }
        } else {
            let (low, high) =
                fractions.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
            panel = panel.remark(&format!("{} chains: E-BFMI {low:.2} to {high:.2}", fractions.len()));
        }
        let bad = fractions.iter().filter(|fraction| **fraction < LEAST_BFMI).count();
        let mut figure = Figure::new("Energy").panel(panel);
        if bad > 0 {
            figure = figure
                .note(format!("{bad} of {} chains have an E-BFMI below {LEAST_BFMI}.", fractions.len()));
        }
        figure
    }
}
