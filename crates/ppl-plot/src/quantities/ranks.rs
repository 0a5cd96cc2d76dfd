//! Ranks of each chain's draws among those of all.

use ppl_mcmc::diagnostics::ranks;

/// Probability with which all counts stay within their band.
const INSIDE: f64 = 0.95;

/// How many draws of each chain have ranks, among the draws of all chains, in each of so many equal parts: about as many
/// in each if chains have one distribution (Vehtari, Gelman, Simpson, Carpenter and Bürkner 2021, section 4.3). Equal draws
/// share their mean rank. Of each chain the counts add up to its draws.
pub fn rank_counts(chains: &[&[f64]], parts: usize) -> Vec<Vec<usize>> {
    let all = ranks(&chains.concat());
    let mut all = all.iter();
    let total = all.len() as f64;
    let count = |chain: &&[f64]| {
        let mut counts = vec![0; parts];
        for rank in all.by_ref().take(chain.len()) {
            let part = ((rank - 0.5) / total * parts as f64) as usize;
            if let Some(count) = counts.get_mut(part.min(parts.saturating_sub(1))) {
                *count += 1;
            }
        }
        counts
    };
    chains.iter().map(count).collect()
}

/// The counts between which all those of [`rank_counts`] stay with a probability of at least 95%, were the draws of so many
/// chains independent and of one distribution: quantiles of the hypergeometric distribution, each at Bonferroni's share of
/// the other 5%.
pub fn rank_band(chains: usize, draws: usize, parts: usize) -> (usize, usize) {
    let total = chains * draws;
    let (parts, ranks) = (parts.max(1), (total as f64 / parts.max(1) as f64).round() as usize);
    let tail = (1.0 - INSIDE) / (2 * parts * chains.max(1)) as f64;
    let probabilities = hypergeometric(total, ranks, draws);
    (reaching(probabilities.iter(), tail), reaching(probabilities.iter().rev(), tail))
}

/// The first number up to which probabilities add up to more than a tail.
fn reaching<'a>(mut probabilities: impl Iterator<Item = &'a (usize, f64)>, tail: f64) -> usize {
    let mut sum = 0.0;
    let found = probabilities.find(|(_, probability)| {
        sum += probability;
        sum > tail
    });
    found.map_or(0, |(count, _)| *count)
}

/// Probabilities of each number of marked ones among `draws` of `total`, of which `marked` are: from the ratios of
/// neighbours, beginning at the mode, so that none is lost to rounding.
fn hypergeometric(total: usize, marked: usize, draws: usize) -> Vec<(usize, f64)> {
    let (low, high) = ((marked + draws).saturating_sub(total), marked.min(draws));
    let mode = ((marked + 1) * (draws + 1) / (total + 2)).clamp(low, high);
    // p(k + 1) / p(k)
    let ratio = |k: usize| {
        let above = (marked - k) as f64 * (draws - k) as f64;
        above / ((k + 1) as f64 * (total + k + 1 - marked - draws) as f64)
    };
    let mut weights = vec![(mode, 1.0)];
    let mut weight = 1.0;
    for k in mode..high {
        weight *= ratio(k);
        weights.push((k + 1, weight));
    }
    weights.reverse();
    weight = 1.0;
    for k in (low..mode).rev() {
        weight /= ratio(k);
        weights.push((k, weight));
    }
    weights.reverse();
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    weights.into_iter().map(|(k, weight)| (k, weight / sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.hypergeom(M, n, N).pmf`.
    #[test]
    fn hypergeometric_probabilities_are_those_of_scipy() {
        let found = hypergeometric(20, 7, 12);
        let expected =
            [(0, 0.000_103_199_174_406_604_75), (3, 0.198_658_410_732_714_13), (7, 0.010_216_718_266_253_87)];
        for (k, probability) in expected {
            let (_, p) = found.iter().find(|(count, _)| *count == k).unwrap();
            assert!((p - probability).abs() < 1e-14, "{k}: {p}");
        }
        assert_eq!(hypergeometric(4, 4, 2), [(2, 1.0)]);
        assert_eq!(hypergeometric(0, 0, 0), [(0, 1.0)]);
    }
}
