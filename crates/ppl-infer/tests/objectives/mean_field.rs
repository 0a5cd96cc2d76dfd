//! Divergences in closed form.

use ppl_core::{Ctx, Result, mask};
use ppl_dist::{Bernoulli, Normal};
use ppl_infer::{RenyiElbo, TraceElbo, TraceMeanFieldElbo, estimate};
use ppl_tensor::Tensor;

use crate::support::{all_close, close, gradients, log_normal, loss, text};

fn mean_field() -> TraceMeanFieldElbo {
    TraceMeanFieldElbo::new()
}

fn guide(ctx: &mut Ctx, _: &()) -> Result<()> {
    let loc = ctx.param("loc", 0.3)?;
    let a = ctx.sample("a", Normal::new(&loc, 0.8))?;
    // Depends on `a`, which the model puts above it as well.
    ctx.sample("b", Normal::new(a * 0.5, 0.6)).map(|_| ())
}

fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 1.0))?;
    let b = ctx.sample("b", Normal::new(a, 1.0))?;
    ctx.observe("x", Normal::new(b, 0.5), 0.9).map(|_| ())
}

fn kl(mean: f64, sd: f64, prior_mean: f64) -> f64 {
    0.5 * (sd * sd - 1.0 + (mean - prior_mean).powi(2)) - sd.ln()
}

#[test]
fn the_loss_is_the_sum_of_divergences_and_the_likelihood() {
    let (result, _) = gradients(&mean_field(), 7, &model, &guide, &["loc"]);
    let (run, ()) = ppl_core::trace(&mut Ctx::new(7), &guide, &()).unwrap();
    let value = |site: &str| run.value(site).unwrap().detach().to_scalar().unwrap();
    let (a, b) = (value("a"), value("b"));
    let expected = [kl(0.3, 0.8, 0.0), kl(0.5 * a, 0.6, a), -log_normal(0.9, b, 0.5)];
    let parts = result.site_losses();
    all_close(&["a", "b", "x"].map(|site| parts[site].to_scalar().unwrap()), &expected, 1e-12);
    close(loss(&result), expected.iter().sum(), 1e-12);
}

#[test]
fn losses_and_gradients_are_those_of_the_bound_in_the_mean() {
    // The difference of the two estimates has mean zero; per draw its sd is below 3 in the loss and in the gradient.
    let n = 20_000;
    let of_draws = gradients(&TraceElbo::new().particles(n), 3, &model, &guide, &["loc"]);
    let in_part = gradients(&mean_field().particles(n), 3, &model, &guide, &["loc"]);
    let bound = 5.0 * 3.0 / (n as f64).sqrt();
    assert!((loss(&of_draws.0) - loss(&in_part.0)).abs() < bound);
    assert!((of_draws.1[0] - in_part.1[0]).abs() < bound);
}

#[test]
fn a_discrete_site_is_integrated_without_a_draw() {
    let guide = |ctx: &mut Ctx, _: &()| {
        let logit = ctx.param("logit", 0.4)?;
        ctx.sample("z", Bernoulli::with_logits(logit)).map(|_| ())
    };
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("z", Bernoulli::new(0.3)).map(|_| ());
    let q: f64 = 1.0 / (1.0 + (-0.4f64).exp());
    let exact = q * (q / 0.3).ln() + (1.0 - q) * ((1.0 - q) / 0.7).ln();
    let slope = q * (1.0 - q) * (0.4 - (0.3f64 / 0.7).ln());
    for seed in 0..5 {
        let (result, grads) = gradients(&mean_field(), seed, &model, &guide, &["logit"]);
        close(loss(&result), exact, 1e-12);
        close(grads[0], slope, 1e-12);
    }
}

/// The model draws `a` from `b`, the guide `b` from `a`: integrating `a` alone, given `b`, would be wrong.
#[test]
fn a_prior_that_depends_on_the_draw_itself_is_refused() {
    let turned = |ctx: &mut Ctx, _: &()| {
        let b = ctx.sample("b", Normal::new(0.0, 1.0))?;
        ctx.sample("a", Normal::new(b, 1.0)).map(|_| ())
    };
    let message = text(estimate(&mean_field(), &mut Ctx::new(0), &turned, &guide, &()));
    assert_eq!(
        message,
        "site `a`: the model's distribution depends on the guide's draw of the site itself, through site `b`: its \
         divergence in closed form would be wrong; use TraceElbo"
    );
    assert!(estimate(&TraceElbo::new(), &mut Ctx::new(0), &turned, &guide, &()).is_ok());
}

/// Rows that are masked out of the model cost nothing, whatever the guide makes of them.
#[test]
fn a_mask_of_the_model_masks_the_guide() {
    let x = [0.3, -1.0, 1.7];
    let guide = |ctx: &mut Ctx, _: &()| {
        let loc = ctx.param("loc", Tensor::from([0.2, 0.4, -0.3]))?;
        ctx.plate("rows", &loc, |ctx, loc| ctx.sample("z", Normal::new(loc, 0.8)))?;
        Ok(())
    };
    let rows = move |range: std::ops::Range<usize>| {
        move |ctx: &mut Ctx, _: &()| {
            let x = Tensor::from(x[range.clone()].to_vec());
            ctx.plate("rows", &x, |ctx, x| {
                let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
                ctx.observe("x", Normal::new(z, 0.5), x)
            })?;
            Ok(())
        }
    };
    let first_two = |ctx: &mut Ctx, _: &()| {
        let loc = ctx.param("loc", Tensor::from([0.2, 0.4]))?;
        ctx.plate("rows", &loc, |ctx, loc| ctx.sample("z", Normal::new(loc, 0.8)))?;
        Ok(())
    };
    let masked = mask(rows(0..3), Tensor::from([true, true, false]));
    let objectives: [Box<dyn ppl_infer::Objective>; 3] = [
        Box::new(TraceElbo::new().particles(3)),
        Box::new(mean_field().particles(3)),
        Box::new(RenyiElbo::importance_weighted().particles(3)),
    ];
    for objective in objectives {
        let (found, grads) = gradients(&objective, 5, &masked, &guide, &["loc"]);
        let (expected, of_two) = gradients(&objective, 5, &rows(0..2), &first_two, &["loc"]);
        close(loss(&found), loss(&expected), 1e-12);
        all_close(&grads, &[of_two[0], of_two[1], 0.0], 1e-12);
    }
}
