//! The draws of all chains, by site.

use std::time::Duration;

use indexmap::IndexMap;
use ppl_core::{Error, Result};
use ppl_infer::Draws;
use ppl_tensor::{Shape, Tensor};

use crate::{Adapted, Transition};

/// Draws of several chains on the constrained scale, by site, with what is known of each transition: a table in which every
/// chain has the same number of draws.
///
/// Of chains that all came to their end the table has everything. Where they were stopped ([`Mcmc::stop`](crate::Mcmc::stop))
/// some have drawn more than others: it has the first draws, as many as all of them have, of those chains for which the number
/// of draws times that of chains is largest, so that two chains that had ended are not cut to the three draws of a third.
/// Nothing that was drawn is lost: [`Chains::chain`] has all of every chain, of those that failed too, [`Chains::drawn`]
/// counts it, and [`Chains::summary`] says in words what of it is not in the table.
#[derive(Debug, Clone)]
pub struct Chains {
    pub(super) sites: IndexMap<String, SiteDraws>,
    pub(super) transitions: Vec<Vec<Transition>>,
    pub(super) warmup: Option<Box<Chains>>,
    pub(super) failures: Vec<(usize, Error)>,
    pub(super) unstored: Vec<(usize, Error)>,
    /// Of each chain of the table.
    pub(super) runs: Vec<RunTimes>,
    /// Of each chain of the table; of none of a warm-up.
    pub(super) adapted: Vec<Option<Adapted>>,
    /// Of every chain, by its number; of none where this is one chain, or a warm-up.
    pub(super) drawn: Vec<usize>,
    /// Each chain by itself of whose draws the table has not all.
    pub(super) apart: Vec<Chains>,
    pub(super) settings: Option<RunSettings>,
}

/// How a chain's time was spent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct RunTimes {
    /// The chain's number, counted from 0, those that are not in the table included.
    pub number: usize,
    /// How long its warm-up took.
    pub warmup: Duration,
    /// How long its draws took.
    pub draws: Duration,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunSettings {
    /// The kernel and its options ([`Kernel::describe`](crate::Kernel::describe)).
    pub kernel: String,
    /// Number of chains.
    pub chains: usize,
    /// Number of transitions of each chain's warm-up.
    pub warmup: usize,
    /// Number of draws of each chain.
    pub draws: usize,
    /// The deepest tree of a trajectory, of a kernel with trees.
    pub deepest_tree: Option<u32>,
    /// Seed.
    pub seed: u64,
    /// Whether chains went on from a folder: their times are those since then.
    pub resumed: bool,
}

/// The draws of one site.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SiteDraws {
    /// The draws, `[chain, draw, …]`, and then one dimension for each plate and scan, and those of one value.
    pub values: Tensor,
    /// The plates and scans around it, outermost first.
    pub plates: Vec<String>,
    /// Whether it is latent, not deterministic.
    pub latent: bool,
    /// The ends of a latent site's support, infinite ones included, where it is one interval.
    pub bounds: Option<(f64, f64)>,
}

impl SiteDraws {
    /// Number of numbers of one draw.
    pub fn element_count(&self) -> usize {
        self.shape().elements()
    }

    /// The place of a number in a draw, row-major, after the site's name: `theta[3]`, `w[0,2]`, counted from 0; the name
    /// alone of a scalar.
    pub fn element_name(&self, site: &str, element: usize) -> String {
        element_name(site, &self.shape(), element)
    }

    /// Of one draw.
    fn shape(&self) -> Shape {
        Shape::from(self.values.shape().get(2..).unwrap_or_default())
    }
}

/// `name[i,j]` of an element, row-major.
pub(crate) fn element_name(site: &str, shape: &Shape, element: usize) -> String {
    if shape.is_empty() {
        return site.to_owned();
    }
    let mut left = element;
    let mut places: Vec<String> = Vec::new();
    for &size in shape.iter().rev() {
        // A value without numbers has no places: whatever is asked for is called the first.
        let size = size.max(1);
        places.push((left % size).to_string());
        left /= size;
    }
    places.reverse();
    format!("{site}[{}]", places.join(","))
}

impl Chains {
    /// The draws of a site, latent or deterministic: `[chain, draw, …]`.
    ///
    /// # Errors
    /// If there is none of that name, or no draw at all: all chains failed, or were stopped in the warm-up.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        self.nonempty()?;
        let found = self.sites.get(name).map(|site| &site.values);
        found.ok_or_else(|| Error::unknown("site", name, self.sites.keys()))
    }

    /// All sites: the latent ones in the order of the model, then the deterministic ones. None if no chain is in the table.
    pub fn sites(&self) -> impl Iterator<Item = (&str, &SiteDraws)> {
        self.sites.iter().map(|(name, site)| (name.as_str(), site))
    }

    /// The draws of all chains one after the other, of latent sites: `[chain · draw, …]`. What
    /// [`Predictive::given`](ppl_infer::Predictive::given) takes.
    pub fn draws(&self) -> Draws {
        let latent = self.sites.iter().filter(|(_, site)| site.latent);
        let merged = |values: &Tensor| {
            let shape = values.shape();
            let merged = Shape::from([self.len()]).concat(&Shape::from(&shape[2..]));
            values.reshape(merged)
        };
        latent.map(|(name, site)| (name.clone(), merged(&site.values))).collect()
    }

    /// What is known of the draws' transitions, chain by chain.
    pub fn transitions(&self) -> &[Vec<Transition>] {
        &self.transitions
    }

    /// The energies of the draws, chain by chain; `None` of a kernel that has none.
    pub fn energies(&self) -> Option<Vec<Vec<f64>>> {
        let energies = |chain: &Vec<Transition>| chain.iter().map(|transition| transition.energy).collect();
        self.transitions.iter().map(energies).collect()
    }

    /// The number of chains in the table.
    pub fn chain_count(&self) -> usize {
        self.transitions.len()
    }

    /// The number of draws of each chain in the table.
    pub fn draw_count(&self) -> usize {
        self.transitions.first().map_or(0, Vec::len)
    }

    /// The number of draws in the table, of all chains.
    pub fn len(&self) -> usize {
        self.chain_count() * self.draw_count()
    }

    /// Whether there is no draw.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These chains, if there is a draw.
    ///
    /// # Errors
    /// If there is none: it says why chains failed, or that they were stopped before.
    pub fn nonempty(&self) -> Result<&Self> {
        if self.is_empty() { Err(self.nothing()) } else { Ok(self) }
    }

    /// Number of draws whose trajectory diverged: where there are any, the draws may lack parts of the posterior.
    pub fn divergences(&self) -> usize {
        self.transitions.iter().flatten().filter(|transition| transition.divergent).count()
    }

    /// Number of leapfrog steps of all draws.
    pub fn leapfrogs(&self) -> u64 {
        self.transitions.iter().flatten().map(|transition| u64::from(transition.leapfrogs)).sum()
    }

    /// The draws of the warm-up, if they were to be kept.
    pub fn warmup(&self) -> Option<&Chains> {
        self.warmup.as_deref()
    }

    /// The number of draws that each chain has made, by its number, counted from 0: those that are not in the table, and
    /// those of chains that failed, included. Empty of one chain, and of a warm-up.
    pub fn drawn(&self) -> &[usize] {
        &self.drawn
    }

    /// The chains that failed, by number, and why: an error, or a panic in the model's code or the sampler's. They are not
    /// in the table; what they drew before is in [`Chains::chain`].
    pub fn failures(&self) -> &[(usize, Error)] {
        &self.failures
    }

    /// The chains that could not be stored to their end, by number, and why: the disk is full, say. Their draws are all
    /// here, and no longer in their files.
    pub fn unstored(&self) -> &[(usize, Error)] {
        &self.unstored
    }

    /// How long the slowest chain's warm-up took, and its draws.
    pub fn times(&self) -> (Duration, Duration) {
        let longest = |time: fn(&RunTimes) -> Duration| self.runs.iter().map(time).max().unwrap_or_default();
        (longest(|run| run.warmup), longest(|run| run.draws))
    }

    /// Number and times of each chain in the table.
    pub fn run_times(&self) -> &[RunTimes] {
        &self.runs
    }

    /// The step size and the mass matrix that each chain in the table came to; `None` of a kernel without a Hamiltonian.
    pub fn adapted(&self) -> &[Option<Adapted>] {
        &self.adapted
    }

    /// What was asked for; `None` of a warm-up's draws.
    pub fn settings(&self) -> Option<&RunSettings> {
        self.settings.as_ref()
    }
}
