//! Automatic guides.

use ppl::prelude::*;

use crate::{Refusals, bits};

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    let scale = ctx.sample("scale", Gamma::new(2.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &scale), y))?;
    Ok(())
}

fn data() -> Tensor {
    Tensor::from([1.0, 2.0])
}

fn step<G: Model<Tensor>>(guide: G) -> Result<f64> {
    let mut svi = Svi::new(model, guide, Adam::new(0.01), TraceElbo::new());
    let result = svi.step(&data());
    assert!(result.is_ok() || svi.params().is_empty() && svi.losses().is_empty());
    result
}

#[test]
fn options() {
    let of = |init: Init| step(AutoDiagonalNormal::new(model).init(init));
    Refusals::default()
        .of("", || step(AutoLowRankMultivariateNormal::new(model, 0)))
        .of("", || step(AutoLowRankMultivariateNormal::new(model, 3)))
        .of("", || step(AutoLowRankMultivariateNormal::new(model, usize::MAX)))
        .of("", || step(AutoMultivariateNormal::new(model).init_scale(-0.1)))
        .of("", || of(Init::values([("scale", -1.0)])))
        .of("", || of(Init::values([("scale", 0.0)])))
        .of("", || of(Init::values([("sacle", 1.0)])))
        .of("", || step(AutoDelta::new(model).init(Init::values([("mean", Tensor::zeros([3]))]))))
        .of("", || step(AutoLaplace::new(model).init(Init::Median { samples: 0 })))
        .of("", || step(AutoGuideList::new(model)))
        .of("", || step(AutoGuideList::new(model).on(["mean"], AutoNormal::new).on(["mean"], AutoDelta::new)))
        .of("", || step(AutoGuideList::new(model).on(["maen"], AutoNormal::new).rest(AutoNormal::new)))
        .of("", || {
            step(
                AutoGuideList::new(model).on(["mean"], AutoDiagonalNormal::new).rest(AutoDiagonalNormal::new),
            )
        })
        .of("", || {
            let failing = |_: &mut Ctx, _: &Tensor| -> Result<()> { Err(Error::argument("no guide")) };
            step(AutoCallable::new(failing))
        });
}

#[test]
fn models_that_cannot_be_guided() {
    let guided = |model: fn(&mut Ctx, &Tensor) -> Result<Tensor>| {
        AutoNormal::new(model).run(&mut Ctx::new(0), &data())?;
        AutoDiagonalNormal::new(model).run(&mut Ctx::new(0), &data())
    };
    Refusals::default()
        .of("", || guided(|ctx, _| ctx.sample("k", Categorical::new([0.5, 0.5]))))
        .of("", || guided(|ctx, y| ctx.observe("y", Normal::new(Tensor::zeros([2]), 1.0), y)))
        .of("", || guided(|ctx, _| ctx.sample("x", Normal::new(0.0, -1.0))))
        .of("", || guided(|_, _| Err(Error::argument("no model"))))
        .of("", || {
            guided(|ctx, _| {
                ctx.plate("rows", 3.at_rows(Vec::<i64>::new()), |ctx, _| {
                    ctx.sample("z", Normal::new(0.0, 1.0))
                })
            })
        })
        .of("", || {
            guided(|ctx, _| {
                ctx.plate("rows", 5.subsample(2), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))
            })
        })
        .of("", || {
            guided(|ctx, _| {
                let data = Observation::nan_is_missing(Tensor::from([f64::NAN, 1.0]));
                ctx.observe("count", Poisson::new(Tensor::ones([2])), data)
            })
        });
}

/// A guide that has run for some data is asked about others.
#[test]
fn other_data() {
    let local = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("rows", y, |ctx, y| {
            let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
            ctx.observe("y", Normal::new(z, 1.0), y)
        })
    };
    let (two, three) = (Tensor::zeros([2]), Tensor::zeros([3]));
    let mut refusals = Refusals::default();
    let mut meets = |expected: &str, svi: &mut dyn FnMut(&Tensor) -> Result<f64>| {
        svi(&two).unwrap();
        refusals.of(expected, || svi(&three));
        svi(&two).unwrap();
    };
    let mut normal = Svi::new(local, AutoNormal::new(local), Adam::new(0.1), TraceElbo::new());
    meets("", &mut |y| normal.step(y));
    let mut joint = Svi::new(local, AutoMultivariateNormal::new(local), Adam::new(0.1), TraceElbo::new());
    meets("", &mut |y| joint.step(y));
    let mut delta = Svi::new(local, AutoDelta::new(local), Adam::new(0.1), TraceElbo::new());
    meets("", &mut |y| delta.step(y));
}

#[test]
fn what_fitted_guides_are_asked() {
    let fitted = || {
        let mut svi = Svi::new(model, AutoNormal::new(model), Adam::new(0.01), TraceElbo::new());
        svi.run(2, &data()).unwrap();
        svi
    };
    let svi = fitted();
    let (guide, params) = (svi.guide(), svi.params());
    let before = bits(params);
    let fresh = AutoNormal::new(model);
    let none = ParamStore::new();
    let other = {
        let mut ctx = Ctx::new(0);
        ctx.param("AutoNormal.locs.mean", Tensor::zeros([3])).unwrap();
        ctx.param("AutoNormal.scales.mean", Tensor::zeros([3])).unwrap();
        ctx.into_params()
    };
    let joint = AutoDiagonalNormal::new(model);
    let laplace = AutoLaplace::new(model);
    Refusals::default()
        .of("", || guide.quantiles(params, &[0.5, 1.5]))
        .of("", || guide.quantiles(params, &[f64::NAN]))
        .of("", || guide.quantiles(params, &[]))
        .of("", || guide.quantiles(&none, &[0.5]))
        .of("", || guide.marginal(params, "meen"))
        .of("", || guide.marginal(&other, "mean"))
        .of("", || guide.loc(params, "meen"))
        .of("", || fresh.median(params))
        .of("", || joint.ranges())
        .of("", || joint.loc(&none))
        .of("", || joint.scale(&none))
        .of("", || laplace.laplace(&none, &data()).map(drop))
        .of("", || AutoLowRankMultivariateNormal::new(model, 1).covariance(&none))
        .of("", || AutoMultivariateNormal::new(model).quantiles(params, &[0.5]));
    assert_eq!(bits(params), before);
}
