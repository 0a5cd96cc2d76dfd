//! Posteriors that are hard, or none: what a summary says of them in words.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Distribution, Result};
use ppl_dist::{Bernoulli, Exponential, Normal};
use ppl_mcmc::diagnostics::e_bfmi;
use ppl_mcmc::{Chains, InferenceData, Kernel, LogDensity, Mcmc, Nuts, RandomWalk, Transition};
use ppl_suite::TemporaryPath;
use ppl_tensor::{KeyStream, Tensor};

fn sample(draws: usize, model: impl Fn(&mut Ctx, &()) -> Result<()>) -> Chains {
    Mcmc::new(Nuts::new()).warmup(draws).draws(draws).seed(1).run(&model, &()).unwrap()
}

/// The warnings, one a line.
fn warnings(chains: &Chains) -> String {
    chains.summary().unwrap().warnings().join("\n")
}

/// Neal's funnel: its neck and its mouth differ in scale by a factor of thousands.
#[test]
fn a_funnel_is_told_and_its_cure_is_quiet() {
    let chains = sample(1000, |ctx, _| {
        let v = ctx.sample("v", Normal::new(0.0, 3.0))?;
        let scale = (&v * 0.5).exp();
        ctx.plate("rows", 9, |ctx, _| ctx.sample("x", Normal::new(0.0, &scale)))?;
        Ok(())
    });
    let told = warnings(&chains);
    assert!(told.contains("trajectories that diverged: parts of the posterior may be missing"), "{told}");
    assert!(told.contains("E-BFMI of chain"), "{told}");

    let chains = sample(1000, |ctx, _| {
        let v = ctx.sample("v", Normal::new(0.0, 3.0))?;
        let scale = (&v * 0.5).exp();
        let z = ctx.plate("rows", 9, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))?;
        ctx.deterministic("x", scale * z).map(|_| ())
    });
    assert_eq!(chains.divergences(), 0);
    assert_eq!(warnings(&chains), "");
    let v = chains.get("v").unwrap();
    let moments = [v.mean_all(), v.square().mean_all()].map(|moment| moment.to_scalar().unwrap());
    // Four standard errors of 2000 effective draws of Normal(0, 3).
    assert!(moments[0].abs() < 0.27 && (moments[1] - 9.0).abs() < 1.2, "{moments:?}");
}

/// Energies are those of kernels with a Hamiltonian: of others nothing is said of them, nor exported.
#[test]
fn a_random_walk_has_no_energy() {
    // A log density that wanders slowly, as an energy it would be warned of.
    let model = |ctx: &mut Ctx, _: &()| {
        ctx.plate("rows", 30, |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0)))?;
        Ok(())
    };
    let chains = Mcmc::new(RandomWalk::new()).draws(200).run(&model, &()).unwrap();
    let levels: Vec<f64> = chains.transitions()[0].iter().map(|t| -t.log_density).collect();
    assert!(e_bfmi(&levels) < 0.3 && chains.energies().is_none());
    assert!(!warnings(&chains).contains("E-BFMI"));
    let folder = TemporaryPath::new("mcmc-no-energy");
    InferenceData::new(&chains).write(folder.join("arviz")).unwrap();
    assert!(
        folder.join("arviz/sample_stats/lp").exists() && !folder.join("arviz/sample_stats/energy").exists()
    );
    let files = chains.write_stan_csv(&folder, "draws").unwrap();
    let text = std::fs::read_to_string(&files[0]).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut lines = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    assert!(header[5..7] == ["divergent__", "x.1"] && lines.all(|row| row.len() == header.len()));
    let chains = Mcmc::new(Nuts::new()).draws(200).run(&model, &()).unwrap();
    assert_eq!(chains.energies().unwrap()[1][7], chains.transitions()[1][7].energy.unwrap());
}

/// Chains in different modes do not agree, whatever each of them says.
#[test]
fn modes_apart_are_told() {
    let chains = sample(300, |ctx, _| {
        let x = ctx.sample("x", Normal::new(0.0, 100.0))?;
        let mode = |at: f64| Normal::new(at, 1.0).log_prob(&x);
        ctx.factor("modes", mode(20.0).logaddexp(mode(-20.0)))
    });
    let told = warnings(&chains);
    assert!(told.contains("R-hat is above 1.01, the chains have not come to agree: x"), "{told}");
}

/// Without a finite integral there is nothing to draw, and no chain that could know it: what it does is told.
#[test]
fn improper_posteriors_are_told() {
    // Two numbers of which only the sum is known; factors take priors away.
    let ridge = sample(150, |ctx, _| {
        let x = ctx.sample("x", Normal::new(Tensor::zeros([2]), 1.0))?;
        ctx.factor("flat", x.square().sum(0) * 0.5)?;
        ctx.observe("y", Normal::new(x.sum(0), 1.0), 1.0).map(|_| ())
    });
    // Truth values that a feature tells apart without error: the larger the slope the better.
    let separated = sample(150, |ctx, _| {
        let slope = ctx.sample("slope", Normal::new(0.0, 1.0))?;
        ctx.factor("flat", slope.square() * 0.5)?;
        let x = Tensor::from([-2.0, -1.0, 1.0, 2.0]);
        ctx.plate("rows", &x, |ctx, x| ctx.observe("y", Bernoulli::with_logits(&slope * x), x.gt(0.0)))?;
        Ok(())
    });
    // Tails that fall as the root.
    let heavy = sample(150, |ctx, _| {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        ctx.factor("heavy", x.square() * 0.5 - x.square().log1p() * 0.25)
    });
    for (chains, number) in [(ridge, "x[0], x[1]"), (separated, "slope"), (heavy, "x")] {
        let told = warnings(&chains);
        assert!(told.contains("then the posterior is improper, and there are no draws of it"), "{told}");
        assert!(told.contains(&format!("have not come to agree: {number}")), "{told}");
    }

    // A flat prior of a scale, without data: draws overflow.
    let scale = sample(150, |ctx, _| {
        let scale = ctx.sample("scale", Exponential::new(1.0))?;
        ctx.factor("flat", scale)
    });
    let summary = scale.summary().unwrap();
    let told =
        "draws beyond 1e100, which neither a prior nor the data hold: the posterior is improper: scale";
    assert!(summary.warnings().iter().any(|warning| warning == told), "{summary}");
    assert!(summary.to_string().lines().all(|line| line.len() < 300), "{summary}");
}

/// What is not known is told, and why.
#[test]
fn what_cannot_be_judged_is_told() {
    let model = |ctx: &mut Ctx, _: &()| {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        ctx.deterministic("one", Tensor::from(1.0))?;
        ctx.deterministic("log", x.log())?;
        ctx.deterministic("most", &x * f64::INFINITY)?;
        ctx.deterministic("huge", &x * 1e150).map(|_| ())
    };
    let short = warnings(&Mcmc::new(Nuts::new()).warmup(100).draws(3).run(&model, &()).unwrap());
    let few = "3 draws a chain are too few to judge: R-hat and effective draws are known from 4 on";
    assert!(short.contains(few) && !short.contains("equal"), "{short}");

    // What the model makes of a draw says nothing of the posterior, and a constant nothing at all.
    let told = warnings(&sample(500, model));
    let computed = "draws that the model computes to be infinite or not a number, so that means, R-hat and effective draws \
                    are not known: log, most";
    assert!(told.lines().any(|line| line == computed) && !told.contains("improper"), "{told}");
    assert!(!told.contains("one") && !told.contains("too few to judge"), "{told}");

    let still = Mcmc::new(Still).draws(20).run(&model, &()).unwrap();
    let told = warnings(&still);
    assert!(told.contains("all draws are equal, the sampler has not moved: x"), "{told}");
    for chain in 0..4 {
        let energies =
            format!("E-BFMI of chain {chain} is not known: its energies are all equal, or not finite");
        assert!(told.contains(&energies), "{told}");
    }
}

/// A kernel that refuses everything, with the energy that it starts from.
#[derive(Clone)]
struct Still;

impl Kernel for Still {
    type State = Vec<f64>;

    fn init(&mut self, _: &mut dyn LogDensity, _: &[f64], _: usize, _: KeyStream) -> Result<Vec<f64>> {
        Ok(vec![0.5])
    }

    fn step(&mut self, _: &mut dyn LogDensity, _: &mut Vec<f64>) -> Result<Transition> {
        Ok(Transition { energy: Some(1.0), ..Transition::default() })
    }

    fn position(state: &Vec<f64>) -> &[f64] {
        state
    }
}
