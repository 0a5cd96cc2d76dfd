//! Handlers, traces and pictures of programs.

use std::sync::Arc;

use ppl::core::Reparameterize;
use ppl::prelude::*;

use crate::Refusals;

/// One latent vector of two numbers, three rows with a latent number, and data.
fn model(ctx: &mut Ctx, _: &()) -> Result<Tensor> {
    let v = ctx.sample("v", Normal::new(Tensor::zeros([2]), 1.0))?;
    let scale = ctx.param_in("scale", 1.0, constraints::positive())?;
    ctx.plate("rows", 3, |ctx, _| {
        let z = ctx.sample("z", Normal::new(v.sum(0), &scale))?;
        ctx.observe("y", Normal::new(z, 1.0), vec![0.1, 0.2, 0.3])
    })
}

fn failed() -> Tensor {
    Tensor::zeros([2]) + Tensor::zeros([3])
}

#[test]
fn handlers_that_give_values() {
    let five = || Tensor::zeros([5]);
    Refusals::default()
        .of_program(
            "site `v`: the value has shape [5], a draw of the Normal distribution [2]",
            condition(model, [("v", five())]),
        )
        .of_program(
            "site `v`: the data must be in the support real, but has NaN",
            condition(model, [("v", f64::NAN)]),
        )
        .of_program(
            "site `v`: add: shapes do not broadcast (shapes [2], [3]), at …",
            condition(model, [("v", failed())]),
        )
        .of_program(
            "site `z`: a value of shape [2, 3] was given; it has 0 dimensions in one row, \
             and one more for each of the plates: rows",
            condition(model, [("z", Tensor::zeros([2, 3]))]),
        )
        .of_program(
            "site `v`: the value has shape [5], a draw of the Normal distribution [2]",
            substitute(model, [("v", five())]),
        )
        .of_program(
            "site `z`: plate `rows`: a value has 4 rows, the plate 3",
            substitute(model, [("z", Tensor::zeros([4]))]),
        )
        .of_program(
            "site `scale`: the value has shape [2], the parameter []",
            substitute(model, [("scale", Tensor::from([1.0, 2.0]))]),
        )
        .of_program(
            "site `scale`: add: shapes do not broadcast (shapes [2], [3]), at …",
            substitute(model, [("scale", failed())]),
        )
        .of_program(
            "site `scale`: the value must be in the support positive, but has -1",
            substitute(model, [("scale", -1.0)]),
        )
        .of_program(
            "site `v`: the value has shape [5], a draw of the Normal distribution [2]",
            do_(model, [("v", five())]),
        )
        .of_program("site `z`: plate `rows`: a value has 5 rows, the plate 3", do_(model, [("z", five())]))
        .of_program(
            "site `v`: add: shapes do not broadcast (shapes [2], [3]), at …",
            do_(model, [("v", failed())]),
        )
        .of_program("site `v`: the value has shape [5], a draw of the Normal distribution [2]", |ctx, _| {
            let other = |ctx: &mut Ctx, _: &()| ctx.sample("v", Normal::new(Tensor::zeros([5]), 1.0));
            let (run, _) = trace(&mut Ctx::new(0), &other, &())?;
            replay(model, run)(ctx, &())
        })
        .of_program("site `z`: plate `rows`: a value has 4 rows, the plate 3", |ctx, _| {
            let other =
                |ctx: &mut Ctx, _: &()| ctx.plate("rows", 4, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)));
            let (run, _) = trace(&mut Ctx::new(0), &other, &())?;
            replay(model, run)(ctx, &())
        })
        .of_program("site `rows`: 4 row numbers (i64) are needed, found i64 [3]", |ctx, _| {
            let subsampled = |ctx: &mut Ctx, _: &()| {
                ctx.plate("rows", 9.subsample(3), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))
            };
            let (run, _) = trace(&mut Ctx::new(0), &subsampled, &())?;
            replay(
                |ctx: &mut Ctx, _: &()| {
                    ctx.plate("rows", 9.subsample(4), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))
                },
                run,
            )(ctx, &())
        });
}

#[test]
fn handlers_that_change_densities() {
    let sum = |program: &dyn Fn(&mut Ctx, &()) -> Result<Tensor>| {
        trace(&mut Ctx::new(0), &program, &())?.0.log_prob_sum()
    };
    Refusals::default()
        .of("site `v`: a mask must be of truth values, found f64", || sum(&mask(model, 1.0)))
        .of("site `v`: add: shapes do not broadcast (shapes [2], [3]), at …", || {
            sum(&mask(model, failed().gt(0.0)))
        })
        .of("site `z`: plate `rows`: a value has 4 rows, the plate 3", || {
            sum(&mask(model, Tensor::from([true, false, true, true])))
        })
        .of("site `v`: a scale must be positive and finite, found 0", || sum(&scale(model, 0.0)))
        .of("site `v`: a scale must be positive and finite, found NaN", || sum(&scale(model, f64::NAN)))
        .of("site `v`: add: shapes do not broadcast (shapes [2], [3]), at …", || {
            sum(&scale(model, failed()))
        })
        .of("site `v`: a scale must be positive and finite, found -2", || {
            sum(&scale(model, Tensor::from([1.0, -2.0])))
        })
        .of("site `z`: plate `rows`: a value has 4 rows, the plate 3", || {
            sum(&scale(model, Tensor::from([1.0, 2.0, 3.0, 4.0])))
        })
        .of(
            "site `x`: plate `rows`: a value of one of its rows is used outside: return it \
             from the plate's closure",
            || {
                let inside = |ctx: &mut Ctx, _: &()| {
                    let rows = |ctx: &mut Ctx, row: &Tensor| {
                        mask(|ctx: &mut Ctx, _: &()| ctx.sample("z", Normal::new(0.0, 1.0)), row.lt(2))(
                            ctx,
                            &(),
                        )
                    };
                    let mut leaked = Tensor::from(true);
                    ctx.plate("rows", 3, |ctx, row| {
                        leaked = row.lt(2);
                        rows(ctx, row)
                    })?;
                    mask(|ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(0.0, 1.0)), leaked)(ctx, &())
                };
                sum(&inside)
            },
        );
}

/// A way to draw a value that cannot.
#[derive(Debug)]
struct Never;

impl Reparameterize for Never {
    fn draw(&self, _: &mut Ctx, name: &str, _: &Arc<dyn Distribution>) -> Result<Tensor> {
        Err(Error::argument(format!("there is no way to {name}")))
    }
}

#[test]
fn handlers_that_change_statements() {
    let positive = |ctx: &mut Ctx, _: &()| ctx.sample("x", Gamma::new(1.0, 1.0));
    let bad_prior = |_: &str, _: &Tensor| -> Option<Arc<dyn Distribution>> {
        Some(Arc::new(Normal::new(Tensor::zeros([7]), -1.0)))
    };
    let wide = |_: &str, _: &Tensor| -> Option<Arc<dyn Distribution>> {
        Some(Arc::new(Normal::new(Tensor::zeros([7]), 1.0)))
    };
    Refusals::default()
        .of_program(
            "site `x`: LocScaleReparam is not available for Gamma, which is not a \
             location-scale family",
            reparam(positive, [("x", LocScaleReparam::decentered())]),
        )
        .of_program(
            "site `x`: TransformReparam is not available for Gamma, which is not a \
             TransformedDistribution",
            reparam(positive, [("x", TransformReparam)]),
        )
        .of_program(
            "site `v`: centering must be in [0, 1], found 1.5",
            reparam(model, [("v", LocScaleReparam::centered(1.5))]),
        )
        .of_program("site `z`: there is no way to z", reparam(model, [("z", Never)]))
        .of_program("site `y`: data cannot be reparameterised", reparam(model, [("y", Never)]))
        .of_program(
            "site `scale`: parameter `scale` of Normal must be positive, but has -1",
            lift(model, bad_prior),
        )
        .of_program(
            "site `z`: parameter `scale` of Normal must be positive, but has \
             -0.7958705176987129",
            lift(model, wide),
        )
        .of_program("two statements are named `a/v`: names are unique in a run of a program", |ctx, _| {
            scope(model, "a")(ctx, &())?;
            scope(model, "a")(ctx, &())
        })
        .of_program(
            "site `y`: parameter `scale` of Normal must be positive, but has -1",
            uncondition(|ctx: &mut Ctx, _: &()| ctx.observe("y", Normal::new(0.0, -1.0), 3.0)),
        )
        .of_program("site `x`: parameter `scale` of Normal must be positive, but has -1", |ctx, _| {
            block(|ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(0.0, -1.0)), "x")(ctx, &())
        })
        .of_program(
            "site `x`: parameter `scale` of Normal must be positive, but has -1",
            seed(|ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(0.0, -1.0)), Key::new(5)),
        )
        .of_program(
            "site `x`: parameter `scale` of Normal must be positive, but has -1",
            infer_config(|ctx: &mut Ctx, _: &()| ctx.sample("x", Normal::new(0.0, -1.0)), |_| Config::new()),
        );
}

#[test]
fn traces_and_pictures() {
    let (run, _) = trace(&mut Ctx::new(0), &model, &()).unwrap();
    let ctx = Ctx::new(0);
    Refusals::default()
        .of("there is no site named `w`; there are: v, scale, z, y", || run.value("w"))
        .of("there is no site named `w`; there are: none", || Trace::default().site("w").map(drop))
        .of("there is no parameter named `w`; there are: none", || ctx.params().get("w"))
        .of("site `v`: the data must be in the support real, but has NaN", || {
            render_model(&ctx, &condition(model, [("v", f64::NAN)]), &())
        })
        .of(
            "site `x`: plate `rows`: a value of one of its rows is used outside: return it \
             from the plate's closure",
            || {
                let (run, _) = trace(
                    &mut Ctx::new(0),
                    &|ctx: &mut Ctx, _: &()| {
                        let mut row = Tensor::from(0.0);
                        ctx.plate("rows", 3, |_, number| {
                            row = number.cast(DType::F64);
                            Ok(())
                        })?;
                        ctx.sample("x", Normal::new(row * 0.0, 1.0))
                    },
                    &(),
                )?;
                run.log_prob_sum()
            },
        );
}

/// A program that fails says so, and the context it was to be drawn from is as before.
#[test]
fn a_failed_picture_leaves_the_context_alone() {
    let mut ctx = Ctx::new(0);
    trace(&mut ctx, &model, &()).unwrap();
    let before = crate::bits(ctx.params());
    let failing = |ctx: &mut Ctx, _: &()| {
        ctx.param("new", 1.0)?;
        ctx.sample("x", Normal::new(0.0, -1.0))
    };
    assert!(render_model(&ctx, &failing, &()).is_err());
    assert_eq!(crate::bits(ctx.params()), before);
}
