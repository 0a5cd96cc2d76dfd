//! Steps and runs: what is refused leaves the fit as it was.

use std::ops::ControlFlow;

use ppl::prelude::*;

use crate::files::{Content, Folder, content};
use crate::{Refusals, bits};

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 1.0), y))?;
    Ok(())
}

fn guide(ctx: &mut Ctx, _: &Tensor) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    let scale = ctx.param_in("scale", 1.0, constraints::positive())?;
    ctx.sample("mean", Normal::new(loc, scale)).map(|_| ())
}

type Program = fn(&mut Ctx, &Tensor) -> Result<()>;
type Fit = Svi<Program, Program, Adam, TraceElbo>;

fn fit() -> Fit {
    Svi::new(model as Program, guide as Program, Adam::new(0.05), TraceElbo::new().particles(2))
        .progress(false)
}

fn data() -> Tensor {
    Tensor::from([1.0, 2.0, 4.0])
}

/// All that a fit keeps, bit for bit: what its file holds.
fn state(svi: &Fit) -> Content {
    let folder = Folder::new("state");
    svi.save(folder.file("fit")).unwrap();
    content(&folder.file("fit"))
}

/// Runs calls that must fail on a fit that has come some way. Afterwards its state is as before, and it goes on as one
/// on which nothing was tried.
fn refused(name: &str, expected: &str, call: impl FnOnce(&mut Fit) -> Result<()>) {
    let (mut svi, mut other) = (fit(), fit());
    svi.run(3, &data()).unwrap();
    other.run(3, &data()).unwrap();
    Refusals::default().of(expected, || call(&mut svi));
    assert!(state(&svi) == state(&other), "{name} changed the fit");
    assert_eq!(svi.step(&data()).unwrap().to_bits(), other.step(&data()).unwrap().to_bits(), "{name}");
    assert_eq!(bits(svi.params()), bits(other.params()), "{name}");
    assert_eq!(svi.evaluate_loss(&data()).unwrap(), other.evaluate_loss(&data()).unwrap(), "{name}");
}

#[test]
fn bad_data_change_nothing() {
    let nan = || Tensor::from([1.0, f64::NAN]);
    let failed = || Tensor::zeros([2]) + Tensor::zeros([3]);
    // After the first step data are not checked: the log density tells.
    refused("a step", "the log probability of site `y (model)` is NaN…", |svi| svi.step(&nan()).map(drop));
    refused("infinite data", "the log probability of site `y (model)` is -inf…", |svi| {
        svi.step(&Tensor::from([f64::INFINITY])).map(drop)
    });
    refused("a scalar for rows", "plate `rows`: column `value` is a scalar: it has no rows", |svi| {
        svi.step(&Tensor::from(1.0)).map(drop)
    });
    refused(
        "a failed tensor",
        "plate `rows`: add: shapes do not broadcast (shapes [2], [3]), at …",
        |svi| svi.step(&failed()).map(drop),
    );
    refused("an evaluation", "site `y`: the data must be in the support real, but has NaN", |svi| {
        svi.evaluate_loss(&nan()).map(drop)
    });
    refused("a run", "the log probability of site `y (model)` is NaN…", |svi| svi.run(5, &nan()).map(drop));
    refused("no steps", "zero steps were asked for", |svi| svi.run(0, &data()).map(drop));
    refused("batches", "the log probability of site `y (model)` is NaN…", |svi| {
        svi.fit().epochs(0..1, |_| [nan()]).map(drop)
    });
    refused("no epochs", "zero steps were asked for", |svi| {
        svi.fit::<Tensor>().epochs(0..0, |_| [data()]).map(drop)
    });
    refused("no batches", "epoch 0 has no batches", |svi| {
        svi.fit::<Tensor>().epochs(0..2, |_| Vec::<Tensor>::new()).map(drop)
    });
    refused("a minimum", "site `y`: the data must be in the support real, but has NaN", |svi| {
        svi.minimize(&Lbfgs::default(), &nan()).map(drop)
    });
    refused("options of a minimum", "Lbfgs: history is 0, must be at least 1", |svi| {
        svi.minimize(&Lbfgs { history: 0, ..Lbfgs::default() }, &data()).map(drop)
    });
    refused("options of a fit", "every: 0 was given, at least 1 is needed", |svi| {
        svi.fit().every(0, |_| Ok(ControlFlow::Continue(()))).run(1, &data()).map(drop)
    });
}

/// What was done before an error is kept.
#[test]
fn steps_before_an_error_are_kept() {
    let (mut svi, mut other) = (fit(), fit());
    let batches = || [data(), data(), Tensor::from([f64::NAN]), data()];
    let message = svi.fit().epochs(0..1, |_| batches()).unwrap_err().to_string();
    assert!(message.starts_with("the log probability of site `y (model)` is NaN"), "{message}");
    other.run(2, &data()).unwrap();
    assert!(state(&svi) == state(&other));

    let (mut svi, bad) = (fit(), Tensor::from([f64::NAN]));
    let message = svi.fit().validate(2, &bad).run(5, &data()).unwrap_err().to_string();
    assert_eq!(message, "site `y`: the data must be in the support real, but has NaN");
    assert!(state(&svi) == state(&other));

    let mut svi = fit();
    let failing = |_: &ppl::infer::Progress<'_>| Err(Error::argument("the disk is full"));
    let message = svi.fit().every(2, failing).run(5, &data()).unwrap_err().to_string();
    assert_eq!(message, "the disk is full");
    assert!(state(&svi) == state(&other));
}

#[test]
fn the_first_step() {
    fn shape(ctx: &mut Ctx, n: &usize) -> Result<()> {
        let w = ctx.param("w", Tensor::zeros([*n]))?;
        ctx.factor("loss", -w.square().sum_all())
    }
    fn kind(ctx: &mut Ctx, n: &usize) -> Result<()> {
        let w = if *n == 1 { ctx.param("w", 1.0)? } else { ctx.param_in("w", 1.0, constraints::positive())? };
        ctx.factor("loss", -w.square())
    }
    let nothing = |_: &mut Ctx, _: &usize| Ok(());
    let mut refusals = Refusals::default();
    for (model, expected) in [
        (
            shape as fn(&mut Ctx, &usize) -> Result<()>,
            "site `w`: the stored parameter has shape [1], the statement [2]",
        ),
        (kind, "site `w`: the stored parameter is real, the statement says positive"),
    ] {
        let mut svi = Svi::new(model, nothing, Sgd::new(0.1), TraceElbo::new());
        svi.step(&1).unwrap();
        let before = bits(svi.params());
        refusals.of(expected, || svi.step(&2));
        assert_eq!((bits(svi.params()), svi.losses().len()), (before, 1));
        svi.step(&1).unwrap();
    }

    let mut step = |expected: &str, model: Program, guide: Program| {
        let mut svi = Svi::new(model, guide, Adam::new(0.05), TraceElbo::new());
        let mut result = Ok(0.0);
        refusals.of(expected, || {
            result = svi.step(&data());
            result.clone()
        });
        assert!(result.is_ok() || svi.params().is_empty() && svi.losses().is_empty());
    };
    step(
        "site `y`: the data must be in the support real, but has NaN",
        |ctx, _| model(ctx, &Tensor::from([f64::NAN])),
        guide,
    );
    step("the guide is lost", model, |_, _| Err(Error::argument("the guide is lost")));
    step("the guide lacks the model's latent sites `mean`\nmodel:…", model, |_, _| Ok(()));
    step("the model lacks the guide's sites `median` as latent\n…", model, |ctx, y| {
        guide(ctx, y)?;
        ctx.sample("median", Normal::new(0.0, 1.0)).map(|_| ())
    });
    // The model observes what the guide draws.
    step(
        "the guide lacks the model's latent sites `z`; the model lacks the guide's sites \
             `mean` as latent\n…",
        |ctx, y| {
            ctx.observe("mean", Normal::new(0.0, 1.0), 0.5)?;
            model_rows(ctx, y, 3)
        },
        guide,
    );
    // A guide's draw outside the model's support, and of another shape.
    step(
        "site `mean`: the value must be in the support positive, but has -…",
        |ctx, _| ctx.sample("mean", Gamma::new(1.0, 1.0)).map(|_| ()),
        |ctx, _| {
            let loc = ctx.param("loc", -50.0)?;
            ctx.sample("mean", Normal::new(loc, 1.0)).map(|_| ())
        },
    );
    step("site `mean`: the value has shape [2], a draw of the Normal distribution []", model, |ctx, _| {
        let loc = ctx.param("loc", Tensor::zeros([2]))?;
        ctx.sample("mean", Normal::new(loc, 1.0)).map(|_| ())
    });
    // A plate of the guide with another number of rows than the model's.
    step(
        "site `z`: plate `rows`: a value has 4 rows, the plate 3",
        |ctx, y| model_rows(ctx, y, 3),
        |ctx, y| guide_rows(ctx, y, 4),
    );
    step(
        "site `z`: plate `lines`: a value of one of its rows is used outside: return it \
             from the plate's closure",
        |ctx, y| model_rows(ctx, y, 3),
        |ctx, y| {
            let loc = ctx.param("loc", 0.0)?;
            ctx.plate("lines", y, |ctx, _| ctx.sample("z", Normal::new(&loc, 1.0))).map(|_| ())
        },
    );
    // One draw for all rows of a plate.
    step(
        "the guide draws `z` once for all rows of plate `rows`\nmodel:…",
        |ctx, y| model_rows(ctx, y, 3),
        |ctx, _| {
            let loc = ctx.param("loc", 0.0)?;
            ctx.sample("z", Normal::new(loc, 1.0)).map(|_| ())
        },
    );
    step(
        "site `z`: plate `rows`: a value has 5 rows, the plate 2",
        |ctx, _| {
            ctx.plate("rows", 5.subsample(2), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0))).map(|_| ())
        },
        |ctx, _| {
            let loc = ctx.param("loc", 0.0)?;
            ctx.plate("rows", 5, |ctx, _| ctx.sample("z", Normal::new(&loc, 1.0))).map(|_| ())
        },
    );
    step(
        "site `rows`: 2 row numbers (i64) are needed, found i64 [3]",
        |ctx, _| {
            ctx.plate("rows", 5.subsample(2), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0))).map(|_| ())
        },
        |ctx, _| {
            let loc = ctx.param("loc", 0.0)?;
            ctx.plate("rows", 5.subsample(3), |ctx, _| ctx.sample("z", Normal::new(&loc, 1.0))).map(|_| ())
        },
    );
    step(
        "the log probability of site `loss (model)` is NaN\n…",
        |ctx, _| ctx.factor("loss", Tensor::from([1.0, f64::NAN])),
        |ctx, _| ctx.param("loc", 0.0).map(|_| ()),
    );
    step(
        "the update of parameter `x` is not finite: its gradient is Tensor(f64 []: [-inf])",
        |ctx, _| {
            let x = ctx.param("x", 0.0)?;
            ctx.factor("root", x.sqrt())
        },
        |_, _| Ok(()),
    );
}

fn model_rows(ctx: &mut Ctx, _: &Tensor, rows: usize) -> Result<()> {
    ctx.plate("rows", rows, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0))).map(|_| ())
}

fn guide_rows(ctx: &mut Ctx, _: &Tensor, rows: usize) -> Result<()> {
    let loc = ctx.param("loc", 0.0)?;
    ctx.plate("rows", rows, |ctx, _| ctx.sample("z", Normal::new(&loc, 1.0))).map(|_| ())
}
