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
        .of("rank is 0, must be from 1 to the 2 unconstrained numbers of the model", || {
            step(AutoLowRankMultivariateNormal::new(model, 0))
        })
        .of("rank is 3, must be from 1 to the 2 unconstrained numbers of the model", || {
            step(AutoLowRankMultivariateNormal::new(model, 3))
        })
        .of(
            "rank is 18446744073709551615, must be from 1 to the 2 unconstrained numbers of \
             the model",
            || step(AutoLowRankMultivariateNormal::new(model, usize::MAX)),
        )
        .of("init_scale is -0.1, must be positive", || {
            step(AutoMultivariateNormal::new(model).init_scale(-0.1))
        })
        .of("site `scale`: the value must be in the support positive, but has -1", || {
            of(Init::values([("scale", -1.0)]))
        })
        .of("site `scale`: the value must be in the support positive, but has 0", || {
            of(Init::values([("scale", 0.0)]))
        })
        .of("there is no latent site named `sacle`; there are: mean, scale", || {
            of(Init::values([("sacle", 1.0)]))
        })
        .of("site `mean`: the start has shape [3], a draw of the Normal distribution []", || {
            step(AutoDelta::new(model).init(Init::values([("mean", Tensor::zeros([3]))])))
        })
        .of("Init::Median needs at least one sample", || {
            step(AutoLaplace::new(model).init(Init::Median { samples: 0 }))
        })
        .of("the guide lacks the model's latent sites `mean`, `scale`\n…", || {
            step(AutoGuideList::new(model))
        })
        .of("two statements are named `mean`: names are unique in a run of a program", || {
            step(AutoGuideList::new(model).on(["mean"], AutoNormal::new).on(["mean"], AutoDelta::new))
        })
        .of("the model has no latent site: there is nothing to guide", || {
            step(AutoGuideList::new(model).on(["maen"], AutoNormal::new).rest(AutoNormal::new))
        })
        .of(
            "two statements are named `AutoDiagonalNormal.latent`: names are unique in a run \
             of a program",
            || {
                step(
                    AutoGuideList::new(model)
                        .on(["mean"], AutoDiagonalNormal::new)
                        .rest(AutoDiagonalNormal::new),
                )
            },
        )
        .of("no guide", || {
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
        .of(
            "site `k`: an automatic guide for discrete values (an integer from 0 to 1) is \
             not available for Categorical: write a guide for it, or sum it out of the model",
            || guided(|ctx, _| ctx.sample("k", Categorical::new([0.5, 0.5]))),
        )
        .of("the model has no latent site: there is nothing to guide", || {
            guided(|ctx, y| ctx.observe("y", Normal::new(Tensor::zeros([2]), 1.0), y))
        })
        .of("site `x`: parameter `scale` of Normal must be positive, but has -1", || {
            guided(|ctx, _| ctx.sample("x", Normal::new(0.0, -1.0)))
        })
        .of("no model", || guided(|_, _| Err(Error::argument("no model"))))
        .of("plate `rows`: 0 of 3 rows cannot be chosen", || {
            guided(|ctx, _| {
                ctx.plate("rows", 3.at_rows(Vec::<i64>::new()), |ctx, _| {
                    ctx.sample("z", Normal::new(0.0, 1.0))
                })
            })
        })
        .of("plate `rows`: `z` is local to its subsampled rows: use AutoNormal or AutoDelta", || {
            guided(|ctx, _| {
                ctx.plate("rows", 5.subsample(2), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))
            })
        })
        .of(
            "site `count_missing`: an automatic guide for discrete values (a nonnegative \
             integer) is not available for Poisson: write a guide for it, or sum it out of \
             the model",
            || {
                guided(|ctx, _| {
                    let data = Observation::nan_is_missing(Tensor::from([f64::NAN, 1.0]));
                    ctx.observe("count", Poisson::new(Tensor::ones([2])), data)
                })
            },
        );
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
    meets("site `z`: plate `rows`: a value has 2 rows, the plate 3", &mut |y| normal.step(y));
    let mut joint = Svi::new(local, AutoMultivariateNormal::new(local), Adam::new(0.1), TraceElbo::new());
    meets("site `z`: plate `rows`: a value has 2 rows, the plate 3", &mut |y| joint.step(y));
    let mut delta = Svi::new(local, AutoDelta::new(local), Adam::new(0.1), TraceElbo::new());
    meets("site `z`: plate `rows`: a value has 2 rows, the plate 3", &mut |y| delta.step(y));
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
        .of("site `mean`: a quantile is asked for at 1.5, which is not inside (0, 1)", || {
            guide.quantiles(params, &[0.5, 1.5])
        })
        .of("site `mean`: a quantile is asked for at NaN, which is not inside (0, 1)", || {
            guide.quantiles(params, &[f64::NAN])
        })
        .of("site `mean`: quantiles are asked for at no probability", || guide.quantiles(params, &[]))
        .of("site `mean`: there is no parameter named `AutoNormal.locs.mean`; there are: none", || {
            guide.quantiles(&none, &[0.5])
        })
        .of("there is no latent site named `meen`; there are: mean, scale", || guide.marginal(params, "meen"))
        .of("site `mean`: the parameters have shape [3], the site's numbers []", || {
            guide.marginal(&other, "mean")
        })
        .of(
            "there is no parameter named `AutoNormal.locs.meen`; there are: \
             AutoNormal.locs.mean, AutoNormal.scales.mean, AutoNormal.locs.scale, \
             AutoNormal.scales.scale",
            || guide.loc(params, "meen"),
        )
        .of("the guide has not run yet: its sites are not known", || fresh.median(params))
        .of("the guide has not run yet: its sites are not known", || joint.ranges())
        .of("there is no parameter named `AutoDiagonalNormal.loc`; there are: none", || joint.loc(&none))
        .of("there is no parameter named `AutoDiagonalNormal.scale`; there are: none", || joint.scale(&none))
        .of("there is no parameter named `AutoLaplace.loc`; there are: none", || {
            laplace.laplace(&none, &data()).map(drop)
        })
        .of("there is no parameter named `AutoLowRankMultivariateNormal.scale`; there are: none", || {
            AutoLowRankMultivariateNormal::new(model, 1).covariance(&none)
        })
        .of("the guide has not run yet: its sites are not known", || {
            AutoMultivariateNormal::new(model).quantiles(params, &[0.5])
        });
    assert_eq!(bits(params), before);
}
