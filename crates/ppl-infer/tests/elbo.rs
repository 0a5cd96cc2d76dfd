//! The gradient of the evidence lower bound: first without Monte Carlo error, then in the mean.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Model, Result, SubsampleExt, substitute, trace};
use ppl_dist::{Bernoulli, Normal, constraints};
use ppl_infer::{Objective, TraceElbo, estimate};
use ppl_tensor::{Tensor, grad};

const X: f64 = 1.3;

fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
    ctx.observe("x", Normal::new(z, 0.5), X)?;
    Ok(())
}

fn guide(ctx: &mut Ctx, _: &()) -> Result<()> {
    let m = ctx.param("m", 0.4)?;
    let s = ctx.param_in("s", 0.8, constraints::positive())?;
    ctx.sample("z", Normal::new(m, s))?;
    Ok(())
}

fn log_normal(x: f64, mean: f64, scale: f64) -> f64 {
    -0.5 * ((x - mean) / scale).powi(2) - scale.ln() - 0.5 * std::f64::consts::TAU.ln()
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{found} {expected}");
}

/// Loss and gradient of the surrogate with respect to the unconstrained parameters.
fn gradients<M: Model<()>, G: Model<()>>(
    objective: &impl Objective,
    seed: u64,
    model: &M,
    guide: &G,
    names: &[&str],
) -> (f64, Vec<f64>) {
    // The first run creates the parameters, the second has them as leaves.
    let mut ctx = Ctx::new(seed);
    trace(&mut ctx, guide, &()).unwrap();
    let mut params = ctx.into_params();
    params.track(true);
    let mut ctx = Ctx::new(seed).with_params(params);
    let result = estimate(objective, &mut ctx, model, guide, &()).unwrap();
    let leaves: Vec<&Tensor> = names.iter().map(|name| ctx.params().unconstrained(name).unwrap()).collect();
    let grads = grad(&result.surrogate, &leaves).unwrap();
    let flat = grads.iter().flat_map(|g| g.to_f64().unwrap()).collect();
    (result.loss.detach().to_scalar().unwrap(), flat)
}

#[test]
fn one_pathwise_draw_gives_the_hand_derived_gradient() {
    for seed in 0..20 {
        let (run, ()) = trace(&mut Ctx::new(seed), &guide, &()).unwrap();
        let z = run.value("z").unwrap().to_scalar().unwrap();
        let (m, s) = (0.4, 0.8);
        let noise = (z - m) / s;
        let (loss, grads) = gradients(&TraceElbo::new(), seed, &model, &guide, &["m", "s"]);
        close(loss, log_normal(z, m, s) - log_normal(z, 0.0, 1.0) - log_normal(X, z, 0.5), 1e-13);
        // ln q(m + s·noise) = -ln s + const; the model's slope at z is -z + (x - z)/0.25.
        let slope = z - (X - z) / 0.25;
        close(grads[0], slope, 1e-12);
        // s = exp(u): du carries a factor s.
        close(grads[1], -1.0 + s * noise * slope, 1e-12);
    }
}

#[test]
fn particles_average_the_hand_derived_gradient() {
    let n = 7;
    let mut ctx = Ctx::new(3);
    let (axis, (run, ())) = ctx.replicas(ppl_infer::PARTICLES, n, |ctx| trace(ctx, &guide, &())).unwrap();
    let z = run.site("z").unwrap().value.to_positional(axis).to_f64().unwrap();
    let (loss, grads) = gradients(&TraceElbo::new().particles(n), 3, &model, &guide, &["m", "s"]);
    let mean = |f: &dyn Fn(f64) -> f64| z.iter().map(|&z| f(z)).sum::<f64>() / n as f64;
    close(loss, mean(&|z| log_normal(z, 0.4, 0.8) - log_normal(z, 0.0, 1.0) - log_normal(X, z, 0.5)), 1e-12);
    close(grads[0], mean(&|z| z - (X - z) / 0.25), 1e-12);
    close(grads[1], mean(&|z| -1.0 + (z - 0.4) * (z - (X - z) / 0.25)), 1e-12);
}

#[test]
fn the_pathwise_gradient_is_unbiased() {
    let n = 40_000;
    let (loss, grads) = gradients(&TraceElbo::new().particles(n), 5, &model, &guide, &["m", "s"]);
    // KL(q | prior) - E[ln p(x | z)] in closed form, m = 0.4, s = 0.8.
    let (m, s) = (0.4f64, 0.8f64);
    let expected_loss = 0.5 * (s * s + m * m - 1.0) - s.ln() - (log_normal(X, m, 0.5) - 0.5 * s * s / 0.25);
    let slope_m = m - (X - m) / 0.25;
    let slope_u = s * (s - 1.0 / s + s / 0.25);
    // Per-draw variances: the slope at z has derivative 5, so its sd is 5·0.8 = 4; with noise it stays below 8; the loss
    // varies with 2.5·s²·noise² + slope·s·noise - noise²/2: sd below 4. Five standard errors.
    let bound = |sd: f64| 5.0 * sd / (n as f64).sqrt();
    assert!((loss - expected_loss).abs() < bound(4.0), "{loss} {expected_loss}");
    assert!((grads[0] - slope_m).abs() < bound(4.0), "{} {slope_m}", grads[0]);
    assert!((grads[1] - slope_u).abs() < bound(8.0), "{} {slope_u}", grads[1]);
}

fn coin_model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let z = ctx.sample("z", Bernoulli::new(0.3))?;
    ctx.observe("x", Normal::new(z, 1.0), X)?;
    Ok(())
}

fn coin_guide(ctx: &mut Ctx, _: &()) -> Result<()> {
    let logit = ctx.param("logit", 0.2)?;
    ctx.sample("z", Bernoulli::with_logits(logit))?;
    Ok(())
}

#[test]
fn the_score_function_gradient_is_the_hand_derived_one_and_exact_in_the_mean() {
    let q = 1.0 / (1.0 + (-0.2f64).exp());
    let log_ratio = |z: f64| {
        let prior = if z == 1.0 { 0.3f64 } else { 0.7 };
        let guide = if z == 1.0 { q } else { 1.0 - q };
        prior.ln() + log_normal(X, z, 1.0) - guide.ln()
    };
    let mut mean = 0.0;
    for z in [0.0, 1.0] {
        let decided = substitute(coin_guide, [("z", z)]);
        let (loss, grads) = gradients(&TraceElbo::new(), 0, &coin_model, &decided, &["logit"]);
        close(loss, -log_ratio(z), 1e-13);
        // The score of a Bernoulli in its logit is z - q.
        close(grads[0], -log_ratio(z) * (z - q), 1e-13);
        mean += if z == 1.0 { q } else { 1.0 - q } * grads[0];
    }
    // -d/dlogit Σ q(z) (ln p - ln q) = -q(1-q) (r(1) - r(0)).
    close(mean, -q * (1.0 - q) * (log_ratio(1.0) - log_ratio(0.0)), 1e-13);
}

/// Two switches a row, each with its own logit; rows are independent.
#[test]
fn scores_in_a_plate_are_exact_in_the_mean_over_all_outcomes() {
    let data = [0.3, -1.0, 1.7];
    let logits = [0.2, -0.6, 1.1];
    let model = |ctx: &mut Ctx, _: &()| {
        let y = Tensor::from(data);
        ctx.plate("rows", &y, |ctx, y| {
            let z = ctx.sample("z", Bernoulli::new(0.4))?;
            ctx.observe("y", Normal::new(z, 1.0), y)?;
            Ok(())
        })
    };
    let guide = |ctx: &mut Ctx, _: &()| {
        let logits = ctx.param("logits", Tensor::from(logits))?;
        ctx.plate("rows", &logits, |ctx, logit| ctx.sample("z", Bernoulli::with_logits(logit)).map(|_| ()))
    };
    let q: Vec<f64> = logits.iter().map(|l: &f64| 1.0 / (1.0 + (-l).exp())).collect();
    let mut mean = [0.0; 3];
    for outcome in 0..8u32 {
        let z: Vec<f64> = (0..3).map(|row| f64::from(outcome >> row & 1)).collect();
        let weight: f64 = z.iter().zip(&q).map(|(z, q)| if *z == 1.0 { *q } else { 1.0 - q }).product();
        let decided = substitute(guide, [("z", Tensor::from(z))]);
        let (_, grads) = gradients(&TraceElbo::new(), 0, &model, &decided, &["logits"]);
        for (mean, grad) in mean.iter_mut().zip(grads) {
            *mean += weight * grad;
        }
    }
    for row in 0..3 {
        let ratio = |z: f64| {
            let (p, q) = if z == 1.0 { (0.4f64, q[row]) } else { (0.6, 1.0 - q[row]) };
            p.ln() + log_normal(data[row], z, 1.0) - q.ln()
        };
        close(mean[row], -q[row] * (1.0 - q[row]) * (ratio(1.0) - ratio(0.0)), 1e-12);
    }
}

#[test]
fn costs_of_other_rows_do_not_weigh_a_score() {
    // With one row's data moved far away, the other rows' gradients stay as they were.
    let grads_with = |first: f64| {
        let model = move |ctx: &mut Ctx, _: &()| {
            let y = Tensor::from([first, 0.5]);
            ctx.plate("rows", &y, |ctx, y| {
                let z = ctx.sample("z", Bernoulli::new(0.4))?;
                ctx.observe("y", Normal::new(z, 1.0), y)?;
                Ok(())
            })
        };
        let guide = |ctx: &mut Ctx, _: &()| {
            let logits = ctx.param("logits", Tensor::from([0.1, 0.2]))?;
            ctx.plate("rows", &logits, |ctx, logit| {
                ctx.sample("z", Bernoulli::with_logits(logit)).map(|_| ())
            })
        };
        gradients(&TraceElbo::new(), 4, &model, &guide, &["logits"]).1
    };
    let (near, far) = (grads_with(0.0), grads_with(100.0));
    assert_eq!(near[1], far[1]);
    assert_ne!(near[0], far[0]);
}

#[test]
fn subsamples_are_unbiased_for_the_whole_plate() {
    let data = Tensor::from([0.3, -1.0, 1.7, 0.2]);
    let run = |rows: Option<[i64; 2]>| {
        let data = data.clone();
        let rows_of = move |ctx: &mut Ctx, f: &dyn Fn(&mut Ctx, &Tensor) -> Result<()>| match rows {
            Some(rows) => ctx.plate("rows", data.at_rows(rows), f),
            None => ctx.plate("rows", &data, f),
        };
        let model_rows = rows_of.clone();
        let model = move |ctx: &mut Ctx, _: &()| {
            let shared = ctx.sample("shared", Normal::new(0.0, 1.0))?;
            model_rows(ctx, &|ctx, y| {
                let z = ctx.sample("z", Normal::new(&shared, 1.0))?;
                ctx.observe("y", Normal::new(z, 0.5), y)?;
                Ok(())
            })
        };
        let guide = move |ctx: &mut Ctx, _: &()| {
            let m = ctx.param("m", 0.3)?;
            ctx.sample("shared", Normal::new(m, 0.6))?;
            rows_of(ctx, &|ctx, _| {
                let loc = ctx.param_per_row("loc", 0.1, None)?;
                ctx.sample("z", Normal::new(loc, 0.7))?;
                Ok(())
            })
        };
        gradients(&TraceElbo::new(), 9, &model, &guide, &["m", "loc"])
    };
    let (loss, grads) = run(None);
    let pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];
    let parts: Vec<_> = pairs.iter().map(|&pair| run(Some(pair))).collect();
    let mean = |of_part: &mut dyn Iterator<Item = f64>| of_part.sum::<f64>() / 6.0;
    close(mean(&mut parts.iter().map(|(loss, _)| *loss)), loss, 1e-12);
    for (index, whole) in grads.iter().enumerate() {
        close(mean(&mut parts.iter().map(|(_, grads)| grads[index])), *whole, 1e-12);
    }
}
