//! Fits against exact posteriors.

use ppl_autoguide::{
    AutoDelta, AutoDiagonalNormal, AutoLowRankMultivariateNormal, AutoMultivariateNormal, AutoNormal,
};
use ppl_core::{Ctx, Model, Result};
use ppl_dist::{Bernoulli, Beta, Gamma};
use ppl_infer::{Adam, ImportanceWeights, Svi, TraceElbo};
use ppl_tensor::Tensor;

use crate::models::{Regression, Row, data, exact, fit, regression, wander, wander_of_scale};

/// The best factorised normal has the posterior's mean and its conditional precisions.
fn check_mean_field(loc: &[f64], scale: &[f64]) {
    let exact = exact();
    let correlation = exact.precision[0][1] / (exact.precision[0][0] * exact.precision[1][1]).sqrt();
    // Along the ridge the loss is flatter by 1 - correlation, and the noise of the other number adds to its own.
    let slack = (1.0 + correlation.powi(2)).sqrt() / (1.0 - correlation);
    for i in 0..2 {
        let precision = exact.precision[i][i];
        let off = wander(precision, slack);
        assert!((loc[i] - exact.mean[i]).abs() < off, "{loc:?} {:?} ± {off}", exact.mean);
        let off = wander_of_scale(slack);
        assert!((scale[i] * precision.sqrt() - 1.0).abs() < off, "{scale:?} {precision} ± {off}");
    }
}

#[test]
fn mean_field_finds_the_means_and_conditional_spreads() {
    let svi = fit(regression, || AutoNormal::new(regression), &data());
    let of =
        |f: &dyn Fn(&str) -> Result<Tensor>| ["a", "b"].map(|site| f(site).unwrap().to_scalar().unwrap());
    let (guide, params) = (svi.guide(), svi.params());
    check_mean_field(&of(&|site| guide.loc(params, site)), &of(&|site| guide.scale(params, site)));
}

#[test]
fn mean_field_in_one_vector_finds_the_same() {
    let svi = fit(regression, || AutoDiagonalNormal::new(regression), &data());
    let (guide, params) = (svi.guide(), svi.params());
    let of = |numbers: Result<Tensor>| numbers.unwrap().to_f64().unwrap();
    check_mean_field(&of(guide.loc(params)), &of(guide.scale(params)));
}

/// A family that holds the posterior finds it: the draws have nearly equal weights, whose mean is the evidence.
///
/// For a relative error `E` of the covariance (whitened, in the Frobenius norm) `n/ess - 1` is about `|E|²/2`: 0.98 of the
/// draws bound it by 0.2.
fn check_weights<G: Model<Row>>(svi: &Svi<Regression, G, Adam, TraceElbo>) {
    let ctx = Ctx::new(5).with_params(svi.params().clone());
    let weights = ImportanceWeights::draw(ctx, &regression, svi.guide(), 1000, &data()).unwrap();
    let off = 4.5 * weights.log_evidence_error();
    assert!((weights.log_evidence() - exact().log_evidence).abs() < off, "{weights} ± {off}");
    assert!(weights.ess() > 980.0, "{weights}");
    assert!(weights.pareto_k() < 0.5, "{weights}");
}

#[test]
fn full_rank_finds_the_posterior() {
    let svi = fit(regression as Regression, || AutoMultivariateNormal::new(regression), &data());
    check_weights(&svi);
    let (guide, params, exact) = (svi.guide(), svi.params(), exact());
    let of = |numbers: Result<Tensor>| numbers.unwrap().to_f64().unwrap();
    let (loc, scale, covariance) =
        (of(guide.loc(params)), of(guide.scale(params)), of(guide.covariance(params)));
    for i in 0..2 {
        // Noise and curvature have the same directions, so that the conditional precision tells both.
        let off = wander(exact.precision[i][i], 1.0);
        assert!((loc[i] - exact.mean[i]).abs() < off, "{loc:?} {:?} ± {off}", exact.mean);
        assert!((scale[i] * scale[i] - covariance[3 * i]).abs() < 1e-12);
    }
    // A relative error of a Cholesky factor's entries makes twice that of the covariance.
    let off = 2.0 * wander_of_scale(1.0);
    for (found, exact) in covariance.iter().zip(exact.covariance.as_flattened()) {
        assert!((found / exact - 1.0).abs() < off, "{covariance:?} {exact} ± {off}");
    }
    assert_eq!(guide.ranges().unwrap(), [("a".to_owned(), 0..1), ("b".to_owned(), 1..2)]);
}

#[test]
fn low_rank_finds_a_posterior_that_it_holds() {
    // Two numbers: a diagonal and one direction are enough.
    let guide = || AutoLowRankMultivariateNormal::new(regression, 1);
    let svi = fit(regression as Regression, guide, &data());
    check_weights(&svi);
    let (scale, covariance) =
        (svi.guide().scale(svi.params()).unwrap(), svi.guide().covariance(svi.params()).unwrap());
    let off = (scale.square() - covariance.diagonal()).abs().max(0).to_scalar().unwrap();
    assert!(off < 1e-12, "{scale:?} {covariance:?}");
}

#[test]
fn a_rank_that_does_not_fit_is_refused() {
    for rank in [0, 3] {
        let guide = AutoLowRankMultivariateNormal::new(regression, rank);
        let message =
            Svi::new(regression, guide, Adam::new(0.01), TraceElbo::new()).step(&data()).unwrap_err();
        let expected = format!("rank is {rank}, must be from 1 to the 2 unconstrained numbers of the model");
        assert_eq!(message.to_string(), expected);
    }
}

/// 7 heads of 10 under a Beta(2, 3) prior, and a rate that only its prior knows of.
pub(crate) fn coin(ctx: &mut Ctx, tosses: &Tensor) -> Result<()> {
    let p = ctx.sample("p", Beta::new(2.0, 3.0))?;
    ctx.sample("rate", Gamma::new(3.0, 2.0))?;
    ctx.plate("tosses", tosses, |ctx, heads| ctx.observe("heads", Bernoulli::new(&p), heads).map(|_| ()))
}

pub(crate) fn tosses() -> Tensor {
    Tensor::from([true, true, true, false, true, false, true, true, false, true])
}

#[test]
fn points_are_the_modes_on_the_constrained_scale() {
    let guide = AutoDelta::new(coin);
    let mut svi = Svi::new(coin, guide, Adam::new(0.05), TraceElbo::new());
    svi.run(600, &tosses()).unwrap();
    let of = |name: &str| svi.params().get(name).unwrap().to_scalar().unwrap();
    // Beta(9, 6): (9 - 1)/(9 + 6 - 2). Gamma(3, rate 2): (3 - 1)/2. Nothing here is random: Adam converges.
    assert!((of("AutoDelta.p") - 8.0 / 13.0).abs() < 1e-6, "{}", of("AutoDelta.p"));
    assert!((of("AutoDelta.rate") - 1.0).abs() < 1e-6, "{}", of("AutoDelta.rate"));
    // The loss is minus the joint density there.
    let last = svi.evaluate_loss(&tosses()).unwrap();
    assert!((last - svi.losses()[599]).abs() < 1e-6);
}
