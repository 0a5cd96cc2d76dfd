//! Fits of every kind: with and without the compiler they are the same.

use ppl::dist::Categorical;
use ppl::infer::{Runs, SgdOptions};
use ppl::prelude::*;

use crate::{agrees, agrees_on};

fn adam() -> Adam {
    Adam::new(0.02)
}

fn tosses() -> Tensor {
    Tensor::from([true, true, false, true, false, true, true, false, true, false])
}

fn coin(ctx: &mut Ctx, tosses: &Tensor) -> Result<()> {
    let fairness = ctx.sample("fairness", Beta::new(10.0, 10.0))?;
    ctx.plate("tosses", tosses, |ctx, heads| ctx.observe("heads", Bernoulli::new(&fairness), heads))?;
    Ok(())
}

fn coin_guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let alpha = ctx.param_in("alpha_q", 15.0, constraints::positive())?;
    let beta = ctx.param_in("beta_q", 15.0, constraints::positive())?;
    ctx.sample("fairness", Beta::new(alpha, beta))?;
    Ok(())
}

/// Rows with two features and an outcome.
#[derive(Clone, TensorTree)]
struct Countries {
    africa: Tensor,
    ruggedness: Tensor,
    log_gdp: Tensor,
}

fn countries() -> Countries {
    let key = Key::new(4);
    let draw = |name: &str| key.fold_in_name(name).normal([40], DType::F64);
    let africa = draw("africa").gt(0.5).cast(DType::F64);
    let ruggedness = draw("ruggedness").square();
    let log_gdp = 9.0 - 2.0 * &africa + &ruggedness * (0.4 * &africa - 0.2) + 0.9 * draw("noise");
    Countries { africa, ruggedness, log_gdp }
}

fn rugged(ctx: &mut Ctx, countries: &Countries) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 10.0))?;
    let b_a = ctx.sample("bA", Normal::new(0.0, 1.0))?;
    let b_r = ctx.sample("bR", Normal::new(0.0, 1.0))?;
    let b_ar = ctx.sample("bAR", Normal::new(0.0, 1.0))?;
    let sigma = ctx.sample("sigma", Uniform::new(0.0, 10.0))?;
    ctx.plate("data", countries, |ctx, c| {
        let mean = &a + &b_a * &c.africa + &b_r * &c.ruggedness + &b_ar * &c.africa * &c.ruggedness;
        ctx.observe("obs", Normal::new(mean, &sigma), &c.log_gdp)
    })?;
    Ok(())
}

/// A few rows of a plate, each with a latent value of its own.
fn groups(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let center = ctx.sample("center", Normal::new(0.0, 3.0))?;
    ctx.plate("rows", y.subsample(4), |ctx, y| {
        let local = ctx.sample("local", Normal::new(&center, 1.0))?;
        ctx.observe("y", Normal::new(local, 0.5), y)
    })?;
    Ok(())
}

fn rows() -> Tensor {
    Tensor::from([0.3, 1.9, -0.4, 2.5, 1.1, 0.8, 3.0])
}

/// Two hidden classes: the guide cannot be differentiated through its draws.
fn mixture(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let weight = ctx.sample("weight", Beta::new(2.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| {
        let class = ctx.sample("class", Bernoulli::new(&weight))?;
        ctx.observe("y", Normal::new(class * 2.0, 0.7), y)
    })?;
    Ok(())
}

fn mixture_guide(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let center = ctx.param("center", 0.0)?;
    ctx.sample("weight", Beta::new(center.exp() * 2.0, 2.0))?;
    ctx.plate("rows", y, |ctx, _| {
        let logit = ctx.param_per_row("logit", 0.1, None)?;
        ctx.sample("class", Bernoulli::with_logits(logit))
    })?;
    Ok(())
}

#[test]
fn a_coin_with_a_guide_by_hand() {
    agrees("coin", || (coin, coin_guide, adam(), TraceElbo::new()), &tosses());
    agrees("particles", || (coin, coin_guide, adam(), TraceElbo::new().particles(10)), &tosses());
    agrees("chunks", || (coin, coin_guide, adam(), TraceElbo::new().particles(10).chunk_size(4)), &tosses());
}

#[test]
fn a_regression_with_automatic_guides() {
    let data = countries();
    agrees("AutoNormal", || (rugged, AutoNormal::new(rugged), adam(), TraceElbo::new()), &data);
    let full = || AutoMultivariateNormal::new(rugged);
    agrees("full rank", || (rugged, full(), adam(), TraceElbo::new()), &data);
    agrees("graph", || (rugged, full(), adam(), TraceGraphElbo::new().particles(3)), &data);
    let mean_field = || TraceMeanFieldElbo::new().particles(2);
    agrees("mean field", || (rugged, AutoNormal::new(rugged), adam(), mean_field()), &data);
    agrees("delta", || (rugged, AutoDelta::new(rugged), adam(), TraceElbo::new()), &data);
    let landing = || TraceElbo::new().estimator(GradientEstimator::StickingTheLanding);
    agrees("landing", || (rugged, AutoNormal::new(rugged), adam(), landing()), &data);
    let bound = || RenyiElbo::importance_weighted().particles(5);
    agrees("weights", || (rugged, AutoNormal::new(rugged), adam(), bound()), &data);
    let doubly = || bound().estimator(GradientEstimator::DoublyReparameterized);
    agrees("doubly", || (rugged, AutoNormal::new(rugged), adam(), doubly()), &data);
}

#[test]
fn discrete_draws_with_baselines() {
    let score = |baseline| TraceGraphElbo::new().estimator(GradientEstimator::ScoreFunction { baseline });
    let average = || score(Baseline::DecayingAverage { decay: 0.8 });
    agrees("an average", || (mixture, mixture_guide, adam(), average()), &rows());
    let others = || score(Baseline::LeaveOneOut).particles(4);
    agrees("the others", || (mixture, mixture_guide, adam(), others()), &rows());
    agrees("none", || (mixture, mixture_guide, adam(), TraceElbo::new().particles(3)), &rows());
}

#[test]
fn plates_of_which_some_rows_are_chosen() {
    agrees("one", || (groups, AutoNormal::new(groups), adam(), TraceElbo::new()), &rows());
    agrees("several", || (groups, AutoNormal::new(groups), adam(), TraceElbo::new().particles(6)), &rows());
}

#[test]
fn optimizers_with_schedules_and_clipped_gradients() {
    let schedule = || Schedule::linear(10, 0.1, 1.0).then(10, Schedule::warm_restarts(7, 2, 0.1));
    let adam = || Adam::new(0.02).schedule(schedule()).clip_norm(5.0);
    agrees("Adam", || (groups, AutoNormal::new(groups), adam(), TraceElbo::new()), &rows());
    let sgd = || Sgd::with(SgdOptions { learning_rate: 1e-3, momentum: 0.9, nesterov: true }).clip_value(3.0);
    agrees("Sgd", || (rugged, AutoNormal::new(rugged), sgd(), TraceElbo::new()), &countries());
    let decayed = || AdagradRmsProp::new(0.1);
    agrees("AdagradRmsProp", || (coin, coin_guide, decayed(), TraceElbo::new()), &tosses());
}

#[test]
fn data_of_which_some_are_missing() {
    type Data = (Tensor, Tensor);
    fn model(ctx: &mut Ctx, data: &Data) -> Result<()> {
        let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
        ctx.plate("rows", data, |ctx, (y, present)| {
            ctx.observe("y", Normal::new(&mean, 1.0), Observation::present(y, present))
        })?;
        Ok(())
    }
    let present = Tensor::from([true, false, true, true, false, true, true]);
    agrees(
        "missing",
        || (model, AutoNormal::new(model), adam(), TraceElbo::new().particles(2)),
        &(rows(), present),
    );
}

#[test]
fn steps_of_time() {
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let drift = ctx.sample("drift", Normal::new(0.0, 0.5))?;
        ctx.scan("time", y, &Tensor::from(0.0), |ctx, at, y| {
            let next = ctx.sample("state", Normal::new(at + &drift, 0.3))?;
            ctx.observe("y", Normal::new(&next, 0.5), y)?;
            Ok((next.clone(), next))
        })?;
        Ok(())
    }
    fn guide(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let loc = ctx.param("loc", 0.2)?;
        ctx.sample("drift", Normal::new(loc, 0.1))?;
        ctx.plate("time", y, |ctx, _| {
            let loc = ctx.param_per_row("locs", 0.5, None)?;
            ctx.sample("state", Normal::new(loc, 0.3))
        })?;
        Ok(())
    }
    agrees("scan", || (model, guide, adam(), TraceElbo::new().particles(2)), &rows());
}

/// An objective of one's own: the evidence lower bound, and beside it a memory of what it was.
#[derive(Clone)]
struct Remembering;

impl Objective for Remembering {
    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        let loss = runs.terms()?.iter().fold(Tensor::from(0.0), |sum, term| sum + term.loss(&[]));
        let loss = loss.mean_over(runs.particles());
        let mut estimate = Estimate::new(loss.clone(), loss.clone());
        let before = runs.state().get("average").cloned().unwrap_or_else(|| Tensor::from(0.0));
        estimate.state.insert("average".into(), before * 0.9 + loss.detach() * 0.1);
        Ok(estimate)
    }
}

#[test]
fn an_objective_of_ones_own() {
    agrees("own", || (rugged, AutoNormal::new(rugged), adam(), Remembering), &countries());
}

#[test]
fn categories_with_learned_baselines() {
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let class = ctx.sample("class", Categorical::new(Tensor::from([0.2, 0.3, 0.5])))?;
        let means = Tensor::from([-1.0, 0.5, 2.0]);
        ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(means.at(&class), 1.0), y))?;
        Ok(())
    }
    fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
        let guess = ctx.param("guess", 10.0)?;
        ctx.deterministic("baseline", guess)?;
        let logits = ctx.param("logits", Tensor::zeros([3]))?;
        ctx.sample("class", Categorical::with_logits(logits))?;
        Ok(())
    }
    let objective = || {
        let baseline = Baseline::Learned { site: "baseline".into() };
        TraceGraphElbo::new().estimator(GradientEstimator::ScoreFunction { baseline })
    };
    agrees("learned", || (model, guide, adam(), objective()), &rows());
}

#[test]
fn in_32_bits_and_elsewhere() {
    let single = Device::cpu().float(DType::F32);
    let parts = || (rugged, AutoNormal::new(rugged), adam(), TraceElbo::new().particles(3));
    // 50 steps whose draws are the same, each with some units of rounding of 2⁻²⁴ = 6e-8, carried on by Adam.
    agrees_on(&single, "F32", parts, &countries(), 2e-3);
    let other = Device::new(ppl::tensor::HostBackend, DType::F64);
    agrees_on(&other, "another device", parts, &countries(), crate::ROUNDING);
}
