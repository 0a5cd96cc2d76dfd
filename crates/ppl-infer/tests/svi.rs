//! The loop: fits of conjugate models, options by name, and what a user reads when something is wrong.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Result};
use ppl_dist::{Bernoulli, Beta, Normal, constraints};
use ppl_infer::{Adam, AdamOptions, Predictive, Svi, TraceElbo};
use ppl_tensor::Tensor;

fn mean_model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn mean_guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    let scale = ctx.param_in("scale", 1.0, constraints::positive())?;
    ctx.sample("mean", Normal::new(loc, scale))?;
    Ok(())
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1])
}

/// Mean and sd of the posterior: precision 1/4 + 6, mean Σy / precision.
fn exact() -> (f64, f64) {
    let precision = 0.25 + 6.0;
    (7.5 / precision, f64::sqrt(1.0 / precision))
}

#[test]
fn a_normal_guide_finds_the_normal_posterior() {
    let mut svi = Svi::new(mean_model, mean_guide, Adam::new(0.02), TraceElbo::new().particles(16)).seed(1);
    let losses = svi.run(1500, &data()).unwrap();
    assert_eq!(losses.len(), 1500);
    let (mean, sd) = exact();
    let loc = svi.params().get("loc").unwrap().to_scalar().unwrap();
    let scale = svi.params().get("scale").unwrap().to_scalar().unwrap();
    // Adam at rate 0.02 with 16 particles wanders by about 0.02·sd around the optimum.
    assert!((loc - mean).abs() < 0.1 * sd, "{loc} {mean}");
    assert!((scale / sd - 1.0).abs() < 0.1, "{scale} {sd}");
    // The guide's family holds the posterior, so the bound is tight: the loss is minus the log evidence in every draw.
    let y = data().to_f64().unwrap();
    let (n, sum): (f64, f64) = (6.0, y.iter().sum());
    let squares: f64 = y.iter().map(|y| y * y).sum();
    let evidence = -0.5 * n * std::f64::consts::TAU.ln()
        - 0.5 * (1.0 + 4.0 * n).ln()
        - 0.5 * (squares - 4.0 * sum * sum / (1.0 + 4.0 * n));
    let loss = svi.evaluate_loss(&data()).unwrap();
    assert!((loss + evidence).abs() < 0.05, "{loss} {evidence}");
}

#[test]
fn the_same_seed_gives_the_same_fit() {
    let fit = |seed| {
        let mut svi = Svi::new(mean_model, mean_guide, Adam::new(0.05), TraceElbo::new()).seed(seed);
        svi.run(50, &data()).unwrap()
    };
    assert_eq!(fit(3), fit(3));
    assert_ne!(fit(3), fit(4));
}

#[test]
fn options_by_name_move_parameters_at_their_own_rates() {
    let adam = Adam::by_name(|name| AdamOptions {
        learning_rate: if name == "loc" { 0.010 } else { 0.001 },
        ..AdamOptions::default()
    });
    let mut svi = Svi::new(mean_model, mean_guide, adam, TraceElbo::new());
    svi.step(&data()).unwrap();
    // The first step of Adam is the learning rate, whatever the gradient.
    let loc = svi.params().unconstrained("loc").unwrap().to_scalar().unwrap();
    let scale = svi.params().unconstrained("scale").unwrap().to_scalar().unwrap();
    assert!((loc.abs() - 0.010).abs() < 1e-8, "{loc}");
    assert!((scale.abs() - 0.001).abs() < 1e-8, "{scale}");
}

#[test]
fn draws_that_are_not_reparameterised_are_fitted_by_their_score() {
    let model = |ctx: &mut Ctx, y: &Tensor| {
        let z = ctx.sample("z", Bernoulli::new(0.5))?;
        ctx.observe("y", Normal::new(z, 1.0), y)?;
        Ok(())
    };
    let guide = |ctx: &mut Ctx, _: &Tensor| {
        let logit = ctx.param("logit", 0.0)?;
        ctx.sample("z", Bernoulli::with_logits(logit))?;
        Ok(())
    };
    let mut svi = Svi::new(model, guide, Adam::new(0.02), TraceElbo::new().particles(64)).seed(2);
    let y = Tensor::from(0.9);
    svi.run(600, &y).unwrap();
    // ln p(1|y) - ln p(0|y) = y - 1/2.
    let logit = svi.params().get("logit").unwrap().to_scalar().unwrap();
    assert!((logit - 0.4).abs() < 0.1, "{logit}");
}

#[test]
fn predictive_draws_follow_the_fit_and_the_prior() {
    let model = |ctx: &mut Ctx, y: &Option<Tensor>| {
        let p = ctx.sample("p", Beta::new(10.0, 10.0))?;
        let rows = ctx.plate("tosses", 4usize, |ctx, _| ctx.observe("y", Bernoulli::new(&p), y))?;
        ctx.deterministic("heads", rows.sum(0))
    };
    let n = 4000;
    let prior = Predictive::new(model).seed(5).prior(n, &None).unwrap();
    assert_eq!(prior.get("y").unwrap().shape().to_vec(), [n, 4]);
    let p = prior.get("p").unwrap().to_f64().unwrap();
    let mean = p.iter().sum::<f64>() / n as f64;
    // The sd of Beta(10, 10) is 0.109.
    assert!((mean - 0.5).abs() < 5.0 * 0.109 / (n as f64).sqrt(), "{mean}");

    let guide = |ctx: &mut Ctx, _: &Option<Tensor>| ctx.sample("p", Beta::new(90.0, 10.0)).map(|_| ());
    let posterior = Predictive::new(model).seed(6).posterior(&guide, n, &None).unwrap();
    let heads = posterior.get("heads").unwrap().to_f64().unwrap();
    let mean = heads.iter().sum::<f64>() / n as f64;
    // Var = 4·0.9·0.1 plus that of p: below 0.4.
    assert!((mean - 3.6).abs() < 5.0 * 0.64 / (n as f64).sqrt(), "{mean}");

    let again = Predictive::new(model).seed(7).given(&posterior, &None).unwrap();
    assert_eq!(again.get("p").unwrap().to_f64().unwrap(), posterior.get("p").unwrap().to_f64().unwrap());
}

fn text<O>(result: Result<O>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn model_and_guide_that_do_not_fit() {
    let other = |ctx: &mut Ctx, _: &Tensor| {
        let loc = ctx.param("loc", 0.0)?;
        ctx.sample("meen", Normal::new(loc, 1.0))?;
        Ok(())
    };
    let mut svi = Svi::new(mean_model, other, Adam::new(0.01), TraceElbo::new());
    let message = text(svi.step(&data()));
    let expected =
        "the guide lacks the model's latent sites `mean`; the model lacks the guide's sites `meen` as latent";
    assert!(message.starts_with(expected), "{message}");
    assert!(message.contains("rows 6"), "{message}");
}

#[test]
fn a_loss_that_is_not_finite_names_the_site_and_keeps_the_fit() {
    let model = |ctx: &mut Ctx, limit: &Tensor| {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.factor("wall", z.lt(limit).select(0.0, f64::NEG_INFINITY))
    };
    let guide = |ctx: &mut Ctx, _: &Tensor| {
        let loc = ctx.param("loc", 0.0)?;
        ctx.sample("z", Normal::new(loc, 1.0))?;
        Ok(())
    };
    let mut svi = Svi::new(model, guide, Adam::new(0.01), TraceElbo::new());
    svi.run(3, &Tensor::from(1e6)).unwrap();
    let before = svi.params().get("loc").unwrap().to_scalar().unwrap();
    let message = text(svi.run(3, &Tensor::from(-1e6)));
    assert!(message.starts_with("the log probability of site `wall (model)` is -inf"), "{message}");
    assert_eq!(svi.losses().len(), 3);
    assert_eq!(svi.params().get("loc").unwrap().to_scalar().unwrap(), before);
}

#[test]
fn options_out_of_range() {
    let step = |adam: Adam, objective| text(Svi::new(mean_model, mean_guide, adam, objective).step(&data()));
    let message = step(Adam::new(-1.0), TraceElbo::new());
    assert_eq!(message, "Adam for parameter `loc`: learning_rate is -1, must be positive");
    let message = step(Adam::new(0.1), TraceElbo::new().particles(0));
    assert_eq!(message, "an objective needs at least one particle");
    let fixed = |ctx: &mut Ctx, _: &Tensor| ctx.sample("mean", Normal::new(0.0, 1.0)).map(|_| ());
    let message = text(Svi::new(mean_model, fixed, Adam::new(0.1), TraceElbo::new()).step(&data()));
    assert_eq!(message, "neither model nor guide has a parameter: there is nothing to fit");
    let message = text(Predictive::new(mean_model).prior(0, &data()));
    assert_eq!(message, "zero draws were asked for");
}
