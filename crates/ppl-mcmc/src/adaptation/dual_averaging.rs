//! The step size at which transitions are accepted as often as wanted.

use crate::record::plain;

/// Nesterov's dual averaging of the logarithm of a step size (Hoffman and Gelman 2014, "The No-U-Turn sampler", section
/// 3.2), with their constants, which are Stan's: γ = 0.05, t₀ = 10, κ = 0.75.
#[derive(Debug, Clone, PartialEq)]
pub struct DualAveraging {
    /// Probability of acceptance that is wanted.
    target: f64,
    /// The logarithm towards which steps shrink: ten times the first.
    shrink_to: f64,
    count: f64,
    mean_error: f64,
    log_mean: f64,
}

plain!(DualAveraging { target, shrink_to, count, mean_error, log_mean });

const GAMMA: f64 = 0.05;
const DELAY: f64 = 10.0;
const KAPPA: f64 = 0.75;

impl DualAveraging {
    /// Begins at a step size, for a probability of acceptance.
    pub fn new(step_size: f64, target: f64) -> Self {
        Self { target, shrink_to: (10.0 * step_size).ln(), count: 0.0, mean_error: 0.0, log_mean: 0.0 }
    }

    /// Forgets all but the target, and begins at a step size.
    pub fn restart(&mut self, step_size: f64) {
        *self = Self::new(step_size, self.target);
    }

    /// The next step size to try, after a transition with a probability of acceptance; NaN counts as 0.
    pub fn update(&mut self, acceptance: f64) -> f64 {
        let acceptance = if acceptance.is_nan() { 0.0 } else { acceptance.min(1.0) };
        self.count += 1.0;
        let weight = 1.0 / (self.count + DELAY);
        self.mean_error += weight * (self.target - acceptance - self.mean_error);
        let log_step = self.shrink_to - self.count.sqrt() / GAMMA * self.mean_error;
        self.log_mean += self.count.powf(-KAPPA) * (log_step - self.log_mean);
        log_step.exp()
    }

    /// The average of the steps tried, recent ones weighing most; `None` before the first.
    pub fn average(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.log_mean.exp())
    }
}
