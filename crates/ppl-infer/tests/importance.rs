//! Importance weights against a conjugate model, Pareto smoothing against ArviZ.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Result, SubsampleExt};
use ppl_dist::Normal;
use ppl_infer::{ImportanceWeights, psis};
use ppl_tensor::Tensor;

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1])
}

/// Mean and sd of the posterior (precision 1/4 + 6), and the log evidence: y is normal with covariance 1 + 4·11ᵀ.
fn exact() -> (f64, f64, f64) {
    let precision = 0.25 + 6.0;
    let y = data().to_f64().unwrap();
    let (n, sum, squares) = (6.0, y.iter().sum::<f64>(), y.iter().map(|y| y * y).sum::<f64>());
    let evidence = -0.5 * n * std::f64::consts::TAU.ln()
        - 0.5 * (1.0 + 4.0 * n).ln()
        - 0.5 * (squares - 4.0 * sum * sum / (1.0 + 4.0 * n));
    (sum / precision, f64::sqrt(1.0 / precision), evidence)
}

/// Weights under a normal guide of the posterior's mean and so many times its sd.
fn weights(width: f64, n: usize) -> ImportanceWeights {
    let (mean, sd, _) = exact();
    let guide = move |ctx: &mut Ctx, _: &Tensor| ctx.sample("mean", Normal::new(mean, width * sd));
    ImportanceWeights::draw(Ctx::new(1), &model, &guide, n, &data()).unwrap()
}

#[test]
fn the_exact_posterior_has_equal_weights() {
    let (_, _, evidence) = exact();
    for n in [1, 500] {
        let found = weights(1.0, n);
        assert!(found.log_weights().iter().all(|w| (w - evidence).abs() < 1e-10), "{found}");
        assert!((found.ess() - n as f64).abs() < 1e-6 * n as f64);
        assert!((found.log_evidence() - evidence).abs() < 1e-10);
        assert_eq!(found.pareto_k(), 0.0);
        assert_eq!(found.draws().get("mean").unwrap().shape().to_vec(), [n]);
        assert!((found.smoothed().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(!found.to_string().contains("warning"));
    }
    assert!(weights(1.0, 500).log_evidence_error() < 1e-6);
    assert!(weights(1.0, 1).log_evidence_error().is_nan());
}

#[test]
fn a_wide_guide_finds_evidence_and_posterior() {
    let (mean, sd, evidence) = exact();
    let n = 4000;
    let found = weights(2.0, n);
    let error = found.log_evidence_error();
    // A normal q of twice the sd: E w² / (E w)² = 4/√(8 - 1), hence ESS/n = √7/4 and the error below.
    let spread = 4.0 / f64::sqrt(7.0);
    assert!((found.ess() * spread / n as f64 - 1.0).abs() < 0.05, "{found}");
    let expected = f64::sqrt((spread - 1.0) / n as f64);
    assert!((error / expected - 1.0).abs() < 0.05, "{error} {expected}");
    assert!((found.log_evidence() - evidence).abs() < 4.5 * error, "{found} {evidence}");
    // Bounded weights: the tail of w is shorter than any power.
    assert!(found.pareto_k() < 0.5, "{found}");
    let draws = found.draws().get("mean").unwrap().to_f64().unwrap();
    let estimate: f64 = draws.iter().zip(found.smoothed()).map(|(x, w)| x * w).sum();
    assert!((estimate - mean).abs() < 4.5 * sd / found.ess().sqrt(), "{estimate} {mean}");
}

#[test]
fn a_narrow_guide_is_warned_of() {
    // Weights exp(z²(r² - 1)...) of a guide with a third of the sd have P(w > t) ~ t^(-1/k) with k = 1 - 1/9: no variance.
    let found = weights(1.0 / 3.0, 4000);
    assert!(found.pareto_k() > 0.7, "{found}");
    assert!((found.pareto_k() - 8.0 / 9.0).abs() < 0.35, "{found}");
    assert!(found.to_string().contains("\nwarning: the guide misses part of the posterior"), "{found}");
    assert!(found.ess() < 2000.0);
}

#[test]
fn what_has_no_weights_is_refused() {
    let guide = |ctx: &mut Ctx, _: &Tensor| ctx.sample("mean", Normal::new(0.0, 1.0));
    let message = ImportanceWeights::draw(Ctx::new(0), &model, &guide, 0, &data()).unwrap_err().to_string();
    assert_eq!(message, "zero draws were asked for");

    let part = |ctx: &mut Ctx, y: &Tensor| {
        let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
        ctx.plate("rows", y.subsample(2), |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
    };
    let message = ImportanceWeights::draw(Ctx::new(0), &part, &guide, 5, &data()).unwrap_err().to_string();
    assert_eq!(message, "plate `rows`: is subsampled: importance weights need all rows");

    let other = |ctx: &mut Ctx, _: &Tensor| ctx.sample("other", Normal::new(0.0, 1.0));
    let message = ImportanceWeights::draw(Ctx::new(0), &model, &other, 5, &data()).unwrap_err().to_string();
    assert!(message.starts_with("the guide lacks the model's latent sites `mean`"), "{message}");

    for (bad, expected) in [
        (vec![], "there is no importance weight above 0"),
        (vec![f64::NEG_INFINITY; 3], "there is no importance weight above 0"),
        (vec![0.0, f64::NAN], "an importance weight has the logarithm NaN"),
        (vec![0.0, f64::INFINITY], "an importance weight has the logarithm inf"),
    ] {
        assert_eq!(psis(&bad, 1.0).unwrap_err().to_string(), expected);
    }
}

/// `n` log weights spread like a generalised Pareto distribution of a shape, in no order.
fn log_weights(n: usize, shape: f64) -> Vec<f64> {
    let weight = |i: usize| {
        let u = ((i as f64 + 0.5) * 0.618_033_988_749_894_9).fract();
        -shape * (-u).ln_1p() + 0.1 * (i as f64).sin() + 3.0
    };
    (0..n).map(weight).collect()
}

#[test]
fn smoothing_agrees_with_arviz() {
    // `psislw` of arviz-stats 0.8.0: k, the smoothed log weights of the first draw and of the largest one, the sum of the
    // squared smoothed weights.
    let reference: [(usize, f64, f64, f64, [f64; 2], f64); 9] = [
        (25, 0.5, 1.0, 0.4775249209859581, [-3.5987676065079803, -2.056071395759684], 0.05378573586862237),
        (100, 0.2, 1.0, 0.6547818424205218, [-4.754832378981998, -3.6320697097907346], 0.01071449846153117),
        (1000, 0.2, 1.0, 0.3411680498602021, [-7.061322328335556, -5.433940770944516], 0.001079423545442767),
        (1000, 0.6, 1.0, 0.6634186978964289, [-7.592384098829816, -3.071875281898859], 0.004770263303676074),
        (1000, 1.2, 1.0, 1.1733782499283731, [-9.561931694864358, -1.010060347230258], 0.15006802150218812),
        (2000, 0.0, 1.0, -1.60801958825496, [-7.603440791483541, -7.503441718191487], 0.000502494498173344),
        (1000, 0.6, 0.4, 0.6785236736092726, [-7.597301920387425, -3.0211557083119023], 0.005058582675639233),
        (1000, 0.6, 0.1, 0.6267146251186969, [-7.589310626090458, -3.144978769489438], 0.004451763765184358),
        (1000, 0.2, 2.5, 0.2835333787243063, [-7.061654097733881, -5.434272540342842], 0.0010801280206856815),
    ];
    let close = |a: f64, b: f64| a == b || (a - b).abs() < 1e-9 * b.abs().max(1.0);
    for (n, shape, efficiency, k, ends, squares) in reference {
        let raw = log_weights(n, shape);
        let largest = (0..n).max_by(|&i, &j| raw[i].total_cmp(&raw[j])).unwrap();
        let smoothed = psis(&raw, efficiency).unwrap();
        assert!(close(smoothed.pareto_k, k), "n {n}, shape {shape}: {} {k}", smoothed.pareto_k);
        for (i, expected) in [0, largest].into_iter().zip(ends) {
            assert!(close(smoothed.log_weights[i], expected), "n {n}, shape {shape}: {i}");
        }
        let sum: f64 = smoothed.log_weights.iter().map(|w| (2.0 * w).exp()).sum();
        assert!((sum / squares - 1.0).abs() < 1e-9, "n {n}, shape {shape}: {sum} {squares}");
        // An additive constant and the order of the draws do not matter.
        let mut moved: Vec<f64> = raw.iter().map(|w| w - 700.0).collect();
        moved.reverse();
        assert!((psis(&moved, efficiency).unwrap().pareto_k - k).abs() < 1e-9);
    }
    // Of equal weights, as of proposals that were refused, all count.
    for (efficiency, k, squares) in
        [(1.0, 0.6995330736292039, 0.0013518235762232501), (0.3, 0.5346921570289084, 0.0013175893863300093)]
    {
        let raw: Vec<f64> = log_weights(400, 0.6).into_iter().flat_map(|w| [w; 5]).collect();
        let smoothed = psis(&raw, efficiency).unwrap();
        let sum: f64 = smoothed.log_weights.iter().map(|w| (2.0 * w).exp()).sum();
        assert!(close(smoothed.pareto_k, k) && (sum / squares - 1.0).abs() < 1e-9, "{}", smoothed.pareto_k);
    }
}

#[test]
fn tails_too_short_or_without_a_width_are_not_judged() {
    let raw = log_weights(24, 0.5);
    let smoothed = psis(&raw, 1.0).unwrap();
    assert_eq!(smoothed.pareto_k, f64::INFINITY);
    assert!((smoothed.log_weights[0] - smoothed.log_weights[1] - raw[0] + raw[1]).abs() < 1e-12);
    // Two values, the larger of them more often than the tail is long.
    let two: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i % 2 == 0))).collect();
    assert_eq!(psis(&two, 1.0).unwrap().pareto_k, f64::INFINITY);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let told = psis(&raw, bad).unwrap_err().to_string();
        assert_eq!(told, format!("the relative efficiency of draws is {bad}, must be positive"));
    }
}

#[test]
fn weights_of_zero_stay_zero() {
    let mut raw = log_weights(100, 0.5);
    raw[3] = f64::NEG_INFINITY;
    let smoothed = psis(&raw, 1.0).unwrap();
    assert_eq!(smoothed.log_weights[3], f64::NEG_INFINITY);
    assert!((smoothed.log_weights.iter().map(|w| w.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
}
