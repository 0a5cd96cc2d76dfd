//! What is known of Beta distributions on paper.

use ppl::prelude::*;
use ppl_examples_support::stats::grid;

/// A Beta distribution, by its two parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BetaDensity {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
}

impl BetaDensity {
    /// The exact posterior of a coin's fairness under this prior: heads and tails add to the parameters.
    pub(crate) fn after(self, tosses: &[bool]) -> Self {
        let heads = tosses.iter().filter(|&&heads| heads).count();
        let tails = tosses.len() - heads;
        Self { alpha: self.alpha + heads as f64, beta: self.beta + tails as f64 }
    }

    pub(crate) fn mean(self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    pub(crate) fn sd(self) -> f64 {
        let total = self.alpha + self.beta;
        (self.alpha * self.beta / (total * total * (total + 1.0))).sqrt()
    }

    /// `ln B(alpha, beta)`: what the density is divided by.
    pub(crate) fn ln_normaliser(self) -> Result<f64> {
        let ln_gamma = |x: f64| Tensor::from(x).lgamma().to_scalar();
        Ok(ln_gamma(self.alpha)? + ln_gamma(self.beta)? - ln_gamma(self.alpha + self.beta)?)
    }

    /// The density between 0 and 1, as points of a curve.
    pub(crate) fn curve(self) -> Result<Vec<(f64, f64)>> {
        let x = grid((0.0, 1.0), 401);
        let log_prob = Beta::new(self.alpha, self.beta).log_prob(&Tensor::from(&x[1..400]));
        let density = log_prob.exp().to_f64()?;
        Ok(x[1..400].iter().copied().zip(density).collect())
    }
}
