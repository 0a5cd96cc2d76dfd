//! The loop around compiled steps: batches, callbacks, validation, files.

use std::ops::ControlFlow;

use ppl::infer::{Execute, Stop};
use ppl::prelude::*;

use crate::{Count, ROUNDING, TemporaryFile, assert_same, contents};

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
}

fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    let scale = ctx.param_in("scale", 1.0, constraints::positive())?;
    ctx.sample("mean", Normal::new(loc, scale)).map(|_| ())
}

fn data() -> Tensor {
    Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7, 1.1, 0.2])
}

type Program = fn(&mut Ctx, &Tensor) -> Result<()>;

type Inference<J> = Svi<Program, Program, Adam, J>;

fn fit<J>(objective: J) -> Inference<J> {
    let adam = Adam::new(0.05).schedule(Schedule::cosine(40, 0.1));
    Svi::new(model as Program, guide as Program, adam, objective).seed(11).progress(false)
}

#[test]
fn batches_of_two_sizes_are_two_programs() {
    let batches = |_| [data().slice(0, 0..3), data().slice(0, 3..6), data().slice(0, 6..7)];
    let mut eager = fit(TraceElbo::new());
    eager.fit::<Tensor>().epochs(0..15, batches).unwrap();
    let count = Count::default();
    let counted = count.of::<Tensor, _>(model);
    let adam = Adam::new(0.05).schedule(Schedule::cosine(40, 0.1));
    let mut compiled =
        Svi::new(counted, guide as Program, adam, TraceElbo::new().jit()).seed(11).progress(false);
    compiled.fit::<Tensor>().epochs(0..15, batches).unwrap();
    // The first step and a trace; for the other size a check of the data and a trace.
    assert_eq!(count.get(), 4);
    assert_same("epochs", &eager, &compiled, ROUNDING);
    // Whole epochs again: nothing is traced again.
    let before = compiled.compile_time();
    compiled.fit::<Tensor>().epochs(15..17, batches).unwrap();
    assert_eq!((compiled.compile_time(), count.get()), (before, 4));
}

/// A fit that its validation ends, with the steps and losses that a callback sees.
fn stopped<J: Execute<Tensor>>(objective: J) -> (Inference<J>, Vec<(usize, f64)>, usize) {
    let (mut svi, mut seen, held_out) = (fit(objective), Vec::new(), Tensor::from([0.9, 1.4]));
    let report = svi
        .fit()
        .every(7, |now| {
            seen.push((now.step, now.loss));
            Ok(ControlFlow::Continue(()))
        })
        .validate(5, &held_out)
        .stop_early(3, 0.05)
        .restore_best(true)
        .run(400, &data())
        .unwrap();
    assert_eq!(report.stop, Stop::Validation);
    (svi, seen, report.losses.len())
}

#[test]
fn callbacks_validation_and_early_stops_come_at_the_same_steps() {
    let (eager, seen, end) = stopped(TraceElbo::new());
    let (compiled, also_seen, also_end) = stopped(TraceElbo::new().jit());
    assert_same("fit", &eager, &compiled, ROUNDING);
    assert_eq!(end, also_end);
    assert!(seen.len() > 1 && seen.len() == also_seen.len());
    for (a, b) in seen.iter().zip(&also_seen) {
        assert!(a.0 == b.0 && (a.1 - b.1).abs() <= ROUNDING * a.1.abs(), "{a:?} {b:?}");
    }
}

#[test]
fn resumed_fits_go_on_bit_for_bit() {
    let path = TemporaryFile::new("resume");
    let mut whole = fit(TraceElbo::new().particles(2).jit());
    whole.run(40, &data()).unwrap();
    for cut in [1, 2, 17, 39] {
        let mut first = fit(TraceElbo::new().particles(2).jit());
        first.fit().checkpoint(&path, 5).run(cut, &data()).unwrap();
        let mut second = fit(TraceElbo::new().particles(2).jit()).seed(99);
        second.load(&path).unwrap();
        second.run(40 - cut, &data()).unwrap();
        assert_eq!(contents(&second), contents(&whole), "{cut}");
        // Also by a fit that has its programs already.
        second.load(&path).unwrap();
        second.run(40 - cut, &data()).unwrap();
        assert_eq!(contents(&second), contents(&whole), "{cut}");
    }
}

#[test]
fn one_step_at_a_time_is_a_run() {
    let (mut run, mut steps) = (fit(TraceElbo::new().jit()), fit(TraceElbo::new().jit()));
    let losses = run.run(20, &data()).unwrap();
    let one_by_one: Vec<f64> = (0..20).map(|_| steps.step(&data()).unwrap()).collect();
    assert_eq!(losses, one_by_one);
    assert_eq!(contents(&run), contents(&steps));
    // Other numbers of the same shape run in the same program, and count.
    let before = steps.compile_time();
    assert_ne!(steps.step(&(data() + 1.0)).unwrap(), run.step(&data()).unwrap());
    assert_eq!(steps.compile_time(), before);
    // What is no step.
    assert_eq!(run.params().len(), 2);
    let (a, b) = (
        fit(TraceElbo::new()).with_params(run.params().clone()).evaluate_loss(&data()),
        run.evaluate_loss(&data()),
    );
    assert_eq!(a.unwrap(), b.unwrap());
    run.minimize(&Lbfgs::default(), &data()).unwrap();
}

#[test]
fn another_seed_runs_in_the_same_program_with_other_draws() {
    let losses = |seed| fit(TraceElbo::new().jit()).seed(seed).run(20, &data()).unwrap();
    assert_eq!(losses(3), losses(3));
    assert_ne!(losses(3)[5..], losses(4)[5..]);
}

/// Static parts of the arguments are part of the program.
#[derive(Clone, TensorTree)]
struct Options {
    y: Tensor,
    #[tensor_tree(static)]
    wide: bool,
}

#[test]
fn static_parts_choose_the_program() {
    fn model(ctx: &mut Ctx, options: &Options) -> Result<()> {
        let mean = ctx.sample("mean", Normal::new(0.0, if options.wide { 9.0 } else { 1.0 }))?;
        ctx.plate("rows", &options.y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y).map(|_| ()))
    }
    fn guide(ctx: &mut Ctx, _: &Options) -> Result<()> {
        let loc = ctx.param("loc", 0.0)?;
        ctx.sample("mean", Normal::new(loc, 0.5)).map(|_| ())
    }
    let mut eager = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new());
    let mut compiled = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new().jit());
    for step in 0..12 {
        let options = Options { y: data(), wide: step % 3 == 0 };
        eager.step(&options).unwrap();
        compiled.step(&options).unwrap();
    }
    assert_same("static", &eager, &compiled, ROUNDING);
}

#[test]
fn parameters_that_appear_later() {
    // A program takes a reference to what its arguments are.
    #[allow(clippy::ptr_arg)]
    fn growing(ctx: &mut Ctx, targets: &Vec<Tensor>) -> Result<()> {
        for (number, target) in targets.iter().enumerate() {
            let value = ctx.param(&format!("p{number}"), 0.5)?;
            ctx.factor(&format!("loss {number}"), -(value - target).square())?;
        }
        Ok(())
    }
    fn nothing(_: &mut Ctx, _: &Vec<Tensor>) -> Result<()> {
        Ok(())
    }
    let mut eager = Svi::new(growing, nothing, Adam::new(0.1), TraceElbo::new());
    let mut compiled = Svi::new(growing, nothing, Adam::new(0.1), TraceElbo::new().jit());
    for n in [1, 1, 2, 3, 1, 2, 3, 3, 1, 1, 2, 2] {
        let targets = vec![Tensor::from(2.0); n];
        eager.step(&targets).unwrap();
        compiled.step(&targets).unwrap();
    }
    assert_same("growing", &eager, &compiled, ROUNDING);
}
