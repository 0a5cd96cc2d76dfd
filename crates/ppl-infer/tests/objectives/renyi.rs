//! Importance weights: by row where rows are independent, joint otherwise.

use ppl_core::{Ctx, Result, SubsampleExt, trace};
use ppl_dist::{Normal, constraints};
use ppl_infer::{GradientEstimator, PARTICLES, RenyiElbo, TraceElbo, estimate};
use ppl_tensor::Tensor;

use crate::support::{all_close, close, gradients, log_normal, loss, text};

const X: [f64; 4] = [0.3, -1.0, 1.7, 0.2];
const K: usize = 5;

fn iwae() -> RenyiElbo {
    RenyiElbo::importance_weighted().particles(K)
}

/// Local latent values, of all rows or of some.
fn local_model(rows: Option<Vec<i64>>) -> impl Fn(&mut Ctx, &()) -> Result<()> {
    move |ctx, _| {
        let x = Tensor::from(X);
        let body = |ctx: &mut Ctx, x: &Tensor| {
            let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
            ctx.observe("x", Normal::new(z, 0.5), x).map(|_| ())
        };
        match &rows {
            Some(rows) => ctx.plate("rows", x.at_rows(rows.clone()), body),
            None => ctx.plate("rows", &x, body),
        }
    }
}

fn local_guide(rows: Option<Vec<i64>>) -> impl Fn(&mut Ctx, &()) -> Result<()> {
    move |ctx, _| {
        let loc = ctx.param("loc", 0.2)?;
        let body = |ctx: &mut Ctx, _: &Tensor| ctx.sample("z", Normal::new(&loc, 0.8)).map(|_| ());
        match &rows {
            Some(rows) => ctx.plate("rows", X.len().at_rows(rows.clone()), body),
            None => ctx.plate("rows", X.len(), body),
        }
    }
}

/// The draws of a site by particle and row, for a seed.
fn draws(guide: &impl Fn(&mut Ctx, &()) -> Result<()>, seed: u64, site: &str) -> Vec<Vec<f64>> {
    let run = |ctx: &mut Ctx| trace(ctx, guide, &());
    let (_, (run, ())) = Ctx::new(seed).replicas(PARTICLES, K, run).unwrap();
    let values = run.value(site).unwrap().detach();
    let rows = values.shape().elements() / K;
    values.to_f64().unwrap().chunks(rows).map(<[f64]>::to_vec).collect()
}

fn renyi_of(log_weights: &[f64], alpha: f64) -> f64 {
    let powers = log_weights.iter().map(|w| ((1.0 - alpha) * w).exp());
    (powers.sum::<f64>() / log_weights.len() as f64).ln() / (1.0 - alpha)
}

#[test]
fn rows_of_local_latent_values_have_weights_of_their_own() {
    let (model, guide) = (local_model(None), local_guide(None));
    let z = draws(&guide, 6, "z");
    for alpha in [0.0, 0.5, -1.0, 3.0] {
        let log_weight = |k: usize, row: usize| {
            let z = z[k][row];
            log_normal(z, 0.0, 1.0) + log_normal(X[row], z, 0.5) - log_normal(z, 0.2, 0.8)
        };
        let of_row = |row| renyi_of(&(0..K).map(|k| log_weight(k, row)).collect::<Vec<_>>(), alpha);
        let expected: f64 = (0..X.len()).map(of_row).sum();
        let objective = RenyiElbo::new(alpha).particles(K);
        let (result, _) = gradients(&objective, 6, &model, &guide, &["loc"]);
        close(loss(&result), -expected, 1e-12);
        let parts = result.site_losses();
        assert_eq!(parts.keys().collect::<Vec<_>>(), ["z", "x", "importance weights"]);
        close(parts.values().map(|part| part.to_scalar().unwrap()).sum(), -expected, 1e-12);
    }
}

/// Draws are a function of the row's number, so that the mean over all subsamples is exact for every draw.
#[test]
fn subsampled_rows_are_unbiased_for_all_rows() {
    let dreg = iwae().estimator(GradientEstimator::DoublyReparameterized);
    for objective in [iwae(), dreg, RenyiElbo::new(0.5).particles(K)] {
        let of = |rows: Option<Vec<i64>>| {
            let (result, grads) =
                gradients(&objective, 9, &local_model(rows.clone()), &local_guide(rows), &["loc"]);
            [loss(&result), grads[0]]
        };
        let whole = of(None);
        let pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]].map(|pair| of(Some(pair.to_vec())));
        let mean = [0, 1].map(|i| pairs.iter().map(|pair| pair[i]).sum::<f64>() / 6.0);
        all_close(&mean, &whole, 1e-12);
    }
}

/// A latent value that all rows share.
fn shared_model(ctx: &mut Ctx, _: &()) -> Result<()> {
    let m = ctx.sample("m", Normal::new(0.0, 1.0))?;
    let noise = ctx.param_in("noise", 0.5, constraints::positive())?;
    ctx.plate("rows", &Tensor::from(X), |ctx, x| {
        let z = ctx.sample("z", Normal::new(&m, 1.0))?;
        ctx.observe("x", Normal::new(z, &noise), x)
    })?;
    Ok(())
}

fn shared_guide(ctx: &mut Ctx, args: &()) -> Result<()> {
    let loc = ctx.param("m_loc", 0.1)?;
    ctx.sample("m", Normal::new(loc, 0.6))?;
    local_guide(None)(ctx, args)
}

#[test]
fn with_a_global_latent_value_the_weight_is_joint() {
    let (m, z) = (draws(&shared_guide, 4, "m"), draws(&shared_guide, 4, "z"));
    let log_weight = |k: usize| {
        let m = m[k][0];
        let of_m = log_normal(m, 0.0, 1.0) - log_normal(m, 0.1, 0.6);
        let of_row = |(z, x): (&f64, &f64)| {
            log_normal(*z, m, 1.0) + log_normal(*x, *z, 0.5) - log_normal(*z, 0.2, 0.8)
        };
        of_m + z[k].iter().zip(&X).map(of_row).sum::<f64>()
    };
    let expected = renyi_of(&(0..K).map(log_weight).collect::<Vec<_>>(), 0.0);
    close(loss(&gradients(&iwae(), 4, &shared_model, &shared_guide, &["loc"]).0), -expected, 1e-12);
}

#[test]
fn draws_that_nothing_connects_have_weights_of_their_own() {
    let guide = |ctx: &mut Ctx, _: &()| {
        let loc = ctx.param("loc", 0.2)?;
        ctx.sample("a", Normal::new(loc, 0.8))?;
        ctx.sample("b", Normal::new(0.0, 1.2)).map(|_| ())
    };
    let model = |ctx: &mut Ctx, _: &()| {
        let a = ctx.sample("a", Normal::new(0.0, 1.0))?;
        ctx.sample("b", Normal::new(0.5, 1.0))?;
        ctx.observe("x", Normal::new(a, 0.5), 0.7).map(|_| ())
    };
    let (a, b) = (draws(&guide, 3, "a"), draws(&guide, 3, "b"));
    let of_a = |k: usize| {
        let a = a[k][0];
        log_normal(a, 0.0, 1.0) + log_normal(0.7, a, 0.5) - log_normal(a, 0.2, 0.8)
    };
    let of_b = |k: usize| log_normal(b[k][0], 0.5, 1.0) - log_normal(b[k][0], 0.0, 1.2);
    let bound =
        |log_weight: &dyn Fn(usize) -> f64| renyi_of(&(0..K).map(log_weight).collect::<Vec<_>>(), 0.0);
    let (result, _) = gradients(&iwae(), 3, &model, &guide, &["loc"]);
    close(loss(&result), -(bound(&of_a) + bound(&of_b)), 1e-12);
}

/// Double reparameterisation changes the gradient of the guide's parameters, not of the model's.
#[test]
fn the_models_own_parameters_keep_their_gradient() {
    let dreg = iwae().estimator(GradientEstimator::DoublyReparameterized);
    let of = |objective: &RenyiElbo, name| gradients(objective, 8, &shared_model, &shared_guide, &[name]).1;
    all_close(&of(&dreg, "noise"), &of(&iwae(), "noise"), 1e-12);
    assert!((of(&dreg, "loc")[0] - of(&iwae(), "loc")[0]).abs() > 1e-6);
}

#[test]
fn with_one_particle_every_order_is_the_evidence_lower_bound() {
    let elbo = gradients(&TraceElbo::new(), 5, &shared_model, &shared_guide, &["loc", "noise"]);
    for alpha in [0.0, 0.7, -2.0] {
        let found = gradients(&RenyiElbo::new(alpha), 5, &shared_model, &shared_guide, &["loc", "noise"]);
        close(loss(&found.0), loss(&elbo.0), 1e-12);
        all_close(&found.1, &elbo.1, 1e-12);
    }
}

#[test]
fn what_has_no_unbiased_weight_is_refused() {
    let run = |objective: &RenyiElbo, rows: Option<usize>| {
        let rows = move |ctx: &mut Ctx, f: &dyn Fn(&mut Ctx, &Tensor) -> Result<Tensor>| match rows {
            Some(n) => ctx.plate("rows", Tensor::from(X).subsample(n), f),
            None => ctx.plate("rows", &Tensor::from(X), f),
        };
        let model = move |ctx: &mut Ctx, _: &()| {
            let m = ctx.sample("m", Normal::new(0.0, 1.0))?;
            rows(ctx, &|ctx, x| ctx.observe("x", Normal::new(&m, 1.0), x)).map(|_| ())
        };
        let guide = |ctx: &mut Ctx, _: &()| ctx.sample("m", Normal::new(0.0, 1.0)).map(|_| ());
        text(estimate(objective, &mut Ctx::new(0), &model, &guide, &()))
    };
    assert_eq!(run(&iwae(), None), "");
    let message = run(&iwae(), Some(2));
    assert!(message.starts_with("plate `rows`: site `x` shares its weight with other rows"), "{message}");
    assert_eq!(
        run(&RenyiElbo::new(1.0), None),
        "alpha is 1, where the bound is the evidence lower bound: use TraceElbo"
    );
    assert_eq!(run(&RenyiElbo::new(f64::NAN), None), "alpha is NaN, must be finite");
    assert_eq!(run(&RenyiElbo::new(0.5).particles(0), None), "an objective needs at least one particle");
    let stl = iwae().estimator(GradientEstimator::StickingTheLanding);
    assert_eq!(
        run(&stl, None),
        "site `m`: RenyiElbo has no sticking the landing gradient: it would be biased, use the doubly \
         reparameterised one"
    );
    let some = iwae().estimator_by_site(|site| match site.name.as_str() {
        "m" => GradientEstimator::DoublyReparameterized,
        _ => GradientEstimator::Pathwise,
    });
    let message = text(estimate(&some, &mut Ctx::new(0), &shared_model, &shared_guide, &()));
    let expected = "site `m`: is doubly reparameterised, but not all draws that share its weight are";
    assert_eq!(message, expected);
}
