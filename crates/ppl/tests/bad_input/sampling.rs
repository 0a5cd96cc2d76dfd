//! Chains of models that have no posterior, or none that can be sampled so.

use ppl::mcmc::Calibration;
use ppl::mcmc::calibration::ModelJoint;
use ppl::prelude::*;

use crate::Refusals;

fn run<O>(model: impl Fn(&mut Ctx, &()) -> Result<O>) -> Result<Chains> {
    Mcmc::new(Nuts::new()).warmup(50).draws(20).progress(false).run(&model, &())
}

#[test]
fn models() {
    Refusals::default()
        .of("the model has no latent site: there is no density to compile", || {
            run(|ctx, _| ctx.observe("y", Normal::new(0.0, 1.0), 1.0))
        })
        .of(
            "there is no latent number, all latent sites are empty (`z` [0], `w` [2, 0]): there is no density to compile",
            || {
                run(|ctx, _| {
                    ctx.plate("rows", 0, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))?;
                    ctx.sample("w", Normal::new(Tensor::zeros([2, 0]), 1.0))
                })
            },
        )
        .of(
            "site `z`: a potential of discrete values (0 or 1) is not available for Bernoulli: sum it out of the model, or \
             condition on a value",
            || run(|ctx, _| ctx.sample("z", Bernoulli::new(0.5))),
        )
        .of("site `z`: a potential of discrete values …", || {
            run(|ctx, _| ctx.plate("rows", 3, |ctx, _| ctx.sample("z", Poisson::new(2.0))))
        })
        .of("the log probability of site `never (at the start)` is -inf\n…", || {
            run(|ctx, _| {
                let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
                ctx.factor("never", x * 0.0 + f64::NEG_INFINITY)
            })
        })
        .of("the log density hardly changes over a step of 1e7: it has no finite integral, the posterior is improper", || {
            run(|ctx, _| {
                let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
                ctx.factor("flat", x.square() * 0.5)
            })
        })
        .of("site `y`: the data must be in the support real, but has NaN", || {
            run(|ctx, _| {
                let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
                ctx.observe("y", Normal::new(x, 1.0), f64::NAN)
            })
        });
}

fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let scale = ctx.sample("scale", Exponential::new(1.0))?;
    ctx.observe("y", Normal::new(0.0, scale), 1.0).map(|_| ())
}

#[test]
fn options() {
    let mcmc = || Mcmc::new(Nuts::new()).warmup(50).draws(20).progress(false);
    let run = |mcmc: Mcmc<Nuts>| move || mcmc.run(&model, &());
    Refusals::default()
        .of("zero draws were asked for, at least 1 is needed", run(mcmc().draws(0)))
        .of("zero chains were asked for, at least 1 is needed", run(mcmc().chains(0)))
        .of("zero threads were asked for, at least 1 is needed", run(mcmc().threads(0)))
        .of(
            "there is no latent site named `y`; there are: scale",
            run(mcmc().init(Init::values([("y", 1.0)]))),
        )
        .of("site `scale`: the value must be in the support …", {
            run(mcmc().init(Init::values([("scale", -1.0)])))
        })
        .of("/dev/null/chains: …", run(mcmc().store("/dev/null/chains")));
}

#[test]
fn tests_of_samplers() {
    let calibration = || Calibration::new(Mcmc::new(Nuts::new()).draws(99).chains(1).progress(false));
    let weighted = scale(model, 2.0);
    Refusals::default()
        .of("9 simulations were asked for, at least 10 are needed", || {
            calibration().simulations(9).run(&model, &())
        })
        .of("ranks among 0 draws were asked for, at least 1 is needed", || {
            calibration().ranks(0).run(&model, &())
        })
        .of("ranks among 100 draws were asked for, each run has 99", || {
            calibration().ranks(100).run(&model, &())
        })
        .of("site `scale`: its log density is weighted: data cannot be simulated from it…", || {
            calibration().run(&weighted, &())
        })
        .of("site `scale`: its log density is weighted…", || ModelJoint::new(&weighted, &()).map(drop));
}
