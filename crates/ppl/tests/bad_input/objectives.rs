//! Objectives, reports on their gradients, losses for loops of one's own.

use ppl::infer::{Estimate, GradientProbe, estimate};
use ppl::prelude::*;

use crate::Refusals;

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y))?;
    Ok(())
}

fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    ctx.sample("mean", Normal::new(loc, 1.0)).map(|_| ())
}

fn data() -> Tensor {
    Tensor::from([1.0, 2.0])
}

fn loss(objective: impl Objective) -> Result<Tensor> {
    differentiable_loss(&objective, &mut Ctx::new(0), &model, &guide, &data())
}

#[test]
fn options_of_objectives() {
    let none = "an objective needs at least one particle";
    let mut refusals = Refusals::default();
    refusals
        .of(none, || loss(TraceElbo::new().particles(0)))
        .of(none, || loss(TraceGraphElbo::new().particles(0)))
        .of(none, || loss(TraceMeanFieldElbo::new().particles(0)))
        .of(none, || loss(RenyiElbo::new(0.5).particles(0)))
        .of("a chunk needs at least one particle", || loss(TraceGraphElbo::new().particles(2).chunk_size(0)))
        .of("alpha is 1, where the bound is the evidence lower bound: use TraceElbo", || {
            loss(RenyiElbo::new(1.0).particles(2))
        })
        .of("alpha is NaN, must be finite", || loss(RenyiElbo::new(f64::NAN).particles(2)))
        .of("plate `particles`: the replicas' numbers are too large", || {
            loss(TraceElbo::new().particles(usize::MAX))
        })
        .of("site `mean`: decay is NaN, must be at least 0 and below 1", || {
            let baseline = Baseline::DecayingAverage { decay: f64::NAN };
            loss(TraceGraphElbo::new().estimator(GradientEstimator::ScoreFunction { baseline }))
        })
        .of("site `mean`: no baseline today", || {
            let baseline = Baseline::function(|_| Err(Error::argument("no baseline today")));
            loss(TraceGraphElbo::new().estimator(GradientEstimator::ScoreFunction { baseline }))
        })
        .of(
            "site `mean`: TraceMeanFieldElbo has no doubly reparameterised gradient: its \
             weights are equal, use sticking the landing",
            || loss(TraceMeanFieldElbo::new().estimator(GradientEstimator::DoublyReparameterized)),
        );
    let subsampled = |ctx: &mut Ctx, y: &Tensor| {
        let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
        ctx.plate("rows", y.subsample(1), |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y))
    };
    refusals.of(
        "plate `rows`: site `y` shares its weight with other rows, and a weight of some \
             rows is not one of all: use all rows, or an evidence lower bound",
        || estimate(&RenyiElbo::new(0.5).particles(2), &mut Ctx::new(0), &subsampled, &guide, &data()),
    );
}

/// An objective that is wrong.
struct Wrong(fn() -> Tensor);

impl Objective for Wrong {
    fn surrogate(&self, _: &Runs) -> Result<Estimate> {
        Ok(Estimate::new((self.0)(), (self.0)()))
    }
}

#[test]
fn objectives_of_ones_own() {
    let mut svi = Svi::new(model, guide, Adam::new(0.1), Wrong(|| Tensor::zeros([3])));
    let mut refusals = Refusals::default();
    refusals
        .of("add: shapes do not broadcast (shapes [2], [3]), at …", || {
            loss(Wrong(|| Tensor::zeros([2]) + Tensor::zeros([3])))
        })
        .of("the log probability of site `all sites together` is NaN\n…", || {
            loss(Wrong(|| Tensor::from(f64::NAN)))
        })
        .of("an objective's loss is a scalar, found shape [3]", || svi.step(&data()));
    assert!(svi.losses().is_empty() && svi.params().is_empty());
    // A loss that has lost its parameters moves nothing.
    let mut svi = Svi::new(model, guide, Adam::new(0.1), Wrong(|| Tensor::from(1.0)));
    refusals.of("(no error)", || svi.step(&data()));
    assert_eq!(svi.params().get("loc").unwrap().to_scalar().unwrap(), 0.0);
}

#[test]
fn reports_on_gradients() {
    let elbo = TraceElbo::new();
    Refusals::default()
        .of("a variance needs at least two replicates, and one at a time", || {
            GradientProbe::new(&elbo).replicates(0).run(&model, &guide, &data())
        })
        .of("a variance needs at least two replicates, and one at a time", || {
            GradientProbe::new(&elbo).batch_size(0).run(&model, &guide, &data())
        })
        .of("site `y`: the data must be in the support real, but has NaN", || {
            GradientProbe::new(&elbo).run(&model, &guide, &Tensor::from([f64::NAN]))
        })
        .of("site `loc`: the stored parameter has shape [2], the statement []", || {
            let mut params = ParamStore::new();
            let mut ctx = Ctx::new(0).with_params(params);
            ctx.param("loc", Tensor::zeros([2]))?;
            params = ctx.into_params();
            GradientProbe::new(&elbo).params(&params).run(&model, &guide, &data())
        });
}

#[test]
fn gradients_by_hand() {
    let mut ctx = Ctx::new(0);
    let loss = differentiable_loss(&TraceElbo::new(), &mut ctx, &model, &guide, &data()).unwrap();
    let untracked = ctx.params().unconstrained("loc").unwrap();
    Refusals::default()
        .of("grad: a tensor is not tracked: mark it with `tracked` first", || grad(&loss, &[untracked]))
        .of("grad: gradients are of a float scalar: sum it first (shapes [2])", || {
            grad(&Tensor::zeros([2]), &[untracked])
        })
        .of("add: shapes do not broadcast (shapes [2], [3]), at …", || {
            grad(&(Tensor::zeros([2]) + Tensor::zeros([3])), &[untracked])
        });
}
