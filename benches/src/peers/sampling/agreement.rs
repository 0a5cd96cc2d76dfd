//! Whether systems find the same posterior means.

use super::measure::{Layout, Mean, Sampled, Sampling};

/// How far two systems' means may be apart, in combined standard errors. Of the five hundred comparisons of a full run, one
/// of right samplers is beyond once in three thousand runs.
const FARTHEST: f64 = 5.0;

/// The numbers on which a peer differs from ours; or that ours has never mixed.
pub(super) fn disagreements(sampling: &Sampling, layout: &Layout) -> Vec<String> {
    let Some((ours, peers)) = sampling.systems.split_first() else { return Vec::new() };
    let name = &sampling.name;
    let mut found = Vec::new();
    if never_mixed(ours) {
        found.push(format!("{name}: no run of ours has mixed"));
    }
    for peer in peers {
        for (number, label) in layout.names.iter().enumerate() {
            let (Some(a), Some(b)) = (pooled(ours, number), pooled(peer, number)) else { continue };
            let distance = (b.value - a.value) / a.error.hypot(b.error);
            if distance.is_nan() || distance.abs() > FARTHEST {
                found.push(format!(
                    "{name}, {}: the mean of {label} is {}, here {}: {distance:.1} standard errors apart",
                    peer.system, b.value, a.value
                ));
            }
        }
    }
    found
}

/// The peers of which nothing is known, as no run has mixed.
pub(super) fn incomparable(sampling: &Sampling) -> Vec<String> {
    let peers = sampling.systems.iter().skip(1).filter(|peer| never_mixed(peer));
    peers
        .map(|peer| format!("{}: no run of {} has mixed, means are not compared", sampling.name, peer.system))
        .collect()
}

fn never_mixed(sampled: &Sampled) -> bool {
    sampled.unmixed() == sampled.runs.len()
}

/// The mean of a number over the runs that have mixed.
fn pooled(sampled: &Sampled, number: usize) -> Option<Mean> {
    let runs: Vec<Mean> =
        sampled.runs.iter().filter(|run| run.mixed()).map(|run| run.means[number]).collect();
    let count = runs.len() as f64;
    let variance = runs.iter().map(|mean| mean.error.powi(2)).sum::<f64>();
    let value = runs.iter().map(|mean| mean.value).sum::<f64>() / count;
    (!runs.is_empty()).then(|| Mean { value, error: variance.sqrt() / count })
}

#[cfg(test)]
mod tests {
    use super::super::measure::tests::{sampled, sampling};
    use super::super::measure::{Layout, Sampled};
    use super::{disagreements, incomparable};

    fn found(peer: Sampled) -> Vec<String> {
        let layout = Layout::new(&[("a".into(), 1)], 1, 100);
        disagreements(&sampling(vec![sampled("ppl", 100.0, 2.0), peer]), &layout)
    }

    #[test]
    fn means_may_differ_by_their_errors() {
        // Four runs of error 0.1 have one of 0.05, two systems of 0.0707.
        assert!(found(sampled("nutpie", 100.0, 2.3)).is_empty());
        let found = found(sampled("nutpie", 100.0, 2.4));
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("sampling/rugged, 1 chain, nutpie: the mean of a is 2.45"),
            "{}",
            found[0]
        );
        assert!(found[0].ends_with("5.7 standard errors apart"), "{}", found[0]);
    }

    #[test]
    fn nothing_is_taken_for_agreement() {
        let mut peer = sampled("nutpie", 100.0, 2.0);
        peer.runs[0].means[0].value = f64::NAN;
        assert_eq!(found(peer).len(), 1);
        let nothing = |system| Sampled { runs: Vec::new(), ..sampled(system, 100.0, 2.0) };
        assert!(found(nothing("nutpie")).is_empty());
        let peers = incomparable(&sampling(vec![sampled("ppl", 100.0, 2.0), nothing("nutpie")]));
        assert_eq!(peers, ["sampling/rugged, 1 chain: no run of nutpie has mixed, means are not compared"]);
        let layout = Layout::new(&[("a".into(), 1)], 1, 100);
        let ours = disagreements(&sampling(vec![nothing("ppl"), sampled("nutpie", 100.0, 2.0)]), &layout);
        assert_eq!(ours, ["sampling/rugged, 1 chain: no run of ours has mixed"]);
    }
}
