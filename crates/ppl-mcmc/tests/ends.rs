//! Chains that end before they should, or never would: nothing that was drawn is lost, and what is missing is told.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ppl_core::{Ctx, Error, Result};
use ppl_dist::Normal;
use ppl_infer::{Init, compile_potential};
use ppl_mcmc::{Chains, InferenceData, LogDensity, Mcmc, RandomWalk};
use ppl_suite::TemporaryPath;
use ppl_tensor::Tensor;

/// Two normal numbers, of which one chain after the other is made. Something happens at an evaluation of all of them; a chain
/// of a random walk has one for its start, and one for each transition.
#[derive(Clone)]
struct Watched {
    evaluations: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    stops: usize,
    /// From which on to which: there are errors.
    fails: std::ops::Range<usize>,
    /// Panics instead.
    panics: bool,
}

impl Watched {
    fn new(stops: usize, fails: std::ops::Range<usize>) -> Self {
        Self { evaluations: Arc::default(), stop: Arc::default(), stops, fails, panics: false }
    }
}

impl LogDensity for Watched {
    fn dimension(&self) -> usize {
        2
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let number = self.evaluations.fetch_add(1, Ordering::Relaxed);
        if number == self.stops {
            self.stop.store(true, Ordering::Relaxed);
        }
        if self.fails.contains(&number) {
            assert!(!self.panics, "the net is gone");
            return Err(Error::argument("the net is down"));
        }
        gradient.copy_from_slice(&[-x[0], -x[1]]);
        Ok(-0.5 * (x[0] * x[0] + x[1] * x[1]))
    }
}

const WARMUP: usize = 10;
const DRAWS: usize = 50;
/// Evaluations of a chain that comes to its end.
const CHAIN: usize = 1 + WARMUP + DRAWS;
const NEVER: usize = usize::MAX;

fn mcmc() -> Mcmc<RandomWalk> {
    Mcmc::new(RandomWalk::new()).warmup(WARMUP).draws(DRAWS).threads(1).keep_warmup(true)
}

fn sample(mcmc: Mcmc<RandomWalk>, chains: usize, density: &Watched) -> Result<Chains> {
    let starts: Vec<Vec<f64>> = (0..chains).map(|number| vec![0.1 * number as f64, 0.5]).collect();
    mcmc.stop(density.stop.clone()).sample(|| density.clone(), &starts)
}

fn whole(chains: usize) -> Chains {
    sample(mcmc(), chains, &Watched::new(NEVER, 0..0)).unwrap()
}

fn values(chains: &Chains) -> Vec<f64> {
    chains.get("x").unwrap().to_f64().unwrap()
}

/// A chain has so many draws, those that it has where nothing happens, with their transitions and its warm-up.
fn has(chains: &Chains, number: usize, draws: usize, whole: &Chains) {
    let (found, expected) = (chains.chain(number).unwrap(), whole.chain(number).unwrap());
    assert_eq!((found.chain_count(), found.draw_count(), found.run_times()[0].number), (1, draws, number));
    assert_eq!(found.get("x").unwrap().shape().to_vec(), [1, draws, 2]);
    assert_eq!(values(&found), values(&expected)[..2 * draws]);
    assert_eq!(found.transitions()[0], expected.transitions()[0][..draws]);
    assert_eq!(values(found.warmup().unwrap()), values(expected.warmup().unwrap()));
    assert_eq!(found.settings(), chains.settings());
}

fn told(chains: &Chains) -> Vec<String> {
    let told = chains.summary().unwrap().warnings().to_vec();
    told.into_iter().filter(|warning| warning.starts_with("chain")).collect()
}

fn text<T>(result: Result<T>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn chains_that_had_ended_are_not_cut_where_others_are_stopped() {
    let whole = whole(4);
    assert!(whole.drawn() == [DRAWS; 4] && told(&whole).is_empty());
    let density = Watched::new(2 * CHAIN + WARMUP + 3, 0..0);
    let chains = sample(mcmc(), 4, &density).unwrap();
    assert_eq!((chains.drawn(), chains.draw_count()), (&[DRAWS, DRAWS, 3, 0][..], DRAWS));
    let numbers: Vec<usize> = chains.run_times().iter().map(|run| run.number).collect();
    assert_eq!(numbers, [0, 1]);
    assert_eq!(values(&chains), values(&whole)[..2 * 2 * DRAWS]);
    assert_eq!(chains.warmup().unwrap().draw_count(), WARMUP);
    for (number, draws) in [(0, DRAWS), (1, DRAWS), (2, 3)] {
        has(&chains, number, draws, &whole);
    }
    assert_eq!(text(chains.chain(3)), "chain 3 was stopped before its first draw");
    assert_eq!(text(chains.chain(4)), "there is no chain 4, of 4 counted from 0");
    assert_eq!(
        told(&chains),
        [
            "chains 0, 1, 2 and 3 were stopped at 50, 50, 3 and 0 draws: the first 50 of chains 0 and 1 are here, \
          `Chains::chain` has the others"
        ]
    );
    assert!(told(&chains.chain(2).unwrap()).is_empty());
}

#[test]
fn draws_beyond_the_table_are_kept() {
    let whole = whole(2);
    let chains = sample(mcmc(), 2, &Watched::new(CHAIN + WARMUP + 30, 0..0)).unwrap();
    assert_eq!((chains.drawn(), chains.chain_count(), chains.draw_count()), (&[DRAWS, 30][..], 2, 30));
    has(&chains, 0, DRAWS, &whole);
    has(&chains, 1, 30, &whole);
    assert_eq!(
        told(&chains),
        ["chains 0 and 1 were stopped at 50 and 30 draws: the first 30 of chains 0 and 1 are here, \
          `Chains::chain` has the others"]
    );
}

#[test]
fn a_chain_that_fails_keeps_its_draws_and_leaves_the_others() {
    let whole = whole(3);
    let at = CHAIN + 1 + WARMUP + 40;
    let chains = sample(mcmc(), 3, &Watched::new(NEVER, at..at + 1)).unwrap();
    let failures: Vec<_> = chains.failures().iter().map(|(n, error)| (*n, error.to_string())).collect();
    assert_eq!(failures, [(1, "the net is down".to_owned())]);
    assert_eq!((chains.drawn(), chains.chain_count(), chains.draw_count()), (&[50, 40, 50][..], 2, 50));
    for (number, draws) in [(0, 50), (1, 40)] {
        has(&chains, number, draws, &whole);
    }
    assert_eq!(
        told(&chains),
        ["chain 1 failed after 40 draws and is left out: the net is down; `Chains::chain` has its draws"]
    );
    let alone = chains.chain(1).unwrap();
    assert_eq!(told(&alone), ["chain 1 failed after 40 draws: the net is down"]);
    assert_eq!((alone.failures().len(), chains.chain(0).unwrap().failures().len()), (1, 0));
}

/// At the start, in the warm-up, and among the draws; in a thread that then runs the next chain, and in one of three.
#[test]
fn a_chain_that_panics_keeps_its_draws_and_leaves_the_others() {
    let whole = whole(3);
    for drawn in [None, Some(0), Some(40)] {
        let at = drawn.map_or(0, |draws| 1 + WARMUP - usize::from(draws == 0) + draws);
        for threads in [1, 3] {
            // Each chain has evaluations of its own.
            let begun = AtomicUsize::new(0);
            let density = || {
                let fails = if begun.fetch_add(1, Ordering::Relaxed) == 1 { at..at + 1 } else { 0..0 };
                Watched { panics: true, ..Watched::new(NEVER, fails) }
            };
            let starts = [0.0, 0.1, 0.2].map(|x| vec![x, 0.5]);
            let chains = mcmc().threads(threads).sample(density, &starts).unwrap();
            let failures: Vec<_> =
                chains.failures().iter().map(|(n, error)| (*n, error.to_string())).collect();
            assert_eq!(failures, [(1, "the chain panicked: the net is gone".to_owned())]);
            let draws = drawn.unwrap_or(0);
            assert_eq!((chains.drawn(), chains.chain_count()), (&[DRAWS, draws, DRAWS][..], 2));
            for number in [0, 2] {
                has(&chains, number, DRAWS, &whole);
            }
            match drawn {
                None => assert_eq!(text(chains.chain(1)), failures[0].1),
                Some(0) => {
                    let warmup = chains.chain(1).unwrap();
                    let (warmup, all) = (warmup.warmup().unwrap(), whole.warmup().unwrap().chain(1).unwrap());
                    assert_eq!(values(warmup), values(&all)[..2 * (WARMUP - 1)]);
                }
                Some(draws) => has(&chains, 1, draws, &whole),
            }
            let after = if draws == 0 { String::new() } else { format!(" after {draws} draws") };
            let told = &told(&chains)[0];
            let expected =
                format!("chain 1 failed{after} and is left out: the chain panicked: the net is gone");
            assert!(told.starts_with(&expected), "{told}");
        }
    }
    let all = Watched { panics: true, ..Watched::new(NEVER, 0..NEVER) };
    assert_eq!(text(sample(mcmc(), 2, &all)), "the chain panicked: the net is gone");
}

/// Of a model where it is run for a start, of which there is one run a chain here.
#[test]
fn a_start_that_panics_leaves_the_other_chains() {
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(0.0, 1.0)).map(|_| ());
    let potential = compile_potential(&model, &()).unwrap();
    let mcmc = || mcmc().chains(3).init(Init::Sample);
    let runs = AtomicUsize::new(0);
    let odd = |ctx: &mut Ctx, _: &()| {
        assert!(runs.fetch_add(1, Ordering::Relaxed) != 1, "no start");
        model(ctx, &())
    };
    let chains = mcmc().run_compiled(&potential, &odd, &()).unwrap();
    let whole = mcmc().run_compiled(&potential, &model, &()).unwrap();
    assert_eq!(chains.drawn(), [DRAWS, 0, DRAWS]);
    assert_eq!(text(chains.chain(1)), "the chain panicked: no start");
    for number in [0, 2] {
        let draws = |chains: &Chains| chains.chain(number).unwrap().get("x").unwrap().to_f64().unwrap();
        assert_eq!(draws(&chains), draws(&whole));
    }
}

#[test]
fn all_failures_are_told() {
    let whole = whole(2);
    // One after 20 draws, the other at its start.
    let at = 1 + WARMUP + 20;
    let chains = sample(mcmc(), 2, &Watched::new(NEVER, at..NEVER)).unwrap();
    assert!(chains.is_empty() && chains.chain_count() == 0 && chains.sites().count() == 0);
    assert_eq!((chains.drawn(), chains.failures().len()), (&[20, 0][..], 2));
    has(&chains, 0, 20, &whole);
    assert_eq!(text(chains.chain(1)), "the net is down");
    let reason = "chains 0 and 1 failed: the net is down; `Chains::chain` has what was drawn";
    assert_eq!(text(chains.get("x")), reason);
    assert_eq!(told(&chains).len(), 2);
    assert!(
        chains.draws().iter().count() == 0 && chains.energies().is_none_or(|energies| energies.is_empty())
    );

    // Nothing drawn: an error, of both where they differ.
    let quick = || mcmc().keep_warmup(false);
    assert_eq!(text(sample(quick(), 2, &Watched::new(NEVER, 0..NEVER))), "the net is down");
    let starts = [vec![0.0; 3], vec![0.0, f64::NAN], vec![0.0; 3]];
    let density = || Watched::new(NEVER, 0..0);
    assert_eq!(
        text(quick().sample(density, &starts)),
        "chains 0 and 2 failed: the start has 3 numbers, the log density 2; \
         chain 1 failed: the log density at the start is NaN"
    );
    // Some failed, and the others were stopped.
    assert_eq!(
        text(sample(quick(), 2, &Watched::new(WARMUP, 3..4))),
        "chain 0 failed: the net is down; the others were stopped before their first draw"
    );
}

#[test]
fn a_warm_up_that_is_stopped_is_kept_if_it_was_to_be() {
    let stopped = |keep| sample(mcmc().keep_warmup(keep), 2, &Watched::new(6, 0..0));
    assert_eq!(text(stopped(false)), "the chains were stopped before their first draw");
    let chains = stopped(true).unwrap();
    let reason = "the chains were stopped before their first draw; `Chains::chain` has what was drawn";
    assert_eq!(text(chains.get("x")), reason);
    assert_eq!(told(&chains), ["chains 0 and 1 were stopped before their first draw"]);
    let alone = chains.chain(0).unwrap();
    assert!(alone.is_empty() && alone.summary().unwrap().warnings().is_empty());
    assert_eq!(text(alone.get("x")), "chain 0 was stopped before its first draw");
    let warmup = alone.warmup().unwrap();
    let whole = whole(2);
    assert_eq!(values(warmup), values(&whole.warmup().unwrap().chain(0).unwrap())[..2 * 6]);
}

/// As many draws as there will be until somebody stops them.
#[test]
fn more_draws_than_memory_may_be_asked_for() {
    for (warmup, draws) in [(WARMUP, usize::MAX), (1 << 40, 10)] {
        let chains = sample(mcmc().warmup(warmup).draws(draws), 1, &Watched::new(500, 0..0)).unwrap();
        let chain = chains.chain(0).unwrap();
        let drawn = chain.draw_count() + chain.warmup().map_or(0, Chains::draw_count);
        assert_eq!(drawn, 500);
    }
    let long = text(sample(mcmc().warmup((1 << 40) + 1), 1, &Watched::new(NEVER, 0..0)));
    assert!(
        long.ends_with("transitions of warm-up were asked for, at most 1099511627776 can be made"),
        "{long}"
    );
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(0.0, 1.0));
    let many = text(Mcmc::new(RandomWalk::new()).chains(usize::MAX).run(&model, &()));
    assert!(many.ends_with("chains were asked for, at most 1048576 can be made"), "{many}");
}

/// No number at all.
struct Empty;

impl LogDensity for Empty {
    fn dimension(&self) -> usize {
        0
    }

    fn value_and_gradient(&mut self, _: &[f64], _: &mut [f64]) -> Result<f64> {
        Ok(0.0)
    }
}

#[test]
fn a_site_without_numbers_has_names_too() {
    let chains = mcmc().sample(|| Empty, &[vec![]]).unwrap();
    let (name, site) = chains.sites().next().unwrap();
    assert_eq!((site.element_count(), site.element_name(name, 0)), (0, "x[0]".to_owned()));
    assert!(chains.summary().unwrap().rows().is_empty());
}

/// A log density of one's own: the same results, files and names.
#[test]
fn own_densities_have_all_that_models_have() {
    let chains = whole(2);
    let (name, site) = chains.sites().next().unwrap();
    assert_eq!((name, site.values.shape().to_vec(), site.latent), ("x", vec![2, DRAWS, 2], true));
    let settings = chains.settings().unwrap();
    assert_eq!((settings.chains, settings.draws, settings.warmup), (2, DRAWS, WARMUP));
    let summary = chains.summary().unwrap();
    let mean = values(&chains).iter().step_by(2).sum::<f64>() / (2 * DRAWS) as f64;
    assert!((summary.row("x[0]").unwrap().mean - mean).abs() < 1e-12);
    let folder = TemporaryPath::new("mcmc-own-density");
    InferenceData::new(&chains).write(folder.join("arviz")).unwrap();
    assert!(folder.join("arviz/posterior/x").exists());
    let files = chains.write_stan_csv(&folder, "draws").unwrap();
    assert!(
        std::fs::read_to_string(&files[1])
            .unwrap()
            .lines()
            .any(|line| line.starts_with("lp__,") && line.ends_with(",x.1,x.2"))
    );
}

/// Options of models, of which nothing would come.
#[test]
fn own_densities_refuse_what_is_of_models() {
    let mut ctx = Ctx::new(0);
    ctx.param("scale", Tensor::from(1.0)).unwrap();
    let refused = |mcmc: Mcmc<RandomWalk>| text(sample(mcmc, 1, &Watched::new(NEVER, 0..0)));
    let params = refused(mcmc().with_params(ctx.params()));
    assert_eq!(params, "parameters are of models: leave `with_params` out");
    let dimensions = AtomicUsize::new(1);
    let density = || Wide(dimensions.fetch_add(1, Ordering::Relaxed));
    let text = text(mcmc().sample(density, &[vec![0.0], vec![0.0]]));
    assert_eq!(text, "the log densities of the chains have 1 numbers, and 2");
}

/// Flat in so many dimensions.
struct Wide(usize);

impl LogDensity for Wide {
    fn dimension(&self) -> usize {
        self.0
    }

    fn value_and_gradient(&mut self, _: &[f64], _: &mut [f64]) -> Result<f64> {
        Ok(0.0)
    }
}
