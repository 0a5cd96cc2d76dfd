//! Rényi's variational bound, and with it the importance weighted bound.

use std::collections::HashMap;

use ppl_core::{Error, Frame, Message, Result};
use ppl_tensor::{AxisId, Source, Tensor};

use super::options::{Options, options, runs_by_options};
use super::runs::{Origin, plates, scaled, sum_rows};
use super::score::score_term;
use super::{Estimate, Estimators, GradientEstimator, Objective, ObjectiveState, Runs, Term};

/// The negative variational Rényi bound of order `α` with `K` particles (Li and Turner 2016),
/// `-E[ln(1/K Σ_k w_k^(1-α)) / (1-α)]` with `w = p(x, z) / q(z)`; of order 0 the importance weighted bound (Burda, Grosse
/// and Salakhutdinov 2016).
///
/// What shares a weight: draws that a term of either program connects, in every row of the plates that all of them and
/// all terms that depend on them have in common. What nothing connects has weights of its own: rows of local latent
/// variables without global ones, as the data points of an autoencoder, or sites that have nothing to do with each other.
/// The loss is then the sum of the bounds of independent problems (never looser in the mean than one weight for all), and
/// a subsample of such rows is scaled up to all of them outside the logarithm. With a global latent variable the weight
/// is joint over all rows; a subsample of these would bias it and is refused.
///
/// Estimators: pathwise, doubly reparameterised ([`GradientEstimator::DoublyReparameterized`], for any order: the score
/// term with weight `(1-α) v (1-v)` of a normalised weight `v` is made pathwise), and the score function, whose cost is
/// the bound itself.
#[derive(Debug, Clone)]
pub struct RenyiElbo {
    alpha: f64,
    options: Options,
}

options!(RenyiElbo);

impl RenyiElbo {
    /// The bound of order `alpha`, any real number but 1, where it is the evidence lower bound
    /// ([`TraceElbo`](crate::TraceElbo)). With one particle it is that for every order: ask for [`RenyiElbo::particles`].
    pub fn new(alpha: f64) -> Self {
        Self { alpha, options: Options::default() }
    }

    /// The importance weighted bound: order 0.
    pub fn importance_weighted() -> Self {
        Self::new(0.0)
    }

    fn check(&self) -> Result<()> {
        if !self.alpha.is_finite() {
            return Err(Error::argument(format!("alpha is {}, must be finite", self.alpha)));
        }
        if self.alpha == 1.0 {
            return Err(Error::argument(
                "alpha is 1, where the bound is the evidence lower bound: use TraceElbo",
            ));
        }
        Ok(())
    }
}

/// Name under which [`Estimate::site_losses`] gives what the spread of the weights adds to the loss: their divergence
/// from equal weights, divided by `1 - α`.
const WEIGHTS: &str = "importance weights";

/// Terms that share a weight.
struct Part<'a> {
    terms: Vec<&'a Term<'a>>,
    latents: Vec<&'a str>,
    /// The plates whose rows have weights of their own.
    rows: Vec<Frame>,
}

/// A part's bound and what follows from its weights.
struct Bound {
    /// Per row.
    value: Tensor,
    /// Per row, the particles as first dimension.
    log_weights: Tensor,
    /// Normalised weights `w^(1-α) / Σ w^(1-α)`, likewise.
    weights: Tensor,
}

impl Objective for RenyiElbo {
    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        self.check()?;
        let terms = runs.terms()?;
        let mut estimate = Estimate::new(0.0.into(), 0.0.into());
        let mut state = ObjectiveState::new();
        for part in parts(runs, &terms)? {
            if part.latents.is_empty() {
                for term in part.terms {
                    let loss = term.loss(&[]);
                    estimate.add_term(runs, &term.site.name, &loss);
                    estimate.loss = estimate.loss + &loss;
                    estimate.surrogate = estimate.surrogate + loss;
                }
                continue;
            }
            let bound = self.bound(runs, &part);
            let loss = -part.over_rows(&bound.value);
            estimate.surrogate = estimate.surrogate
                + match part.is_doubly_reparameterized(runs)? {
                    true => self.doubly_reparameterized(runs, &part, &bound)?,
                    false => loss.clone(),
                };
            for name in &part.latents {
                let latent = runs.latent(name)?;
                let cost = part.scaled_up(-&bound.value);
                let others = || part.scaled_up(-self.without_own_weight(runs, &bound));
                let score = score_term(runs, name, latent, &cost, others, &mut state)?;
                // The bound is of all particles: the score of each is weighed by it.
                estimate.surrogate = estimate.surrogate + score.sum_over(runs.particles());
            }
            self.add_terms(runs, &part, &bound, &mut estimate);
            estimate.loss = estimate.loss + loss;
        }
        estimate.state = state;
        Ok(estimate)
    }

    runs_by_options!();
}

impl RenyiElbo {
    fn bound(&self, runs: &Runs, part: &Part<'_>) -> Bound {
        let log_weight = part.terms.iter().fold(Tensor::from(0.0), |sum, term| sum - part.inner_loss(term));
        let log_weights = log_weight.to_positional(runs.particles());
        let powers = &log_weights * (1.0 - self.alpha);
        let normaliser = powers.logsumexp(0);
        let weights = (&powers - &normaliser).exp().detach();
        let value = (normaliser - (runs.particles().size as f64).ln()) / (1.0 - self.alpha);
        Bound { value, log_weights, weights }
    }

    /// The bound with each particle's weight replaced by the geometric mean of the others', per particle.
    fn without_own_weight(&self, runs: &Runs, bound: &Bound) -> Tensor {
        let k = runs.particles().size;
        let log_weights = bound.log_weights.detach();
        let others = (log_weights.sum(0) - &log_weights) / (k as f64 - 1.0);
        let own = Tensor::eye(k).gt(0.0);
        let replaced = own.select(others.unsqueeze(-1), log_weights.unsqueeze(0)) * (1.0 - self.alpha);
        let bounds = (replaced.logsumexp(-1) - (k as f64).ln()) / (1.0 - self.alpha);
        bounds.to_implicit(runs.particles().id).unwrap_or_else(Tensor::failure)
    }

    /// A draw's path to the bound has weight `v`, that of its score term `-(1-α) v (1-v)`: together `α v + (1-α) v²`.
    /// The model's own parameters keep the weight `v`.
    fn doubly_reparameterized(&self, runs: &Runs, part: &Part<'_>, bound: &Bound) -> Result<Tensor> {
        let weights = &bound.weights;
        let path = weights * self.alpha + weights.square() * (1.0 - self.alpha);
        let mut held = Tensor::from(0.0);
        for term in part.terms.iter().filter(|term| term.origin == Origin::Model) {
            let row = runs.held_model_row(&term.site.name)?;
            held = held - part.inner(sum_rows(&row, term.site, &part.ids()), term);
        }
        let held = held.to_positional(runs.particles());
        let sum = (&path * &bound.log_weights + (weights - &path) * held).sum(0);
        Ok(-part.over_rows(&sum))
    }

    /// `-ln w` under the normalised weights, site by site, and what the spread of the weights adds.
    fn add_terms(&self, runs: &Runs, part: &Part<'_>, bound: &Bound, estimate: &mut Estimate) {
        let weights = &bound.weights;
        let weighted = |value: &Tensor| {
            // A weight of zero times an infinite term counts nothing.
            let present = weights.gt(0.0);
            part.over_rows(&present.select(weights * present.select(value, 0.0), 0.0).sum(0))
        };
        for term in &part.terms {
            let loss = part.inner_loss(term).detach().to_positional(runs.particles());
            estimate.add_term(runs, &term.site.name, &weighted(&loss));
        }
        let spread = (weights * runs.particles().size as f64).log() / (1.0 - self.alpha);
        estimate.add_term(runs, WEIGHTS, &weighted(&spread));
    }
}

impl Part<'_> {
    fn ids(&self) -> Vec<AxisId> {
        self.rows.iter().map(|frame| frame.axis.id).collect()
    }

    /// Factor that makes up for rows left out of the plates whose rows stay apart.
    fn outer_scale(&self) -> f64 {
        self.rows.iter().map(|frame| frame.population.max(1) as f64 / frame.axis.size.max(1) as f64).product()
    }

    /// A term of a row of this part, with the scale that belongs inside the row.
    fn inner(&self, sum: Tensor, term: &Term<'_>) -> Tensor {
        scaled(sum, term.site.scale / self.outer_scale())
    }

    fn inner_loss(&self, term: &Term<'_>) -> Tensor {
        self.inner(sum_rows(&term.row, term.site, &self.ids()), term)
    }

    fn scaled_up(&self, value: Tensor) -> Tensor {
        scaled(value, self.outer_scale())
    }

    fn over_rows(&self, value: &Tensor) -> Tensor {
        self.scaled_up(self.rows.iter().fold(value.clone(), |sum, frame| sum.sum_over(frame.axis)))
    }

    /// Whether all draws of the part are doubly reparameterised; checks that their estimators go together.
    fn is_doubly_reparameterized(&self, runs: &Runs) -> Result<bool> {
        let mut doubly = Vec::new();
        for &name in &self.latents {
            let estimator = runs.estimator(name)?;
            match estimator {
                GradientEstimator::StickingTheLanding => {
                    let instead = "it would be biased, use the doubly reparameterised one";
                    return Err(estimator.refused(name, "RenyiElbo", instead));
                }
                GradientEstimator::DoublyReparameterized => doubly.push(name),
                _ => {}
            }
        }
        match doubly.first() {
            Some(name) if doubly.len() < self.latents.len() => {
                let reason = "is doubly reparameterised, but not all draws that share its weight are";
                Err(Error::argument(reason).at_site(name))
            }
            first => Ok(first.is_some()),
        }
    }
}

/// The terms by what shares a weight; those that depend on no draw are a part without draws.
fn parts<'a>(runs: &'a Runs, terms: &'a [Term<'a>]) -> Result<Vec<Part<'a>>> {
    let latents: Vec<(&str, Source)> = runs.latents().map(|(name, latent)| (name, latent.source)).collect();
    let place: HashMap<Source, usize> =
        latents.iter().enumerate().map(|(place, (_, source))| (*source, place)).collect();
    // Which part each draw is in: joined by every term that depends on several.
    let mut part_of: Vec<usize> = (0..latents.len()).collect();
    let draws_of = |term: &Term<'_>| -> Vec<usize> {
        term.depends_on.sources().filter_map(|source| place.get(&source).copied()).collect()
    };
    for term in terms {
        let draws = draws_of(term);
        let Some(target) = draws.iter().map(|&draw| part_of[draw]).min() else { continue };
        let joined: Vec<usize> = draws.iter().map(|&draw| part_of[draw]).collect();
        for part in part_of.iter_mut().filter(|part| joined.contains(part)) {
            *part = target;
        }
    }
    let constant = latents.len();
    let mut found: Vec<(usize, Part<'a>)> = Vec::new();
    for term in terms {
        let key = draws_of(term).first().map_or(constant, |&draw| part_of[draw]);
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, part)) => part.terms.push(term),
            None => {
                let members = latents.iter().zip(&part_of).filter(|(_, part)| **part == key);
                let latents = members.map(|((name, _), _)| *name).collect();
                found.push((key, Part { terms: vec![term], latents, rows: Vec::new() }));
            }
        }
    }
    for (_, part) in &mut found {
        part.rows = rows_apart(runs, part)?;
    }
    Ok(found.into_iter().map(|(_, part)| part).collect())
}

/// The plates that all draws and terms of a part have, and whose rows never met.
fn rows_apart(runs: &Runs, part: &Part<'_>) -> Result<Vec<Frame>> {
    let Some(first) = part.latents.first() else { return Ok(Vec::new()) };
    let mut rows: Vec<Frame> = plates(runs.guide().site(first)?).cloned().collect();
    for name in &part.latents {
        let site = runs.guide().site(name)?;
        rows.retain(|row| plates(site).any(|frame| frame.axis.id == row.axis.id));
    }
    for term in &part.terms {
        rows.retain(|row| {
            let axis = row.axis.id;
            let met = term.depends_on.sources().any(|source| term.depends_on.is_mixed(source, axis));
            !met && plates(term.site).any(|frame| frame.axis.id == axis)
        });
    }
    for term in &part.terms {
        let joint = |frame: &&Frame| rows.iter().all(|row| row.axis.id != frame.axis.id);
        let left_out = |frame: &&Frame| frame.population != frame.axis.size;
        if let Some(plate) = plates(term.site).filter(joint).find(left_out) {
            let reason = format!(
                "site `{}` shares its weight with other rows, and a weight of some rows is not one of all: use all \
                 rows, or an evidence lower bound",
                term.site.name
            );
            return Err(Error::Plate { plate: plate.name.clone(), reason });
        }
    }
    Ok(rows)
}
