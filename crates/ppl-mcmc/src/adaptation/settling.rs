//! The step size of the draws.

use crate::record::plain;

/// A step size that settles where transitions are accepted as often as wanted, by stochastic approximation (Robbins and Monro
/// 1951) of its logarithm, averaged (Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging").
///
/// Dual averaging finds the way from far off, for which the steps it tries vary by a third. Acceptance bends down as a function
/// of the step, so that the average of such steps is accepted more often than the steps were: as 0.85, where 0.8 was asked for.
/// The steps tried here come to lie close together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settling {
    /// Probability of acceptance that is wanted.
    target: f64,
    count: f64,
    log_step: f64,
    log_mean: f64,
}

plain!(Settling { target, count, log_step, log_mean });

/// The first move by an error of 1. Acceptance falls by about 0.4 as a step grows by a factor of e, where it is 0.8: an error is
/// undone within some ten transitions.
const GAIN: f64 = 0.5;

/// Moves fall as this power of their number, between ½ and 1.
const DECAY: f64 = 0.5;

impl Settling {
    /// Begins at a step size, for a probability of acceptance.
    pub(crate) fn new(step_size: f64, target: f64) -> Self {
        Self { target, count: 0.0, log_step: step_size.ln(), log_mean: step_size.ln() }
    }

    /// Forgets all but the target, and begins at a step size.
    pub(crate) fn restart(&mut self, step_size: f64) {
        *self = Self::new(step_size, self.target);
    }

    /// The next step size to try, after a transition with a probability of acceptance; NaN counts as 0.
    pub(crate) fn update(&mut self, acceptance: f64) -> f64 {
        let acceptance = if acceptance.is_nan() { 0.0 } else { acceptance.min(1.0) };
        self.count += 1.0;
        self.log_step += GAIN * self.count.powf(-DECAY) * (acceptance - self.target);
        self.log_mean += (self.log_step - self.log_mean) / self.count;
        self.log_step.exp()
    }

    /// The average of the steps tried; the first one, before.
    pub(crate) fn average(&self) -> f64 {
        self.log_mean.exp()
    }
}

#[cfg(test)]
mod tests {
    use ppl_tensor::Key;

    use super::Settling;

    /// Steps `h` are accepted with probability `exp(-ch²)`: 0.8 where `h` is 1. All or nothing, an error of 0.4 each time, of
    /// which 150 leave 0.033, and 400 chains 0.002; the way from 1.1 adds 0.004.
    #[test]
    fn steps_settle_at_the_acceptance_wanted() {
        let acceptance = |step: f64| (0.8_f64.ln() * step * step).exp();
        let mut sum = 0.0;
        for seed in 0..400 {
            let mut stream = Key::new(seed).stream().unwrap();
            let (mut settling, mut step) = (Settling::new(1.1, 0.8), 1.1);
            assert_eq!(settling.average(), step);
            for _ in 0..150 {
                step = settling.update(f64::from(u8::from(stream.uniform() < acceptance(step))));
            }
            sum += acceptance(settling.average());
        }
        assert!((sum / 400.0 - 0.8).abs() < 0.012, "{}", sum / 400.0);
        let mut settling = Settling::new(1.0, 0.8);
        assert_eq!(settling.clone().update(f64::NAN), settling.update(0.0));
    }
}
