//! Chains in lockstep: the draws of separate chains, whatever the number of threads and whatever one of them does.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ppl_core::{Ctx, Error, Model, Result};
use ppl_dist::{Bernoulli, Exponential, Normal};
use ppl_mcmc::{
    Chains, HamiltonianState, Hmc, Kernel, LogDensity, MassMatrix, Mcmc, Nuts, RandomWalk, Transition,
};
use ppl_suite::TemporaryPath;
use ppl_tensor::{KeyStream, Tensor, grad};

/// Effects in a plate, with a scale that is positive.
fn effects(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let scale = ctx.sample("scale", Exponential::new(1.0))?;
    ctx.plate("rows", y, |ctx, y| {
        let effect = ctx.sample("effect", Normal::new(0.0, &scale))?;
        ctx.observe("y", Normal::new(effect, 1.0), y).map(|_| ())
    })
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1])
}

/// Products of a matrix of data, and a plate that has the name of the axis of chains.
fn logistic(ctx: &mut Ctx, (features, labels): &(Tensor, Tensor)) -> Result<()> {
    let slopes = ctx.sample("slopes", Normal::new(Tensor::zeros([3]), 1.0))?;
    ctx.plate("chains", &(features.clone(), labels.clone()), |ctx, (x, y)| {
        let logit = (x * &slopes).sum(-1);
        ctx.observe("y", Bernoulli::with_logits(logit), y).map(|_| ())
    })
}

fn table() -> (Tensor, Tensor) {
    let number = |i: usize| (1.3 * i as f64).sin();
    let features = Tensor::new([5, 3], (0..15).map(number).collect::<Vec<_>>()).unwrap();
    (features, Tensor::from([true, false, true, true, false]))
}

/// A random walk over time.
fn walk(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let spread = ctx.sample("spread", Exponential::new(1.0))?;
    ctx.scan("steps", y, &Tensor::from(0.0), |ctx, level, y| {
        let next = ctx.sample("level", Normal::new(level, &spread))?;
        ctx.observe("y", Normal::new(&next, 0.5), y)?;
        Ok((next.clone(), next))
    })?;
    Ok(())
}

fn all(chains: &Chains) -> Vec<(String, Vec<f64>)> {
    chains.sites().map(|(name, site)| (name.to_owned(), site.values.to_f64().unwrap())).collect()
}

/// Sums of other programs differ in rounding, of 1e-16, which trajectories of so short a run magnify by less than 1e6.
fn same(what: &str, found: &Chains, expected: &Chains) {
    assert!(found.failures().is_empty(), "{what}: {:?}", found.failures());
    for ((name, found), (_, expected)) in all(found).into_iter().zip(all(expected)) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.into_iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(error < 1e-8 * expected.abs().max(1.0), "{what}, {name}: {found}, not {expected}");
        }
    }
    let leapfrogs = |chains: &Chains| -> Vec<u32> {
        chains.transitions().iter().flatten().map(|transition| transition.leapfrogs).collect()
    };
    assert_eq!(leapfrogs(found), leapfrogs(expected), "{what}");
}

fn check<K: Kernel, A: ?Sized, M: Model<A>>(what: &str, kernel: K, model: M, args: &A) {
    let mcmc = || Mcmc::new(kernel.clone()).warmup(30).draws(15).chains(5).keep_warmup(true).seed(6);
    let separate = mcmc().run(&model, args).unwrap();
    // One group of five, groups of three and two, five groups of one.
    for threads in [1, 2, 8] {
        let together = mcmc().vectorized(true).threads(threads).run(&model, args).unwrap();
        let what = format!("{what}, {threads} threads");
        same(&what, &together, &separate);
        same(&what, together.warmup().unwrap(), separate.warmup().unwrap());
        let again = mcmc().vectorized(true).threads(threads).run(&model, args).unwrap();
        assert_eq!(all(&again), all(&together), "{what}");
    }
}

#[test]
fn draws_are_those_of_separate_chains() {
    for kind in [MassMatrix::Identity, MassMatrix::Diagonal, MassMatrix::Dense, MassMatrix::Gradients] {
        check(&format!("{kind:?}"), Nuts::new().mass_matrix(kind).max_tree_depth(6), effects, &data());
    }
    check("hmc", Hmc::new().max_steps(20), effects, &data());
    check("random walk", RandomWalk::new(), effects, &data());
    check("logistic", Nuts::new(), logistic, &table());
    check("walk", Nuts::new().max_tree_depth(6), walk, &data());
}

/// As many chains as rows of a plate that is called as their axis is.
#[test]
fn a_plate_may_be_called_chains() {
    let mcmc = || Mcmc::new(Nuts::new()).warmup(20).draws(10).chains(5).threads(1);
    let separate = mcmc().run(&logistic, &table()).unwrap();
    same("plate", &mcmc().vectorized(true).run(&logistic, &table()).unwrap(), &separate);
}

/// A kernel of which one chain fails, or panics, after some transitions.
#[derive(Clone)]
struct Odd {
    inner: Nuts,
    begun: Arc<AtomicUsize>,
    after: usize,
    panics: bool,
}

impl Odd {
    fn new(after: usize, panics: bool) -> Self {
        Self { inner: Nuts::new(), begun: Arc::default(), after, panics }
    }
}

impl Kernel for Odd {
    type State = (HamiltonianState, bool, usize);

    fn init(
        &mut self,
        density: &mut dyn LogDensity,
        position: &[f64],
        warmup: usize,
        stream: KeyStream,
    ) -> Result<Self::State> {
        let odd = self.begun.fetch_add(1, Ordering::SeqCst) == 0;
        if odd && self.after == 0 {
            return Err(Error::argument("the first has no beginning"));
        }
        Ok((self.inner.init(density, position, warmup, stream)?, odd, 0))
    }

    fn step(&mut self, density: &mut dyn LogDensity, state: &mut Self::State) -> Result<Transition> {
        state.2 += 1;
        if state.1 && state.2 == self.after {
            assert!(!self.panics, "as the test wants");
            return Err(Error::argument("the first ends here"));
        }
        self.inner.step(density, &mut state.0)
    }

    fn position(state: &Self::State) -> &[f64] {
        Nuts::position(&state.0)
    }
}

#[test]
fn a_chain_that_fails_leaves_the_others() {
    for (after, panics, reason) in [
        (0, false, "the first has no beginning"),
        (1, false, "the first ends here"),
        (40, false, "the first ends here"),
        (10, true, "the chain panicked: as the test wants"),
        (40, true, "the chain panicked: as the test wants"),
    ] {
        for threads in [1, 3] {
            let mcmc = Mcmc::new(Odd::new(after, panics)).warmup(30).draws(20).chains(4).threads(threads);
            let chains = mcmc.vectorized(true).run(&effects, &data()).unwrap();
            let (failed, error) = &chains.failures()[0];
            assert_eq!(error.to_string(), reason);
            let usual = Mcmc::new(Nuts::new()).warmup(30).draws(20).chains(4).run(&effects, &data()).unwrap();
            let scales = |chains: &Chains| chains.get("scale").unwrap().to_f64().unwrap();
            let (found, mut expected) = (scales(&chains), scales(&usual));
            expected.drain(20 * failed..20 * (failed + 1));
            assert_eq!((chains.chain_count(), found.len()), (3, expected.len()));
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-8 * expected, "{found}, not {expected}");
            }
        }
    }
}

#[test]
fn stopping_keeps_what_is_drawn() {
    let stopped = |threads| {
        let stop = Arc::new(AtomicBool::new(false));
        let mcmc = Mcmc::new(RandomWalk::new()).warmup(10).draws(5_000_000).chains(3).stop(stop.clone());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(300));
                stop.store(true, Ordering::Relaxed);
            });
            mcmc.vectorized(true).threads(threads).run(&effects, &data()).unwrap()
        })
    };
    // In one group chains differ by a draw or so.
    let chains = stopped(1);
    assert!(chains.chain_count() == 3 && chains.draw_count() > 0 && chains.draw_count() < 5_000_000);
    // One that is alone is faster than two that wait for each other.
    let chains = stopped(2);
    for (number, drawn) in chains.drawn().iter().enumerate() {
        assert_eq!(chains.chain(number).map_or(0, |chain| chain.draw_count()), *drawn);
    }
}

/// Stopped at some time, chains go on bit for bit; so do more draws of chains that had ended.
#[test]
fn stored_chains_go_on() {
    let folder = TemporaryPath::new("mcmc-vectorized");
    let mcmc = |draws| Mcmc::new(Nuts::new()).warmup(40).draws(draws).chains(3).threads(2).vectorized(true);
    let whole = mcmc(50).run(&effects, &data()).unwrap();
    for draws in [5, 20, 50] {
        let first = mcmc(draws);
        let first = if draws == 5 { first.store(&folder) } else { first.resume(&folder) };
        first.run(&effects, &data()).unwrap();
    }
    let resumed = mcmc(50).resume(&folder).run(&effects, &data()).unwrap();
    assert_eq!(all(&resumed), all(&whole));
}

#[test]
fn what_cannot_be_vectorised_says_so() {
    // The program differentiates a number that has no chain by one that has.
    let inner = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        let at = Tensor::from(2.0).tracked();
        let slope = grad(&(&at * &at * &x), &[&at])?.swap_remove(0);
        ctx.factor("slope", -slope.square()).map(|_| ())
    };
    let mcmc = || Mcmc::new(Nuts::new()).warmup(50).draws(50);
    assert!(mcmc().run(&inner, &()).is_ok());
    let text = mcmc().vectorized(true).run(&inner, &()).unwrap_err().to_string();
    let expected =
        "the model cannot be run at several points at once (leave vectorising out): after statement `x`, ";
    assert!(text.starts_with(expected) && text.contains("sum the output first"), "{text}");

    let plain = |model: fn(&mut Ctx, &()) -> Result<()>| {
        let [plain, vectorised] = [false, true]
            .map(|vectorized| mcmc().vectorized(vectorized).run(&model, &()).unwrap_err().to_string());
        assert_eq!(plain, vectorised);
    };
    plain(|ctx, _| ctx.sample("z", Bernoulli::new(0.5)).map(|_| ()));
    plain(|ctx, _| ctx.observe("y", Normal::new(0.0, 1.0), 0.5).map(|_| ()));

    struct Flat;
    impl LogDensity for Flat {
        fn dimension(&self) -> usize {
            1
        }

        fn value_and_gradient(&mut self, _: &[f64], gradient: &mut [f64]) -> Result<f64> {
            gradient[0] = 0.0;
            Ok(0.0)
        }
    }
    let own = mcmc().vectorized(true).sample(|| Flat, &[vec![0.0]]).unwrap_err().to_string();
    assert_eq!(own, "vectorised chains are of models: leave `vectorized` out");
}
