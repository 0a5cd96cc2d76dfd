//! Laws of tracing, replaying, conditioning, substituting, blocking and seeding.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Message, Result, Trace, block, condition, replay, seed, substitute, trace};
use ppl_dist::{Bernoulli, Gamma, Normal};
use ppl_tensor::{Key, Tensor};
use proptest::prelude::*;

/// Three dependent latent sites, one of them in a plate, data, a deterministic value and a factor.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<Tensor> {
    let mean = ctx.sample("mean", Normal::new(0.5, 2.0))?;
    let scale = ctx.sample("scale", Gamma::new(2.0, 1.5))?;
    ctx.sample("coin", Bernoulli::new(0.3))?;
    let z = ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(&mean, &scale))?;
        ctx.observe("y", Normal::new(&z, 0.5), y)?;
        Ok(z)
    })?;
    ctx.deterministic("spread", z.max(0) - z.min(0))?;
    ctx.factor("penalty", -z.square().sum(0))?;
    Ok(z)
}

fn data() -> Tensor {
    Tensor::from([0.3, -1.2, 2.0, 0.9])
}

fn run(seed: u64) -> Trace {
    trace(&mut Ctx::new(seed), &model, &data()).unwrap().0
}

fn values(trace: &Trace) -> Vec<(String, Vec<f64>)> {
    let value = |name: &String| (name.clone(), trace.value(name).unwrap().to_f64().unwrap());
    trace.sites().map(|site| value(&site.name)).collect()
}

fn log_prob(trace: &Trace) -> f64 {
    trace.log_prob_sum().unwrap().to_scalar().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: proptest::test_runner::RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_seed_gives_the_same_run(seed in any::<u64>()) {
        prop_assert_eq!(values(&run(seed)), values(&run(seed)));
    }

    #[test]
    fn different_seeds_give_different_runs(seed in any::<u64>()) {
        let (a, b) = (run(seed), run(seed.wrapping_add(1)));
        prop_assert_ne!(a.value("mean").unwrap().to_f64().unwrap(), b.value("mean").unwrap().to_f64().unwrap());
    }

    #[test]
    fn a_replayed_run_is_the_recorded_run(first in any::<u64>(), second in any::<u64>()) {
        let recorded = run(first);
        let (again, _) = trace(&mut Ctx::new(second), &replay(model, recorded.clone()), &data()).unwrap();
        prop_assert_eq!(values(&recorded), values(&again));
        prop_assert_eq!(log_prob(&recorded), log_prob(&again));
    }

    #[test]
    fn replaying_twice_is_replaying_once(first in any::<u64>(), second in any::<u64>()) {
        let recorded = run(first);
        let twice = replay(replay(model, run(second)), recorded.clone());
        let (again, _) = trace(&mut Ctx::new(3), &twice, &data()).unwrap();
        // The inner handler sees a statement first and decides it.
        prop_assert_eq!(values(&again), values(&run(second)));
    }

    #[test]
    fn conditioning_keeps_the_joint_density(seed in any::<u64>(), mean in -3.0..3.0f64) {
        let conditioned = condition(model, [("mean", mean)]);
        let (given, _) = trace(&mut Ctx::new(seed), &conditioned, &data()).unwrap();
        prop_assert!(given.site("mean").unwrap().is_observed());
        prop_assert_eq!(given.value("mean").unwrap().to_scalar().unwrap(), mean);

        let substituted = substitute(model, [("mean", mean)]);
        let (latent, _) = trace(&mut Ctx::new(seed), &substituted, &data()).unwrap();
        prop_assert!(latent.site("mean").unwrap().is_latent());
        prop_assert_eq!(values(&given), values(&latent));
        prop_assert_eq!(log_prob(&given), log_prob(&latent));
    }

    #[test]
    fn conditions_on_different_sites_commute(seed in any::<u64>(), mean in -3.0..3.0f64, scale in 0.1..3.0f64) {
        let one = condition(condition(model, [("mean", mean)]), [("scale", scale)]);
        let other = condition(condition(model, [("scale", scale)]), [("mean", mean)]);
        let (a, _) = trace(&mut Ctx::new(seed), &one, &data()).unwrap();
        let (b, _) = trace(&mut Ctx::new(seed), &other, &data()).unwrap();
        prop_assert_eq!(values(&a), values(&b));
        prop_assert_eq!(log_prob(&a), log_prob(&b));
    }

    #[test]
    fn a_seed_decides_the_draws_whatever_the_context(seed_a in any::<u64>(), seed_b in any::<u64>(), key in any::<u64>()) {
        let seeded = seed(model, Key::new(key));
        let (a, _) = trace(&mut Ctx::new(seed_a), &seeded, &data()).unwrap();
        let (b, _) = trace(&mut Ctx::new(seed_b), &seeded, &data()).unwrap();
        prop_assert_eq!(values(&a), values(&b));
    }

    #[test]
    fn the_innermost_seed_decides(inner in any::<u64>(), outer in any::<u64>()) {
        let (a, _) = trace(&mut Ctx::new(0), &seed(seed(model, Key::new(inner)), Key::new(outer)), &data()).unwrap();
        let (b, _) = trace(&mut Ctx::new(0), &seed(model, Key::new(inner)), &data()).unwrap();
        prop_assert_eq!(values(&a), values(&b));
    }

    #[test]
    fn a_site_draws_the_same_whether_others_are_decided(seed in any::<u64>()) {
        let decided = substitute(model, [("coin", 1.0)]);
        let (a, _) = trace(&mut Ctx::new(seed), &decided, &data()).unwrap();
        let b = run(seed);
        prop_assert_eq!(a.value("z").unwrap().to_f64().unwrap(), b.value("z").unwrap().to_f64().unwrap());
    }
}

#[test]
fn sites_are_recorded_in_order_with_their_kinds() {
    let run = run(1);
    let names: Vec<&str> = run.sites().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["mean", "scale", "coin", "z", "y", "spread", "penalty"]);
    assert!(run.site("y").unwrap().is_observed());
    assert!(!run.site("spread").unwrap().has_density());
    let table = run.format_shapes();
    assert!(table.contains("z        rows 4  Normal []"), "{table}");
}

#[test]
fn the_density_of_a_run_is_the_sum_of_its_sites() {
    let run = run(5);
    let scalar = |name: &str| run.value(name).unwrap().to_scalar().unwrap();
    let normal =
        |x: f64, m: f64, s: f64| -0.5 * ((x - m) / s).powi(2) - s.ln() - 0.5 * std::f64::consts::TAU.ln();
    let (mean, scale) = (scalar("mean"), scalar("scale"));
    // Gamma(2, 1.5): Γ(2) = 1.
    let mut expected = normal(mean, 0.5, 2.0) + 2.0 * 1.5f64.ln() + scale.ln() - 1.5 * scale;
    expected += if scalar("coin") == 1.0 { 0.3f64.ln() } else { 0.7f64.ln() };
    let (z, y) = (run.value("z").unwrap().to_f64().unwrap(), data().to_f64().unwrap());
    for (z, y) in z.iter().zip(&y) {
        expected += normal(*z, mean, scale) + normal(*y, *z, 0.5) - z * z;
    }
    let found = log_prob(&run);
    assert!((found - expected).abs() < 1e-12 * expected.abs(), "{found} {expected}");
}

#[test]
fn blocked_sites_are_not_recorded_but_still_drawn() {
    let blocked = block(model, |message: &Message| message.name == "mean" || message.name == "y");
    let (partial, z) = trace(&mut Ctx::new(2), &blocked, &data()).unwrap();
    assert!(partial.get("mean").is_none() && partial.get("y").is_none());
    assert!(partial.get("scale").is_some());
    let (_, whole) = trace(&mut Ctx::new(2), &model, &data()).unwrap();
    assert_eq!(z.to_f64().unwrap(), whole.to_f64().unwrap());
}

#[test]
fn data_given_by_none_is_drawn() {
    let coin = |ctx: &mut Ctx, y: &Option<Tensor>| ctx.observe("y", Normal::new(0.0, 1.0), y);
    let (drawn, _) = trace(&mut Ctx::new(0), &coin, &None).unwrap();
    assert!(drawn.site("y").unwrap().is_latent());
    let (given, _) = trace(&mut Ctx::new(0), &coin, &Some(Tensor::from(0.5))).unwrap();
    assert!(given.site("y").unwrap().is_observed());
}

#[test]
fn handlers_with_values_reach_plates() {
    let z = Tensor::from([0.1, 0.2, 0.3, 0.4]);
    let (run, returned) = trace(&mut Ctx::new(0), &condition(model, [("z", z.clone())]), &data()).unwrap();
    assert_eq!(run.value("z").unwrap().to_f64().unwrap(), z.to_f64().unwrap());
    assert_eq!(returned.to_f64().unwrap(), z.to_f64().unwrap());
    // Without the plate's dimension: the same in every row.
    let (run, _) = trace(&mut Ctx::new(0), &condition(model, [("z", 0.7)]), &data()).unwrap();
    assert_eq!(run.value("z").unwrap().to_f64().unwrap(), [0.7; 4]);
}
