//! What a step of variational inference costs, beside the loop that computes the model's value and gradient once for
//! each particle.

use ppl::autoguide::{AutoDiagonalNormal, AutoMultivariateNormal, AutoNormal};
use ppl::core::{Ctx, Model, Result};
use ppl::dist::{Bernoulli, Beta, HalfNormal, Normal, Uniform, constraints};
use ppl::infer::{Adam, AdamOptions, Objective, Svi, TraceElbo, TraceGraphElbo, TraceMeanFieldElbo};
use ppl::tensor::{Tensor, TensorTree};

use crate::data::{COLUMNS, Countries, Rows, Rugged, simulated_regression};
use crate::harness::{CompileTime, Group};
use crate::reference::{Point, Regression};

/// Steps that a compiled fit takes in one call.
const STEPS: usize = 20;

/// Particles of the vectorised estimates.
pub(crate) const PARTICLES: usize = 100;

/// Ten tosses, observed one by one: 1 for heads.
type Tosses = [f64; 10];

/// All groups of this file, and notes on their data.
///
/// # Errors
/// If the data cannot be read.
pub fn groups() -> Result<(Vec<Group<'static>>, Vec<String>)> {
    let Rugged { countries, regression, note } = Rugged::load()?;
    let (rows, linear) = simulated_regression()?;
    let evaluated = countries.clone();
    let (full_rank, mean_field) = (countries.clone(), countries.clone());
    let bound = |particles| TraceElbo::new().particles(particles);
    let mut evaluation = fit(rugged, AutoNormal::new(rugged), 0.02, 1);
    let rugged_group = Group::new("svi/rugged", "step", 1)
        .case("loop: value and gradient", potentials(regression, 1))
        .case("AutoNormal", steps(fit(rugged, AutoNormal::new(rugged), 0.02, 1), mean_field))
        .case(
            "AutoMultivariateNormal",
            steps(fit(rugged, AutoMultivariateNormal::new(rugged), 0.02, 1), full_rank),
        )
        .case("AutoNormal, loss alone", move || evaluation.evaluate_loss(&evaluated));
    let mean_field = (rugged, AutoNormal::new(rugged), bound(1));
    let full_rank = (rugged, AutoMultivariateNormal::new(rugged), bound(1));
    let rugged_group = compiled(rugged_group, "AutoNormal, compiled", mean_field, &countries);
    let rugged_group = compiled(rugged_group, "AutoMultivariateNormal, compiled", full_rank, &countries);
    let adam =
        Adam::with(AdamOptions { learning_rate: 0.0005, betas: (0.9, 0.999), ..AdamOptions::default() });
    let tosses: Tosses = std::array::from_fn(|toss| f64::from(u8::from(toss < 6)));
    let coin_group = Group::new("svi/coin", "step", 1)
        .case("guide by hand", steps(Svi::new(coin, coin_guide, adam, TraceElbo::new()), tosses));
    let regression = |particles: usize| {
        let group = Group::new(format!("svi/linreg, {particles} particles"), "step", 1)
            .case("loop: values and gradients", potentials(linear.clone(), particles))
            .case("AutoNormal", steps(fit(linreg, AutoNormal::new(linreg), 0.01, particles), rows.clone()))
            .case(
                "AutoDiagonalNormal, TraceGraph",
                diagonal(TraceGraphElbo::new().particles(particles), &rows),
            )
            .case(
                "AutoDiagonalNormal, TraceMeanField",
                diagonal(TraceMeanFieldElbo::new().particles(particles), &rows),
            );
        let fit = (linreg, AutoNormal::new(linreg), bound(particles));
        let group = compiled(group, "AutoNormal, compiled", fit, &rows);
        let objective = TraceGraphElbo::new().particles(particles);
        let fit = (linreg, AutoDiagonalNormal::new(linreg), objective);
        compiled(group, "AutoDiagonalNormal, TraceGraph, compiled", fit, &rows)
    };
    Ok((vec![coin_group, rugged_group, regression(1), regression(PARTICLES)], vec![note]))
}

/// A fit with Adam by the evidence lower bound.
fn fit<M, G>(model: M, guide: G, learning_rate: f64, particles: usize) -> Svi<M, G, Adam, TraceElbo> {
    Svi::new(model, guide, Adam::new(learning_rate), TraceElbo::new().particles(particles))
}

/// The regression with one joint guide, as the example `linreg` has it.
fn diagonal(objective: impl Objective + 'static, rows: &Rows) -> impl FnMut() -> Result<f64> + 'static {
    steps(Svi::new(linreg, AutoDiagonalNormal::new(linreg), Adam::new(0.01), objective), rows.clone())
}

/// One step after the other.
fn steps<A, M: Model<A>, G: Model<A>, J: Objective>(
    mut svi: Svi<M, G, Adam, J>,
    args: A,
) -> impl FnMut() -> Result<f64> {
    move || svi.step(&args)
}

/// The group with another case: a compiled fit, [`STEPS`] steps a call.
fn compiled<'a, A: TensorTree + 'a, M: Model<A> + 'a, G: Model<A> + 'a, J: Objective + 'a>(
    group: Group<'a>,
    name: &str,
    (model, guide, objective): (M, G, J),
    args: &A,
) -> Group<'a> {
    let mut svi = Svi::new(model, guide, Adam::new(0.01), objective.jit()).progress(false);
    let (args, time) = (args.clone(), CompileTime::default());
    let told = time.clone();
    let run = move || {
        let losses = svi.run(STEPS, &args);
        told.set(svi.compile_time());
        losses
    };
    group.repeated(name, STEPS, run).compiled_in(time)
}

/// The value and gradient of the likelihood, once for each particle.
pub(crate) fn potentials<const P: usize>(
    data: Regression<P>,
    particles: usize,
) -> impl FnMut() -> Result<f64> {
    let start = Point { intercept: 1.0, slopes: [0.5; P], log_noise: 0.1 };
    move || {
        let mut at = start;
        let mut sum = 0.0;
        for _ in 0..particles {
            let (value, gradient) = data.potential(std::hint::black_box(&at));
            sum += value + gradient.log_noise;
            at.intercept += 1e-3;
        }
        Ok(sum)
    }
}

pub(crate) fn rugged(ctx: &mut Ctx, countries: &Countries) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 10.0))?;
    let b_a = ctx.sample("bA", Normal::new(0.0, 1.0))?;
    let b_r = ctx.sample("bR", Normal::new(0.0, 1.0))?;
    let b_ar = ctx.sample("bAR", Normal::new(0.0, 1.0))?;
    let sigma = ctx.sample("sigma", Uniform::new(0.0, 10.0))?;
    ctx.plate("data", countries, |ctx, c| {
        let mean = &a + &b_a * &c.cont_africa + &b_r * &c.ruggedness + &b_ar * &c.cont_africa * &c.ruggedness;
        ctx.observe("obs", Normal::new(mean, &sigma), &c.log_gdp)
    })?;
    Ok(())
}

fn coin(ctx: &mut Ctx, tosses: &Tosses) -> Result<()> {
    let fairness = ctx.sample("fairness", Beta::new(10.0, 10.0))?;
    for (number, &toss) in tosses.iter().enumerate() {
        ctx.observe(&format!("obs_{number}"), Bernoulli::new(&fairness), toss)?;
    }
    Ok(())
}

fn coin_guide(ctx: &mut Ctx, _tosses: &Tosses) -> Result<()> {
    let alpha = ctx.param_in("alpha_q", 15.0, constraints::positive())?;
    let beta = ctx.param_in("beta_q", 15.0, constraints::positive())?;
    ctx.sample("fairness", Beta::new(alpha, beta))?;
    Ok(())
}

pub(crate) fn linreg(ctx: &mut Ctx, rows: &Rows) -> Result<()> {
    let alpha = ctx.sample("alpha", Normal::new(0.0, 100.0))?;
    let beta = ctx.sample("beta", Normal::new(Tensor::zeros([COLUMNS]), 10.0))?;
    let sigma = ctx.sample("sigma", HalfNormal::new(10.0))?;
    ctx.plate("rows", rows, |ctx, row| {
        let mean = &alpha + row.features.matmul(&beta);
        ctx.observe("obs", Normal::new(mean, &sigma), &row.outcome)
    })?;
    Ok(())
}
