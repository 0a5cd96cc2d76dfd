//! What each handler does to a program: its values, its kinds of sites, its log density.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use ppl_core::{
    AllBut, Config, ConfigureExt, Ctx, Distribution, Message, Model, Result, SiteKind, SubsampleExt, Trace,
    block, condition, do_, infer_config, lift, mask, replay, scale, scope, seed, trace, uncondition,
};
use ppl_dist::{Gamma, Normal, constraints};
use ppl_tensor::{Key, Tensor};

/// A global and a local latent site, data, a parameter, a factor, a deterministic value.
fn model(ctx: &mut Ctx, y: &Tensor) -> Result<Tensor> {
    let spread = ctx.param_in("spread", 0.5, constraints::positive())?;
    let mean = ctx.sample("mean", Normal::new(0.5, 2.0))?;
    let z = ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(&mean, &spread))?;
        ctx.observe("y", Normal::new(&z, 0.5), y)?;
        Ok(z)
    })?;
    ctx.deterministic("range", z.max(0) - z.min(0))?;
    ctx.factor("penalty", z.sum(0) * 0.1)?;
    Ok(z)
}

fn data() -> Tensor {
    Tensor::from([0.3, -1.2, 2.0, 0.9])
}

fn run(model: impl Model<Tensor>) -> Trace {
    trace(&mut Ctx::new(4), &model, &data()).unwrap().0
}

fn message(model: impl Model<Tensor>) -> String {
    trace(&mut Ctx::new(4), &model, &data()).err().unwrap().to_string()
}

fn numbers(trace: &Trace, site: &str) -> Vec<f64> {
    trace.value(site).unwrap().to_f64().unwrap()
}

fn density(trace: &Trace, site: &str) -> f64 {
    trace.site(site).unwrap().log_prob_sum(&[]).unwrap().to_scalar().unwrap()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} {b}");
}

fn names(trace: &Trace) -> Vec<&str> {
    trace.sites().map(|site| site.name.as_str()).collect()
}

#[test]
fn uncondition_draws_the_data_and_keeps_all_else() {
    let drawn = run(uncondition(model));
    assert!(drawn.site("y").unwrap().is_latent());
    assert_ne!(numbers(&drawn, "y"), data().to_f64().unwrap());
    assert_eq!(numbers(&drawn, "z"), numbers(&run(model), "z"));
    // Undoes a condition inside of it, not one outside.
    let inside = run(uncondition(condition(model, [("mean", 9.0)])));
    assert_eq!(numbers(&inside, "mean"), numbers(&run(model), "mean"));
    let outside = run(condition(uncondition(model), [("mean", 9.0)]));
    assert_eq!(numbers(&outside, "mean"), [9.0]);
}

#[test]
fn an_intervention_changes_what_follows_and_not_the_site() {
    let untouched = run(model);
    let set = run(do_(model, [("mean", 100.0)]));
    assert_eq!(numbers(&set, "mean"), numbers(&untouched, "mean"));
    assert_eq!(density(&set, "mean"), density(&untouched, "mean"));
    assert!(numbers(&set, "z").iter().all(|z| (z - 100.0).abs() < 5.0));
    assert_eq!(names(&set), names(&untouched));
    // Conditioning on what a site was, while it is set: the twin network of counterfactuals.
    let both = run(condition(do_(model, [("mean", 100.0)]), [("mean", 1.5)]));
    assert_eq!(numbers(&both, "mean"), [1.5]);
    assert!(numbers(&both, "z").iter().all(|z| (z - 100.0).abs() < 5.0));
    // Row by row.
    let rows = run(do_(model, [("z", Tensor::from([1.0, 2.0, 3.0, 4.0]))]));
    close(numbers(&rows, "range")[0], 3.0);
    assert_eq!(numbers(&rows, "z"), numbers(&untouched, "z"));
}

#[test]
fn a_mask_switches_rows_off() {
    let all = run(model);
    let mask_of = Tensor::from([true, false, true, false]);
    let some = run(mask(model, mask_of.clone()));
    assert_eq!(numbers(&some, "z"), numbers(&all, "z"));
    let normal =
        |x: f64, m: f64| -0.5 * ((x - m) / 0.5).powi(2) - 0.5f64.ln() - 0.5 * std::f64::consts::TAU.ln();
    let (z, y) = (numbers(&all, "z"), numbers(&all, "y"));
    close(density(&some, "y"), normal(y[0], z[0]) + normal(y[2], z[2]));
    // Masks of nested handlers are both needed; outside of plates one truth value serves all.
    let none = run(mask(mask(model, mask_of.clone()), mask_of.eq(false)));
    assert_eq!(density(&none, "y"), 0.0);
    assert_eq!(run(mask(model, false)).log_prob_sum().unwrap().to_scalar().unwrap(), 0.0);
    assert_eq!(message(mask(model, 0.5)), "site `mean`: a mask must be of truth values, found f64");
}

#[test]
fn a_mask_hides_infinite_densities_and_their_gradients() {
    let x = Tensor::from([1.0, 2.0]).tracked();
    let program = |ctx: &mut Ctx, _: &Tensor| ctx.factor("f", (&x * 1e200).square() * -1e200);
    let masked = run(mask(program, false));
    let density = masked.log_prob_sum().unwrap();
    assert_eq!(density.to_scalar().unwrap(), 0.0);
}

#[test]
fn a_scale_multiplies_densities() {
    let all = run(model);
    let twice = run(scale(scale(model, 4.0), 0.5));
    for site in ["mean", "z", "y", "penalty"] {
        close(density(&twice, site), 2.0 * density(&all, site));
    }
    // Weights of rows, and the factor of a subsample beside them.
    let rows = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("rows", y.at_rows([1i64, 3]), |ctx, y| ctx.observe("y", Normal::new(0.0, 1.0), y))
    };
    let weights = Tensor::from([1.0, 10.0, 100.0, 1000.0]);
    let normal = |x: f64| -0.5 * x * x - 0.5 * std::f64::consts::TAU.ln();
    let weighted = run(scale(rows, weights));
    close(density(&weighted, "y"), 2.0 * (10.0 * normal(-1.2) + 1000.0 * normal(0.9)));
    assert_eq!(message(scale(model, -1.0)), "site `mean`: a scale must be positive and finite, found -1");
    assert_eq!(
        message(scale(model, f64::NAN)),
        "site `mean`: a scale must be positive and finite, found NaN"
    );
}

#[test]
fn a_lifted_parameter_is_a_latent_site() {
    let prior = |name: &str, _: &Tensor| -> Option<Arc<dyn Distribution>> {
        (name == "spread").then(|| Arc::new(Gamma::new(2.0, 3.0)) as Arc<dyn Distribution>)
    };
    let mut ctx = Ctx::new(4);
    let (lifted, _) = trace(&mut ctx, &lift(model, prior), &data()).unwrap();
    assert!(lifted.site("spread").unwrap().is_latent());
    assert!(ctx.params().is_empty());
    // A handler further out sees a sample site.
    assert_eq!(numbers(&run(condition(lift(model, prior), [("spread", 0.25)])), "spread"), [0.25]);

    // Of all rows alike, although the statement is inside a plate; of each row where each has its own.
    let rows = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("rows", y.subsample(2), |ctx, _| {
            let shared = ctx.param("shared", 0.0)?;
            let own = ctx.param_per_row("own", 0.0, None)?;
            Ok((shared, own))
        })
    };
    let normal = |_: &str, _: &Tensor| Some(Arc::new(Normal::new(0.0, 1.0)) as Arc<dyn Distribution>);
    let lifted = run(lift(rows, normal));
    assert_eq!(lifted.value("shared").unwrap().shape().to_vec(), [0usize; 0]);
    assert_eq!(lifted.value("own").unwrap().shape().to_vec(), [2]);
    assert_eq!(lifted.site("shared").unwrap().scale, 1.0);
    assert_eq!(lifted.site("own").unwrap().scale, 2.0);
}

#[test]
fn a_scope_prefixes_names_and_nothing_else() {
    let inner = run(scope(model, "part"));
    let expected = ["part/spread", "part/mean", "part/z", "part/y", "part/range", "part/penalty"];
    assert_eq!(names(&inner), expected);
    let table = inner.format_shapes();
    assert!(table.contains("part/z        rows 4"), "{table}");
    // The same program twice, under two names.
    let twice = |ctx: &mut Ctx, y: &Tensor| {
        scope(model, "a").run(ctx, y)?;
        scope(scope(model, "c"), "b").run(ctx, y)
    };
    let both = run(twice);
    assert!(both.get("a/mean").is_some() && both.get("b/c/mean").is_some());
    assert_ne!(numbers(&both, "a/mean"), numbers(&both, "b/c/mean"));
}

#[derive(Debug, PartialEq)]
struct Setting(i32);

#[test]
fn settings_travel_with_sites() {
    let program = |ctx: &mut Ctx, _: &Tensor| {
        ctx.sample("a", Normal::new(0.0, 1.0).configure(Setting(1)).configure("word"))?;
        ctx.sample("b", Normal::new(0.0, 1.0))
    };
    let plain = run(program);
    assert_eq!(plain.site("a").unwrap().config.get::<Setting>(), Some(&Setting(1)));
    assert_eq!(plain.site("a").unwrap().config.get::<&str>(), Some(&"word"));
    assert_eq!(plain.site("b").unwrap().config.get::<Setting>(), None);
    let two = |message: &Message| match message.name.as_str() {
        "a" => Config::new().with(Setting(2)),
        _ => Config::new(),
    };
    let from_outside = run(infer_config(program, two));
    assert_eq!(from_outside.site("a").unwrap().config.get::<Setting>(), Some(&Setting(2)));
    assert_eq!(from_outside.site("a").unwrap().config.get::<&str>(), Some(&"word"));
    assert_eq!(from_outside.site("b").unwrap().config.get::<Setting>(), None);
}

#[test]
fn blocks_choose_by_name_kind_or_predicate() {
    assert_eq!(names(&run(block(model, ["mean", "y"]))), ["spread", "z", "range", "penalty"]);
    assert_eq!(names(&run(block(model, "mean"))), ["spread", "z", "y", "range", "penalty"]);
    assert_eq!(names(&run(block(model, SiteKind::Latent))), ["spread", "y", "range", "penalty"]);
    assert_eq!(names(&run(block(model, AllBut([SiteKind::Latent, SiteKind::Observed])))), ["mean", "z", "y"]);
    assert_eq!(names(&run(block(model, |m: &Message| m.name.len() > 1))), ["z", "y"]);
    // All that is random is the same for who looks and for who does not.
    let (_, seen) = trace(&mut Ctx::new(4), &model, &data()).unwrap();
    let (_, hidden) = trace(&mut Ctx::new(4), &block(model, AllBut("nothing")), &data()).unwrap();
    assert_eq!(seen.to_f64().unwrap(), hidden.to_f64().unwrap());
}

#[test]
fn a_plate_opened_again_or_by_a_guide_has_the_same_rows() {
    let twice = |ctx: &mut Ctx, y: &Tensor| {
        let first = ctx.plate("rows", y.subsample(3), |_, y| Ok(y.clone()))?;
        let second = ctx.plate("rows", y.subsample(3), |_, y| Ok(y.clone()))?;
        Ok((first, second))
    };
    let (recorded, (first, second)) = trace(&mut Ctx::new(8), &twice, &data()).unwrap();
    assert_eq!(first.to_f64().unwrap(), second.to_f64().unwrap());
    // Another key chooses other rows, a replayed run does not.
    let other = seed(twice, Key::new(77));
    let (_, (drawn, _)) = trace(&mut Ctx::new(8), &other, &data()).unwrap();
    assert_ne!(first.to_f64().unwrap(), drawn.to_f64().unwrap());
    let (_, (again, _)) = trace(&mut Ctx::new(8), &replay(twice, recorded), &data()).unwrap();
    assert_eq!(first.to_f64().unwrap(), again.to_f64().unwrap());
}
