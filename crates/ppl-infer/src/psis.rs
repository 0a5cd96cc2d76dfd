//! Pareto smoothed importance sampling.

use ppl_core::{Error, Result};

/// Smoothed importance weights, and how far they can be trusted.
#[derive(Debug, Clone)]
pub struct SmoothedWeights {
    /// Logarithms of the smoothed weights, which sum to 1.
    pub log_weights: Vec<f64>,
    /// Estimated shape `k` of the generalised Pareto distribution of the largest weights. Below 0.5 the weights have a
    /// variance; above 0.7 estimates cannot be trusted at practical numbers of draws. Infinite if there are too few draws
    /// to tell, 0 if the weights do not differ.
    pub pareto_k: f64,
}

/// Weights whose logarithms differ by no more than this are equal up to rounding.
const ROUNDING: f64 = 1e-10;

/// Fewest weights in the tail from which its shape can be estimated.
const SHORTEST_TAIL: usize = 5;

/// Replaces the largest of `n` importance weights, `min(n/5, 3√(n/r))` of them rounded down, by the expected order
/// statistics of the generalised Pareto distribution fitted to them, at most the largest weight (Vehtari, Simpson, Gelman,
/// Yao and Gabry, "Pareto smoothed importance sampling", 2024). Takes and gives logarithms; an additive constant does not
/// matter.
///
/// `r` is the relative efficiency of the draws, positive: how many independent ones each is worth, 1 if they are
/// independent.
///
/// # Errors
/// If there is no weight, one is NaN or `+∞`, or all are `-∞`; or if the relative efficiency is not positive and finite.
pub fn psis(log_weights: &[f64], relative_efficiency: f64) -> Result<SmoothedWeights> {
    if !(relative_efficiency > 0.0 && relative_efficiency.is_finite()) {
        return Err(Error::argument(format!(
            "the relative efficiency of draws is {relative_efficiency}, must be positive"
        )));
    }
    let bad = |w: &&f64| w.is_nan() || **w == f64::INFINITY;
    if let Some(bad) = log_weights.iter().find(bad) {
        return Err(Error::argument(format!("an importance weight has the logarithm {bad}")));
    }
    let largest = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return Err(Error::argument("there is no importance weight above 0"));
    }
    let mut shifted: Vec<f64> = log_weights.iter().map(|w| w - largest).collect();
    let pareto_k = smooth_tail(&mut shifted, relative_efficiency);
    let log_sum = log_sum_exp(&shifted);
    Ok(SmoothedWeights { log_weights: shifted.into_iter().map(|w| w - log_sum).collect(), pareto_k })
}

/// Smooths the tail of log weights whose largest is 0. Returns its shape.
fn smooth_tail(log_weights: &mut [f64], relative_efficiency: f64) -> f64 {
    let n = log_weights.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| log_weights[i].total_cmp(&log_weights[j]));
    if log_weights[order[0]] >= -ROUNDING {
        return 0.0;
    }
    let wanted = (n as f64 / 5.0).min(3.0 * (n as f64 / relative_efficiency).sqrt()) as usize;
    // The largest weight that is not in the tail; weights that underflow are never.
    let Some(place) = n.checked_sub(wanted + 1) else { return f64::INFINITY };
    let cutoff = log_weights[order[place]].max(f64::MIN_POSITIVE.ln());
    let tail: Vec<usize> = order[place + 1..].iter().copied().filter(|&i| log_weights[i] >= cutoff).collect();
    if tail.len() < SHORTEST_TAIL {
        return f64::INFINITY;
    }
    let threshold = cutoff.exp();
    let excess: Vec<f64> = tail.iter().map(|&i| log_weights[i].exp() - threshold).collect();
    let Some(fit) = GeneralisedPareto::fit(&excess) else { return f64::INFINITY };
    for (rank, &i) in tail.iter().enumerate() {
        let probability = (rank as f64 + 0.5) / tail.len() as f64;
        log_weights[i] = (fit.quantile(probability) + threshold).ln().min(0.0);
    }
    fit.shape
}

/// `P(X > x) = (1 + shape · x / scale)^(-1/shape)` for `x > 0`.
struct GeneralisedPareto {
    shape: f64,
    scale: f64,
}

impl GeneralisedPareto {
    /// Fits to numbers in increasing order, at least three quarters of them positive: the posterior mean of `b = -shape/scale` over a grid under a
    /// data-dependent prior (Zhang and Stephens, "A new and efficient estimation method for the generalized Pareto
    /// distribution", 2009), with the shape shrunk towards ½ as if by ten observations (Vehtari et al., appendix C).
    fn fit(excess: &[f64]) -> Option<Self> {
        let n = excess.len() as f64;
        let (&largest, &quartile) = (excess.last()?, excess.get((n / 4.0 + 0.5) as usize - 1)?);
        let points = 30 + n.sqrt() as usize;
        let shape_at = |b: f64| excess.iter().map(|x| (-b * x).ln_1p()).sum::<f64>() / n;
        let grid: Vec<f64> = (1..=points)
            .map(|j| 1.0 / largest + (1.0 - (points as f64 / (j as f64 - 0.5)).sqrt()) / (3.0 * quartile))
            .collect();
        let profile: Vec<f64> = grid
            .iter()
            .map(|&b| {
                let shape = shape_at(b);
                n * ((-b / shape).ln() - shape - 1.0)
            })
            .collect();
        let best = profile.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = profile.iter().map(|likelihood| (likelihood - best).exp()).collect();
        let weighted: f64 = grid.iter().zip(&weights).map(|(b, weight)| b * weight).sum();
        let b = weighted / weights.iter().sum::<f64>();
        let shape = shape_at(b);
        let scale = -shape / b;
        let fitted = Self { shape: (n * shape + 5.0) / (n + 10.0), scale };
        (fitted.shape.is_finite() && scale.is_finite()).then_some(fitted)
    }

    fn quantile(&self, probability: f64) -> f64 {
        let survival = (-probability).ln_1p();
        if self.shape.abs() < f64::EPSILON {
            -survival * self.scale
        } else {
            (-self.shape * survival).exp_m1() / self.shape * self.scale
        }
    }
}

/// `ln Σ eˣ`, without overflow; `-∞` of `-∞`s.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}
