//! What runs of samplers gave, and the figures made of it.

use std::path::Path;

use ppl::core::{Error, Result};
use ppl::mcmc::diagnostics::{ess_bulk, mcse_mean, r_hat};
use serde_json::json;

use crate::peers::Peer;
use crate::posteriors::Site;

/// The numbers that are compared, and how many draws there are of each.
pub(in crate::peers) struct Layout {
    /// `beta[0]` and so on.
    pub names: Vec<String>,
    chains: usize,
    draws: usize,
}

impl Layout {
    pub(super) fn new(numbers: &[Site], chains: usize, draws: usize) -> Self {
        let names = |(name, size): &Site| match size {
            1 => vec![name.clone()],
            _ => (0..*size).map(|element| format!("{name}[{element}]")).collect(),
        };
        Self { names: numbers.iter().flat_map(names).collect(), chains, draws }
    }
}

/// What one run gave, as it came; pairs are of warm-up and draws.
pub(in crate::peers) struct Raw {
    /// Wall-clock time.
    pub seconds: [f64; 2],
    /// Leapfrog steps, of all chains.
    pub leapfrogs: [u64; 2],
    /// Draws whose trajectory diverged.
    pub divergences: u64,
    /// The draws, `[number, chain, draw]`.
    pub values: Vec<f64>,
}

impl Raw {
    /// Seconds of warm-up and draws.
    pub(super) fn total(&self) -> f64 {
        self.seconds.iter().sum()
    }

    /// Asks a peer that has prepared for it, and reads the draws that it leaves in a file.
    pub(super) fn of_peer(peer: &mut Peer, seed: u64, into: &Path) -> Result<Self> {
        let answer = peer.ask(&json!({ "do": "sample", "seed": seed })).map_err(Error::argument)?;
        let pair = |name: &str| [0, 1].map(|phase| answer[name][phase].as_f64().unwrap_or(f64::NAN));
        let bytes =
            std::fs::read(into).map_err(|error| Error::argument(format!("{}: {error}", into.display())))?;
        let (numbers, _) = bytes.as_chunks::<8>();
        Ok(Self {
            seconds: pair("seconds"),
            leapfrogs: pair("leapfrogs").map(|steps| steps as u64),
            divergences: answer["divergences"].as_u64().unwrap_or(0),
            values: numbers.iter().map(|number| f64::from_le_bytes(*number)).collect(),
        })
    }
}

/// The mean of a number's draws, and its Monte Carlo error.
#[derive(Debug, Clone, Copy)]
pub(in crate::peers) struct Mean {
    pub value: f64,
    pub error: f64,
}

/// What is kept of one run.
pub(in crate::peers) struct Run {
    seconds: [f64; 2],
    leapfrogs: [u64; 2],
    pub divergences: u64,
    /// The fewest effective draws of a number, 0 if of some there is no estimate.
    effective: f64,
    r_hat: f64,
    pub means: Vec<Mean>,
}

/// Chains that have mixed are below. Runs above have not found the posterior, and count as such; so high, as a chain of a
/// thousand draws whose halves agree is often above 1.01.
const MIXED: f64 = 1.05;

impl Run {
    pub(super) fn new(raw: &Raw, layout: &Layout) -> Result<Self> {
        let Layout { names, chains, draws } = layout;
        let of_number = chains * draws;
        if raw.values.len() != names.len() * of_number {
            let (found, expected) = (raw.values.len(), names.len() * of_number);
            return Err(Error::argument(format!("{found} numbers were drawn, not {expected}")));
        }
        let (mut effective, mut worst, mut means): (f64, f64, _) = (f64::INFINITY, 1.0, Vec::new());
        for number in raw.values.chunks(of_number) {
            let chains: Vec<&[f64]> = number.chunks(*draws).collect();
            // Of draws that never move, the one is their number and the other unknown.
            let (draws, disagreement) = (ess_bulk(&chains), r_hat(&chains));
            let known = !draws.is_nan() && !disagreement.is_nan();
            effective = effective.min(if known { draws } else { 0.0 });
            worst = worst.max(if known { disagreement } else { f64::INFINITY });
            let value = number.iter().sum::<f64>() / of_number as f64;
            means.push(Mean { value, error: mcse_mean(&chains) });
        }
        let Raw { seconds, leapfrogs, divergences, .. } = *raw;
        Ok(Self { seconds, leapfrogs, divergences, effective, r_hat: worst, means })
    }

    /// Whether the chains agree with themselves and each other.
    pub(super) fn mixed(&self) -> bool {
        self.r_hat < MIXED
    }
}

/// A figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::peers) enum Figure {
    /// Nanoseconds a leapfrog step, of warm-up and draws.
    Leapfrog,
    /// Nanoseconds a leapfrog step, of the draws.
    LeapfrogOfDraws,
    /// The fewest effective draws of a number.
    Effective,
    /// These in a second of warm-up and draws.
    EffectiveASecond,
    /// These in a second of the draws.
    EffectiveASecondOfDraws,
    /// These in a leapfrog step of the draws.
    EffectiveAGradient,
}

impl Figure {
    pub(super) const ALL: [Self; 6] = [
        Self::Leapfrog,
        Self::LeapfrogOfDraws,
        Self::Effective,
        Self::EffectiveASecond,
        Self::EffectiveASecondOfDraws,
        Self::EffectiveAGradient,
    ];

    /// Its name in JSON.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Leapfrog => "nanoseconds_per_leapfrog",
            Self::LeapfrogOfDraws => "nanoseconds_per_leapfrog_of_draws",
            Self::Effective => "ess",
            Self::EffectiveASecond => "ess_per_second",
            Self::EffectiveASecondOfDraws => "ess_per_second_of_draws",
            Self::EffectiveAGradient => "ess_per_gradient",
        }
    }

    fn of(self, run: &Run) -> f64 {
        let all = run.seconds[0] + run.seconds[1];
        let steps = run.leapfrogs.map(|steps| steps as f64);
        match self {
            Self::Leapfrog => 1e9 * all / (steps[0] + steps[1]),
            Self::LeapfrogOfDraws => 1e9 * run.seconds[1] / steps[1],
            Self::Effective => run.effective,
            Self::EffectiveASecond => run.effective / all,
            Self::EffectiveASecondOfDraws => run.effective / run.seconds[1],
            Self::EffectiveAGradient => run.effective / steps[1],
        }
    }
}

/// The median of a figure over seeds, and its quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::peers) struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub(super) fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let Some(last) = numbers.len().checked_sub(1) else { return f64::NAN };
            let place = share * last as f64;
            let below = place.floor() as usize;
            let above = (below + 1).min(last);
            numbers[below] + (numbers[above] - numbers[below]) * (place - below as f64)
        };
        Self { low: at(0.25), median: at(0.5), high: at(0.75) }
    }

    /// Half the distance of the quartiles, as a share of the median.
    pub(super) fn share(self) -> f64 {
        0.5 * (self.high - self.low) / self.median
    }
}

/// What a system did, a run a seed.
pub(in crate::peers) struct Sampled {
    pub system: &'static str,
    /// How it ran chains, if it has a choice.
    pub how: Option<String>,
    pub runs: Vec<Run>,
}

impl Sampled {
    pub(super) fn new(system: &'static str, how: Option<String>) -> Self {
        Self { system, how, runs: Vec::new() }
    }

    pub(in crate::peers) fn figure(&self, figure: Figure) -> Spread {
        Spread::of(self.runs.iter().map(|run| figure.of(run)).collect())
    }

    /// Divergent draws of all runs.
    pub(super) fn divergences(&self) -> u64 {
        self.runs.iter().map(|run| run.divergences).sum()
    }

    /// Runs whose chains disagree.
    pub(super) fn unmixed(&self) -> usize {
        self.runs.iter().filter(|run| !run.mixed()).count()
    }
}

/// A posterior, as every system sampled it; ours first.
pub(in crate::peers) struct Sampling {
    pub name: String,
    /// Transitions of the warm-up, and draws, of a chain.
    pub transitions: usize,
    pub chains: usize,
    pub systems: Vec<Sampled>,
    /// Peers that could not do it, and why.
    pub absent: Vec<(&'static str, String)>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Figure, Layout, Mean, Raw, Run, Sampled, Sampling, Spread};

    /// Runs with means around a value, of so many effective draws in a second.
    pub(in crate::peers::sampling) fn sampled(system: &'static str, effective: f64, centre: f64) -> Sampled {
        let run = |seed: u32| Run {
            seconds: [0.6, 0.4],
            leapfrogs: [6000, 4000],
            divergences: 1,
            effective,
            r_hat: 1.0,
            means: vec![Mean { value: centre + 0.1 * f64::from(seed % 2), error: 0.1 }],
        };
        Sampled { system, how: None, runs: (0..4).map(run).collect() }
    }

    pub(in crate::peers::sampling) fn sampling(systems: Vec<Sampled>) -> Sampling {
        let absent = vec![("Stan", "no compiler".to_owned())];
        Sampling { name: "sampling/rugged, 1 chain".into(), transitions: 1000, chains: 1, systems, absent }
    }

    #[test]
    fn figures_are_of_their_phase() {
        let system = sampled("ppl", 800.0, 0.0);
        let median = |figure| system.figure(figure).median;
        assert_eq!(median(Figure::Leapfrog), 1e5);
        assert_eq!(median(Figure::LeapfrogOfDraws), 1e5);
        assert_eq!(median(Figure::EffectiveASecond), 800.0);
        assert_eq!(median(Figure::EffectiveASecondOfDraws), 2000.0);
        assert_eq!(median(Figure::EffectiveAGradient), 0.2);
    }

    #[test]
    fn quartiles() {
        let spread = Spread::of(vec![5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!(spread, Spread { low: 2.0, median: 3.0, high: 4.0 });
        assert!((spread.share() - 1.0 / 3.0).abs() < 1e-15);
        assert!(Spread::of(vec![]).median.is_nan());
    }

    #[test]
    fn the_worst_number_counts() {
        let layout = Layout::new(&[("a".into(), 1), ("b".into(), 2)], 1, 200);
        assert_eq!(layout.names, ["a", "b[0]", "b[1]"]);
        // Alternating draws are worth more than their number, and a drift less.
        let good = (0..200).map(|i| f64::from(i * 37 % 101));
        let drift = (0..200).map(f64::from);
        let raw = |values| Raw { seconds: [1.0, 1.0], leapfrogs: [10, 10], divergences: 0, values };
        let fine =
            Run::new(&raw(good.clone().chain(good.clone()).chain(good.clone()).collect()), &layout).unwrap();
        let poor = Run::new(&raw(good.clone().chain(drift).chain(good).collect()), &layout).unwrap();
        assert!(fine.mixed() && !poor.mixed());
        assert!(poor.effective < 10.0 && fine.effective > 50.0);
        assert!(Run::new(&raw(vec![0.0; 599]), &layout).is_err());
        // Of draws that never move nothing is known.
        let stuck = Run::new(&raw(vec![0.0; 600]), &layout).unwrap();
        assert!(stuck.effective == 0.0 && !stuck.mixed());
    }
}
