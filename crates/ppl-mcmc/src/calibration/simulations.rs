//! Simulation-based calibration.

use std::collections::HashMap;

use ppl_core::{Condition, Ctx, Error, Model, Result};
use ppl_infer::{Draws, Potential, PotentialSite, Predictive};
use ppl_tensor::{Key, KeyStream, Tensor};

use super::joint::{Given, observed};
use super::report::{CalibrationReport, Simulated};
use super::threads::in_threads;
use crate::diagnostics::{ess_bulk, ess_tail};
use crate::panics::caught;
use crate::{Chains, Kernel, LogDensity, Mcmc};

/// Simulation-based calibration (Talts, Betancourt, Simpson, Vehtari and Gelman 2018, "Validating Bayesian inference
/// algorithms with simulation-based calibration"): parameters are drawn from a model's prior, data from the model given
/// them, and its posterior given these data is sampled, many times over. If the sampler is right, and the model that makes
/// the data is the one that is sampled, then the rank of a parameter among the draws of its posterior is uniform.
///
/// Ranks are those of every number of every site, latent or deterministic, and of the log density, which takes in the data:
/// a sampler that ignored them would be found out by it alone (Modrák, Moon, Kim, Bürkner, Huurre, Faltejsková, Gelman and
/// Vehtari 2023, "Simulation-based calibration checking for Bayesian computation").
///
/// ```
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::{Exponential, Normal};
/// use ppl_mcmc::{Calibration, Mcmc, Nuts};
/// use ppl_tensor::Tensor;
///
/// fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
///     let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
///     let sd = ctx.sample("sd", Exponential::new(1.0))?;
///     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
/// }
/// // Of the data only their number matters: they are drawn anew.
/// let y = Tensor::zeros([5]);
/// let mcmc = Mcmc::new(Nuts::new()).warmup(200).draws(200).chains(1);
/// let report = Calibration::new(mcmc).simulations(20).ranks(50).run(&model, &y)?;
/// println!("{report}");
/// assert!(report.is_calibrated());
/// # Ok::<(), ppl_core::Error>(())
/// ```
///
/// Every observed site is drawn anew; whatever else the arguments hold, covariates or the sizes of plates, stays. A site
/// with missing data is simulated whole, and the same entries are then left out.
#[derive(Debug, Clone)]
#[must_use = "a calibration does nothing until it is run"]
pub struct Calibration<K> {
    mcmc: Mcmc<K>,
    simulations: usize,
    ranks: usize,
}

/// A run with too few effective draws is made longer up to so many times.
const LENGTHENED: usize = 16;

/// The name of the log density among the rows.
const LOG_DENSITY: &str = "log density";

/// What ranks are taken of, in all simulations.
struct Work<'a, M, A: ?Sized> {
    model: &'a M,
    args: &'a A,
    observed: Vec<String>,
    drawn: Draws,
    key: Key,
    ranks: usize,
}

impl<K: Kernel> Calibration<K> {
    /// Of chains as `mcmc` describes them, on 200 data sets, with 99 draws for each rank. One chain for each is enough;
    /// the seed of `mcmc` is that of all, its threads run simulations side by side, and its progress is that of them.
    pub fn new(mcmc: Mcmc<K>) -> Self {
        Self { mcmc, simulations: 200, ranks: 99 }
    }

    /// On so many simulated data sets, at least 10: a spread that is wrong by a fifth takes some hundreds to be seen.
    pub fn simulations(mut self, simulations: usize) -> Self {
        self.simulations = simulations;
        self
    }

    /// Ranks among so many draws, equally spaced among those of each run: from 1 to the number of these. Draws that are not
    /// worth as many independent ones are too few: the run is made again with more, at most 16 times as many.
    pub fn ranks(mut self, draws: usize) -> Self {
        self.ranks = draws;
        self
    }

    /// Simulates data sets from a model with these arguments, and samples the posterior of each.
    ///
    /// # Errors
    /// If an option is out of range, or chains are to be stored; if a part of the model cannot be simulated: a `factor`
    /// statement, a weight, a masked latent site; if the model cannot be drawn from; or if every simulation fails: as
    /// [`Mcmc::run`]. Simulations that fail, or panic, beside others are told in the report.
    pub fn run<A: ?Sized + Sync, M: Model<A> + Sync>(
        &self,
        model: &M,
        args: &A,
    ) -> Result<CalibrationReport> {
        self.check()?;
        let (params, (seed, _)) = (self.mcmc.params(), self.mcmc.seed_and_draws());
        let observed = observed(model, args, params)?;
        let predictive = Predictive::new(|ctx: &mut Ctx, args: &A| model.run(ctx, args));
        let drawn = predictive.seed(seed).with_params(params).prior_predictive(self.simulations, args)?;
        let key = Key::new(seed).fold_in_name("calibration");
        let work = Work { model, args, observed, drawn, key, ranks: self.ranks };
        let mcmc = self.mcmc.clone().threads(1).progress(false);
        let (threads, shown) = (self.mcmc.thread_count(), self.mcmc.shows_progress());
        let found = in_threads(self.simulations, threads, shown, &mcmc, |mcmc, number| {
            let found =
                (!mcmc.is_stopped()).then(|| caught("the simulation", || work.simulate(mcmc, number)))?;
            // What was interrupted is no run of this sampler.
            (!mcmc.is_stopped()).then_some(found)
        });
        CalibrationReport::of(self.ranks, found)
    }

    fn check(&self) -> Result<()> {
        if self.simulations < 10 {
            let n = self.simulations;
            return Err(Error::argument(format!("{n} simulations were asked for, at least 10 are needed")));
        }
        if self.ranks == 0 {
            return Err(Error::argument("ranks among 0 draws were asked for, at least 1 is needed"));
        }
        let drawn = self.mcmc.total_draws();
        if self.ranks > drawn {
            let ranks = self.ranks;
            return Err(Error::argument(format!(
                "ranks among {ranks} draws were asked for, each run has {drawn}"
            )));
        }
        if self.mcmc.is_stored() {
            let what = "storing chains".to_owned();
            return Err(Error::Unsupported {
                what,
                of: "calibration: there is one run for each data set".into(),
            });
        }
        Ok(())
    }
}

impl<A: ?Sized, M: Model<A>> Work<'_, M, A> {
    /// The ranks of one simulation.
    fn simulate<K: Kernel>(&self, mcmc: &Mcmc<K>, number: usize) -> Result<Simulated> {
        let row = |name: &String| Ok((name.clone(), self.drawn.get(name)?.select_index(0, number)));
        let data: HashMap<String, Tensor> = self.observed.iter().map(row).collect::<Result<_>>()?;
        let given = Given { model: self.model, data: Condition::new(data) };
        let stream = self.key.fold_in(number).stream()?;
        let mut mcmc = mcmc.clone().seed(stream.state().0.cast_unsigned());
        let (_, mut draws) = mcmc.seed_and_draws();
        let longest = draws.saturating_mul(LENGTHENED);
        let (chains, ess) = loop {
            let chains = mcmc.run(&given, self.args)?;
            let ess = least_effective(chains.nonempty()?)?;
            if ess >= self.ranks as f64 || draws >= longest {
                break (chains, ess);
            }
            // A little more than is needed: it is an estimate.
            let factor = (1.25 * self.ranks as f64 / ess).clamp(1.5, LENGTHENED as f64);
            draws = ((draws as f64 * factor) as usize).min(longest);
            mcmc = mcmc.draws(draws);
        };
        let divergences = chains.divergences() as f64 / chains.len() as f64;
        let mut found = Simulated { ranks: Vec::new(), slow: ess < self.ranks as f64, divergences };
        let mut ranker = Ranker { draws: self.ranks, stream };
        for (name, site) in chains.sites() {
            let truth = self.drawn.get(name)?.select_index(0, number).to_f64()?;
            if truth.len() != site.element_count() {
                let reason = "runs of the model differ in the shape of this site";
                return Err(Error::argument(reason).at_site(name));
            }
            for (value, number) in truth.into_iter().zip(site.numbers(name)?) {
                let rank = ranker.rank(value, number.all());
                found.ranks.push((number.name().to_owned(), rank));
            }
        }
        let latent = |site: &PotentialSite| {
            Ok((site.name.clone(), self.drawn.get(&site.name)?.select_index(0, number)))
        };
        let ctx = Ctx::new(0).with_params(mcmc.params().clone());
        let mut potential = Potential::compile(&given, &ctx, self.args)?;
        let values = potential.sites().iter().map(latent).collect::<Result<_>>()?;
        let x = potential.unconstrain(&values)?;
        let truth = potential.value_and_gradient(&x, &mut vec![0.0; LogDensity::dimension(&potential)])?;
        let transitions = chains.transitions().iter().flatten();
        let densities: Vec<f64> = transitions.map(|transition| transition.log_density).collect();
        found.ranks.push((LOG_DENSITY.to_owned(), ranker.rank(truth, &densities)));
        Ok(found)
    }
}

/// The fewest effective draws, in the centre or in the tails, of any number that varies.
fn least_effective(chains: &Chains) -> Result<f64> {
    let mut least = f64::INFINITY;
    for (name, site) in chains.sites() {
        for number in site.numbers(name)? {
            let varies = number.all().windows(2).any(|pair| pair[0] != pair[1]);
            if varies {
                let parts = number.chains();
                least = least.min(ess_bulk(&parts)).min(ess_tail(&parts));
            }
        }
    }
    Ok(least)
}

/// Counts ranks.
struct Ranker {
    draws: usize,
    stream: KeyStream,
}

impl Ranker {
    /// The number of draws below the truth, among so many that are equally spaced in all; of equal ones a random part.
    fn rank(&mut self, truth: f64, all: &[f64]) -> usize {
        let draws = (0..self.draws).filter_map(|i| all.get(i * all.len() / self.draws));
        let (mut below, mut equal) = (0, 0);
        for draw in draws {
            below += usize::from(*draw < truth);
            equal += usize::from(*draw == truth);
        }
        // The draw is made in any case, so that the stream does not depend on ties.
        below + (self.stream.uniform() * (equal + 1) as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_count_spaced_draws_and_break_ties_evenly() {
        let mut ranker = Ranker { draws: 3, stream: Key::new(1).stream().unwrap() };
        let draws = [5.0, 100.0, 1.0, 100.0, 3.0, 100.0];
        assert_eq!([0.0, 1.5, 4.0, 9.0].map(|truth| ranker.rank(truth, &draws)), [0, 1, 2, 3]);
        let mut counts = [0; 4];
        for _ in 0..4000 {
            counts[ranker.rank(7.0, &[7.0; 3])] += 1;
        }
        // Four standard deviations of a binomial count.
        assert!(counts.iter().all(|count| (count - 1000_i32).abs() < 110), "{counts:?}");
    }
}
