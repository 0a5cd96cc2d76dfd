//! The evidence lower bound, estimated by one draw a particle.

use ppl_core::{FrameKind, Result, Site, Statement, Trace};
use ppl_tensor::{Axis, AxisId, Tensor};

use super::{Estimate, Objective, PARTICLES};

/// The negative evidence lower bound `E_q[ln q(z) - ln p(x, z)]`.
///
/// Gradients are pathwise for reparameterised draws, and by the score function for the others, each with the costs of
/// its own rows alone where plates make rows independent (Ranganath, Gerrish and Blei 2014, section 3).
#[derive(Debug, Clone)]
pub struct TraceElbo {
    particles: usize,
}

impl Default for TraceElbo {
    fn default() -> Self {
        Self::new()
    }
}

impl TraceElbo {
    /// The objective with one particle.
    pub fn new() -> Self {
        Self { particles: 1 }
    }

    /// The same objective, averaged over `n` particles that run as one vectorised program.
    #[must_use]
    pub fn particles(self, n: usize) -> Self {
        Self { particles: n }
    }
}

impl Objective for TraceElbo {
    fn surrogate(&self, model: &Trace, guide: &Trace) -> Result<Estimate> {
        let particles = Axis::named(PARTICLES, self.particles);
        let mut elbo = Tensor::from(0.0);
        let mut surrogate = Tensor::from(0.0);
        for site in dense(model) {
            let log_p = site.log_prob_sum(&[])?;
            elbo = elbo + &log_p;
            surrogate = surrogate + log_p;
        }
        for site in dense(guide) {
            let log_q = site.log_prob_sum(&[])?;
            elbo = elbo - &log_q;
            if needs_score(site) {
                let rows: Vec<AxisId> = plates(site).collect();
                let cost = elbo_of_rows(model, guide, &rows)?.detach();
                // The score is never scaled: its cost is.
                let weighted = cost * site.log_prob()?;
                let frames = site.frames.iter().filter(|frame| frame.kind == FrameKind::Plate);
                surrogate = surrogate + frames.fold(weighted, |sum, frame| sum.sum_over(frame.axis));
            } else {
                surrogate = surrogate - log_q;
            }
        }
        Ok(Estimate { loss: -elbo.mean_over(particles), surrogate: -surrogate.mean_over(particles) })
    }

    fn particles(&self) -> usize {
        self.particles
    }
}

fn dense(trace: &Trace) -> impl Iterator<Item = &Site> {
    trace.sites().filter(|site| site.has_density())
}

fn plates(site: &Site) -> impl Iterator<Item = AxisId> {
    site.frames.iter().filter(|frame| frame.kind == FrameKind::Plate).map(|frame| frame.axis.id)
}

/// Whether a guide's draw carries no gradient to its distribution's parameters.
fn needs_score(site: &Site) -> bool {
    match &site.statement {
        Statement::Sample { distribution, observed: false, .. } => !distribution.has_rsample(),
        _ => false,
    }
}

/// `ln p - ln q` with every site summed over the plates that are not in `rows`.
fn elbo_of_rows(model: &Trace, guide: &Trace, rows: &[AxisId]) -> Result<Tensor> {
    let mut sum = Tensor::from(0.0);
    for site in dense(model) {
        sum = sum + site.log_prob_sum(rows)?;
    }
    for site in dense(guide) {
        sum = sum - site.log_prob_sum(rows)?;
    }
    Ok(sum)
}
