//! Laplace's approximation: exact for normal posteriors, in closed form for others.

use ppl_autoguide::{AutoContinuous, AutoLaplace, Marginals};
use ppl_core::{Ctx, ParamStore, Result, SubsampleExt};
use ppl_dist::{Normal, StudentT};
use ppl_infer::{Adam, ImportanceWeights, Init, Predictive, Svi, TraceElbo};
use ppl_tensor::Tensor;

use crate::models::{data, exact, regression, three_rows};
use crate::posteriors::{coin, tosses};

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < tolerance * b.abs().max(1.0), "{found:?} {expected:?}");
    }
}

#[test]
fn a_normal_posterior_is_found_exactly() {
    let mut svi = Svi::new(regression, AutoLaplace::new(regression), Adam::new(0.1), TraceElbo::new());
    svi.run(10, &data()).unwrap();
    let laplace = svi.guide().laplace(svi.params(), &data()).unwrap();
    let exact = exact();
    // Rounding, amplified by the condition of the precision matrix, about 100.
    close(&laplace.loc(svi.params()).unwrap().to_f64().unwrap(), &exact.mean, 1e-11);
    close(&laplace.covariance().to_f64().unwrap(), exact.covariance.as_flattened(), 1e-11);
    let weights = ImportanceWeights::draw(Ctx::new(0), &regression, &laplace, 200, &data()).unwrap();
    assert!(weights.log_weights().iter().all(|w| (w - exact.log_evidence).abs() < 1e-9), "{weights}");
    // It is a guide like any other.
    let draws = Predictive::new(regression).posterior(&laplace, 30, &data()).unwrap();
    assert_eq!(draws.get("b").unwrap().shape().to_vec(), [30]);
}

#[test]
fn modes_and_curvatures_are_those_of_unconstrained_space() {
    let guide = AutoLaplace::new(coin);
    let mut svi = Svi::new(coin, guide, Adam::new(0.1), TraceElbo::new());
    svi.run(20, &tosses()).unwrap();
    let laplace = svi.guide().laplace(svi.params(), &tosses()).unwrap();
    // The logit of Beta(a, b) has its mode at ln(a/b) and curvature ab/(a + b) there, here with a = 9, b = 6; the logarithm
    // of Gamma(a, rate b) at ln(a/b) and a.
    let loc = laplace.loc(&ParamStore::new()).unwrap().to_f64().unwrap();
    close(&loc, &[f64::ln(9.0 / 6.0), f64::ln(1.5)], 1e-9);
    let covariance = laplace.covariance().to_f64().unwrap();
    close(&covariance, &[15.0 / 54.0, 0.0, 0.0, 1.0 / 3.0], 1e-9);
    // Quantiles without draws, on the constrained scale.
    let quantiles = laplace.quantiles(&ParamStore::new(), &[0.5, 0.975]).unwrap();
    let rate = quantiles["rate"].to_f64().unwrap();
    close(&rate, &[1.5, 1.5 * (1.959_963_984_540_054 / f64::sqrt(3.0)).exp()], 1e-9);
}

/// Rows of a plate with a mean in common: a normal posterior of four numbers.
fn rows(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(&mean, 1.0))?;
        ctx.observe("y", Normal::new(z, 0.5), y).map(|_| ())
    })
}

#[test]
fn local_sites_are_part_of_the_joint_normal() {
    let mut svi = Svi::new(rows, AutoLaplace::new(rows), Adam::new(0.1), TraceElbo::new().particles(2));
    svi.run(3, &three_rows()).unwrap();
    let laplace = svi.guide().laplace(svi.params(), &three_rows()).unwrap();
    // Precision 1/4 + 3 of the mean, 1 + 4 of a row, -1 between them: Schur's complement of the rows.
    let of_mean = 0.25 + 3.0 - 3.0 / 5.0;
    let y = three_rows().to_f64().unwrap();
    let mean = 4.0 / 5.0 * y.iter().sum::<f64>() / of_mean;
    let z: Vec<f64> = y.iter().map(|y| (mean + 4.0 * y) / 5.0).collect();
    let median = laplace.median(svi.params()).unwrap();
    close(&median["mean"].to_f64().unwrap(), &[mean], 1e-11);
    close(&median["z"].to_f64().unwrap(), &z, 1e-11);
    let variance = laplace.covariance().diagonal().to_f64().unwrap();
    let of_row = 0.2 + 1.0 / (25.0 * of_mean);
    close(&variance, &[1.0 / of_mean, of_row, of_row, of_row], 1e-11);
}

fn laplace<M: ppl_core::Model<Tensor> + Copy>(
    model: M,
    init: Init,
    y: &Tensor,
) -> Result<AutoContinuous<M, ppl_autoguide::Gaussian>> {
    let guide = AutoLaplace::new(model).init(init);
    let mut svi = Svi::new(model, guide, Adam::new(1e-3), TraceElbo::new());
    svi.step(y)?;
    svi.guide().laplace(svi.params(), y)
}

#[test]
fn points_that_are_no_modes_are_refused() {
    let y = three_rows();
    let saddle = |ctx: &mut Ctx, _: &Tensor| {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.factor("push", z.square())
    };
    let far = |ctx: &mut Ctx, _: &Tensor| ctx.sample("z", StudentT::new(2.0, 0.0, 1.0)).map(|_| ());
    let no_maximum =
        "the second derivative of the log joint density at the point reached is not that of a maximum";
    let at = |z: f64| Init::values([("z", z)]);
    for message in [laplace(saddle, Init::Feasible, &y).unwrap_err(), laplace(far, at(10.0), &y).unwrap_err()]
    {
        assert!(message.to_string().starts_with(no_maximum), "{message}");
    }
    // From nearer the same model has one.
    let found = laplace(far, at(0.5), &y).unwrap();
    close(&found.loc(&ParamStore::new()).unwrap().to_f64().unwrap(), &[0.0], 1e-9);
    // Minus the second derivative of (ν + 1)/2 ln(1 + z²/ν) at 0: (ν + 1)/ν.
    close(&found.covariance().to_f64().unwrap(), &[2.0 / 3.0], 1e-9);

    let part = |ctx: &mut Ctx, y: &Tensor| {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.plate("rows", y.subsample(2), |ctx, y| ctx.observe("y", Normal::new(&z, 1.0), y).map(|_| ()))
    };
    let message = laplace(part, Init::Feasible, &y).unwrap_err().to_string();
    assert_eq!(message, "plate `rows`: is subsampled: the curvature needs all rows");

    let message = AutoLaplace::new(rows).laplace(&ParamStore::new(), &y).unwrap_err().to_string();
    assert_eq!(message, "there is no parameter named `AutoLaplace.loc`; there are: none");
}
