//! Draws: predictive ones, importance weights, starting values.

use ppl::infer::psis;
use ppl::prelude::*;

use crate::Refusals;

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    let z = ctx.plate("rows", y, |ctx, y| {
        ctx.observe("y", Normal::new(&mean, 1.0), y)?;
        ctx.sample("z", Normal::new(&mean, 1.0))
    })?;
    ctx.deterministic("total", z.sum(0)).map(|_| ())
}

fn guide(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    ctx.sample("mean", Normal::new(0.0, 1.0))?;
    ctx.plate("rows", y, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0))).map(|_| ())
}

fn data() -> Tensor {
    Tensor::from([1.0, 2.0])
}

fn draws(sites: &[(&str, Tensor)]) -> Draws {
    sites.iter().map(|(name, values)| ((*name).to_owned(), values.clone())).collect()
}

#[test]
fn predictive() {
    let predictive = Predictive::new(model);
    let (nan, scalar) = (Tensor::from([f64::NAN]), Tensor::from(1.0));
    let prior = predictive.prior(2, &data()).unwrap();
    Refusals::default()
        .of("zero draws were asked for", || predictive.prior(0, &data()))
        .of("zero draws were asked for", || predictive.posterior(&guide, 0, &data()))
        .of("site `y`: the data must be in the support real, but has NaN", || predictive.prior(3, &nan))
        .of("plate `rows`: column `value` is a scalar: it has no rows", || predictive.prior(3, &scalar))
        .of("plate `draws`: the replicas' numbers are too large", || predictive.prior(usize::MAX, &data()))
        .of("site `mean`: the value has shape [3], a draw of the Normal distribution []", || {
            let wide = |ctx: &mut Ctx, _: &Tensor| ctx.sample("mean", Normal::new(Tensor::zeros([3]), 1.0));
            predictive.posterior(&wide, 3, &data())
        })
        .of("site `z`: plate `rows`: a value has 5 rows, the plate 2", || {
            let rows = |ctx: &mut Ctx, _: &Tensor| {
                ctx.plate("rows", 5, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))
            };
            predictive.posterior(&rows, 3, &data())
        })
        .of("no guide", || {
            let failing = |_: &mut Ctx, _: &Tensor| -> Result<()> { Err(Error::argument("no guide")) };
            predictive.posterior(&failing, 3, &data())
        })
        .of("no draws were given", || predictive.given(&Draws::default(), &data()))
        .of("site `mean`: draws are counted by the first dimension, found a scalar", || {
            predictive.given(&draws(&[("mean", Tensor::from(1.0))]), &data())
        })
        .of("zero draws were asked for", || {
            predictive.given(&draws(&[("mean", Tensor::zeros([0]))]), &data())
        })
        .of("site `z` has 4 draws, site `mean` 5", || {
            predictive.given(&draws(&[("mean", Tensor::zeros([5])), ("z", Tensor::zeros([4, 2]))]), &data())
        })
        .of("site `mean`: the value has shape [7], a draw of the Normal distribution []", || {
            predictive.given(&draws(&[("mean", Tensor::zeros([5, 7]))]), &data())
        })
        .of("site `z`: plate `rows`: a value has 7 rows, the plate 2", || {
            predictive.given(&draws(&[("z", Tensor::zeros([5, 7]))]), &data())
        })
        .of("site `mean`: the value must be in the support real, but has NaN", || {
            predictive.given(&draws(&[("mean", Tensor::from([0.5, f64::NAN]))]), &data())
        })
        .of("site `mean`: add: shapes do not broadcast (shapes [2], [3]), at …", || {
            predictive.given(&draws(&[("mean", Tensor::zeros([2]) + Tensor::zeros([3]))]), &data())
        })
        .of("there is no site named `w`; there are: mean, z, total", || prior.get("w").map(drop))
        .of("there is no site named `w`; there are: none", || Draws::default().get("w").map(drop));
}

#[test]
fn importance_weights() {
    let weights = |n: usize, y: Tensor| ImportanceWeights::draw(Ctx::new(0), &model, &guide, n, &y);
    Refusals::default()
        .of("zero draws were asked for", || weights(0, data()))
        .of("site `y`: the data must be in the support real, but has NaN", || {
            weights(5, Tensor::from([f64::NAN]))
        })
        .of("plate `rows`: column `value` is a scalar: it has no rows", || weights(5, Tensor::from(1.0)))
        .of("plate `particles`: the replicas' numbers are too large", || weights(usize::MAX, data()))
        .of("site `s`: the value must be in the support positive, but has -48.099192289051366", || {
            let outside = |ctx: &mut Ctx, _: &Tensor| ctx.sample("s", Normal::new(-50.0, 1.0));
            let positive = |ctx: &mut Ctx, _: &Tensor| ctx.sample("s", Gamma::new(1.0, 1.0));
            ImportanceWeights::draw(Ctx::new(0), &positive, &outside, 5, &data())
        })
        .of("the log probability of site `never (model)` is -inf\n…", || {
            let never = |ctx: &mut Ctx, _: &Tensor| {
                ctx.sample("s", Normal::new(0.0, 1.0))?;
                ctx.factor("never", f64::NEG_INFINITY)
            };
            let guide = |ctx: &mut Ctx, _: &Tensor| ctx.sample("s", Normal::new(0.0, 1.0));
            ImportanceWeights::draw(Ctx::new(0), &never, &guide, 5, &data())
        })
        .of("(no error)", || psis(&[0.0], 1.0))
        .of("(no error)", || psis(&[f64::NEG_INFINITY, 0.0], 1.0))
        .of("(no error)", || {
            psis(&[f64::MAX, f64::MIN, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1e9], 1.0)
        });
}

#[test]
fn starts() {
    let start = |init: Init| init.start(&model, &Ctx::new(0), &data());
    let nested = Init::Values {
        values: [("mean".to_owned(), Tensor::zeros([2]) + Tensor::zeros([3]))].into(),
        otherwise: Box::new(Init::Uniform { radius: 0.0 }),
    };
    Refusals::default()
        .of("the radius of Init::Uniform is 0, must be positive", || start(nested))
        .of("the radius of Init::Uniform is inf, must be positive", || {
            start(Init::Uniform { radius: f64::INFINITY })
        })
        .of("site `mean`: add: shapes do not broadcast (shapes [2], [3]), at …", || {
            start(Init::values([("mean", Tensor::zeros([2]) + Tensor::zeros([3]))]))
        })
        .of("site `z`: plate `rows`: a value has 3 rows, the plate 2", || {
            start(Init::values([("z", Tensor::zeros([3]))]))
        })
        .of("there is no latent site named `total`; there are: mean, z", || {
            start(Init::values([("total", 1.0)]))
        })
        .of("site `mean`: arange: there is no memory for shape [18446744073709551615], at …", || {
            start(Init::Median { samples: usize::MAX })
        })
        .of("site `y`: the data must be in the support real, but has NaN", || {
            Init::Mean.start(&model, &Ctx::new(0), &Tensor::from([f64::NAN]))
        })
        .of("plate `rows`: 0 of 3 rows cannot be chosen", || {
            let chosen = |ctx: &mut Ctx, _: &Tensor| {
                ctx.plate("rows", 3.at_rows(Vec::<i64>::new()), |ctx, _| {
                    ctx.sample("z", Normal::new(0.0, 1.0))
                })
            };
            Init::Sample.start(&chosen, &Ctx::new(0), &data())
        })
        .of("no model", || {
            let failing = |_: &mut Ctx, _: &Tensor| -> Result<()> { Err(Error::argument("no model")) };
            Init::Sample.start(&failing, &Ctx::new(0), &data())
        });
}
