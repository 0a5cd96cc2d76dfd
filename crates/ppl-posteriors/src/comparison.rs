//! Draws beside posteriordb's reference draws.

use ppl::core::Result;
use ppl::mcmc::Chains;
use ppl::mcmc::diagnostics::{ess_bulk, mcse_mean, mean, r_hat, variance};

use crate::Reference;

/// What draws and reference draws say of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What the reference says, and the number's name.
    pub reference: Reference,
    /// Mean of the draws.
    pub mean: f64,
    /// Standard deviation of the draws.
    pub sd: f64,
    /// Mean of the squares of the draws.
    pub mean_square: f64,
    /// Distance of the means, draws less reference, in their combined standard errors.
    pub z_mean: f64,
    /// The same of the mean squares.
    pub z_square: f64,
    /// Effective draws for the centre.
    pub ess_bulk: f64,
    /// Rank-normalised split R̂.
    pub r_hat: f64,
}

impl Comparison {
    /// How far a mean or a mean square may be from the reference's, in combined standard errors. Of the 116 numbers of all
    /// posteriors, twice over, one of a right sampler is beyond it once in seventy seeds.
    pub const FARTHEST: f64 = 4.0;

    /// Compares the draws of each number that the reference has.
    ///
    /// # Errors
    /// If the chains have no such number.
    pub fn all(chains: &Chains, reference: Vec<Reference>) -> Result<Vec<Comparison>> {
        reference.into_iter().map(|reference| Self::one(chains, reference)).collect()
    }

    fn one(chains: &Chains, reference: Reference) -> Result<Self> {
        let (site, place) = chains.locate(&reference.name)?;
        let number = chains.site(site)?.numbers_at(site, [place])?;
        let draws: Vec<Vec<f64>> = number
            .flat_map(|number| number.chains().into_iter().map(<[f64]>::to_vec).collect::<Vec<_>>())
            .collect();
        let squares: Vec<Vec<f64>> =
            draws.iter().map(|chain| chain.iter().map(|x| x * x).collect()).collect();
        let slices: Vec<&[f64]> = draws.iter().map(Vec::as_slice).collect();
        let (mean, variance, z_mean) = distance(&draws, reference.mean);
        let (mean_square, _, z_square) = distance(&squares, reference.mean_square);
        let (ess_bulk, r_hat) = (ess_bulk(&slices), r_hat(&slices));
        Ok(Self { reference, mean, sd: variance.sqrt(), mean_square, z_mean, z_square, ess_bulk, r_hat })
    }

    /// The farther of the two distances; NaN if one is.
    pub fn farthest(&self) -> f64 {
        let (first, second) = (self.z_mean.abs(), self.z_square.abs());
        if first.is_nan() || first > second { first } else { second }
    }
}

/// Mean and variance of draws, and the distance of their mean from the reference's in combined standard errors.
fn distance(draws: &[Vec<f64>], expected: f64) -> (f64, f64, f64) {
    let slices: Vec<&[f64]> = draws.iter().map(Vec::as_slice).collect();
    let all = slices.concat();
    let (mean, variance) = (mean(&all), variance(&all));
    let error = (mcse_mean(&slices).powi(2) + variance / Reference::DRAWS).sqrt();
    (mean, variance, (mean - expected) / error)
}
