//! Automatic guides against exact posteriors, their shapes in plates, and what they refuse.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_autoguide::{AutoMultivariateNormal, AutoNormal};
use ppl_core::{Ctx, Result, SubsampleExt, trace};
use ppl_dist::{Bernoulli, Gamma, Normal};
use ppl_infer::{Adam, Predictive, Svi, TraceElbo};
use ppl_tensor::{Tensor, TensorTree};

#[derive(Clone, TensorTree)]
struct Row {
    x: Tensor,
    y: Tensor,
}

/// A regression whose design makes intercept and slope correlated.
fn regression(ctx: &mut Ctx, rows: &Row) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 3.0))?;
    let b = ctx.sample("b", Normal::new(0.0, 3.0))?;
    ctx.plate("rows", rows, |ctx, row| {
        ctx.observe("y", Normal::new(&a + &b * &row.x, 0.5), &row.y).map(|_| ())
    })
}

fn data() -> Row {
    let x: Vec<f64> = (0..20).map(|i| 0.5 + f64::from(i) * 0.1).collect();
    let noise = [0.31, -0.22, 0.05, 0.64, -0.48, 0.11, -0.35, 0.27, -0.09, 0.42];
    let y = x.iter().enumerate().map(|(i, x)| 1.0 - 0.7 * x + noise[i % 10]).collect::<Vec<_>>();
    Row { x: Tensor::from(x), y: Tensor::from(y) }
}

/// Posterior precision matrix and mean in closed form.
fn exact() -> ([[f64; 2]; 2], [f64; 2]) {
    let (x, y) = (data().x.to_f64().unwrap(), data().y.to_f64().unwrap());
    let weight = 1.0 / 0.25;
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(&y).map(|(&x, &y)| f(x, y)).sum::<f64>() * weight;
    let precision =
        [[sum(&|_, _| 1.0) + 1.0 / 9.0, sum(&|x, _| x)], [sum(&|x, _| x), sum(&|x, _| x * x) + 1.0 / 9.0]];
    let right = [sum(&|_, y| y), sum(&|x, y| x * y)];
    let [[p, q], [_, r]] = precision;
    let det = p * r - q * q;
    (precision, [(r * right[0] - q * right[1]) / det, (p * right[1] - q * right[0]) / det])
}

#[test]
fn mean_field_finds_the_mean_and_the_conditional_spread() {
    let mut svi =
        Svi::new(regression, AutoNormal::new(regression), Adam::new(0.02), TraceElbo::new().particles(8))
            .seed(1);
    svi.run(1500, &data()).unwrap();
    let (precision, mean) = exact();
    for (index, site) in ["a", "b"].iter().enumerate() {
        let loc = svi.guide().loc(svi.params(), site).unwrap().to_scalar().unwrap();
        let scale = svi.guide().scale(svi.params(), site).unwrap().to_scalar().unwrap();
        // The best factorised normal has the conditional precisions.
        let sd = f64::sqrt(1.0 / precision[index][index]);
        assert!((loc - mean[index]).abs() < 0.5 * sd, "{site}: {loc} {}", mean[index]);
        assert!((scale / sd - 1.0).abs() < 0.1, "{site}: {scale} {sd}");
    }
}

#[test]
fn full_rank_finds_the_posterior() {
    let guide = AutoMultivariateNormal::new(regression);
    let mut svi = Svi::new(regression, guide, Adam::new(0.02), TraceElbo::new().particles(16)).seed(1);
    svi.run(2500, &data()).unwrap();
    let (precision, mean) = exact();
    let [[p, q], [_, r]] = precision;
    let det = p * r - q * q;
    let covariance = svi.guide().covariance(svi.params()).unwrap().to_f64().unwrap();
    let loc = svi.guide().loc(svi.params()).unwrap().to_f64().unwrap();
    for (index, exact) in [r / det, -q / det, -q / det, p / det].iter().enumerate() {
        assert!((covariance[index] / exact - 1.0).abs() < 0.15, "{covariance:?} {exact}");
    }
    for index in 0..2 {
        let sd = f64::sqrt([r, p][index] / det);
        assert!((loc[index] - mean[index]).abs() < 0.2 * sd, "{loc:?} {mean:?}");
    }
    let sites = svi.guide().sites(&Ctx::new(0), &data()).unwrap();
    assert_eq!(sites, [("a".to_owned(), 0..1), ("b".to_owned(), 1..2)]);
    // The bound is tight: every draw has the same loss.
    let losses: Vec<f64> = (0..5).map(|_| svi.evaluate_loss(&data()).unwrap()).collect();
    let spread = losses.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b))
        - losses.iter().fold(f64::INFINITY, |a, &b| a.min(b));
    assert!(spread < 0.5, "{losses:?}");
}

/// A positive global site, and a vector of local ones.
fn hierarchy(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let scale = ctx.sample("scale", Gamma::new(3.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(Tensor::zeros([2]), &scale))?;
        ctx.observe("y", Normal::new(z.sum(0), 1.0), y).map(|_| ())
    })
}

#[test]
fn guides_cover_sites_in_plates() {
    let y = Tensor::from([0.3, -0.5, 1.2]);
    let normal = AutoNormal::new(hierarchy);
    let mut svi = Svi::new(hierarchy, normal, Adam::new(0.01), TraceElbo::new().particles(4));
    svi.run(20, &y).unwrap();
    assert_eq!(svi.guide().loc(svi.params(), "z").unwrap().shape().to_vec(), [3, 2]);
    let draws = Predictive::new(hierarchy).with_params(svi.params()).posterior(svi.guide(), 50, &y).unwrap();
    assert_eq!(draws.get("z").unwrap().shape().to_vec(), [50, 3, 2]);
    assert!(draws.get("scale").unwrap().to_f64().unwrap().iter().all(|&s| s > 0.0));

    let full = AutoMultivariateNormal::new(hierarchy);
    let mut svi = Svi::new(hierarchy, full, Adam::new(0.01), TraceElbo::new().particles(4));
    svi.run(20, &y).unwrap();
    assert_eq!(svi.guide().covariance(svi.params()).unwrap().shape().to_vec(), [7, 7]);
    let draws = Predictive::new(hierarchy).with_params(svi.params()).posterior(svi.guide(), 50, &y).unwrap();
    assert_eq!(draws.get("z").unwrap().shape().to_vec(), [50, 3, 2]);
}

#[test]
fn both_guides_have_the_same_density_for_the_same_normal() {
    // At the start both are N(0, 0.1²) on unconstrained space for every number.
    let y = Tensor::from([0.3, -0.5, 1.2]);
    let mut ctx = Ctx::new(3);
    let (run, _) = trace(&mut ctx, &AutoNormal::new(hierarchy), &y).unwrap();
    let values: Vec<(String, Tensor)> =
        ["scale", "z"].iter().map(|name| (name.to_string(), run.value(name).unwrap())).collect();
    let unconstrained: Vec<f64> =
        values[0].1.log().to_f64().unwrap().into_iter().chain(values[1].1.to_f64().unwrap()).collect();
    let expected: f64 = unconstrained
        .iter()
        .map(|u| -0.5 * (u / 0.1f64).powi(2) - 0.1f64.ln() - 0.5 * std::f64::consts::TAU.ln())
        .sum::<f64>()
        // d scale / d u = scale.
        - unconstrained[0];
    let found = run.log_prob_sum().unwrap().to_scalar().unwrap();
    assert!((found - expected).abs() < 1e-10, "{found} {expected}");

    let joint = Tensor::from(unconstrained);
    let decided = ppl_core::substitute(
        AutoMultivariateNormal::new(hierarchy),
        [("AutoMultivariateNormal.latent", joint)],
    );
    let (run, _) = trace(&mut Ctx::new(0), &decided, &y).unwrap();
    let found = run.log_prob_sum().unwrap().to_scalar().unwrap();
    assert!((found - expected).abs() < 1e-10, "{found} {expected}");
}

#[test]
fn local_sites_of_a_subsampled_plate_have_parameters_for_all_rows() {
    let model = |ctx: &mut Ctx, y: &Tensor| {
        let shared = ctx.sample("shared", Normal::new(0.0, 1.0))?;
        ctx.plate("rows", y.subsample(2), |ctx, y| {
            let z = ctx.sample("z", Normal::new(&shared, 1.0))?;
            ctx.observe("y", Normal::new(z, 0.5), y).map(|_| ())
        })
    };
    let y = Tensor::from([1.0, 2.0, -1.0, 0.5, 3.0]);
    let mut svi = Svi::new(model, AutoNormal::new(model), Adam::new(0.05), TraceElbo::new()).seed(4);
    svi.run(1500, &y).unwrap();
    let loc = svi.guide().loc(svi.params(), "z").unwrap().to_f64().unwrap();
    assert_eq!(loc.len(), 5);
    // z given the rest has precision 1 + 4 and mean (shared + 4y)/5: ordered as the data.
    let mut order: Vec<usize> = (0..5).collect();
    order.sort_by(|&a, &b| loc[a].total_cmp(&loc[b]));
    assert_eq!(order, [2, 3, 0, 1, 4]);

    let message = Svi::new(model, AutoMultivariateNormal::new(model), Adam::new(0.05), TraceElbo::new())
        .step(&y)
        .unwrap_err()
        .to_string();
    assert_eq!(message, "plate `rows`: `z` is local to its subsampled rows: use AutoNormal");
}

#[test]
fn discrete_sites_are_refused_by_name() {
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("k", Bernoulli::new(0.5));
    let message = trace(&mut Ctx::new(0), &AutoNormal::new(model), &()).unwrap_err().to_string();
    assert!(message.starts_with("site `k`: a normal guide for discrete values"), "{message}");
}
