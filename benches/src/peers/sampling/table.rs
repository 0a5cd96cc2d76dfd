//! Figures of samplers for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json as value};

use super::measure::{Figure, Sampled, Sampling, Spread};
use crate::harness::Measurement;
use crate::peers::Work;
use crate::report::time;

/// What ours should reach beside a peer: a figure, the peer, and how many times the peer's figure it should be at most, or
/// at least.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Aim {
    what: &'static str,
    figure: Figure,
    /// The start of the peer's name; none is the best of all.
    peer: Option<&'static str>,
    times: f64,
    at_most: bool,
}

const AIMS: [Aim; 6] = [
    aim("time a leapfrog step", Figure::Leapfrog, Some("nutpie"), 0.5, true),
    aim("time a leapfrog step", Figure::Leapfrog, Some("Stan"), 0.1, true),
    aim("effective draws a second", Figure::EffectiveASecond, Some("nutpie"), 2.0, false),
    aim("effective draws a second", Figure::EffectiveASecond, Some("Stan"), 10.0, false),
    aim("effective draws a second", Figure::EffectiveASecond, Some("NumPyro"), 10.0, false),
    aim("effective draws a gradient", Figure::EffectiveAGradient, None, 0.9, false),
];

const fn aim(
    what: &'static str,
    figure: Figure,
    peer: Option<&'static str>,
    times: f64,
    at_most: bool,
) -> Aim {
    Aim { what, figure, peer, times, at_most }
}

impl Aim {
    /// Our figure divided by the peer's, where there is one.
    fn ratio(&self, sampling: &Sampling) -> Option<f64> {
        let (ours, peers) = sampling.systems.split_first()?;
        let named = peers.iter().filter(|peer| self.peer.is_none_or(|name| peer.system.starts_with(name)));
        let median = |system: &Sampled| system.figure(self.figure).median;
        let best = named.map(median).max_by(f64::total_cmp)?;
        Some(median(ours) / best).filter(|ratio| ratio.is_finite())
    }

    fn reached(&self, ratio: f64) -> bool {
        if self.at_most { ratio <= self.times } else { ratio >= self.times }
    }

    fn words(&self) -> String {
        let bound = if self.at_most { "at most" } else { "at least" };
        format!("{}: {bound} {} times {}'s", self.what, self.times, self.peer.unwrap_or("the best peer"))
    }
}

const HEADINGS: [&str; 8] =
    ["leapfrog", "of draws", "min ESS", "ESS/s", "of draws", "ESS/gradient", "divergent", "unmixed"];

fn cells(sampled: &Sampled) -> [String; 8] {
    let cell = |figure: Figure| {
        let spread = sampled.figure(figure);
        let median = match figure {
            Figure::Leapfrog | Figure::LeapfrogOfDraws => time(spread.median),
            Figure::EffectiveAGradient => format!("{:.4}", spread.median),
            _ => format!("{:.0}", spread.median),
        };
        format!("{median} ±{:.0}%", 100.0 * spread.share())
    };
    let [a, b, c, d, e, f] = Figure::ALL.map(cell);
    let runs = sampled.runs.len();
    [a, b, c, d, e, f, sampled.divergences().to_string(), format!("{} of {runs}", sampled.unmixed())]
}

/// All posteriors in one table: medians over seeds, and half the distance of the quartiles as a share of these.
pub(in crate::peers) fn table(samplings: &[Sampling]) -> String {
    let mut table = String::new();
    // Writing to a string cannot fail.
    for sampling in samplings {
        let Sampling { name, transitions, systems, absent, .. } = sampling;
        let _ = write!(table, "{:50}", format!("{name} of {transitions} + {transitions}"));
        for heading in HEADINGS {
            let _ = write!(table, "  {heading:>16}");
        }
        table.push('\n');
        for sampled in systems {
            let how = sampled.how.as_ref().map_or(String::new(), |how| format!(" ({how})"));
            let _ = write!(table, "{:50}", format!("  {}{how}", sampled.system));
            for cell in cells(sampled) {
                let _ = write!(table, "  {cell:>16}");
            }
            table.push('\n');
        }
        for (peer, reason) in absent {
            let _ = writeln!(table, "  {peer}: not available: {reason}");
        }
        for aim in AIMS {
            let Some(ratio) = aim.ratio(sampling) else { continue };
            let verdict = if aim.reached(ratio) { "reached" } else { "not reached" };
            let _ = writeln!(table, "  -> {}: {ratio:.3}: {verdict}", aim.words());
        }
    }
    table
}

/// How often each aim is reached, and where it is not.
pub(in crate::peers) fn scores(samplings: &[Sampling]) -> String {
    let mut scores = String::from("medians over seeds, ± half the distance of the quartiles\n");
    for aim in AIMS {
        let ratios: Vec<(&str, f64)> = samplings
            .iter()
            .filter_map(|sampling| Some((sampling.name.as_str(), aim.ratio(sampling)?)))
            .collect();
        let missed: Vec<String> = ratios
            .iter()
            .filter(|(_, ratio)| !aim.reached(*ratio))
            .map(|(name, ratio)| format!("{} {ratio:.3}", name.trim_start_matches("sampling/")))
            .collect();
        if ratios.is_empty() {
            continue;
        }
        let _ = write!(scores, "{}: {} of {}", aim.words(), ratios.len() - missed.len(), ratios.len());
        let _ = match missed.is_empty() {
            true => writeln!(scores),
            false => writeln!(scores, "; not {}", missed.join("; ")),
        };
    }
    scores
}

/// All figures.
pub(in crate::peers) fn json(samplings: &[Sampling]) -> Value {
    let spread = |Spread { low, median, high }| value!({ "median": median, "quartiles": [low, high] });
    let system = |sampled: &Sampled| {
        let figures: serde_json::Map<String, Value> = Figure::ALL
            .iter()
            .map(|figure| (figure.key().to_owned(), spread(sampled.figure(*figure))))
            .collect();
        value!({
            "system": sampled.system, "how": sampled.how, "figures": figures, "seeds": sampled.runs.len(),
            "divergences": sampled.divergences(), "runs_that_did_not_mix": sampled.unmixed(),
        })
    };
    let aim = |aim: &Aim, sampling: &Sampling| {
        let ratio = aim.ratio(sampling)?;
        Some(value!({ "aim": aim.words(), "ratio": ratio, "reached": aim.reached(ratio) }))
    };
    let sampling = |sampling: &Sampling| {
        let absent: Vec<Value> =
            sampling.absent.iter().map(|(peer, reason)| value!({ "peer": peer, "reason": reason })).collect();
        value!({
            "work": sampling.name, "chains": sampling.chains, "warmup": sampling.transitions,
            "draws": sampling.transitions, "systems": sampling.systems.iter().map(system).collect::<Vec<_>>(),
            "aims": AIMS.iter().filter_map(|a| aim(a, sampling)).collect::<Vec<_>>(), "not_available": absent,
        })
    };
    samplings.iter().map(sampling).collect()
}

/// The time of an effective draw, warm-up included, for a picture beside other times.
pub(in crate::peers) fn effective_draws(sampling: &Sampling) -> Work {
    let name = format!("{}, an effective draw", sampling.name);
    let row = |sampled: &Sampled| {
        let Spread { low, median, high } = sampled.figure(Figure::EffectiveASecond);
        Measurement {
            group: name.clone(),
            case: sampled.system.to_owned(),
            unit: "effective draw",
            min: 1e9 / high,
            median: 1e9 / median,
            max: 1e9 / low,
            ratio: f64::NAN,
            compile: None,
        }
    };
    Work { measured: sampling.systems.iter().map(row).collect(), name, absent: Vec::new(), aim: None }
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::{sampled, sampling};
    use super::{effective_draws, json, scores, table};

    #[test]
    fn aims_are_judged() {
        let found = sampling(vec![
            sampled("ppl", 800.0, 0.0),
            sampled("nutpie", 300.0, 0.0),
            sampled("NumPyro, 1 thread", 100.0, 0.0),
        ]);
        let table = table(std::slice::from_ref(&found));
        for line in [
            "  -> time a leapfrog step: at most 0.5 times nutpie's: 1.000: not reached",
            "  -> effective draws a second: at least 2 times nutpie's: 2.667: reached",
            "  -> effective draws a second: at least 10 times NumPyro's: 8.000: not reached",
            "  -> effective draws a gradient: at least 0.9 times the best peer's: 2.667: reached",
            "  Stan: not available: no compiler",
        ] {
            assert!(table.lines().any(|found| found == line), "{line}\n{table}");
        }
        assert!(!table.contains("times Stan's"));
        let scores = scores(std::slice::from_ref(&found));
        let line = "effective draws a second: at least 10 times NumPyro's: 0 of 1; not rugged, 1 chain 8.000";
        assert!(scores.lines().any(|found| found == line), "{scores}");
        let value = json(std::slice::from_ref(&found));
        assert_eq!(value[0]["systems"][1]["figures"]["ess_per_second"]["median"], 300.0);
        assert_eq!(value[0]["aims"][1]["reached"], true);
        assert_eq!(effective_draws(&found).measured[0].median, 1.25e6);
    }
}
