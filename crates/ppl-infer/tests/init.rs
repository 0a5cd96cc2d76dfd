//! Where inference starts: what each strategy gives, the search for a finite density, and what is refused.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Result, SubsampleExt};
use ppl_dist::{Bernoulli, Gamma, Normal, StudentT, TransformedDistribution, Uniform, transforms};
use ppl_infer::{Init, Start};
use ppl_tensor::{Key, Tensor};
use proptest::prelude::*;

/// Sites on the reals, above 0 and in an interval, one without a mean, and one in a plate that depends on others.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mu = ctx.sample("mu", Normal::new(3.0, 2.0))?;
    let s = ctx.sample("s", Gamma::new(3.0, 2.0))?;
    ctx.sample("u", Uniform::new(2.0, 10.0))?;
    let exp: std::sync::Arc<dyn ppl_core::Transform> = std::sync::Arc::new(transforms::Exp);
    ctx.sample("meanless", TransformedDistribution::new(Normal::new(1.0, 0.5), vec![exp]))?;
    ctx.sample("coin", Bernoulli::new(0.5))?;
    ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(Tensor::ones([2]) * &mu, &s))?;
        ctx.observe("y", Normal::new(z.sum(0), 1.0), y).map(|_| ())
    })
}

fn data() -> Tensor {
    Tensor::from([0.3, -0.5, 1.2])
}

fn start(init: &Init, seed: u64) -> Result<Start> {
    init.start(&model, &Ctx::new(seed), &data())
}

fn value(start: &Start, site: &str) -> Vec<f64> {
    start.value(site).unwrap().to_f64().unwrap()
}

#[test]
fn feasible_is_the_middle_of_unconstrained_space() {
    let start = start(&Init::Feasible, 0).unwrap();
    assert_eq!(value(&start, "mu"), [0.0]);
    assert_eq!(value(&start, "s"), [1.0]);
    assert_eq!(value(&start, "u"), [6.0]);
    assert_eq!(value(&start, "z"), [0.0; 6]);
    assert_eq!(start.value("z").unwrap().shape().to_vec(), [3, 2]);
    assert!([0.0, 1.0].contains(&value(&start, "coin")[0]));
    let names: Vec<&String> = start.values().keys().collect();
    assert_eq!(names, ["mu", "s", "u", "meanless", "coin", "z"]);
}

#[test]
fn means_are_those_of_the_distributions_at_the_starts_before() {
    let start = start(&Init::Mean, 0).unwrap();
    assert_eq!(value(&start, "mu"), [3.0]);
    assert_eq!(value(&start, "s"), [1.5]);
    assert_eq!(value(&start, "u"), [6.0]);
    assert_eq!(value(&start, "z"), [3.0; 6]);
    // Without a mean: the median of 15 draws, of standard error 1.2533·0.5/√15 on the log scale.
    let meanless = value(&start, "meanless")[0].ln();
    assert!((meanless - 1.0).abs() < 5.0 * 1.2533 * 0.5 / f64::sqrt(15.0), "{meanless}");
}

#[test]
fn medians_are_those_of_many_draws() {
    let samples = 2001;
    let start = start(&Init::Median { samples }, 0).unwrap();
    // The standard error of a median is 1/(2 f √n), with the density f at the median: of a normal 1.2533 sd/√n.
    let root = f64::sqrt(samples as f64);
    let mu = value(&start, "mu")[0];
    assert!((mu - 3.0).abs() < 5.0 * 1.2533 * 2.0 / root, "{mu}");
    // Median and density of Gamma(3, rate 2) by SciPy: 1.337030156, 0.493188293.
    let s = value(&start, "s")[0];
    assert!((s - 1.337_030_156).abs() < 5.0 / (2.0 * 0.493_188 * root), "{s}");
    let u = value(&start, "u")[0];
    assert!((u - 6.0).abs() < 5.0 * 8.0 / (2.0 * root), "{u}");
    let z = value(&start, "z");
    assert!(z.iter().all(|z| (z - mu).abs() < 5.0 * 1.2533 * s / root), "{z:?} {mu}");
    // Each row and entry has draws of its own.
    assert!((1..z.len()).all(|i| z[i] != z[0]), "{z:?}");
}

#[test]
fn an_even_number_of_draws_has_its_median_between_two() {
    let key = Key::new(4);
    let model = |ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(0.0, 1.0)).map(|_| ());
    let ctx = Ctx::with_key(&ppl_tensor::Device::cpu(), key);
    let of = |samples| {
        let start = Init::Median { samples }.start(&model, &ctx, &()).unwrap();
        start.value("x").unwrap().to_scalar().unwrap()
    };
    // Draw i has the key of i: one more draw of a pair is the pair's mean when it is of two.
    let (one, two) = (of(1), of(2));
    let second = 2.0 * two - one;
    let three = of(3);
    let (low, high) = (one.min(second), one.max(second));
    assert!(low <= three && three <= high, "{one} {second} {three}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, rng_seed: proptest::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn draws_are_inside_and_differ_by_key_and_row(seed in any::<u64>(), radius in 0.1..3.0_f64) {
        for init in [Init::Sample, Init::Uniform { radius }] {
            let (one, other) = (start(&init, seed).unwrap(), start(&init, seed.wrapping_add(1)).unwrap());
            prop_assert_ne!(value(&one, "mu"), value(&other, "mu"));
            let z = value(&one, "z");
            prop_assert!((1..z.len()).all(|i| z[i] != z[0]));
            prop_assert!((2.0..=10.0).contains(&value(&one, "u")[0]));
            prop_assert!(value(&one, "s")[0] > 0.0);
            if let Init::Uniform { radius } = init {
                prop_assert!(value(&one, "s")[0].ln().abs() < radius);
                prop_assert!(z.iter().all(|z| z.abs() < radius));
            }
        }
    }
}

#[test]
fn given_values_are_used_and_other_sites_start_otherwise() {
    let z = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let Init::Values { values, .. } = Init::values([("z", z), ("s", 0.5.into())]) else { panic!() };
    let start = start(&Init::Values { values, otherwise: Box::new(Init::Mean) }, 0).unwrap();
    assert_eq!(value(&start, "z"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(value(&start, "s"), [0.5]);
    assert_eq!(value(&start, "mu"), [3.0]);
    // The log density is that of the run: Normal(1 | 3, 0.5) and so on.
    let log_prob = start.trace().site("z").unwrap().log_prob_sum(&[]).unwrap().to_scalar().unwrap();
    let expected: f64 = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        .iter()
        .map(|z: &f64| -2.0 * (z - 3.0).powi(2) - 0.5_f64.ln() - 0.5 * std::f64::consts::TAU.ln())
        .sum();
    assert!((log_prob - expected).abs() < 1e-12 * expected.abs(), "{log_prob} {expected}");
}

#[test]
fn all_rows_of_a_subsampled_plate_have_a_start() {
    let model = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("rows", y.subsample(2), |ctx, y| {
            let z = ctx.sample("z", Normal::new(Tensor::zeros([3]), 1.0))?;
            ctx.observe("y", Normal::new(z.sum(0), 1.0), y).map(|_| ())
        })
    };
    let y = Tensor::from([0.0, 1.0, 2.0, 3.0, 4.0]);
    let start = Init::Sample.start(&model, &Ctx::new(0), &y).unwrap();
    let z = start.value("z").unwrap();
    assert_eq!(z.shape().to_vec(), [5, 3]);
    // Rows not chosen start like chosen ones.
    let chosen = start.trace().value("z").unwrap().to_f64().unwrap();
    assert_eq!(z.to_f64().unwrap(), [&chosen[..], &chosen[..], &chosen[..3]].concat());

    // A value for all rows: the run sees those of the rows chosen, the start keeps all.
    let given = Tensor::from((0..15).map(f64::from).collect::<Vec<_>>()).reshape([5, 3]);
    let start = Init::values([("z", &given)]).start(&model, &Ctx::new(0), &y).unwrap();
    assert_eq!(start.value("z").unwrap().to_f64().unwrap(), given.to_f64().unwrap());
    let rows = start.trace().value("rows").unwrap().to_vec::<i64>().unwrap();
    let seen = start.trace().value("z").unwrap().to_f64().unwrap();
    let expected = rows.iter().flat_map(|row| (0..3).map(move |i| (row * 3 + i) as f64));
    assert_eq!(seen, expected.collect::<Vec<_>>());
}

#[test]
fn strategies_that_draw_look_for_a_finite_density() {
    let barrier = |ctx: &mut Ctx, limit: &f64| {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.factor("barrier", z.gt(*limit).select(0.0, f64::NEG_INFINITY))
    };
    // One draw in six is above 1: a hundred of them are below once in 3e7 keys.
    for init in [Init::Sample, Init::Uniform { radius: 2.0 }] {
        let start = init.start(&barrier, &Ctx::new(0), &1.0).unwrap();
        assert!(start.value("z").unwrap().to_scalar().unwrap() > 1.0);
    }
    for (init, limit) in [(Init::Feasible, 0.5), (Init::Sample, 50.0)] {
        let message = init.start(&barrier, &Ctx::new(0), &limit).unwrap_err().to_string();
        let expected = "the log probability of site `barrier (at the start)` is -inf\nsite";
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn bad_starts_are_refused_by_name() {
    let far = Tensor::from([1.0, 2.0, 3.0, 4.0]);
    let cases = [
        (Init::values([("s", -1.0)]), "site `s`: the value must be in the support positive, but has -1"),
        (Init::values([("u", 1.0)]), "site `u`: the value must be in the support in [2, 10], but has 1"),
        (Init::values([("s", f64::NAN)]), "site `s`: the value must be in the support positive, but has NaN"),
        (
            Init::values([("mu", &far)]),
            "site `mu`: the start has shape [4], a draw of the Normal distribution []",
        ),
        (
            Init::values([("z", &far.reshape([4, 1]))]),
            "site `z`: plate `rows`: a value has 4 rows, the plate 3",
        ),
        (
            Init::values([("sigma", 1.0)]),
            "there is no latent site named `sigma`; there are: mu, s, u, meanless, coin, z",
        ),
        (
            Init::values([("y", 1.0)]),
            "there is no latent site named `y`; there are: mu, s, u, meanless, coin, z",
        ),
        (Init::Median { samples: 0 }, "Init::Median needs at least one sample"),
        (Init::Uniform { radius: -1.0 }, "the radius of Init::Uniform is -1, must be positive"),
        (Init::Uniform { radius: f64::NAN }, "the radius of Init::Uniform is NaN, must be positive"),
    ];
    for (init, expected) in cases {
        let message = start(&init, 0).unwrap_err().to_string();
        assert_eq!(message, expected, "{init:?}");
    }
    let started = start(&Init::Feasible, 0).unwrap();
    let message = started.value("sigma").unwrap_err().to_string();
    assert_eq!(message, "there is no latent site named `sigma`; there are: mu, s, u, meanless, coin, z");
}

/// A state that follows itself, and one whose distribution has no mean in the second step.
fn states(ctx: &mut Ctx, drift: &Tensor) -> Result<()> {
    ctx.scan("time", drift, &Tensor::from(1.0), |ctx, before, drift| {
        let z = ctx.sample("z", Normal::new(before * 0.5 + drift, 0.1))?;
        ctx.sample("tail", StudentT::new(drift.gt(0.15).select(0.5, 3.0), &z, 0.1))?;
        Ok((z, ()))
    })?;
    Ok(())
}

#[test]
fn every_step_of_a_scan_has_a_start() {
    let drift = Tensor::from([0.1, 0.2, -0.3]);
    let at = |init: &Init, site: &str| {
        let start = init.start(&states, &Ctx::new(0), &drift).unwrap();
        assert_eq!(start.value(site).unwrap().shape().to_vec(), [3]);
        value(&start, site)
    };
    let near = |found: &[f64], expected: &[f64], off: f64| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < off), "{found:?} {expected:?}");
    };
    assert_eq!(at(&Init::Feasible, "z"), [0.0; 3]);
    // Means follow the starts of the steps before: 1/2 + 0.1, 0.6/2 + 0.2, 0.5/2 - 0.3.
    let means = [0.6, 0.5, -0.05];
    near(&at(&Init::Mean, "z"), &means, 1e-12);
    let tail = at(&Init::Mean, "tail");
    near(&[tail[0], tail[2]], &[means[0], means[2]], 1e-12);
    // The median of 15 draws in the step without a mean: of density 0.269 at the centre, standard error 0.1/(2·0.269·√15).
    assert!(tail[1] != means[1] && (tail[1] - means[1]).abs() < 5.0 * 0.048, "{tail:?}");

    let samples = 1001;
    // Errors 1.2533·0.1/√n of the medians add up to twice that over the steps.
    near(&at(&Init::Median { samples }, "z"), &means, 5.0 * 2.0 * 1.2533 * 0.1 / f64::sqrt(samples as f64));
    let z = at(&Init::Sample, "z");
    let moved = [z[0] - 0.6, z[1] - 0.5 * z[0] - 0.2, z[2] - 0.5 * z[1] + 0.3];
    assert!(moved.iter().all(|x| x.abs() < 0.6 && *x != 0.0) && moved[0] != moved[1], "{moved:?}");
    let z = at(&Init::Uniform { radius: 2.0 }, "z");
    assert!(z.iter().all(|z| z.abs() < 2.0) && z[0] != z[1] && z[1] != z[2], "{z:?}");

    let given = Init::values([("z", Tensor::from([1.0, 2.0, 3.0]))]);
    assert_eq!(at(&given, "z"), [1.0, 2.0, 3.0]);
    assert_eq!(at(&Init::values([("z", 4.0)]), "z"), [4.0; 3]);
    let wrong = Init::values([("z", Tensor::from([1.0, 2.0]))]).start(&states, &Ctx::new(0), &drift);
    assert_eq!(wrong.unwrap_err().to_string(), "site `z`: plate `time`: a value has 2 rows, the scan 3");
}
