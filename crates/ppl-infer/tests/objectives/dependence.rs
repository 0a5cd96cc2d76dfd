//! Which costs weigh a score: exact in the mean over all outcomes, and no others than need be.

use ppl_core::{Ctx, Result};
use ppl_dist::{Bernoulli, Categorical, Normal};
use ppl_infer::{
    Baseline, GradientEstimator, Objective, ObjectiveState, TraceElbo, TraceGraphElbo, estimate_from,
};
use ppl_tensor::Tensor;

use crate::support::{Guide, Outcome, Program, all_close, close, gradients, loss, over_all_outcomes, text};

fn both() -> [Box<dyn Objective>; 2] {
    [Box::new(TraceElbo::new()), Box::new(TraceGraphElbo::new())]
}

/// All values of sites of one truth value each.
fn switches(names: &[&'static str]) -> Vec<Outcome> {
    let value = |outcome: usize, place: usize| Tensor::from(f64::from(u8::from(outcome >> place & 1 == 1)));
    (0..1 << names.len())
        .map(|outcome| names.iter().enumerate().map(|(place, name)| (*name, value(outcome, place))).collect())
        .collect()
}

fn unbiased(model: impl Fn(&mut Ctx, &()) -> Result<()>, guide: &Guide, theta: &[f64], outcomes: &[Outcome]) {
    for objective in both() {
        let (mean, exact) = over_all_outcomes(&objective, &model, guide, theta, outcomes);
        all_close(&mean, &exact, 1e-8);
    }
}

fn two_switches(theta: &[f64]) -> Program {
    let theta = Tensor::from(theta.to_vec());
    Box::new(move |ctx, _| {
        let logits = ctx.param("theta", &theta)?;
        ctx.sample("a", Bernoulli::with_logits(logits.select_index(0, 0)))?;
        ctx.sample("b", Bernoulli::with_logits(logits.select_index(0, 1)))?;
        Ok(())
    })
}

fn two_measurements(x: f64, y: f64) -> impl Fn(&mut Ctx, &()) -> Result<()> {
    move |ctx, _| {
        let a = ctx.sample("a", Bernoulli::new(0.3))?;
        let b = ctx.sample("b", Bernoulli::new(0.6))?;
        ctx.observe("x", Normal::new(a, 1.0), x)?;
        ctx.observe("y", Normal::new(b, 1.0), y)?;
        Ok(())
    }
}

#[test]
fn costs_that_do_not_depend_on_a_draw_do_not_weigh_its_score() {
    unbiased(two_measurements(0.4, -0.7), &two_switches, &[0.3, -0.2], &switches(&["a", "b"]));
    let of_a = |objective: &dyn Objective, y: f64| {
        gradients(objective, 4, &two_measurements(0.4, y), &two_switches(&[0.3, -0.2]), &["theta"]).1[0]
    };
    let [all, downstream] = both();
    assert_eq!(of_a(&downstream, 0.0), of_a(&downstream, 50.0));
    assert_ne!(of_a(&all, 0.0), of_a(&all, 50.0));
}

#[test]
fn a_draw_that_another_depends_on_has_its_costs_too() {
    let guide = |theta: &[f64]| -> Program {
        let theta = Tensor::from(theta.to_vec());
        Box::new(move |ctx, _| {
            let logits = ctx.param("theta", &theta)?;
            let a = ctx.sample("a", Bernoulli::with_logits(logits.select_index(0, 0)))?;
            // By comparison and index: nothing that a gradient could follow.
            let chosen = logits.slice(0, 1..3).at(a.gt(0.5).cast(ppl_tensor::DType::I64));
            ctx.sample("b", Bernoulli::with_logits(chosen))?;
            Ok(())
        })
    };
    let model = |ctx: &mut Ctx, _: &()| {
        ctx.sample("a", Bernoulli::new(0.3))?;
        let b = ctx.sample("b", Bernoulli::new(0.6))?;
        ctx.observe("y", Normal::new(b * 2.0, 1.0), 1.4)?;
        Ok(())
    };
    unbiased(model, &guide, &[0.3, -0.2, 0.9], &switches(&["a", "b"]));
}

#[test]
fn an_index_into_parameters_is_a_dependence() {
    let guide = |theta: &[f64]| -> Program {
        let theta = Tensor::from(theta.to_vec());
        Box::new(move |ctx, _| {
            let logits = ctx.param("theta", &theta)?;
            ctx.sample("k", Categorical::with_logits(logits)).map(|_| ())
        })
    };
    let model = |ctx: &mut Ctx, _: &()| {
        let k = ctx.sample("k", Categorical::new(Tensor::from([0.2, 0.5, 0.3])))?;
        ctx.observe("x", Normal::new(Tensor::from([-1.0, 0.5, 2.0]).at(k), 0.7), 0.9)?;
        Ok(())
    };
    let outcomes: Vec<Outcome> = (0..3_i64).map(|k| vec![("k", Tensor::from(k))]).collect();
    unbiased(model, &guide, &[0.3, -0.2, 0.1], &outcomes);
}

/// What a program does after it has read a value depends on that value, though no number tells.
#[test]
fn a_program_that_reads_a_draw_depends_on_it() {
    let guide = |theta: &[f64]| -> Program {
        let theta = Tensor::from(theta.to_vec());
        Box::new(move |ctx, _| {
            let logits = ctx.param("theta", &theta)?;
            let a = ctx.sample("a", Bernoulli::with_logits(logits.select_index(0, 0)))?;
            let place = if a.to_scalar()? == 1.0 { 1 } else { 2 };
            ctx.sample("b", Bernoulli::with_logits(logits.select_index(0, place)))?;
            Ok(())
        })
    };
    let model = |ctx: &mut Ctx, _: &()| {
        let a = ctx.sample("a", Bernoulli::new(0.3))?;
        let b = ctx.sample("b", Bernoulli::new(0.6))?;
        ctx.observe("y", Normal::new(&b, 1.0), 1.4)?;
        if a.to_scalar()? == 1.0 {
            ctx.observe("only then", Normal::new(1.0, 1.0), 0.2)?;
        }
        Ok(())
    };
    unbiased(model, &guide, &[0.3, -0.2, 0.9], &switches(&["a", "b"]));
}

fn switch_per_row(theta: &[f64]) -> Program {
    let theta = Tensor::from(theta.to_vec());
    Box::new(move |ctx, _| {
        let logits = ctx.param("theta", &theta)?;
        ctx.plate("rows", &logits, |ctx, logit| ctx.sample("z", Bernoulli::with_logits(logit)))?;
        Ok(())
    })
}

/// A plate that is left and entered again: by then every row depends on all rows.
#[test]
fn rows_that_met_outside_their_plate_weigh_each_other() {
    let model = |ctx: &mut Ctx, _: &()| {
        let z = ctx.plate("rows", 3usize, |ctx, _| ctx.sample("z", Bernoulli::new(0.4)))?;
        let y = Tensor::from([0.3, 1.9, 1.2]);
        ctx.plate("rows", &y, |ctx, y| ctx.observe("y", Normal::new(z.sum(0), 1.0), y))?;
        Ok(())
    };
    let outcomes: Vec<Outcome> = (0..8)
        .map(|i| vec![("z", Tensor::from([0, 1, 2].map(|row| f64::from(u8::from(i >> row & 1 == 1)))))])
        .collect();
    unbiased(model, &switch_per_row, &[0.2, -0.6, 1.1], &outcomes);
}

#[test]
fn in_a_plate_only_a_rows_own_costs_weigh_its_score() {
    let model = |first: f64| {
        move |ctx: &mut Ctx, _: &()| {
            let y = Tensor::from([first, 1.9, 1.2]);
            ctx.plate("rows", &y, |ctx, y| {
                let z = ctx.sample("z", Bernoulli::new(0.4))?;
                ctx.observe("y", Normal::new(z, 1.0), y)
            })?;
            Ok(())
        }
    };
    let of = |first| {
        let guide = switch_per_row(&[0.2, -0.6, 1.1]);
        gradients(&TraceGraphElbo::new(), 3, &model(first), &guide, &["theta"]).1
    };
    let (near, far) = (of(0.0), of(40.0));
    assert_eq!(near[1..], far[1..]);
    assert_ne!(near[0], far[0]);
}

fn with_baseline(baseline: Baseline) -> TraceGraphElbo {
    TraceGraphElbo::new().estimator(GradientEstimator::ScoreFunction { baseline })
}

#[test]
fn baselines_leave_the_mean_as_it_is() {
    let guide = |theta: &[f64]| -> Program {
        let switches = two_switches(theta);
        Box::new(move |ctx, args| {
            ctx.deterministic("guess", 0.8)?;
            switches(ctx, args)
        })
    };
    let learned = Baseline::Learned { site: "guess".into() };
    for baseline in [learned, Baseline::function(|_| Ok(Tensor::from(-1.3)))] {
        let (objective, model) = (with_baseline(baseline), two_measurements(0.4, -0.7));
        let outcomes = switches(&["a", "b"]);
        let (mean, exact) = over_all_outcomes(&objective, &model, &guide, &[0.3, -0.2], &outcomes);
        all_close(&mean, &exact, 1e-8);
    }
}

#[test]
fn a_learned_baseline_is_fitted_to_the_cost_by_least_squares() {
    let guide = |ctx: &mut Ctx, args: &()| {
        let guess = ctx.param("guess", 0.5)?;
        ctx.deterministic("baseline", guess)?;
        two_switches(&[0.3, -0.2])(ctx, args)
    };
    let objective = with_baseline(Baseline::Learned { site: "baseline".into() });
    let (result, grads) = gradients(&objective, 2, &two_measurements(0.4, -0.7), &guide, &["guess"]);
    // The costs of the two sites make up the loss: Σ 2 (guess - cost).
    close(grads[0], 2.0 * (2.0 * 0.5 - loss(&result)), 1e-12);
}

#[test]
fn a_decaying_average_starts_without_bias_and_forgets() {
    let objective = with_baseline(Baseline::DecayingAverage { decay: 0.75 });
    let guide = two_switches(&[0.3, -0.2]);
    let mut state = ObjectiveState::new();
    let (mut sum, mut weight) = (0.0, 0.0);
    for seed in 0..4 {
        let model = two_measurements(f64::from(seed as u8), 0.0);
        let mut ctx = Ctx::new(seed);
        let result = estimate_from(&objective, &state, &mut ctx, &model, &guide, &()).unwrap();
        let parts = result.site_losses();
        let part = |site: &str| parts[site].to_scalar().unwrap();
        let cost = part("a") + part("x");
        (sum, weight) = (0.75 * sum + 0.25 * cost, 0.75 * weight + 0.25);
        all_close(&result.state["a"].to_f64().unwrap(), &[sum, weight], 1e-12);
        state = result.state;
        // Nothing gathers from step to step but the average.
        assert!(state["a"].provenance().is_empty());
    }
    assert_eq!(state.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_baseline_that_depends_on_the_draw_is_refused() {
    let guide = |ctx: &mut Ctx, _: &()| {
        let p = ctx.param("p", 0.4)?;
        let a = ctx.sample("a", Bernoulli::new(p))?;
        let b = ctx.sample("b", Bernoulli::new(0.5))?;
        // Of a site before it is allowed, of the site itself or one after is not.
        ctx.deterministic("early", &a * 2.0)?;
        ctx.deterministic("late", a + b)?;
        Ok(())
    };
    let run = |of_a: &str| {
        let baseline = |site: &str| Baseline::Learned { site: site.into() };
        let (early, of_a) = (baseline("early"), baseline(of_a));
        let objective = TraceGraphElbo::new().estimator_by_site(move |site| {
            let baseline = if site.name == "a" { of_a.clone() } else { early.clone() };
            GradientEstimator::ScoreFunction { baseline }
        });
        text(estimate_from(
            &objective,
            &ObjectiveState::new(),
            &mut Ctx::new(0),
            &two_measurements(0.0, 0.0),
            &guide,
            &(),
        ))
    };
    let expected = "site `a`: the baseline depends on the draw itself, which would bias the gradient";
    assert_eq!(run("late"), expected);
    assert_eq!(run("early"), expected);
    assert!(run("nowhere").starts_with("site `a`: there is no site named `nowhere`"), "{}", run("nowhere"));
}

/// In a scan every step depends on those before, though all are one site.
#[test]
fn steps_of_a_scan_weigh_each_other() {
    let guide = |theta: &[f64]| -> Program {
        let theta = Tensor::from(theta.to_vec());
        Box::new(move |ctx, _| {
            let logits = ctx.param("theta", &theta)?;
            ctx.scan("steps", &logits, &Tensor::from(0.0), |ctx, last, logit| {
                let z = ctx.sample("z", Bernoulli::with_logits(last + logit))?;
                Ok((z, ()))
            })?;
            Ok(())
        })
    };
    let model = |ctx: &mut Ctx, _: &()| {
        let x = Tensor::from([0.3, 1.9, 1.2]);
        ctx.scan("steps", &x, &Tensor::from(0.0), |ctx, last, x| {
            let z = ctx.sample("z", Bernoulli::new(0.4))?;
            ctx.observe("x", Normal::new(&z + last, 1.0), x)?;
            Ok((z, ()))
        })?;
        Ok(())
    };
    let outcomes: Vec<Outcome> = (0..8)
        .map(|i| vec![("z", Tensor::from([0, 1, 2].map(|row| f64::from(u8::from(i >> row & 1 == 1)))))])
        .collect();
    unbiased(model, &guide, &[0.2, -0.6, 1.1], &outcomes);
}

/// Steps that the guide draws apart, as rows of a plate, meet in what the model's scan carries on.
#[test]
fn rows_of_the_guide_that_are_steps_of_the_model_weigh_each_other() {
    let model = |ctx: &mut Ctx, _: &()| {
        let x = Tensor::from([0.3, 1.9, 1.2]);
        ctx.scan("rows", &x, &Tensor::from(0.0), |ctx, last, x| {
            let z = ctx.sample("z", Bernoulli::with_logits(last * 1.5 - 0.4))?;
            ctx.observe("x", Normal::new(&z + last, 1.0), x)?;
            Ok((z, ()))
        })?;
        Ok(())
    };
    let outcomes: Vec<Outcome> = (0..8)
        .map(|i| vec![("z", Tensor::from([0, 1, 2].map(|row| f64::from(u8::from(i >> row & 1 == 1)))))])
        .collect();
    unbiased(model, &switch_per_row, &[0.2, -0.6, 1.1], &outcomes);
}
