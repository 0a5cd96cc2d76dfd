//! What draws of chains are worth.
//!
//! All functions take the draws of one number, one slice a chain, of one length. They give NaN if there are fewer than four
//! draws a chain, or a draw is not finite. Definitions are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner
//! ("Rank-normalization, folding, and localization: an improved R̂", 2021), as ArviZ and Stan's `posterior` have them.

mod ess;
mod loo;
mod rank;
mod summary;

pub use ess::{ess_bulk, ess_mean, ess_sd, ess_tail, mcse_mean, mcse_sd};
pub use loo::{ElpdEstimate, loo, waic};
pub use rank::{r_hat, ranks};
pub use summary::{FEWEST_EFFECTIVE, LARGEST_R_HAT, LEAST_BFMI, Summary, SummaryRow};

/// Fewest draws of a chain that can be judged.
const FEWEST: usize = 4;

/// Estimated Bayesian fraction of missing information, of one chain's energies (Betancourt 2016, "Diagnosing suboptimal
/// cotangent disintegrations in Hamiltonian Monte Carlo"): below 0.3 momenta are too short for the range of energies.
pub fn e_bfmi(energies: &[f64]) -> f64 {
    let n = energies.len() as f64;
    let steps = energies.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>() / (n - 1.0);
    steps / variance(energies)
}

/// Mean; NaN of none.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Variance with divisor `n - 1`; NaN of fewer than two.
pub fn variance(x: &[f64]) -> f64 {
    let centre = mean(x);
    x.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)
}

/// Quantile of sorted numbers, interpolated linearly between them; NaN of none, and of a probability that is not in
/// `[0, 1]`.
pub fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    if !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    let place = probability * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

fn sorted(chains: &[&[f64]]) -> Vec<f64> {
    let mut all = chains.concat();
    all.sort_by(f64::total_cmp);
    all
}

fn valid(chains: &[&[f64]]) -> bool {
    let length = chains.first().map_or(0, |chain| chain.len());
    length >= FEWEST && chains.iter().all(|c| c.len() == length && c.iter().all(|x| x.is_finite()))
}

/// Each chain's first and second half, without the draw in the middle if there is one.
fn halves<'a>(chains: &[&'a [f64]]) -> Vec<&'a [f64]> {
    let half = chains.first().map_or(0, |chain| chain.len() / 2);
    let first = chains.iter().map(|chain| &chain[..half]);
    first.chain(chains.iter().map(|chain| &chain[chain.len() - half..])).collect()
}

/// Cuts numbers of all chains, one after the other, into chains.
fn cut(all: &[f64], chains: usize) -> Vec<&[f64]> {
    all.chunks(all.len() / chains.max(1)).collect()
}
