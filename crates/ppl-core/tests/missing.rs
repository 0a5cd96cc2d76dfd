//! Data with missing entries: the missing ones are latent, the entries of their site that mean nothing integrate to one.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, IntoDistribution, Observation, Result, Trace, substitute, trace};
use ppl_dist::{Beta, Gamma, MultivariateNormal, Normal, Poisson};
use ppl_tensor::Tensor;

fn normal(x: f64, mean: f64, scale: f64) -> f64 {
    -0.5 * ((x - mean) / scale).powi(2) - scale.ln() - 0.5 * std::f64::consts::TAU.ln()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} {b}");
}

fn density(run: &Trace, site: &str) -> f64 {
    run.site(site).unwrap().log_prob_sum(&[]).unwrap().to_scalar().unwrap()
}

fn rows(ctx: &mut Ctx, y: &Tensor) -> Result<Tensor> {
    let mean = ctx.sample("mean", Normal::new(0.0, 1.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 2.0), Observation::nan_is_missing(y)))
}

#[test]
fn missing_entries_are_latent_and_the_others_are_data() {
    let y = Tensor::from([0.5, f64::NAN, -1.0, f64::NAN]);
    let (run, returned) = trace(&mut Ctx::new(1), &rows, &y).unwrap();
    let names: Vec<&str> = run.sites().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["mean", "y_missing", "y_observed", "y"]);
    let (drawn, whole) = (run.value("y_missing").unwrap().to_f64().unwrap(), returned.to_f64().unwrap());
    assert_eq!(whole, [0.5, drawn[1], -1.0, drawn[3]]);
    assert_eq!(run.value("y").unwrap().to_f64().unwrap(), whole);

    let mean = run.value("mean").unwrap().to_scalar().unwrap();
    close(density(&run, "y_observed"), normal(0.5, mean, 2.0) + normal(-1.0, mean, 2.0));
    let missing = normal(drawn[1], mean, 2.0) + normal(drawn[3], mean, 2.0);
    let meaningless = normal(drawn[0], 0.0, 1.0) + normal(drawn[2], 0.0, 1.0);
    close(density(&run, "y_missing"), missing + meaningless);
}

#[test]
fn data_without_a_gap_have_no_latent_entry() {
    let y = Tensor::from([0.5, 1.5]);
    let (run, returned) = trace(&mut Ctx::new(1), &rows, &y).unwrap();
    assert!(run.get("y_missing").is_none());
    assert_eq!(returned.to_f64().unwrap(), [0.5, 1.5]);
    let mean = run.value("mean").unwrap().to_scalar().unwrap();
    close(density(&run, "y_observed"), normal(0.5, mean, 2.0) + normal(1.5, mean, 2.0));
}

/// Log density of the site of missing entries where it has these values and the first of two entries is present.
fn at(distribution: impl IntoDistribution + Clone, value: [f64; 2], observed: f64) -> f64 {
    let program = |ctx: &mut Ctx, _: &()| {
        let data = Observation::present(Tensor::from([observed, f64::NAN]), Tensor::from([true, false]));
        ctx.observe("y", distribution.clone(), data)
    };
    let given = substitute(program, [("y_missing", Tensor::from(value))]);
    density(&trace(&mut Ctx::new(0), &given, &()).unwrap().0, "y_missing")
}

/// Integral of a density over an interval, by the midpoint rule.
fn integral(low: f64, high: f64, density: impl Fn(f64) -> f64) -> f64 {
    let n = 2000;
    let width = (high - low) / f64::from(n);
    (0..n).map(|i| density(low + (f64::from(i) + 0.5) * width).exp() * width).sum()
}

#[test]
fn entries_without_meaning_integrate_to_one() {
    let two = Tensor::from([1.0, 1.0]);
    // The density of the other entry is the distribution's own: it factors out.
    let gamma = Gamma::new(&two * 3.0, &two * 2.0);
    let own = at(gamma.clone(), [1.0, 0.7], 2.0) - at(gamma.clone(), [1.0, 1.1], 2.0);
    close(own, 2.0 * (0.7f64 / 1.1).ln() - 2.0 * (0.7 - 1.1));
    let own = gamma_density(0.7);
    let total = integral(1e-6, 60.0, |x| at(gamma.clone(), [x, 0.7], 2.0) - own);
    // The midpoint rule near the left end and the tail beyond 60, of a log-normal: P(ln x > ln 60) = 2e-5.
    assert!((total - 1.0).abs() < 2e-4, "{total}");

    let beta = Beta::new(&two * 2.0, &two * 5.0);
    let own = 30f64.ln() + 0.3f64.ln() + 4.0 * 0.7f64.ln();
    let total = integral(0.0, 1.0, |x| at(beta.clone(), [x, 0.3], 0.5) - own);
    assert!((total - 1.0).abs() < 2e-4, "{total}");
}

/// Log density of Gamma(3, 2).
fn gamma_density(x: f64) -> f64 {
    3.0 * 2f64.ln() - 2f64.ln() + 2.0 * x.ln() - 2.0 * x
}

#[test]
fn a_draw_of_several_numbers_is_missing_as_a_whole() {
    let program = |ctx: &mut Ctx, _: &()| {
        let data = Tensor::from([[0.1, 0.2], [f64::NAN, f64::NAN]]);
        let joint = MultivariateNormal::with_covariance(Tensor::zeros([2, 2]), Tensor::eye(2));
        ctx.observe("y", joint, Observation::present(data, Tensor::from([true, false])))
    };
    let (run, y) = trace(&mut Ctx::new(3), &program, &()).unwrap();
    assert_eq!(y.to_f64().unwrap()[..2], [0.1, 0.2]);
    close(density(&run, "y_observed"), normal(0.1, 0.0, 1.0) + normal(0.2, 0.0, 1.0));
    let drawn = run.value("y_missing").unwrap().to_f64().unwrap();
    close(density(&run, "y_missing"), drawn.iter().map(|x| normal(*x, 0.0, 1.0)).sum());
}

#[test]
fn masks_that_do_not_fit_are_errors() {
    let wrong = |present: Tensor| {
        let program = move |ctx: &mut Ctx, _: &()| {
            let data = Observation::present(Tensor::from([0.1, 0.2]), present.clone());
            ctx.observe("y", Normal::new(Tensor::zeros([2]), 1.0), data)
        };
        trace(&mut Ctx::new(0), &program, &()).err().unwrap().to_string()
    };
    assert_eq!(
        wrong(Tensor::from([1.0, 0.0])),
        "site `y`: which data are present must be truth values, found f64"
    );
    assert_eq!(
        wrong(Tensor::from([true, false, true])),
        "site `y`: which data are present has shape [3], the batch of the Normal distribution [2]"
    );
}

#[test]
fn missing_counts_are_drawn_from_the_model() {
    let program = |ctx: &mut Ctx, _: &()| {
        let data = Observation::present(Tensor::from(vec![3i64, 0]), Tensor::from([true, false]));
        ctx.observe("n", Poisson::new(Tensor::from([2.0, 40.0])), data)
    };
    let (run, n) = trace(&mut Ctx::new(0), &program, &()).unwrap();
    assert_eq!(n.to_f64().unwrap()[0], 3.0);
    assert!(run.site("n_missing").unwrap().is_latent());
}
