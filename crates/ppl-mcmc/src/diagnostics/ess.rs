//! Effective sample sizes and Monte Carlo standard errors.

use super::rank::normal_scores;
use super::{cut, halves, mean, quantile, sorted, valid, variance};

/// Effective sample size of chains as they are, from autocorrelations up to where their sums of pairs are no longer
/// positive, made to fall (Geyer 1992, "Practical Markov chain Monte Carlo", section 3.3); at most `n log₁₀ n` of `n`.
fn ess(chains: &[&[f64]]) -> f64 {
    let (m, n) = (chains.len(), chains.first().map_or(0, |chain| chain.len()));
    let total = (m * n) as f64;
    let bounds = |(low, high): (f64, f64), x: &f64| (low.min(*x), high.max(*x));
    let (low, high) = chains.iter().flat_map(|c| c.iter()).fold((f64::INFINITY, f64::NEG_INFINITY), bounds);
    // Of equal draws: numpy's resolution of a double.
    if high - low < 1e-15 {
        return total;
    }
    let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
    let centred: Vec<Vec<f64>> =
        chains.iter().zip(&means).map(|(chain, mean)| chain.iter().map(|x| x - mean).collect()).collect();
    // The mean over chains of the autocovariance, with divisor n.
    let covariance = |lag: usize| {
        let sum = |x: &Vec<f64>| x.iter().zip(&x[lag..]).map(|(a, b)| a * b).sum::<f64>() / n as f64;
        centred.iter().map(sum).sum::<f64>() / m as f64
    };
    let within = covariance(0) * n as f64 / (n as f64 - 1.0);
    let mut spread = covariance(0);
    if m > 1 {
        spread += variance(&means);
    }
    let correlation = |lag: usize| 1.0 - (within - covariance(lag)) / spread;

    let (mut even, mut odd) = (1.0, correlation(1));
    let mut rho = vec![even, odd];
    let mut lag = 1;
    while lag + 3 < n && even + odd > 0.0 {
        (even, odd) = (correlation(lag + 1), correlation(lag + 2));
        let kept = even + odd >= 0.0;
        rho.extend(if kept { [even, odd] } else { [0.0, 0.0] });
        lag += 2;
    }
    // The pairs up to here count twice; of the last one its even part does once, if it is positive.
    let last = lag - 1;
    if even > 0.0 {
        rho[last] = even;
    }
    for pair in (2..last.saturating_sub(1)).step_by(2) {
        let before = rho[pair - 2] + rho[pair - 1];
        if rho[pair] + rho[pair + 1] > before {
            (rho[pair], rho[pair + 1]) = (before / 2.0, before / 2.0);
        }
    }
    let time = -1.0 + 2.0 * rho[..last].iter().sum::<f64>() + rho[last];
    if rho.iter().any(|rho| rho.is_nan()) {
        return f64::NAN;
    }
    total / time.max(1.0 / total.log10())
}

fn of_halves(chains: &[&[f64]], of: impl Fn(f64) -> f64) -> f64 {
    let all: Vec<f64> = halves(chains).concat().into_iter().map(of).collect();
    ess(&cut(&all, 2 * chains.len()))
}

/// Effective sample size for the centre of the distribution: of the normal scores of ranks. 100 a chain are enough for
/// what a summary says.
pub fn ess_bulk(chains: &[&[f64]]) -> f64 {
    if !valid(chains) {
        return f64::NAN;
    }
    let scores = normal_scores(&halves(chains).concat());
    ess(&cut(&scores, 2 * chains.len()))
}

/// Effective sample size for the tails: the smaller of those for the 5% and the 95% quantile.
pub fn ess_tail(chains: &[&[f64]]) -> f64 {
    if !valid(chains) {
        return f64::NAN;
    }
    let sorted = sorted(chains);
    let at = |probability| {
        let quantile = quantile(&sorted, probability);
        of_halves(chains, |x| f64::from(x <= quantile))
    };
    at(0.05).min(at(0.95))
}

/// Effective sample size for the mean.
pub fn ess_mean(chains: &[&[f64]]) -> f64 {
    if valid(chains) { of_halves(chains, |x| x) } else { f64::NAN }
}

/// Effective sample size for the standard deviation: that of squared deviations.
pub fn ess_sd(chains: &[&[f64]]) -> f64 {
    let centre = mean(&chains.concat());
    if valid(chains) { of_halves(chains, |x| (x - centre).powi(2)) } else { f64::NAN }
}

/// Monte Carlo standard error of the mean.
pub fn mcse_mean(chains: &[&[f64]]) -> f64 {
    (variance(&chains.concat()) / ess_mean(chains)).sqrt()
}

/// Monte Carlo standard error of the standard deviation, by the delta method (Kenney and Keeping 1951, page 141), with
/// the effective sample size of squared deviations.
pub fn mcse_sd(chains: &[&[f64]]) -> f64 {
    let all = chains.concat();
    let centre = mean(&all);
    let squares: Vec<f64> = all.iter().map(|x| (x - centre).powi(2)).collect();
    let second = mean(&squares);
    let fourth = mean(&squares.iter().map(|s| s * s).collect::<Vec<_>>());
    ((fourth - second * second) / ess_sd(chains) / second / 4.0).sqrt()
}
