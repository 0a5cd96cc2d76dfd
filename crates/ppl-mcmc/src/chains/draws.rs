//! The draws of all chains, by site.

use std::time::Duration;

use indexmap::IndexMap;
use ppl_core::{Error, Result};
use ppl_infer::{Draws, Quantity};
use ppl_tensor::{Shape, Tensor};

use super::run::ChainRun;
use crate::{Adapted, Transition};

/// Draws of several chains on the constrained scale, by site, with what is known of each transition.
///
/// All chains have the same number of draws: that of the shortest, if they were stopped.
#[derive(Debug, Clone)]
pub struct Chains {
    sites: IndexMap<String, SiteDraws>,
    transitions: Vec<Vec<Transition>>,
    warmup: Option<Box<Chains>>,
    failures: Vec<(usize, Error)>,
    unstored: Vec<(usize, Error)>,
    /// Of each chain.
    runs: Vec<RunTimes>,
    adapted: Vec<Option<Adapted>>,
    settings: Option<RunSettings>,
}

/// How a chain's time was spent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct RunTimes {
    /// The chain's number, counted from 0, those that failed included.
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
        places.push((left % size).to_string());
        left /= size;
    }
    places.reverse();
    format!("{site}[{}]", places.join(","))
}

impl Chains {
    /// Puts what chains left together.
    pub(super) fn collect(quantities: &[Quantity], runs: Vec<ChainRun>) -> Result<Self> {
        let (mut kept, mut failures, mut unstored) = (Vec::new(), Vec::new(), Vec::new());
        for (number, mut run) in runs.into_iter().enumerate() {
            unstored.extend(run.unstored.take().map(|error| (number, error)));
            match run.failure.take() {
                Some(error) => failures.push((number, error)),
                None => kept.push((number, run)),
            }
        }
        if kept.is_empty() {
            let nothing = || Error::argument("there is no chain");
            return Err(failures.into_iter().next().map_or_else(nothing, |(_, error)| error));
        }
        kept.retain(|(_, run)| !run.transitions.is_empty());
        let times = |(number, run): &(usize, ChainRun)| RunTimes {
            number: *number,
            warmup: run.warmup_time,
            draws: run.time,
        };
        let times: Vec<RunTimes> = kept.iter().map(times).collect();
        let mut kept: Vec<ChainRun> = kept.into_iter().map(|(_, run)| run).collect();
        let adapted = kept.iter_mut().map(|run| run.adapted.take()).collect();
        let draws = kept.iter().map(|run| run.transitions.len()).min();
        let draws =
            draws.ok_or_else(|| Error::argument("the chains were stopped before their first draw"))?;
        let first = kept.iter().map(|run| run.warmup_transitions.len()).min().unwrap_or(0);
        let warmup = (first > 0).then(|| {
            let parts = kept.iter_mut().map(|run| {
                (std::mem::take(&mut run.warmup_values), std::mem::take(&mut run.warmup_transitions))
            });
            Self::new(quantities, parts.collect(), first)
        });
        let parts = kept.into_iter().map(|run| (run.values, run.transitions)).collect();
        let mut chains = Self::new(quantities, parts, draws)?;
        chains.warmup = warmup.transpose()?.map(|warmup| Box::new(Self { runs: times.clone(), ..warmup }));
        (chains.failures, chains.unstored, chains.runs) = (failures, unstored, times);
        chains.adapted = adapted;
        Ok(chains)
    }

    /// The first `draws` of each chain: values `[draw, number]`, and transitions.
    fn new(
        quantities: &[Quantity],
        mut parts: Vec<(Vec<f64>, Vec<Transition>)>,
        draws: usize,
    ) -> Result<Self> {
        let width = quantities.last().map_or(0, |quantity| quantity.range.end);
        let site = |quantity: &Quantity| -> Result<(String, SiteDraws)> {
            let rows = parts.iter().flat_map(|(values, _)| values.chunks_exact(width.max(1)).take(draws));
            let values: Vec<f64> = rows.flat_map(|row| &row[quantity.range.clone()]).copied().collect();
            let shape = Shape::from([parts.len(), draws]).concat(&quantity.shape);
            let values = Tensor::new(shape, values)?;
            let Quantity { plates, latent, bounds, .. } = quantity;
            let draws = SiteDraws { values, plates: plates.clone(), latent: *latent, bounds: *bounds };
            Ok((quantity.name.clone(), draws))
        };
        let sites = quantities.iter().map(site).collect::<Result<_>>()?;
        parts.iter_mut().for_each(|(_, transitions)| transitions.truncate(draws));
        let transitions = parts.into_iter().map(|(_, transitions)| transitions).collect();
        let (failures, unstored, runs, adapted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self { sites, transitions, warmup: None, failures, unstored, runs, adapted, settings: None })
    }

    pub(super) fn with_settings(mut self, settings: RunSettings) -> Self {
        self.settings = Some(settings);
        self
    }

    /// The draws of a site, latent or deterministic: `[chain, draw, …]`.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        let found = self.sites.get(name).map(|site| &site.values);
        found.ok_or_else(|| Error::unknown("site", name, self.sites.keys()))
    }

    /// All sites: the latent ones in the order of the model, then the deterministic ones.
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

    /// The number of chains.
    pub fn chain_count(&self) -> usize {
        self.transitions.len()
    }

    /// The number of draws of each chain.
    pub fn draw_count(&self) -> usize {
        self.transitions.first().map_or(0, Vec::len)
    }

    /// The number of draws of all chains.
    pub fn len(&self) -> usize {
        self.chain_count() * self.draw_count()
    }

    /// Whether there is no draw.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// The chains that failed, by number, and why. Their draws are not here.
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

    /// Number and times of each chain whose draws are here.
    pub fn run_times(&self) -> &[RunTimes] {
        &self.runs
    }

    /// The step size and the mass matrix that each chain here came to; `None` of a kernel without a Hamiltonian.
    pub fn adapted(&self) -> &[Option<Adapted>] {
        &self.adapted
    }

    /// What was asked for; `None` of a warm-up's draws.
    pub fn settings(&self) -> Option<&RunSettings> {
        self.settings.as_ref()
    }
}
