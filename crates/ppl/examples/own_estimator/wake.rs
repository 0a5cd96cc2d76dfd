//! An objective of one's own: reweighted wake-sleep, written with the public interface alone.

use ppl::prelude::*;

/// Fits the guide by the inclusive divergence `KL(p ‖ q)` with self-normalised importance weights: the wake phase of
/// reweighted wake-sleep (Bornschein and Bengio 2015). The loss shown is the importance weighted bound; parameters of the
/// model climb it, those of the guide move towards the weighted draws instead.
pub(crate) struct WakePhase {
    pub(crate) particles: usize,
}

impl Objective for WakePhase {
    fn particles(&self) -> usize {
        self.particles
    }

    /// Draws are data here: no gradient goes through them.
    fn estimators(&self) -> Estimators {
        Estimators::all(GradientEstimator::score_function())
    }

    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        let mut log_weight = Tensor::from(0.0);
        let mut climbed = Tensor::from(0.0);
        for term in runs.terms()? {
            // Terms are of the loss ln q - ln p.
            let loss = term.loss(&[]);
            log_weight = log_weight - &loss;
            climbed = match term.origin {
                Origin::Model => climbed - loss,
                _ => climbed + loss,
            };
        }
        // The particles become the first dimension, over which the weights are normalised.
        let log_weights = log_weight.to_positional(runs.particles());
        let weights = log_weights.log_softmax(0).exp().detach();
        let bound = log_weights.logsumexp(0) - (self.particles as f64).ln();
        let surrogate = -(weights * climbed.to_positional(runs.particles())).sum(0);
        Ok(Estimate::new(-bound, surrogate))
    }
}
