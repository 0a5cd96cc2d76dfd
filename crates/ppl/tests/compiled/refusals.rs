//! What a user reads when a compiled fit cannot go on.

use ppl::prelude::*;

use crate::{ROUNDING, assert_same, text};

/// A wall that a batch may put where the loss is infinite, and a cusp with an infinite slope.
fn target(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let x = ctx.param("x", 0.5)?;
    let cusp = y.eq(7.0).select(&x - x.detach(), 1.0).sqrt();
    ctx.factor("loss", -(x - y).square() - cusp)
}

fn nothing(_: &mut Ctx, _: &Tensor) -> Result<()> {
    Ok(())
}

#[test]
fn steps_that_are_not_finite_name_the_site_and_keep_the_fit() {
    for (y, expected) in [
        (f64::INFINITY, "the log probability of site `loss (model)` is -inf"),
        (7.0, "the update of parameter `x` is not finite: its gradient is Tensor(f64 []: ["),
    ] {
        let mut svi = Svi::new(target, nothing, Adam::new(0.1), TraceElbo::new().jit()).progress(false);
        svi.run(5, &Tensor::from(1.0)).unwrap();
        let before = svi.params().get("x").unwrap().to_scalar().unwrap();
        let message = text(svi.run(5, &Tensor::from(y)));
        assert!(message.starts_with(expected), "{message}");
        assert_eq!(svi.losses().len(), 5);
        assert_eq!(svi.params().get("x").unwrap().to_scalar().unwrap(), before);
        // And it goes on.
        svi.run(5, &Tensor::from(1.0)).unwrap();
        assert_eq!(svi.losses().len(), 10);
    }
}

/// What a program says of an index is repeated by a step that knows the statement.
#[test]
fn a_step_that_fails_names_the_site_and_the_line() {
    fn model(ctx: &mut Ctx, groups: &Tensor) -> Result<()> {
        let level = ctx.plate("groups", 3, |ctx, _| ctx.sample("level", Normal::new(0.0, 1.0)))?;
        ctx.plate("rows", groups, |ctx, group| {
            ctx.observe("y", Normal::new(level.at(group), 1.0), 0.5).map(|_| ())
        })
    }
    let line = line!() - 3;
    let guide = AutoNormal::new(model);
    let mut svi = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new().jit()).progress(false);
    let good = Tensor::from([0_i64, 1, 2]);
    svi.run(5, &good).unwrap();
    let message = text(svi.run(5, &Tensor::from([0_i64, 7, 2])));
    assert!(message.starts_with("site `y`: gather: index 7 is outside 0..3"), "{message}");
    assert!(message.ends_with(&format!("refusals.rs:{line}")), "{message}");
    // What was fitted is kept, and the fit goes on.
    assert_eq!(svi.losses().len(), 5);
    svi.run(5, &good).unwrap();
    assert_eq!(svi.losses().len(), 10);
}

#[test]
fn stable_fits_skip_them() {
    let steps = [1.0, 1.5, f64::INFINITY, 2.0, 7.0, 7.0, 1.5, f64::INFINITY, 1.0];
    let mut eager = Svi::new(target, nothing, Adam::new(0.1), TraceElbo::new()).stable(true);
    let mut compiled = Svi::new(target, nothing, Adam::new(0.1), TraceElbo::new().jit()).stable(true);
    for y in steps {
        let (a, b) = (eager.step(&Tensor::from(y)).unwrap(), compiled.step(&Tensor::from(y)).unwrap());
        assert!(a.is_nan() == b.is_nan() && (a.is_nan() || (a - b).abs() <= ROUNDING * a.abs()), "{a} {b}");
    }
    assert_eq!((eager.skipped(), compiled.skipped()), (4, 4));
    // Losses of skipped steps are not numbers, which compare with nothing: the parameters must agree.
    let x = |params: &ParamStore| params.get("x").unwrap().to_scalar().unwrap();
    assert!((x(eager.params()) - x(compiled.params())).abs() < 1e-12);
}

/// A run in which some steps draw beyond a wall: skipped in the midst of a run.
#[test]
fn steps_skipped_within_a_run_keep_their_keys() {
    fn model(ctx: &mut Ctx, limit: &Tensor) -> Result<()> {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.factor("wall", z.lt(limit).select(0.0, f64::NEG_INFINITY))
    }
    fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
        let loc = ctx.param("loc", 0.0)?;
        ctx.sample("z", Normal::new(loc, 1.0)).map(|_| ())
    }
    let limit = Tensor::from(1.0);
    let mut eager = Svi::new(model, guide, Adam::new(0.01), TraceElbo::new()).stable(true).seed(2);
    let mut compiled = Svi::new(model, guide, Adam::new(0.01), TraceElbo::new().jit()).stable(true).seed(2);
    eager.run(40, &limit).unwrap();
    compiled.run(40, &limit).unwrap();
    assert!(eager.skipped() > 1 && eager.skipped() < 39, "{}", eager.skipped());
    assert_eq!(eager.skipped(), compiled.skipped());
    let skips = |losses: &[f64]| losses.iter().map(|loss| loss.is_nan()).collect::<Vec<_>>();
    assert_eq!(skips(eager.losses()), skips(compiled.losses()));
    let losses = |losses: &[f64]| losses.iter().filter(|loss| loss.is_finite()).sum::<f64>();
    let (a, b) = (losses(eager.losses()), losses(compiled.losses()));
    assert!((a - b).abs() <= ROUNDING * a.abs(), "{a} {b}");
}

fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    ctx.sample("z", Normal::new(loc, 1.0)).map(|_| ())
}

#[test]
fn programs_whose_structure_depends_on_a_value() {
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        let scale = if z.to_scalar()? > 0.0 { 1.0 } else { 2.0 };
        ctx.observe("y", Normal::new(z, scale), y).map(|_| ())
    }
    let mut svi = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new().jit()).progress(false);
    let message = text(svi.run(5, &Tensor::from(1.0)));
    let line = line!() - 5;
    let expected = "the step cannot be compiled (without `.jit()` it runs as it is): after statement `z`, to_scalar: this \
                    program's structure depends on a value; run it without the compiler, or choose by `select` instead \
                    of reading, at ";
    assert!(message.starts_with(expected), "{message}");
    assert!(message.ends_with(&format!("refusals.rs:{line}")), "{message}");
    // The step before it is kept, and the fit goes on without the compiler.
    assert_eq!(svi.losses().len(), 1);
    let parts = svi.into_parts();
    let mut svi = Svi::new(model, parts.guide, Adam::new(0.1), parts.objective.into_objective())
        .with_params(parts.params)
        .progress(false);
    svi.run(5, &Tensor::from(1.0)).unwrap();
}

#[test]
fn a_handler_that_reads() {
    struct Reads;
    impl Handler for Reads {
        fn postprocess(&mut self, message: &mut Message) -> Result<()> {
            if let Some(value) = &message.value {
                value.to_vec::<f64>()?;
            }
            Ok(())
        }
    }
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.with(Reads, |ctx| ctx.observe("y", Normal::new(&z, 1.0), y)).map(|_| ())
    }
    let mut svi = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new().jit()).progress(false);
    let message = text(svi.run(5, &Tensor::from(1.0)));
    assert!(message.contains("it runs as it is): site `y`: to_vec: this program's"), "{message}");
}

#[test]
fn a_mask_in_which_nothing_is_missing() {
    fn model(ctx: &mut Ctx, data: &(Tensor, Tensor)) -> Result<()> {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        ctx.plate("rows", data, |ctx, (y, present)| {
            ctx.observe("y", Normal::new(&z, 1.0), Observation::present(y, present)).map(|_| ())
        })
    }
    let guide = AutoNormal::new(model);
    let mut svi = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new().jit()).progress(false);
    let message = text(svi.run(5, &(Tensor::from([1.0, 2.0]), Tensor::from([true, true]))));
    assert!(message.contains("(`Observation::present`)") && message.contains("`y_missing`"), "{message}");
}

#[test]
fn data_are_checked_once_for_each_shape() {
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let rate = ctx.sample("rate", Gamma::new(2.0, 1.0))?;
        ctx.plate("rows", y, |ctx, y| ctx.observe("y", Poisson::new(&rate), y).map(|_| ()))
    }
    let guide = AutoNormal::new(model);
    let mut svi = Svi::new(model, guide, Adam::new(0.1), TraceElbo::new().jit()).progress(false);
    svi.run(3, &Tensor::from([1.0, 2.0])).unwrap();
    let message = text(svi.run(3, &Tensor::from([1.0, 2.0, 0.5])));
    assert!(message.starts_with("site `y`: the data must be in the support"), "{message}");
    assert_eq!(svi.losses().len(), 3);
    svi.run(3, &Tensor::from([1.0, 2.0, 5.0])).unwrap();
}

#[test]
fn other_errors_are_those_without_the_compiler() {
    fn broken(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let x = ctx.param("x", Tensor::zeros([2]))?;
        ctx.factor("loss", x + y)
    }
    let mut svi = Svi::new(broken, nothing, Adam::new(0.1), TraceElbo::new().jit()).progress(false);
    svi.run(3, &Tensor::from([1.0, 2.0])).unwrap();
    let message = text(svi.run(3, &Tensor::zeros([3])));
    assert!(message.starts_with("site `loss`: add: shapes do not broadcast"), "{message}");
    assert_same("kept", &svi, &svi, 0.0);
}
