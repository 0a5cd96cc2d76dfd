//! Chains of models: draws by site, the same for any number of threads, and what is told of what goes wrong.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ppl_core::{Ctx, Result};
use ppl_dist::{Bernoulli, Exponential, Normal};
use ppl_infer::{Init, Predictive, compile_potential};
use ppl_mcmc::diagnostics::mcse_mean;
use ppl_mcmc::{Chains, Mcmc, Nuts, RandomWalk, loo};
use ppl_tensor::Tensor;

/// A mean with a normal prior, data of unit variance; with what follows from it.
fn conjugate(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
    ctx.deterministic("double", &mean * 2.0)?;
    ctx.plate("rows", y, |ctx, y| {
        ctx.deterministic("residual", y - &mean)?;
        ctx.observe("y", Normal::new(&mean, 1.0), y)
    })?;
    Ok(())
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1])
}

/// Effects in a plate, with a scale that is positive.
fn effects(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let scale = ctx.sample("scale", Exponential::new(1.0))?;
    ctx.plate("rows", y, |ctx, y| {
        let effect = ctx.sample("effect", Normal::new(0.0, &scale))?;
        ctx.observe("y", Normal::new(effect, 1.0), y).map(|_| ())
    })
}

fn quick() -> Mcmc<Nuts> {
    Mcmc::new(Nuts::new()).warmup(200).draws(100)
}

fn values(chains: &Chains, site: &str) -> Vec<f64> {
    chains.get(site).unwrap().to_f64().unwrap()
}

#[test]
fn the_conjugate_posterior_is_found() {
    let chains = Mcmc::new(Nuts::new()).seed(1).run(&conjugate, &data()).unwrap();
    let precision = 0.25 + 6.0;
    let (mean, sd) = (7.5 / precision, f64::sqrt(1.0 / precision));
    let draws = values(&chains, "mean");
    let slices: Vec<&[f64]> = draws.chunks(1000).collect();
    let found = draws.iter().sum::<f64>() / 4000.0;
    assert!((found - mean).abs() < 4.0 * mcse_mean(&slices), "{found}, not {mean}");
    let squares: Vec<f64> = draws.iter().map(|x| (x - mean).powi(2)).collect();
    let slices: Vec<&[f64]> = squares.chunks(1000).collect();
    let found = squares.iter().sum::<f64>() / 4000.0;
    assert!((found - sd * sd).abs() < 4.0 * mcse_mean(&slices), "{found}, not {}", sd * sd);

    let summary = chains.summary().unwrap();
    assert!(summary.warnings().is_empty(), "{summary}");
    let names: Vec<&str> = summary.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names[..3], ["mean", "double", "residual[0]"]);
    let row = summary.row("mean").unwrap();
    assert!(row.r_hat < 1.01 && row.ess_bulk > 1000.0 && row.ess_tail > 1000.0, "{summary}");
    assert!((row.sd - sd).abs() < 0.03 && (row.quantiles[1] - mean).abs() < 0.03);
    let text = summary.to_string();
    assert!(text.lines().next().unwrap().ends_with("mcse  ess_bulk  ess_tail  r_hat"), "{text}");
}

#[test]
fn draws_come_by_site_with_their_shapes() {
    let chains = quick().keep_warmup(true).run(&effects, &data()).unwrap();
    let shapes: Vec<(&str, Vec<usize>)> =
        chains.sites().map(|(name, site)| (name, site.values.shape().to_vec())).collect();
    assert_eq!(shapes, [("scale", vec![4, 100]), ("effect", vec![4, 100, 6])]);
    assert!(values(&chains, "scale").iter().all(|scale| *scale > 0.0));
    assert_eq!((chains.chain_count(), chains.draw_count(), chains.len()), (4, 100, 400));
    assert_eq!(chains.warmup().unwrap().draw_count(), 200);
    let merged = chains.draws();
    assert_eq!(merged.get("effect").unwrap().shape().to_vec(), [400, 6]);
    assert_eq!(merged.get("effect").unwrap().to_f64().unwrap(), values(&chains, "effect"));
    let error = chains.get("effects").unwrap_err().to_string();
    assert_eq!(error, "there is no site named `effects`; there are: scale, effect");

    let chains = quick().chains(2).run(&conjugate, &data()).unwrap();
    let (means, y) = (values(&chains, "mean"), data().to_f64().unwrap());
    let doubles: Vec<f64> = means.iter().map(|mean| 2.0 * mean).collect();
    assert_eq!(values(&chains, "double"), doubles);
    let residuals: Vec<f64> = means.iter().flat_map(|mean| y.iter().map(move |y| y - mean)).collect();
    assert_eq!(values(&chains, "residual"), residuals);
    assert!(chains.draws().get("double").is_err());
    assert!(chains.warmup().is_none());
}

/// The log density that comes with a draw is that of the model there.
#[test]
fn transitions_tell_the_log_density() {
    let chains = quick().chains(1).run(&conjugate, &data()).unwrap();
    let log_density = |mean: f64| {
        let normal = |x: f64, sd: f64| -0.5 * (x / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln();
        normal(mean, 2.0) + data().to_f64().unwrap().iter().map(|y| normal(y - mean, 1.0)).sum::<f64>()
    };
    for (mean, transition) in values(&chains, "mean").into_iter().zip(&chains.transitions()[0]) {
        assert!((transition.log_density - log_density(mean)).abs() < 1e-10);
        assert!(transition.energy.unwrap() >= -transition.log_density - 1e-10);
        assert!(transition.leapfrogs >= 1 && transition.leapfrogs < 1 << (transition.tree_depth + 1));
    }
}

#[test]
fn threads_other_chains_and_earlier_compilation_make_no_difference() {
    let run = |mcmc: Mcmc<Nuts>| values(&mcmc.run(&effects, &data()).unwrap(), "effect");
    let alone = run(quick().threads(1));
    assert_eq!(alone, run(quick().threads(3)));
    assert_eq!(alone, run(quick()));
    let compiled = compile_potential(&effects, &data()).unwrap();
    assert_eq!(alone, values(&quick().run_compiled(&compiled, &effects, &data()).unwrap(), "effect"));
    let two = run(quick().chains(2));
    assert_eq!(alone[..two.len()], two);
    assert_ne!(alone, run(quick().seed(1)));
    assert_ne!(two[..600], two[600..]);
}

#[test]
fn stopping_keeps_what_is_drawn() {
    let stop = Arc::new(AtomicBool::new(true));
    let error = quick().stop(stop.clone()).run(&conjugate, &data()).unwrap_err().to_string();
    assert_eq!(error, "the chains were stopped before their first draw");
    stop.store(false, Ordering::Relaxed);
    let draws = 2_000_000;
    let long = Mcmc::new(RandomWalk::new()).warmup(10).draws(draws).chains(1).stop(stop.clone());
    let chains = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            stop.store(true, Ordering::Relaxed);
        });
        long.run(&conjugate, &data()).unwrap()
    });
    assert!(chains.draw_count() > 0 && chains.draw_count() < draws, "{}", chains.draw_count());
    assert_eq!(values(&chains, "mean").len(), chains.draw_count());
}

#[test]
fn bad_models_are_refused_with_what_to_do() {
    fn text<T>(result: Result<T>) -> String {
        result.err().unwrap().to_string()
    }
    let run = |model: fn(&mut Ctx, &Tensor) -> Result<()>| text(quick().run(&model, &data()));
    let none = run(|ctx, y| ctx.observe("y", Normal::new(0.0, 1.0), y.sum(0)).map(|_| ()));
    assert!(none.contains("no latent site"), "{none}");
    let discrete = run(|ctx, _| ctx.sample("z", Bernoulli::new(0.5)).map(|_| ()));
    assert!(discrete.starts_with("site `z`") && discrete.contains("sum it out of the model"), "{discrete}");
    let nowhere = run(|ctx, _| {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        ctx.factor("f", x * 0.0 + f64::NEG_INFINITY).map(|_| ())
    });
    assert!(nowhere.contains("`f") && nowhere.contains("-inf"), "{nowhere}");
    let improper = run(|ctx, _| {
        let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
        ctx.factor("flat", 0.5 * x.square()).map(|_| ())
    });
    assert!(improper.contains("the posterior is improper"), "{improper}");
    let zero = text(quick().draws(0).run(&conjugate, &data()));
    assert_eq!(zero, "zero draws were asked for, at least 1 is needed");
    assert_eq!(
        text(quick().chains(0).run(&conjugate, &data())),
        "zero chains were asked for, at least 1 is needed"
    );
    let unknown = text(quick().init(Init::values([("men", 1.0)])).run(&conjugate, &data()));
    assert!(unknown.contains("no latent site named `men`"), "{unknown}");
}

#[test]
fn chains_start_where_they_are_told() {
    let model = |ctx: &mut Ctx, _: &()| -> Result<()> {
        ctx.sample("x", Normal::new(1.5, 2.0))?;
        ctx.sample("scale", Exponential::new(0.25)).map(|_| ())
    };
    let start = |init: Init| {
        let kernel = Nuts::new().step_size(1e-9).max_tree_depth(1);
        Mcmc::new(kernel).warmup(0).draws(1).chains(3).init(init).run(&model, &())
    };
    let at = |init: Init| {
        let chains = start(init).unwrap();
        (values(&chains, "x"), values(&chains, "scale"))
    };
    let all = |found: &[f64], expected: f64, within: f64| found.iter().all(|x| (x - expected).abs() < within);
    let differ = |found: &[f64]| (found[0] - found[1]).abs() > 1e-3 && (found[1] - found[2]).abs() > 1e-3;

    let (x, scale) = at(Init::Feasible);
    assert!(all(&x, 0.0, 1e-7) && all(&scale, 1.0, 1e-7), "{x:?} {scale:?}");
    let (x, scale) = at(Init::Mean);
    assert!(all(&x, 1.5, 1e-7) && all(&scale, 4.0, 1e-7), "{x:?} {scale:?}");
    // The median of n draws of a density f at its median errs by 1/(2 f √n): 0.056, and 0.089; five of these.
    let (x, scale) = at(Init::Median { samples: 2001 });
    assert!(all(&x, 1.5, 0.28) && all(&scale, 4.0 * 2.0_f64.ln(), 0.45), "{x:?} {scale:?}");
    let (x, scale) = at(Init::Sample);
    assert!(differ(&x) && differ(&scale) && all(&x, 1.5, 10.0), "{x:?} {scale:?}");
    let (x, scale) = at(Init::Uniform { radius: 0.5 });
    assert!(differ(&x) && all(&x, 0.0, 0.5) && differ(&scale), "{x:?} {scale:?}");
    assert!(scale.iter().all(|scale| scale.ln().abs() < 0.5), "{scale:?}");
    let (x, scale) = at(Init::values([("scale", 2.5)]));
    assert!(all(&x, 0.0, 1e-7) && all(&scale, 2.5, 1e-7), "{x:?} {scale:?}");

    let refused = |init: Init| start(init).unwrap_err().to_string();
    for radius in [0.0, -1.0, f64::NAN] {
        let text = refused(Init::Uniform { radius });
        assert_eq!(text, format!("the radius of Init::Uniform is {radius}, must be positive"));
    }
    assert_eq!(refused(Init::Median { samples: 0 }), "Init::Median needs at least one sample");
    let outside = refused(Init::values([("scale", -1.0)]));
    assert!(outside.contains("scale"), "{outside}");
    let shape = refused(Init::values([("x", Tensor::from([1.0, 2.0]))]));
    assert!(shape.contains("site `x`"), "{shape}");
}

/// The funnel of centred effects diverges, and the summary says so in words.
#[test]
fn a_funnel_is_told_in_words() {
    let model = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let v = ctx.sample("v", Normal::new(0.0, 3.0))?;
        let scale = (&v * 0.5).exp();
        ctx.plate("rows", 9, |ctx, _| ctx.sample("x", Normal::new(0.0, &scale)))?;
        Ok(())
    };
    let chains = Mcmc::new(Nuts::new()).draws(500).run(&model, &()).unwrap();
    let summary = chains.summary().unwrap();
    assert!(chains.divergences() > 0);
    let text = summary.to_string();
    assert!(text.contains("warning: ") && text.contains("trajectories that diverged"), "{text}");
}

/// Of a conjugate model: the log density of each datum, and the predictive draws.
#[test]
fn draws_predict_and_score_data() {
    let chains = quick().chains(2).run(&conjugate, &data()).unwrap();
    let predictive = Predictive::new(conjugate);
    let scores = predictive.log_likelihood(&chains.draws(), &data()).unwrap();
    let scores = scores.get("y").unwrap();
    assert_eq!(scores.shape().to_vec(), [200, 6]);
    let (means, y) = (values(&chains, "mean"), data().to_f64().unwrap());
    let expected = means.iter().flat_map(|mean| y.iter().map(move |y| -0.5 * (y - mean).powi(2)));
    for (found, expected) in scores.to_f64().unwrap().into_iter().zip(expected) {
        assert!((found - (expected - 0.5 * std::f64::consts::TAU.ln())).abs() < 1e-12);
    }
    let elpd = loo(scores).unwrap();
    // Of one parameter and six data: a seventh of it or so is spent on each.
    assert!(elpd.p > 0.2 && elpd.p < 2.0 && elpd.diagnostic.iter().all(|k| *k < 0.7), "{elpd}");
    assert!(!elpd.to_string().contains("warning"), "{elpd}");

    // Not observed, it is predicted.
    let open = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
        ctx.plate("rows", 6, |ctx, _| ctx.sample("y", Normal::new(&mean, 1.0)))?;
        Ok(())
    };
    let predicted = Predictive::new(open).given(&chains.draws(), &()).unwrap();
    assert_eq!(predicted.get("mean").unwrap().to_f64().unwrap(), means);
    assert_eq!(predicted.get("y").unwrap().shape().to_vec(), [200, 6]);
}
