//! Plates, scans and replicas.

use ppl::prelude::*;

use crate::Refusals;

#[test]
fn plates() {
    let (three, four) = (Tensor::zeros([3]), Tensor::zeros([4]));
    let columns = (three.clone(), four.clone());
    Refusals::default()
        .of_program("plate `rows`: column `1` has 4 rows, column `0` 3", |ctx, _| {
            ctx.plate("rows", &columns, |_, _| Ok(()))
        })
        .of_program("plate `rows`: column `value` is a scalar: it has no rows", |ctx, _| {
            ctx.plate("rows", &Tensor::from(1.0), |_, _| Ok(()))
        })
        .of_program("plate `rows`: column `1` is a scalar: it has no rows", |ctx, _| {
            ctx.plate("rows", &(three.clone(), Tensor::from(1.0)), |_, _| Ok(()))
        })
        .of_program("plate `rows`: there is no column to count the rows of: give their number", |ctx, _| {
            ctx.plate("rows", &Vec::<Tensor>::new(), |_, _| Ok(()))
        })
        .of_program("plate `rows`: there is no column to count the rows of: give their number", |ctx, _| {
            ctx.plate("rows", &(), |_, _| Ok(()))
        })
        .of_program("plate `rows`: add: shapes do not broadcast (shapes [3], [4]), at …", |ctx, _| {
            ctx.plate("rows", &(&three + &four), |_, _| Ok(()))
        })
        .of_program("plate `rows`: 0 of 3 rows cannot be chosen", |ctx, _| {
            ctx.plate("rows", 3.subsample(0), |_, _| Ok(()))
        })
        .of_program("plate `rows`: 1 of 0 rows cannot be chosen", |ctx, _| {
            ctx.plate("rows", 0.subsample(1), |_, _| Ok(()))
        })
        .of_program("plate `rows`: row numbers are integers (i64), found f64", |ctx, _| {
            ctx.plate("rows", 3.at_rows(Tensor::from([0.0, 1.0])), |_, _| Ok(()))
        })
        .of_program("plate `rows`: index 3 is outside 0..3", |ctx, _| {
            ctx.plate("rows", 3.at_rows(Tensor::from([3_i64])), |_, _| Ok(()))
        })
        .of_program("plate `rows`: index -1 is outside 0..3", |ctx, _| {
            ctx.plate("rows", 3.at_rows(Tensor::from([-1_i64])), |_, _| Ok(()))
        })
        .of_program("plate `rows`: row numbers are a vector, found shape []", |ctx, _| {
            ctx.plate("rows", 3.at_rows(1_i64), |_, _| Ok(()))
        })
        .of_program("plate `rows`: 0 of 3 rows cannot be chosen", |ctx, _| {
            ctx.plate("rows", 3.at_rows(Vec::<i64>::new()), |_, _| Ok(()))
        })
        .of_program("plate `rows`: 0 of 3 rows cannot be chosen", |ctx, _| {
            ctx.plate("rows", (&three).at_rows(Vec::<i64>::new()), |_, _| Ok(()))
        })
        .of_program("plate `rows`: column `1` has 4 rows, column `0` 3", |ctx, _| {
            ctx.plate("rows", (&columns).subsample(2), |_, _| Ok(()))
        })
        .of_program("plate `rows`: add: shapes do not broadcast (shapes [3], [4]), at …", |ctx, _| {
            ctx.plate("rows", 3, |_, _| Ok(&three + &four))
        })
        .of_program("two statements are named `x`: names are unique in a run of a program", |ctx, _| {
            ctx.plate("rows", 3, |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0)))?;
            ctx.plate("rows", 3, |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0)))
        })
        // The same plate with another number of rows, met by a value of the first.
        .of_program("site `z`: plate `rows`: a value has 3 rows, the plate 4", |ctx, _| {
            let x = ctx.plate("rows", 3, |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0)))?;
            ctx.plate("rows", 4, |ctx, _| ctx.sample("y", Normal::new(&x, 1.0)))?;
            ctx.plate("rows", &four, |ctx, _| ctx.observe("z", Normal::new(0.0, 1.0), &x))
        })
        .of_program(
            "site `y`: add: rows of `rows` (3) met rows of `rows` (4): one of them is a \
             subsample of other rows, at …",
            |ctx, _| {
                let mut outer = Tensor::from(0.0);
                ctx.plate("rows", 3, |ctx, _| {
                    outer = ctx.sample("x", Normal::new(0.0, 1.0))?;
                    Ok(())
                })?;
                ctx.plate("rows", 4, |ctx, _| ctx.sample("y", Normal::new(&outer, 1.0)))
            },
        )
        .of_program("site `x`: plate `rows`: a value has 3 rows, the plate 2", |ctx, _| {
            ctx.plate("rows", 2, |ctx, _| ctx.observe("x", Normal::new(0.0, 1.0), vec![1.0, 2.0, 3.0]))
        })
        .of_program("site `x`: plate `a`: a value has 3 rows, the plate 2", |ctx, _| {
            ctx.plate("a", 2, |ctx, _| {
                ctx.plate("b", 3, |ctx, _| ctx.observe("x", Normal::new(0.0, 1.0), Tensor::zeros([3, 2])))
            })
        })
        .of_program(
            "site `x`: arange: there is no memory for shape [18446744073709551615], at …",
            |ctx, _| ctx.plate("rows", usize::MAX, |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0))),
        )
        .of_program(
            "site `rows`: random_subsample: [2] distinct entries of 18446744073709551615 do \
             not exist, at …",
            |ctx, _| {
                ctx.plate("rows", usize::MAX.subsample(2), |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0)))
            },
        );
}

/// A plate without rows is one: nothing is seen, nothing drawn, and the program's density is that of what is outside.
#[test]
fn a_plate_without_rows() {
    let model = |ctx: &mut Ctx, y: &Tensor| {
        let mean = ctx.sample("mean", Normal::new(0.0, 1.0))?;
        ctx.plate("rows", y, |ctx, y| {
            let z = ctx.sample("z", Normal::new(&mean, 1.0))?;
            ctx.observe("y", Normal::new(&z, 1.0), y)
        })
    };
    let empty = Tensor::from(Vec::<f64>::new());
    let (run, y) = trace(&mut Ctx::new(0), &model, &empty).unwrap();
    assert_eq!(y.shape(), Shape::from([0]));
    let mean = run.site("mean").unwrap().log_prob().unwrap().to_scalar().unwrap();
    assert_eq!(run.log_prob_sum().unwrap().to_scalar().unwrap(), mean);
    for objective in [
        Box::new(TraceElbo::new().particles(2)) as Box<dyn Objective>,
        Box::new(TraceGraphElbo::new()),
        Box::new(TraceMeanFieldElbo::new()),
        Box::new(RenyiElbo::new(0.5).particles(2)),
    ] {
        let mut svi = Svi::new(model, AutoNormal::new(model), Adam::new(0.01), objective);
        assert!(svi.step(&empty).unwrap().is_finite());
    }
    let drawn = Predictive::new(model).prior(5, &empty).unwrap();
    assert_eq!(drawn.get("z").unwrap().shape(), Shape::from([5, 0]));
    render_model(&Ctx::new(0), &model, &empty).unwrap();
}

#[test]
fn scans() {
    let zero = Tensor::from(0.0);
    let columns = (Tensor::zeros([3]), Tensor::zeros([4]));
    Refusals::default()
        .of_program("plate `time`: column `1` has 4 rows, column `0` 3", |ctx, _| {
            ctx.scan("time", &columns, &zero, |_, carry, _| Ok((carry.clone(), ())))
        })
        .of_program("plate `time`: a scan needs a step", |ctx, _| {
            ctx.scan("time", &Tensor::from(Vec::<f64>::new()), &zero, |_, carry, _| Ok((carry.clone(), ())))
        })
        .of_program(
            "plate `time`: broadcast_to: the first does not broadcast to the second (shapes \
             [1, 2], [2]), at …",
            |ctx, _| ctx.scan("time", 3, &zero, |_, carry, _| Ok((carry.unsqueeze(0).broadcast_to([2]), ()))),
        )
        .of_program(
            "plate `time`: scan: carry `value` changes its dtype in a step: use `cast` \
             (dtypes f64, bool), at …",
            |ctx, _| ctx.scan("time", 3, &zero, |_, carry, _| Ok((carry.gt(0.0), ()))),
        )
        .of_program("plate `time`: add: shapes do not broadcast (shapes [2], [3]), at …", |ctx, _| {
            ctx.scan("time", 3, &(Tensor::zeros([2]) + Tensor::zeros([3])), |_, carry, _| {
                Ok((carry.clone(), ()))
            })
        })
        .of_program("plate `time`: scan: a step takes carries `0` and gives `0`, `1`, at …", |ctx, _| {
            ctx.scan("time", 3, &vec![Tensor::from(0.0)], |_, carry, _| {
                Ok((vec![carry[0].clone(), carry[0].clone()], ()))
            })
        })
        .of_program("site `x4`: plate `time`: its steps draw different sites", |ctx, _| {
            let mut step = 0;
            ctx.scan("time", 3, &zero, |ctx, carry, _| {
                step += 1;
                Ok((ctx.sample(&format!("x{step}"), Normal::new(carry, 1.0))?, ()))
            })
        })
        .of_program("two statements are named `x`: names are unique in a run of a program", |ctx, _| {
            ctx.scan("time", 3, &zero, |ctx, carry, _| {
                ctx.sample("x", Normal::new(carry, 1.0))?;
                Ok((ctx.sample("x", Normal::new(carry, 1.0))?, ()))
            })
        })
        .of_program("site `y`: the data must be in the support real, but has NaN", |ctx, _| {
            ctx.scan("time", &Tensor::from([0.0, f64::NAN]), &zero, |ctx, carry, y| {
                Ok((ctx.observe("y", Normal::new(carry, 1.0), y)?, ()))
            })
        })
        .of_program("site `y`: plate `time`: a value has 2 rows, the scan 3", |ctx, _| {
            ctx.scan("time", 3, &zero, |ctx, carry, _| {
                ctx.observe("y", Normal::new(carry, 1.0), vec![1.0, 2.0])?;
                Ok((carry.clone(), ()))
            })
        })
        .of_program("site `y`: parameter `scale` of Normal must be positive, but has -1", |ctx, _| {
            ctx.scan("time", 3, &zero, |ctx, carry, _| {
                ctx.sample("y", Normal::new(carry, -1.0))?;
                Ok((carry.clone(), ()))
            })
        })
        .of_program(
            "plate `time`: arange: there is no memory for shape [18446744073709551615], at …",
            |ctx, _| {
                ctx.scan("time", usize::MAX, &zero, |ctx, carry, _| {
                    Ok((ctx.sample("y", Normal::new(carry, 1.0))?, ()))
                })
            },
        );
}

#[test]
fn replicas() {
    let draw = |ctx: &mut Ctx| ctx.sample("x", Normal::new(0.0, 1.0));
    Refusals::default()
        .of_program("plate `copies`: is opened inside itself", |ctx, _| {
            ctx.replicas("copies", 2, |ctx| ctx.replicas("copies", 2, draw))
        })
        .of_program("plate `copies`: is opened inside itself", |ctx, _| {
            ctx.replicas("copies", 2, |ctx| ctx.plate("copies", 2, |ctx, _| draw(ctx)))
        })
        .of_program(
            "site `y`: plate `copies`: a value of one of its rows is used outside: return it \
             from the plate's closure",
            |ctx, _| {
                let (_, x) = ctx.replicas("copies", 2, draw)?;
                ctx.sample("y", Normal::new(x, 1.0))
            },
        )
        .of_program("plate `copies`: the replicas' numbers are too large", |ctx, _| {
            ctx.replicas("copies", usize::MAX, draw)
        })
        .of_program("plate `copies`: the replicas' numbers are too large", |ctx, _| {
            ctx.replicas_from("copies", usize::MAX, 2, draw)
        })
        .of_program("plate `copies`: zero replicas were asked for", |ctx, _| ctx.replicas("copies", 0, draw));
}
