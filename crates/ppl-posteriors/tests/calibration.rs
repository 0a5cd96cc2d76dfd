//! Simulation-based calibration of the No-U-Turn sampler, its warm-up included, on models of different kinds. Run by
//! `cargo xtask slow`.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use ppl::dist::transforms::Ordered;
use ppl::mcmc::{Calibration, Kernel};
use ppl::prelude::*;

/// A right sampler is said to be off by one seed in a hundred; these are fixed.
fn check<A: Sync, K: Kernel>(name: &str, kernel: K, model: &(impl Model<A> + Sync), args: &A) {
    let mcmc = Mcmc::new(kernel).warmup(400).draws(500).chains(1).seed(2);
    let report = Calibration::new(mcmc).simulations(400).run(model, args).unwrap();
    println!("{name}\n{report}");
    assert!(report.is_calibrated(), "{name}\n{report}");
}

#[test]
#[ignore = "slow: seconds in a release build"]
fn a_hierarchy() {
    let model = |ctx: &mut Ctx, errors: &Tensor| -> Result<()> {
        let mu = ctx.sample("mu", Normal::new(0.0, 5.0))?;
        let tau = ctx.sample("tau", HalfNormal::new(5.0))?;
        ctx.plate("schools", errors, |ctx, error| {
            let deviation = ctx.sample("deviation", Normal::new(0.0, 1.0))?;
            let theta = ctx.deterministic("theta", &mu + &tau * deviation)?;
            ctx.observe("y", Normal::new(theta, error), 0.0)
        })?;
        Ok(())
    };
    let errors = Tensor::from([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]);
    check("eight schools", Nuts::new().target_acceptance(0.9), &model, &errors);
}

/// The scales of the priors are far apart, and two features nearly one.
fn features() -> Tensor {
    let row = |i: usize| {
        let x = (i as f64 * 0.7).sin();
        [1.0, x, x + 0.1 * (i as f64 * 1.3).cos()]
    };
    Tensor::new([30, 3], (0..30).flat_map(row).collect()).unwrap()
}

#[test]
#[ignore = "slow: seconds in a release build"]
fn a_regression() {
    let model = |ctx: &mut Ctx, rows: &Tensor| -> Result<()> {
        let beta = ctx.sample("beta", Normal::new(Tensor::zeros([3]), Tensor::from([10.0, 1.0, 1.0])))?;
        let sigma = ctx.sample("sigma", Exponential::new(1.0))?;
        ctx.plate("rows", rows, |ctx, x| ctx.observe("y", Normal::new(x.matmul(&beta), &sigma), 0.0))?;
        Ok(())
    };
    for kind in [MassMatrix::Gradients, MassMatrix::Diagonal, MassMatrix::Dense] {
        check(&format!("linear regression, {kind:?}"), Nuts::new().mass_matrix(kind), &model, &features());
    }
    check("linear regression, trajectories without trees", Hmc::new(), &model, &features());
}

#[test]
#[ignore = "slow: seconds in a release build"]
fn truth_values() {
    let model = |ctx: &mut Ctx, rows: &Tensor| -> Result<()> {
        let beta = ctx.sample("beta", Normal::new(Tensor::zeros([3]), 2.0))?;
        ctx.plate("rows", rows, |ctx, x| ctx.observe("y", Bernoulli::with_logits(x.matmul(&beta)), false))?;
        Ok(())
    };
    check("logistic regression", Nuts::new(), &model, &features());
}

/// A series that depends on its last value, seen with an error: what is carried is latent.
#[test]
#[ignore = "slow: a minute in a release build"]
fn a_series() {
    let model = |ctx: &mut Ctx, steps: &usize| -> Result<()> {
        let persistence = ctx.sample("persistence", Uniform::new(-1.0, 1.0))?;
        let sigma = ctx.sample("sigma", LogNormal::new(0.0, 0.5))?;
        let start = Tensor::from(0.0);
        ctx.scan("time", *steps, &start, |ctx, before: &Tensor, _| {
            let level = ctx.sample("level", Normal::new(&persistence * before, &sigma))?;
            ctx.observe("y", Normal::new(&level, 0.5), 0.0)?;
            Ok((level, ()))
        })?;
        Ok(())
    };
    check("a latent series", Nuts::new().target_acceptance(0.9), &model, &20);
    let model = |ctx: &mut Ctx, steps: &usize| -> Result<()> {
        let constant = ctx.sample("constant", LogNormal::new(0.0, 0.5))?;
        let weight = ctx.sample("weight", Beta::new(2.0, 2.0))?;
        let start = Tensor::from(0.0);
        ctx.scan("time", *steps, &start, |ctx, before: &Tensor, _| {
            let variance = &constant + &weight * before.square();
            let y = ctx.observe("y", Normal::new(0.0, variance.sqrt()), 0.0)?;
            Ok((y, ()))
        })?;
        Ok(())
    };
    check("a variance that follows the data", Nuts::new(), &model, &30);
}

#[test]
#[ignore = "slow: seconds in a release build"]
fn shares_and_thresholds() {
    let model = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let shares = ctx.sample("shares", Dirichlet::new(Tensor::from([0.8, 2.0, 5.0])))?;
        ctx.observe("counts", Multinomial::new(12.0, shares), Tensor::from([12.0, 0.0, 0.0]))?;
        Ok(())
    };
    check("shares", Nuts::new().target_acceptance(0.95), &model, &());
    let model = |ctx: &mut Ctx, answers: &usize| -> Result<()> {
        let free = Normal::new(Tensor::zeros([2]), 1.0).to_event(1);
        let prior = TransformedDistribution::new(free, vec![Arc::new(Ordered::real())]);
        let cuts = ctx.sample("cuts", prior)?;
        let below = cuts.sigmoid();
        let (low, high) = (below.select_index(0, 0), below.select_index(0, 1));
        let probs = Tensor::stack(&[&low, &(&high - &low), &(1.0 - &high)], 0);
        ctx.plate("answers", *answers, |ctx, _| ctx.observe("answer", Categorical::new(&probs), 0i64))?;
        Ok(())
    };
    check("thresholds in order", Nuts::new(), &model, &15);
}

#[test]
#[ignore = "slow: seconds in a release build"]
fn a_covariance() {
    let model = |ctx: &mut Ctx, rows: &usize| -> Result<()> {
        let correlations = ctx.sample("correlations", LkjCholesky::new(3, 2.0))?;
        let scales = ctx.sample("scales", LogNormal::new(Tensor::zeros([3]), 0.5))?;
        let factor = scales.unsqueeze(-1) * correlations;
        ctx.plate("rows", *rows, |ctx, _| {
            let prior = MultivariateNormal::with_scale_tril(Tensor::zeros([3]), &factor);
            ctx.observe("y", prior, Tensor::zeros([3]))
        })?;
        Ok(())
    };
    check("a covariance", Nuts::new(), &model, &8);
}
