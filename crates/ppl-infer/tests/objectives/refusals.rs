//! What a user reads when something is wrong.

use ppl_core::{Ctx, Result, mask};
use ppl_dist::{Bernoulli, Delta, MultivariateNormal, Normal};
use ppl_infer::{
    Baseline, GradientEstimator, GradientProbe, Objective, RenyiElbo, TraceElbo, TraceGraphElbo,
    TraceMeanFieldElbo, estimate,
};
use ppl_tensor::Tensor;

use crate::support::{gradients, text};

fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let z = ctx.sample("z", Bernoulli::new(0.4))?;
    ctx.observe("x", Normal::new(z, 0.7), 0.3).map(|_| ())
}

fn guide(ctx: &mut Ctx, _: &()) -> Result<()> {
    let logit = ctx.param("logit", 0.2)?;
    ctx.sample("z", Bernoulli::with_logits(logit)).map(|_| ())
}

fn refusal(objective: &dyn Objective) -> String {
    text(estimate(objective, &mut Ctx::new(0), &model, &guide, &()))
}

#[test]
fn estimators_that_are_impossible() {
    let with = |estimator| refusal(&TraceElbo::new().estimator(estimator));
    assert_eq!(
        with(GradientEstimator::Pathwise),
        "site `z`: a pathwise gradient is impossible: draws of Bernoulli are not differentiable"
    );
    assert_eq!(
        with(GradientEstimator::StickingTheLanding),
        "site `z`: a sticking the landing gradient is impossible: draws of Bernoulli are not differentiable"
    );
    let score = |baseline| with(GradientEstimator::ScoreFunction { baseline });
    assert_eq!(
        score(Baseline::DecayingAverage { decay: 1.0 }),
        "site `z`: decay is 1, must be at least 0 and below 1"
    );
    let message = "site `z`: a leave-one-out baseline needs at least two particles, and all of them at once";
    assert_eq!(score(Baseline::LeaveOneOut), message);
    let others = GradientEstimator::ScoreFunction { baseline: Baseline::LeaveOneOut };
    assert_eq!(refusal(&TraceElbo::new().particles(6).chunk_size(3).estimator(others)), message);
    assert_eq!(
        score(Baseline::function(|_| Ok(Tensor::zeros([3])))),
        "site `z`: a baseline is one number a row, found shape [3]"
    );
    let normal = |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(0.0, 1.0)).map(|_| ());
    let dreg = TraceElbo::new().estimator(GradientEstimator::DoublyReparameterized);
    assert_eq!(
        text(estimate(&dreg, &mut Ctx::new(0), &normal, &normal, &())),
        "site `z`: TraceElbo has no doubly reparameterised gradient: its weights are equal, use sticking the landing"
    );
}

#[test]
fn counts_out_of_range() {
    assert_eq!(refusal(&TraceElbo::new().particles(0)), "an objective needs at least one particle");
    assert_eq!(refusal(&TraceElbo::new().particles(3).chunk_size(0)), "a chunk needs at least one particle");
    let probe = |replicates| {
        text(GradientProbe::new(&TraceElbo::new()).replicates(replicates).run(&model, &guide, &()))
    };
    assert_eq!(probe(1), "a variance needs at least two replicates, and one at a time");
    assert_eq!(probe(2), "");
    let fixed = |ctx: &mut Ctx, _: &()| ctx.sample("z", Bernoulli::new(0.5)).map(|_| ());
    let message = text(GradientProbe::new(&TraceElbo::new()).run(&model, &fixed, &()));
    assert_eq!(message, "neither model nor guide has a parameter");
}

#[test]
fn programs_that_do_not_fit_each_other() {
    let empty = |_: &mut Ctx, _: &()| Ok(());
    for objective in [
        Box::new(TraceGraphElbo::new()) as Box<dyn Objective>,
        Box::new(RenyiElbo::importance_weighted().particles(2)),
    ] {
        let run = |model: &dyn Fn(&mut Ctx, &()) -> Result<()>,
                   guide: &dyn Fn(&mut Ctx, &()) -> Result<()>| {
            text(estimate(&objective, &mut Ctx::new(0), &model, &guide, &()))
        };
        assert!(run(&model, &empty).starts_with("the guide lacks the model's latent sites `z`"));
        assert!(run(&empty, &guide).starts_with("the model lacks the guide's sites `z` as latent"));
    }
}

#[test]
fn data_that_are_not_numbers_are_found() {
    let model = |ctx: &mut Ctx, _: &()| {
        let z = ctx.sample("z", Bernoulli::new(0.4))?;
        ctx.observe("x", Normal::new(z, 0.7), f64::NAN).map(|_| ())
    };
    for particles in [1, 3] {
        let run = |validates| {
            let mut ctx = Ctx::new(0).validating(validates);
            text(estimate(&TraceGraphElbo::new().particles(particles), &mut ctx, &model, &guide, &()))
        };
        assert_eq!(run(true), "site `x`: the data must be in the support real, but has NaN");
        assert!(run(false).starts_with("the log probability of site `x (model)` is NaN"), "{}", run(false));
    }
}

#[test]
fn a_mask_must_fit_the_guides_site() {
    let entries = |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(Tensor::zeros([2]), 1.0)).map(|_| ());
    let joint = |ctx: &mut Ctx, _: &()| {
        let z = MultivariateNormal::with_scale_tril(0.0, Tensor::eye(2));
        ctx.sample("z", z).map(|_| ())
    };
    let masked = mask(entries, Tensor::from([true, false]));
    assert_eq!(
        text(estimate(&TraceElbo::new(), &mut Ctx::new(0), &masked, &joint, &())),
        "site `z`: the model's mask has shape [2], the guide's distribution batch shape []"
    );
}

/// A point mass has no score: its gradient goes through the value whatever is asked.
#[test]
fn a_point_mass_passes_gradients_through() {
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(0.0, 1.0)).map(|_| ());
    let guide = |ctx: &mut Ctx, _: &()| {
        let parameter = ctx.param("loc", 0.7)?;
        ctx.sample("z", Delta::new(parameter)).map(|_| ())
    };
    let score = TraceElbo::new().estimator(GradientEstimator::score_function());
    assert_eq!(gradients(&score, 0, &model, &guide, &["loc"]).1, [0.7]);
}

#[test]
fn a_draw_for_all_steps_of_a_scan() {
    let model = |ctx: &mut Ctx, _: &()| {
        let step =
            |ctx: &mut Ctx, before: &Tensor, _: &Tensor| Ok((ctx.sample("z", Normal::new(before, 1.0))?, ()));
        ctx.scan("time", 3, &Tensor::from(0.0), step).map(|_| ())
    };
    let once = |ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(0.0, 1.0)).map(|_| ());
    let message = text(estimate(&TraceElbo::new(), &mut Ctx::new(0), &model, &once, &()));
    let expected = "the guide draws `z` once for all steps of scan `time`\nmodel:";
    assert!(message.starts_with(expected), "{message}");
    let each = |ctx: &mut Ctx, _: &()| {
        ctx.plate("time", 3, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0))).map(|_| ())
    };
    assert!(estimate(&TraceElbo::new(), &mut Ctx::new(0), &model, &each, &()).is_ok());
    // A prior that follows the draws before is no prior of one row alone.
    let mean_field = estimate(&TraceMeanFieldElbo::new(), &mut Ctx::new(0), &model, &each, &());
    assert_eq!(
        text(mean_field),
        "site `z`: the model's distribution depends on the guide's draw of the site itself, through the steps before: its \
         divergence in closed form would be wrong; use TraceElbo"
    );
}
