//! Score-function terms: costs by dependence and row, and what is subtracted from them.

use ppl_core::{Error, Result, Site};
use ppl_tensor::{AxisId, Provenance, Tensor};

use super::runs::{Latent, frames_of_rows, plates, sum_rows};
use super::{Baseline, GradientEstimator, ObjectiveState, Runs, Term};

/// Which costs weigh a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Costs {
    /// All.
    All,
    /// Those that depend on the draw (Schulman, Heess, Weber and Abbeel 2015).
    Downstream,
}

/// The cost that weighs a draw's score: one number for each row of the draw's plates that only that row has a part in.
pub(super) fn cost_of(terms: &[Term<'_>], site: &Site, latent: &Latent, costs: Costs) -> Tensor {
    let downstream = |term: &&Term<'_>| costs == Costs::All || term.depends_on.contains(latent.source);
    terms.iter().filter(downstream).fold(Tensor::from(0.0), |sum, term| {
        // Costs of other rows have no part in a row's draw, unless rows met on the way from the draw to the cost.
        let own_row = |axis: AxisId| !term.depends_on.is_mixed(latent.source, axis);
        let rows: Vec<AxisId> = plates(site).map(|frame| frame.axis.id).filter(|&id| own_row(id)).collect();
        sum + term.loss(&rows)
    })
}

/// The part of a surrogate that gives a draw's score-function gradient, for each particle; nothing for other estimators.
/// The cost may be per row; `others` gives the leave-one-out baseline of a cost.
pub(super) fn score_term(
    runs: &Runs,
    name: &str,
    latent: &Latent,
    cost: &Tensor,
    others: impl FnOnce() -> Tensor,
    state: &mut ObjectiveState,
) -> Result<Tensor> {
    let GradientEstimator::ScoreFunction { baseline } = &latent.estimator else {
        return Ok(Tensor::from(0.0));
    };
    let site = runs.guide().site(name)?;
    let cost = cost.detach();
    // Of the draw as it was made: weights and masks are of its cost.
    let score = site.draw_log_prob()?;
    let over_rows = |value: Tensor| sum_rows(&value, site, &[]);
    match baseline {
        Baseline::None => Ok(over_rows(cost * score)),
        Baseline::DecayingAverage { decay } => {
            let average = Average::of(runs.state(), name);
            let mean =
                frames_of_rows(site).fold(cost.mean_over(runs.particles()), |m, f| m.mean_over(f.axis));
            state.insert(name.to_owned(), average.next(*decay, mean));
            Ok(over_rows((cost - average.value()) * score))
        }
        Baseline::LeaveOneOut => {
            if runs.is_chunk() || runs.particles().size < 2 {
                let reason = "a leave-one-out baseline needs at least two particles, and all of them at once";
                return Err(Error::argument(reason).at_site(name));
            }
            Ok(over_rows((cost - others().detach()) * score))
        }
        Baseline::Learned { site: of } => {
            let baseline = runs.guide().site(of).map_err(|error| error.at_site(name))?;
            let value = &baseline.value;
            check_baseline(value, &runs.guide_sources(baseline), name, latent)?;
            let error = (value - &cost).square();
            Ok(over_rows((cost - value.detach()) * score + error))
        }
        Baseline::Function(function) => {
            let value = function(runs.guide()).map_err(|error| error.at_site(name))?;
            check_baseline(&value, value.provenance(), name, latent)?;
            Ok(over_rows((cost - value.detach()) * score))
        }
    }
}

/// The mean cost of the other particles.
pub(super) fn others_mean(runs: &Runs, cost: &Tensor) -> Tensor {
    let particles = runs.particles();
    (cost.sum_over(particles) - cost) / (particles.size as f64 - 1.0)
}

/// A baseline that depended on the draw would shift the gradient.
fn check_baseline(value: &Tensor, sources: &Provenance, site: &str, latent: &Latent) -> Result<()> {
    let value = value.check().map_err(|error| Error::from(error).at_site(site))?;
    if sources.contains(latent.source) {
        let reason = "the baseline depends on the draw itself, which would bias the gradient";
        return Err(Error::argument(reason).at_site(site));
    }
    if value.rank() != 0 {
        let shape = value.shape();
        return Err(
            Error::Shape(format!("a baseline is one number a row, found shape {shape}")).at_site(site)
        );
    }
    Ok(())
}

/// A decaying average: the weighted sum of the costs and the sum of the weights.
struct Average {
    sum: Tensor,
    weight: Tensor,
}

impl Average {
    fn of(state: &ObjectiveState, site: &str) -> Self {
        match state.get(site) {
            Some(pair) => Self { sum: pair.select_index(0, 0), weight: pair.select_index(0, 1) },
            None => Self { sum: 0.0.into(), weight: 0.0.into() },
        }
    }

    /// The average, 0 of none.
    fn value(&self) -> Tensor {
        let any = self.weight.gt(0.0);
        any.select(&self.sum / any.select(&self.weight, 1.0), 0.0)
    }

    fn next(&self, decay: f64, cost: Tensor) -> Tensor {
        let sum = &self.sum * decay + cost * (1.0 - decay);
        let weight = &self.weight * decay + (1.0 - decay);
        let weight = &weight + sum.zeros_like();
        Tensor::stack(&[&sum, &weight], 0)
    }
}
