//! Guides of sites in scans, against the exact posterior of normal states that follow each other.

use ppl_autoguide::{
    AutoCallable, AutoDelta, AutoDiagonalNormal, AutoGuideList, AutoLaplace, AutoLowRankMultivariateNormal,
    AutoMultivariateNormal, AutoNormal, Marginals, Values,
};
use ppl_core::{Ctx, Model, Result, replay, trace};
use ppl_dist::{DistributionExt, LogNormal, Normal, Uniform};
use ppl_infer::{Adam, ImportanceWeights, Init, Predictive, Svi, TraceElbo};
use ppl_tensor::Tensor;

use crate::models::{fit, three_rows, wander, wander_of_scale};

const STEPS: usize = 5;
/// How much of a state is left in the next, how far it moves, and the noise of a measurement.
const STAY: f64 = 0.8;
const MOVE: f64 = 0.5;
const NOISE: f64 = 0.4;

const SERIES: [[f64; STEPS]; 2] = [[0.4, -0.2, 1.0, 2.5, 1.7], [-1.1, 0.3, -0.6, -2.0, 0.5]];

type Program = fn(&mut Ctx, &Tensor) -> Result<()>;

fn step(ctx: &mut Ctx, before: &Tensor, y: &Tensor) -> Result<Tensor> {
    let z = ctx.sample("z", Normal::new(before * STAY, MOVE))?;
    ctx.observe("y", Normal::new(&z, NOISE), y)?;
    Ok(z)
}

/// One series.
fn level(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    ctx.scan("time", y, &Tensor::from(0.0), |ctx, before, y| Ok((step(ctx, before, y)?, ())))?;
    Ok(())
}

/// Several, `[series, time]`: a scan in a plate.
fn scan_in_plate(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    ctx.plate("series", y, level)
}

/// Several, `[series, time]`: a plate in a scan.
fn plate_in_scan(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    ctx.scan("time", &y.t(), &Tensor::zeros([2]), |ctx, before, y| {
        let both = (before.clone(), y.clone());
        Ok((ctx.plate("series", &both, |ctx, (before, y)| step(ctx, before, y))?, ()))
    })?;
    Ok(())
}

/// The posterior of one series: normal, with this precision matrix.
struct Exact {
    precision: Vec<Vec<f64>>,
    covariance: Vec<Vec<f64>>,
    mean: Vec<f64>,
    log_evidence: f64,
}

fn exact(y: &[f64]) -> Exact {
    let (moves, noises) = (1.0 / (MOVE * MOVE), 1.0 / (NOISE * NOISE));
    let mut precision = vec![vec![0.0; STEPS]; STEPS];
    for t in 0..STEPS {
        precision[t][t] += moves + noises;
        if t > 0 {
            precision[t - 1][t - 1] += moves * STAY * STAY;
            precision[t - 1][t] -= moves * STAY;
            precision[t][t - 1] -= moves * STAY;
        }
    }
    let (covariance, log_det) = inverse(&precision);
    let mean: Vec<f64> =
        covariance.iter().map(|row| row.iter().zip(y).map(|(c, y)| c * y * noises).sum()).collect();
    let log_tau = std::f64::consts::TAU.ln();
    let normal = |x: f64, scale: f64| -0.5 * (x / scale).powi(2) - scale.ln() - 0.5 * log_tau;
    let before = |t: usize| if t == 0 { 0.0 } else { STAY * mean[t - 1] };
    let joint: f64 =
        (0..STEPS).map(|t| normal(mean[t] - before(t), MOVE) + normal(y[t] - mean[t], NOISE)).sum();
    let log_evidence = joint + 0.5 * (STEPS as f64 * log_tau - log_det);
    Exact { precision, covariance, mean, log_evidence }
}

/// Inverse and logarithm of the determinant of a positive definite matrix, by elimination.
fn inverse(matrix: &[Vec<f64>]) -> (Vec<Vec<f64>>, f64) {
    let n = matrix.len();
    let unit = |i: usize| (0..n).map(move |j| if i == j { 1.0 } else { 0.0 });
    let mut rows: Vec<Vec<f64>> =
        matrix.iter().enumerate().map(|(i, row)| row.iter().copied().chain(unit(i)).collect()).collect();
    let mut log_det = 0.0;
    for i in 0..n {
        let pivot = rows[i][i];
        log_det += f64::ln(pivot);
        rows[i].iter_mut().for_each(|x| *x /= pivot);
        let row = rows[i].clone();
        for (_, other) in rows.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = other[i];
            other.iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
        }
    }
    (rows.into_iter().map(|row| row[n..].to_vec()).collect(), log_det)
}

fn numbers(tensor: Result<Tensor>) -> Vec<f64> {
    tensor.unwrap().to_f64().unwrap()
}

fn first() -> Tensor {
    Tensor::from(SERIES[0])
}

/// The approximation is the posterior; `place` tells where a step of a series is in the joint vector.
fn check_laplace(model: Program, y: &Tensor, series: &[[f64; STEPS]], place: fn(usize, usize) -> usize) {
    let mut svi = Svi::new(model, AutoLaplace::new(model), Adam::new(0.1), TraceElbo::new().particles(2));
    svi.run(5, y).unwrap();
    let laplace = svi.guide().laplace(svi.params(), y).unwrap();
    let (loc, covariance) = (numbers(laplace.loc(svi.params())), laplace.covariance().to_f64().unwrap());
    let d = series.len() * STEPS;
    assert_eq!(loc.len(), d);
    let exact: Vec<Exact> = series.iter().map(|y| exact(y)).collect();
    for (i, a) in (0..d).map(|i| (i, (i / STEPS, i % STEPS))) {
        let at = place(a.0, a.1);
        assert!((loc[at] - exact[a.0].mean[a.1]).abs() < 1e-11, "{i} {loc:?} {:?}", exact[a.0].mean);
        for b in (0..d).map(|i| (i / STEPS, i % STEPS)) {
            let expected = if a.0 == b.0 { exact[a.0].covariance[a.1][b.1] } else { 0.0 };
            let found = covariance[at * d + place(b.0, b.1)];
            assert!((found - expected).abs() < 1e-11, "{a:?} {b:?} {found} {expected}");
        }
    }
    // Densities of the states under the model and the guide, draw by draw.
    let weights = ImportanceWeights::draw(Ctx::new(0), &model, &laplace, 50, y).unwrap();
    let log_evidence: f64 = exact.iter().map(|exact| exact.log_evidence).sum();
    assert!(
        weights.log_weights().iter().all(|w| (w - log_evidence).abs() < 1e-9),
        "{weights} {log_evidence}"
    );
    let draws = Predictive::new(model).posterior(&laplace, 7, y).unwrap();
    assert_eq!(draws.get("z").unwrap().shape().elements(), 7 * d);
}

#[test]
fn laplace_is_exact_for_normal_states() {
    check_laplace(level, &first(), &SERIES[..1], |_, step| step);
}

#[test]
fn laplace_is_exact_for_scans_in_plates_and_plates_in_scans() {
    let y = Tensor::from(SERIES);
    check_laplace(scan_in_plate, &y, &SERIES, |series, step| series * STEPS + step);
    check_laplace(plate_in_scan, &y, &SERIES, |series, step| step * 2 + series);
}

#[test]
fn mean_field_finds_the_means_and_conditional_spreads_of_states() {
    let svi = fit(level as Program, || AutoNormal::new(level), &first());
    let (guide, params, exact) = (svi.guide(), svi.params(), exact(&SERIES[0]));
    let (loc, scale) = (numbers(guide.loc(params, "z")), numbers(guide.scale(params, "z")));
    assert_eq!((loc.len(), scale.len()), (STEPS, STEPS));
    let p = &exact.precision;
    // Each state is correlated with two neighbours: as for two numbers, the loss is flatter along the ridge, and the noise
    // of the neighbours adds to a state's own.
    let correlation =
        p[STEPS - 2][STEPS - 1].abs() / (p[STEPS - 2][STEPS - 2] * p[STEPS - 1][STEPS - 1]).sqrt();
    let slack = (1.0 + 2.0 * correlation.powi(2)).sqrt() / (1.0 - 2.0 * correlation);
    for t in 0..STEPS {
        let off = wander(p[t][t], slack);
        assert!((loc[t] - exact.mean[t]).abs() < off, "{loc:?} {:?} ± {off}", exact.mean);
        let off = wander_of_scale(slack);
        assert!((scale[t] * p[t][t].sqrt() - 1.0).abs() < off, "{scale:?} {:?} ± {off}", p[t][t]);
    }
}

#[test]
fn full_rank_finds_the_posterior_of_states() {
    let svi = fit(level as Program, || AutoMultivariateNormal::new(level), &first());
    let (guide, params, exact) = (svi.guide(), svi.params(), exact(&SERIES[0]));
    let (loc, covariance) = (numbers(guide.loc(params)), numbers(guide.covariance(params)));
    // A relative error of a Cholesky factor's entries makes twice that of the covariance, in units of the deviations.
    let off_covariance = 2.0 * wander_of_scale(1.0);
    for t in 0..STEPS {
        let off = wander(exact.precision[t][t], 1.0);
        assert!((loc[t] - exact.mean[t]).abs() < off, "{loc:?} {:?} ± {off}", exact.mean);
        for u in 0..STEPS {
            let unit = (exact.covariance[t][t] * exact.covariance[u][u]).sqrt();
            let off = (covariance[t * STEPS + u] - exact.covariance[t][u]) / unit;
            assert!(off.abs() < off_covariance, "{t} {u} {off} ± {off_covariance}");
        }
    }
    assert_eq!(guide.ranges().unwrap(), [("z".to_owned(), 0..STEPS)]);
}

#[test]
fn points_are_the_mode_of_states() {
    let mut svi = Svi::new(level, AutoDelta::new(level), Adam::new(0.05), TraceElbo::new());
    svi.run(600, &first()).unwrap();
    // Nothing here is random: Adam converges.
    let found = numbers(svi.params().get("AutoDelta.z"));
    let mean = exact(&SERIES[0]).mean;
    assert!(found.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {mean:?}");
}

/// Positive states of two numbers each, in three series over four steps.
fn volatility(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let spread = ctx.sample("spread", LogNormal::new(0.0, 0.5))?;
    ctx.scan("time", 4, &Tensor::ones([3, 2]), |ctx, before, _| {
        let z = ctx.plate("series", &(before.clone(), y.clone()), |ctx, (before, y)| {
            let z = ctx.sample("z", LogNormal::new(before.log(), &spread).to_event(1))?;
            ctx.observe("y", Normal::new(z.sum(0), 1.0), y)?;
            Ok(z)
        })?;
        Ok((z, ()))
    })?;
    Ok(())
}

/// Fits under particles, then draws: every site has its steps and rows, inside its support, and the model runs with them.
fn check_shapes<G: Model<Tensor, Output = Values> + Marginals>(guide: G) {
    let mut svi = Svi::new(volatility, guide, Adam::new(0.01), TraceElbo::new().particles(3));
    svi.run(3, &three_rows()).unwrap();
    assert_eq!(svi.guide().sites().unwrap(), ["spread", "z"]);
    let median = svi.guide().median(svi.params()).unwrap();
    assert_eq!(median["z"].shape().to_vec(), [4, 3, 2]);
    let quantiles = svi.guide().quantiles(svi.params(), &[0.1, 0.9]).unwrap();
    assert_eq!(quantiles["z"].shape().to_vec(), [2, 4, 3, 2]);
    let predictive = Predictive::new(volatility).with_params(svi.params());
    let draws = predictive.posterior(svi.guide(), 5, &three_rows()).unwrap();
    assert_eq!(draws.get("z").unwrap().shape().to_vec(), [5, 4, 3, 2]);

    let mut ctx = Ctx::new(0).with_params(svi.params().clone());
    let guide = svi.guide();
    let (drawn, values) =
        trace(&mut ctx, &|ctx: &mut Ctx, y: &Tensor| guide.run(ctx, y), &three_rows()).unwrap();
    let z = values["z"].to_f64().unwrap();
    assert!(z.iter().all(|z| *z > 0.0) && values["z"].shape().to_vec() == [4, 3, 2], "{z:?}");
    let (run, ()) = trace(&mut Ctx::new(1), &replay(volatility, drawn), &three_rows()).unwrap();
    assert_eq!(numbers(run.value("z")), z);
}

#[test]
fn guides_cover_sites_in_scans() {
    check_shapes(AutoNormal::new(volatility));
    check_shapes(AutoDelta::new(volatility));
    check_shapes(AutoDiagonalNormal::new(volatility));
    check_shapes(AutoMultivariateNormal::new(volatility));
    check_shapes(AutoLowRankMultivariateNormal::new(volatility, 2));
    check_shapes(AutoLaplace::new(volatility));
}

#[test]
fn a_part_by_hand_gives_all_steps() {
    let by_hand = |ctx: &mut Ctx, _: &Tensor| {
        let locs = ctx.param("locs", Tensor::zeros([STEPS]))?;
        ctx.scan("time", &locs, &Tensor::from(0.0), |ctx, before, loc| {
            Ok((ctx.sample("z", Normal::new(before + loc, 0.3))?, ()))
        })?;
        Ok(())
    };
    let guide = AutoGuideList::new(level).on(["z"], |_| AutoCallable::new(by_hand));
    let values = guide.run(&mut Ctx::new(0), &first()).unwrap();
    assert_eq!(values["z"].shape().to_vec(), [STEPS]);
    let mut svi = Svi::new(level, guide, Adam::new(0.01), TraceElbo::new());
    svi.run(2, &first()).unwrap();
}

#[test]
fn steps_start_where_they_are_told() {
    let places = Tensor::from([0.1, 0.2, 0.3, 0.4, 0.5]);
    let guide = AutoNormal::new(level).init(Init::values([("z", &places)]));
    let mut ctx = Ctx::new(0);
    guide.run(&mut ctx, &first()).unwrap();
    assert_eq!(numbers(ctx.params().get("AutoNormal.locs.z")), places.to_f64().unwrap());
}

#[test]
fn data_of_other_steps_are_refused() {
    let guide = AutoNormal::new(level);
    let mut svi = Svi::new(level, guide, Adam::new(0.01), TraceElbo::new());
    svi.step(&first()).unwrap();
    let message = svi.step(&three_rows()).unwrap_err().to_string();
    assert!(message.contains("rows of `time` (5) met rows of `time` (3)"), "{message}");
}

#[test]
fn supports_that_follow_the_steps_before_are_refused() {
    let model = |ctx: &mut Ctx, _: &Tensor| {
        ctx.scan("time", 3, &Tensor::from(1.0), |ctx, before, _| {
            Ok((ctx.sample("x", Uniform::new(0.0, before + 1.0))?, ()))
        })
    };
    let expected = "site `x`: its support changes from run to run: it depends on other sites or on the rows chosen, which \
                    an automatic guide does not follow";
    for message in [
        AutoNormal::new(model).run(&mut Ctx::new(0), &first()).unwrap_err(),
        AutoMultivariateNormal::new(model).run(&mut Ctx::new(0), &first()).unwrap_err(),
    ] {
        assert_eq!(message.to_string(), expected);
    }
}
