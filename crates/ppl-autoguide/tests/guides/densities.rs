//! Densities of guides: those of the same normal agree, and each integrates to 1.

use ppl_autoguide::{
    AutoDiagonalNormal, AutoLowRankMultivariateNormal, AutoMultivariateNormal, AutoNormal, Values,
};
use ppl_core::{Ctx, Model, Result, substitute, trace};
use ppl_dist::{Beta, Dirichlet, Gamma, Normal, Uniform};
use ppl_infer::ImportanceWeights;
use ppl_tensor::Tensor;

use crate::models::{hierarchy, three_rows};

fn log_prob(guide: &impl Model<Tensor>) -> f64 {
    let (run, _) = trace(&mut Ctx::new(0), guide, &three_rows()).unwrap();
    run.log_prob_sum().unwrap().to_scalar().unwrap()
}

#[test]
fn guides_of_the_same_normal_have_the_same_density() {
    // At the start all are N(0, 0.1²) on unconstrained space for every number, but the low-rank one, whose factor is given.
    let (run, _) = trace(&mut Ctx::new(3), &AutoNormal::new(hierarchy), &three_rows()).unwrap();
    let values: Vec<(String, Tensor)> =
        ["scale", "z"].iter().map(|name| (name.to_string(), run.value(name).unwrap())).collect();
    let unconstrained: Vec<f64> =
        values[0].1.log().to_f64().unwrap().into_iter().chain(values[1].1.to_f64().unwrap()).collect();
    let normal = |u: &f64| -0.5 * (u / 0.1f64).powi(2) - 0.1f64.ln() - 0.5 * std::f64::consts::TAU.ln();
    // d scale / d u = scale.
    let expected = unconstrained.iter().map(normal).sum::<f64>() - unconstrained[0];
    let found = run.log_prob_sum().unwrap().to_scalar().unwrap();
    assert!((found - expected).abs() < 1e-10, "{found} {expected}");

    let joint = || Tensor::from(unconstrained.clone());
    let full =
        substitute(AutoMultivariateNormal::new(hierarchy), [("AutoMultivariateNormal.latent", joint())]);
    let diagonal = substitute(AutoDiagonalNormal::new(hierarchy), [("AutoDiagonalNormal.latent", joint())]);
    let low = AutoLowRankMultivariateNormal::new(hierarchy, 2).prefix("low");
    let given = [
        ("low.latent", joint()),
        ("low.scale", Tensor::full([7], 0.1)),
        ("low.cov_factor", Tensor::zeros([7, 2])),
    ];
    for found in [log_prob(&full), log_prob(&diagonal), log_prob(&substitute(low, given))] {
        assert!((found - expected).abs() < 1e-10, "{found} {expected}");
    }
}

/// The log evidence of a model without data is 0: the guide's density is normalised, with the volume of its bijections.
fn check_integral<M: Model<()> + Copy>(name: &str, model: M, scale: f64) {
    let check = |kind: &str, guide: &dyn Model<(), Output = Values>| {
        let run = |ctx: &mut Ctx, _: &()| guide.run(ctx, &());
        let weights = ImportanceWeights::draw(Ctx::new(11), &model, &run, 4000, &()).unwrap();
        let (found, error) = (weights.log_evidence(), weights.log_evidence_error());
        assert!(error < 0.1 && found.abs() < 4.5 * error, "{kind} of {name}: {weights}");
    };
    check("AutoNormal", &AutoNormal::new(model).init_scale(scale));
    check("AutoDiagonalNormal", &AutoDiagonalNormal::new(model).init_scale(scale));
    check("AutoMultivariateNormal", &AutoMultivariateNormal::new(model).init_scale(scale));
    check("AutoLowRankMultivariateNormal", &AutoLowRankMultivariateNormal::new(model, 1).init_scale(scale));
}

#[test]
fn densities_integrate_to_one() {
    // Scales somewhat above the spread on unconstrained space: weights in reach of 4000 draws stay small, and what lies
    // beyond them is less than the errors.
    check_integral("gamma", |ctx: &mut Ctx, _: &()| ctx.sample("x", Gamma::new(3.0, 2.0)), 1.2);
    check_integral("beta", |ctx: &mut Ctx, _: &()| ctx.sample("x", Beta::new(4.0, 5.0)), 1.2);
    check_integral("uniform", |ctx: &mut Ctx, _: &()| ctx.sample("x", Uniform::new(-1.0, 4.0)), 2.5);
    let simplex = |ctx: &mut Ctx, _: &()| ctx.sample("x", Dirichlet::new([3.0, 4.0, 5.0]));
    check_integral("dirichlet", simplex, 1.0);
    let rows = |ctx: &mut Ctx, _: &()| -> Result<Tensor> {
        let low = Tensor::from([-1.0, 0.0]);
        ctx.plate("rows", &low, |ctx, low| {
            let x = ctx.sample("x", Beta::new(4.0, 5.0))?;
            ctx.sample("y", Normal::new(&x + low, 1.0))
        })
    };
    check_integral("a plate", rows, 1.3);
    // Bounds that differ from row to row.
    let bounded = |ctx: &mut Ctx, _: &()| -> Result<Tensor> {
        let low = Tensor::from([-1.0, 0.0]);
        ctx.plate("rows", &low, |ctx, low| ctx.sample("x", Uniform::new(low, low * 2.0 + 5.0)))
    };
    check_integral("bounds by row", bounded, 2.5);
    let steps = |ctx: &mut Ctx, _: &()| -> Result<()> {
        let low = Tensor::from([-1.0, 0.0]);
        ctx.scan("time", &low, &Tensor::from(0.5), |ctx, before, low| {
            let x = ctx.sample("x", Beta::new(before * 4.0 + 3.0, 5.0))?;
            ctx.sample("y", Uniform::new(low, low * 2.0 + 5.0))?;
            Ok((x, ()))
        })?;
        Ok(())
    };
    check_integral("a scan", steps, 1.5);
}
