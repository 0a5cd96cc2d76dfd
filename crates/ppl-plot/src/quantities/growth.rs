//! How effective sample sizes grow with draws.

use ppl_mcmc::diagnostics::{ess_bulk, ess_tail};

/// What the first draws of all chains were worth.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct EssPoint {
    /// Number of draws, of all chains.
    pub draws: usize,
    /// Effective sample size for the centre.
    pub bulk: f64,
    /// Effective sample size for the tails.
    pub tail: f64,
}

/// Effective sample sizes after so many equal parts of the draws, the last of all draws. Chains have one length. A line
/// through the origin is what chains that mix give; one that levels off says that more draws bring no more. NaN where
/// [`ess_bulk`] is.
pub fn ess_growth(chains: &[&[f64]], parts: usize) -> Vec<EssPoint> {
    let n = chains.first().map_or(0, |chain| chain.len());
    let mut lengths: Vec<usize> = (1..=parts).map(|part| n * part / parts).collect();
    lengths.dedup();
    let point = |length: usize| {
        let first: Vec<&[f64]> = chains.iter().map(|chain| &chain[..length.min(chain.len())]).collect();
        EssPoint { draws: length * chains.len(), bulk: ess_bulk(&first), tail: ess_tail(&first) }
    };
    lengths.into_iter().filter(|length| *length > 0).map(point).collect()
}
