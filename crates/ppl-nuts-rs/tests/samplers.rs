//! The samplers of nuts-rs, beside the kernels of this workspace.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ppl_core::{Ctx, Error, Model, Result};
use ppl_dist::{Bernoulli, Exponential, HalfCauchy, Normal, StudentT};
use ppl_mcmc::diagnostics::{ess_mean, mcse_mean, mean};
use ppl_mcmc::{Chains, LogDensity, Mcmc, Nuts, Sampler, Transition};
use ppl_nuts_rs::NutsRs;
use ppl_tensor::Tensor;

/// The sixteen numbers of Rubin's (1981) eight schools: effects of coaching and their standard errors.
fn schools() -> (Tensor, Tensor) {
    let effects = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0];
    (Tensor::from(effects), Tensor::from([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]))
}

fn eight_schools(ctx: &mut Ctx, schools: &(Tensor, Tensor)) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 5.0))?;
    let spread = ctx.sample("spread", HalfCauchy::new(5.0))?;
    ctx.plate("schools", schools, |ctx, (y, sd)| {
        let unit = ctx.sample("unit", Normal::new(0.0, 1.0))?;
        let effect = ctx.deterministic("effect", &mean + &spread * unit)?;
        ctx.observe("y", Normal::new(effect, sd), y).map(|_| ())
    })
}

/// A line with heavy-tailed noise.
fn line(ctx: &mut Ctx, points: &(Tensor, Tensor)) -> Result<()> {
    let slope = ctx.sample("slope", Normal::new(0.0, 10.0))?;
    let at_zero = ctx.sample("at_zero", Normal::new(0.0, 10.0))?;
    let noise = ctx.sample("noise", Exponential::new(1.0))?;
    ctx.plate("points", points, |ctx, (x, y)| {
        ctx.observe("y", StudentT::new(4.0, &at_zero + &slope * x, &noise), y).map(|_| ())
    })
}

fn points() -> (Tensor, Tensor) {
    let y = [3.4, 4.1, 6.6, 7.2, 15.0, 10.4, 13.1, 14.2];
    (Tensor::from([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), Tensor::from(y))
}

/// Both samplers, by name.
fn both() -> [(&'static str, NutsRs); 2] {
    [("diagonal", NutsRs::diagonal()), ("low rank", NutsRs::low_rank())]
}

/// Mean and standard error of each number of each site, and of its square.
fn moments(chains: &Chains) -> Vec<(String, f64, f64)> {
    let mut found = Vec::new();
    for (name, site) in chains.sites() {
        for (i, number) in site.numbers(name).unwrap().enumerate() {
            for power in [1, 2] {
                let powers = |chain: &[f64]| chain.iter().map(|x| x.powi(power)).collect::<Vec<f64>>();
                let powers: Vec<Vec<f64>> = number.chains().into_iter().map(powers).collect();
                let slices: Vec<&[f64]> = powers.iter().map(Vec::as_slice).collect();
                found.push((format!("{name}[{i}]^{power}"), mean(&slices.concat()), mcse_mean(&slices)));
            }
        }
    }
    found
}

/// Of some thirty figures of right samplers one is beyond 4.5 standard errors once in five thousand seeds, and these are
/// fixed.
fn agree<A: ?Sized, M: Model<A>>(what: &str, model: M, args: &A) {
    let ours = moments(&Mcmc::new(Nuts::new()).draws(2000).seed(1).run(&model, args).unwrap());
    for (name, sampler) in both() {
        let chains = Mcmc::new(sampler).draws(2000).seed(2).run(&model, args).unwrap();
        assert!(chains.failures().is_empty() && chains.divergences() < 40, "{what}, {name}");
        for ((number, our, error), (_, their, their_error)) in ours.iter().zip(moments(&chains)) {
            let deviation = (our - their) / error.hypot(their_error);
            assert!(deviation.abs() < 4.5, "{what}, {name}, {number}: {our} and {their}, {deviation:.2}");
        }
        let text = chains.summary().unwrap().to_string();
        assert!(!text.contains("r_hat above"), "{what}, {name}: {text}");
    }
}

#[test]
fn posteriors_are_those_of_our_kernel() {
    agree("eight schools", eight_schools, &schools());
    agree("line", line, &points());
}

/// Fifty numbers of unit variance, any two of them with a correlation of ½: their sum varies 51 times as much as it would
/// without, and no number shows it.
#[derive(Clone, Default)]
struct Correlated {
    evaluations: Arc<AtomicUsize>,
}

const DIMENSION: usize = 50;
const CORRELATION: f64 = 0.5;

impl LogDensity for Correlated {
    fn dimension(&self) -> usize {
        DIMENSION
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        self.evaluations.fetch_add(1, Ordering::Relaxed);
        // The inverse of (1 - r) I + r 1 1ᵀ (Sherman and Morrison 1950).
        let share = CORRELATION / (1.0 + (DIMENSION - 1) as f64 * CORRELATION);
        let common = share * x.iter().sum::<f64>();
        gradient.iter_mut().zip(x).for_each(|(g, x)| *g = (common - x) / (1.0 - CORRELATION));
        Ok(0.5 * x.iter().zip(&*gradient).map(|(x, g)| x * g).sum::<f64>())
    }
}

/// What one chain left.
struct Run {
    /// `[draw, d]`.
    values: Vec<f64>,
    transitions: Vec<Transition>,
    warmup: Vec<Transition>,
}

/// Of all chains, by number.
fn runs(chains: &Chains) -> Vec<Run> {
    let run = |number| {
        let chain = chains.chain(number).unwrap();
        Run {
            values: chain.get("x").unwrap().to_f64().unwrap(),
            transitions: chain.transitions()[0].clone(),
            warmup: chain.warmup().map_or_else(Vec::new, |warmup| warmup.transitions()[0].clone()),
        }
    };
    (0..chains.drawn().len()).map(run).collect()
}

fn slices(chains: &[Vec<f64>]) -> Vec<&[f64]> {
    chains.iter().map(Vec::as_slice).collect()
}

/// The effective number of draws of the mean of all numbers, which moves most slowly, for each gradient of the draws; and
/// how far its variance is from `(1 + 49 r) / 50`, in standard errors.
fn efficiency<S: Sampler>(sampler: S, seed: u64) -> (f64, f64) {
    let start = |chain: usize| (0..DIMENSION).map(|i| ((7 * chain + i) as f64).sin()).collect();
    let starts: Vec<Vec<f64>> = (0..4).map(start).collect();
    let chains = Mcmc::new(sampler).warmup(500).seed(seed).sample(Correlated::default, &starts).unwrap();
    assert!(chains.failures().is_empty());
    let runs = runs(&chains);
    let mean = |x: &[f64]| x.iter().sum::<f64>() / DIMENSION as f64;
    let means: Vec<Vec<f64>> =
        runs.iter().map(|run| run.values.chunks(DIMENSION).map(mean).collect()).collect();
    let squares: Vec<Vec<f64>> =
        means.iter().map(|chain| chain.iter().map(|mean| mean * mean).collect()).collect();
    let expected = (1.0 + (DIMENSION - 1) as f64 * CORRELATION) / DIMENSION as f64;
    let found = squares.iter().flatten().sum::<f64>() / 4000.0;
    let gradients: u32 = runs.iter().flat_map(|run| &run.transitions).map(|t| t.leapfrogs).sum();
    (ess_mean(&slices(&means)) / f64::from(gradients), (found - expected) / mcse_mean(&slices(&squares)))
}

/// Over twelve seeds the low-rank matrix gave 44 to 99 times the effective draws of the diagonal one for a gradient: with
/// a mean of 4.14 and a standard deviation of 0.26 for the logarithm, 15 is 5.5 of these below.
#[test]
fn a_low_rank_matrix_undoes_correlations_of_many_numbers() {
    for seed in 0..2 {
        let (low_rank, off) = efficiency(NutsRs::low_rank(), seed);
        assert!(off.abs() < 4.0, "{seed}: {off}");
        for (what, (diagonal, off)) in
            [("theirs", efficiency(NutsRs::diagonal(), seed)), ("ours", efficiency(Nuts::new(), seed))]
        {
            assert!(off.abs() < 4.0, "{seed}, {what}: {off}");
            assert!(low_rank > 15.0 * diagonal, "{seed}, {what}: {low_rank} and {diagonal} a gradient");
        }
    }
}

fn same(found: &[Run], expected: &[Run]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((&found.values, &found.transitions), (&expected.values, &expected.transitions));
    }
}

#[test]
fn draws_are_a_function_of_the_seed() {
    for (name, sampler) in both() {
        let run = |threads: usize, seed: u64| {
            let mcmc = Mcmc::new(sampler.clone()).warmup(100).draws(50).threads(threads).seed(seed);
            runs(&mcmc.sample(Correlated::default, &vec![vec![0.1; DIMENSION]; 3]).unwrap())
        };
        let one = run(1, 4);
        same(&run(3, 4), &one);
        assert!(run(1, 5)[0].values != one[0].values && one[0].values != one[1].values, "{name}");
    }
}

/// Every leapfrog step is one evaluation; what is told of a draw is true of it.
#[test]
fn transitions_tell_what_was_done() {
    for (name, sampler) in both() {
        let mut target = Correlated::default();
        let mcmc = Mcmc::new(sampler.max_tree_depth(2)).warmup(200).draws(100).keep_warmup(true);
        let run = runs(&mcmc.sample(|| target.clone(), &[vec![0.1; DIMENSION]]).unwrap()).remove(0);
        let all = || run.warmup.iter().chain(&run.transitions);
        let leapfrogs: u32 = all().map(|t| t.leapfrogs).sum();
        let others = target.evaluations.load(Ordering::Relaxed) - leapfrogs as usize;
        // To begin with, and where step sizes are looked for: some doublings from 0.1, twice.
        assert!((1..60).contains(&others), "{name}: {others}");
        assert!(all().all(|t| t.leapfrogs >= 1 && t.leapfrogs <= 3 && t.tree_depth <= 2), "{name}");
        assert!(run.transitions.iter().any(|t| t.saturated), "{name}");
        let mut gradient = vec![0.0; DIMENSION];
        for (x, t) in run.values.chunks(DIMENSION).zip(&run.transitions) {
            let log_density = target.value_and_gradient(x, &mut gradient).unwrap();
            assert!((t.log_density - log_density).abs() < 1e-9 * log_density.abs().max(1.0), "{name}");
            assert!(t.energy.is_some_and(|energy| energy > -log_density), "{name}: {t:?}");
            assert!((0.0..=1.0).contains(&t.acceptance), "{name}: {t:?}");
        }
        // A uniform draw from a tenth about one step size.
        let steps = || run.transitions.iter().map(|t| t.step_size);
        let (least, most) = (steps().fold(f64::INFINITY, f64::min), steps().fold(0.0, f64::max));
        assert!(most / least > 1.15 && most / least < 1.1 / 0.9 + 1e-9, "{name}: {least} to {most}");
        let mcmc = Mcmc::new(sampler_without_jitter(name)).warmup(100).draws(20);
        let run = runs(&mcmc.sample(Correlated::default, &[vec![0.1; DIMENSION]]).unwrap()).remove(0);
        assert!(run.transitions.iter().all(|t| t.step_size == run.transitions[0].step_size), "{name}");
    }
}

fn sampler_without_jitter(name: &str) -> NutsRs {
    both().into_iter().find(|(known, _)| *known == name).unwrap().1.jitter(0.0)
}

#[test]
fn the_step_size_gives_the_acceptance_wanted() {
    for wanted in [0.6, 0.9] {
        let sampler = NutsRs::diagonal().target_acceptance(wanted);
        let chains =
            Mcmc::new(sampler).draws(500).sample(Correlated::default, &[vec![0.1; DIMENSION]]).unwrap();
        let mean = chains.transitions()[0].iter().map(|t| t.acceptance).sum::<f64>() / 500.0;
        assert!((mean - wanted).abs() < 0.1, "{wanted}: {mean}");
    }
}

fn text<T>(result: Result<T>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn models_are_refused_as_by_our_kernel() {
    type Program = fn(&mut Ctx, &()) -> Result<()>;
    let nothing: Program = |ctx, _| ctx.observe("y", Normal::new(0.0, 1.0), 0.5).map(|_| ());
    let discrete: Program = |ctx, _| ctx.sample("z", Bernoulli::new(0.5)).map(|_| ());
    let nowhere: Program = |ctx, _| {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        ctx.factor("f", x * 0.0 + f64::NEG_INFINITY).map(|_| ())
    };
    for model in [nothing, discrete, nowhere] {
        let expected = text(Mcmc::new(Nuts::new()).run(&model, &()));
        assert_eq!(text(Mcmc::new(NutsRs::low_rank()).run(&model, &())), expected);
    }
    let expected = text(Mcmc::new(Nuts::new()).draws(0).run(&eight_schools, &schools()));
    assert_eq!(text(Mcmc::new(NutsRs::diagonal()).draws(0).run(&eight_schools, &schools())), expected);
}

#[test]
fn options_out_of_range_are_named() {
    let run = |sampler: NutsRs| text(Mcmc::new(sampler).run(&eight_schools, &schools()));
    let target = run(NutsRs::diagonal().target_acceptance(1.0));
    assert_eq!(target, "the target acceptance is 1, must be between 0 and 1");
    assert!(run(NutsRs::diagonal().target_acceptance(f64::NAN)).contains("is NaN"));
    assert_eq!(run(NutsRs::low_rank().max_tree_depth(0)), "the maximum tree depth is 0, must be 1 to 30");
    assert!(run(NutsRs::low_rank().max_tree_depth(31)).contains("is 31"));
    let words = NutsRs::low_rank().max_tree_depth(7).in_words();
    let expected = "No-U-Turn sampler of nuts-rs: target acceptance 0.8, low-rank mass matrix, jitter 0.1, trees of depth up to 7";
    assert_eq!(words, expected);
    let jitter = run(NutsRs::low_rank().jitter(1.0));
    assert_eq!(jitter, "the jitter of the step size is 1, must be at least 0 and below 1");
    let folder = std::env::temp_dir().join(format!("ppl-nuts-rs-{}", std::process::id()));
    let stored = Mcmc::new(NutsRs::diagonal()).store(&folder).run(&eight_schools, &schools());
    let expected = "storing chains is not available for this sampler: it keeps its state to itself";
    assert_eq!(text(stored), expected);
    assert!(!folder.exists());
}

/// Standard normal, that fails or is not finite from some evaluation on.
#[derive(Clone)]
struct Failing {
    left: usize,
    then: std::result::Result<f64, &'static str>,
}

impl LogDensity for Failing {
    fn dimension(&self) -> usize {
        1
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        gradient[0] = -x[0];
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return self.then.map_err(Error::argument),
        }
        Ok(-0.5 * x[0] * x[0])
    }
}

#[test]
fn a_chain_that_fails_leaves_the_others() {
    let run = |left: usize, then| {
        let made = AtomicUsize::new(0);
        let density = || {
            let second = made.fetch_add(1, Ordering::Relaxed) == 1;
            Failing { left: if second { left } else { usize::MAX }, then }
        };
        let mcmc = Mcmc::new(NutsRs::diagonal()).warmup(200).draws(100);
        mcmc.sample(density, &[vec![0.2], vec![0.5], vec![1.0]]).unwrap()
    };
    let chains = run(300, Err("the disk is full"));
    let (number, error) = &chains.failures()[0];
    assert_eq!((*number, error.to_string().as_str()), (1, "the disk is full"));
    let drawn = chains.drawn();
    assert!(drawn[0] == 100 && drawn[2] == 100 && drawn[1] < 100, "{drawn:?}");
    // Nowhere finite from then on: every trajectory diverges, and the chain stays where it is.
    let chains = run(300, Ok(f64::NAN));
    let second = runs(&chains).remove(1);
    assert!(chains.failures().is_empty() && second.transitions.last().unwrap().divergent);
    assert!(second.values.iter().all(|x| x.is_finite()));
    let failure = |left: usize, then| text(run(left, then).chain(1));
    assert_eq!(failure(0, Ok(f64::NEG_INFINITY)), "the log density at the start is -inf");
    assert_eq!(failure(0, Err("the disk is full")), "the disk is full");
    let panics = Mcmc::new(NutsRs::diagonal()).sample(|| Panics(300), &[vec![0.1], vec![0.2]]);
    assert_eq!(text(panics), "nuts-rs cannot go on: as the test wants");
}

struct Panics(usize);

impl LogDensity for Panics {
    fn dimension(&self) -> usize {
        1
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        self.0 -= 1;
        assert!(self.0 > 0, "as the test wants");
        gradient[0] = -x[0];
        Ok(-0.5 * x[0] * x[0])
    }
}

#[test]
fn stopping_keeps_what_is_drawn() {
    let stop = Arc::new(AtomicBool::new(false));
    let mcmc = Mcmc::new(NutsRs::diagonal()).warmup(50).draws(usize::MAX).chains(2).stop(stop.clone());
    let chains = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            stop.store(true, Ordering::Relaxed);
        });
        mcmc.run(&eight_schools, &schools()).unwrap()
    });
    assert!(chains.draw_count() > 0 && chains.drawn().len() == 2);
}

/// Chains in lockstep are the same but for rounding, which a short run does not magnify beyond this.
#[test]
fn vectorised_chains_are_those_of_separate_ones() {
    let mcmc = || Mcmc::new(NutsRs::diagonal()).warmup(20).draws(20).chains(3).seed(3);
    let separate = mcmc().run(&eight_schools, &schools()).unwrap();
    let together = mcmc().vectorized(true).run(&eight_schools, &schools()).unwrap();
    let values = |chains: &Chains| chains.get("effect").unwrap().to_f64().unwrap();
    for (found, expected) in values(&together).into_iter().zip(values(&separate)) {
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found}, not {expected}");
    }
}

/// What is not a number beyond the start is told by divergences.
#[test]
fn a_density_without_room_diverges() {
    for (name, sampler) in both() {
        let density = || Failing { left: 8, then: Ok(f64::NAN) };
        let chains = Mcmc::new(sampler).warmup(100).draws(50).sample(density, &[vec![0.4]]).unwrap();
        let runs = runs(&chains);
        assert!(runs[0].transitions.iter().all(|t| t.divergent), "{name}: {:?}", chains.failures());
        assert!(runs[0].transitions.len() == 50 && runs[0].values.iter().all(|x| x.is_finite()), "{name}");
    }
}
