//! Statements of programs outside of plates.

use std::sync::Arc;

use ppl::prelude::*;

use crate::Refusals;

/// A tensor that carries an error.
fn failed() -> Tensor {
    Tensor::zeros([2]) + Tensor::zeros([3])
}

#[test]
fn sample_and_observe() {
    Refusals::default()
        .of_program("site `x`: add: shapes do not broadcast (shapes [2], [3]), at …", |ctx, _| {
            ctx.observe("x", Normal::new(0.0, 1.0), failed())
        })
        .of_program("site `x`: the data must be in the support 0 or 1, but has 2", |ctx, _| {
            ctx.observe("x", Bernoulli::new(0.5), Tensor::from([0.0, 2.0]).select_index(0, 1))
        })
        .of_program("site `x`: the value has shape [3], a draw of the Normal distribution [2]", |ctx, _| {
            ctx.observe("x", Normal::new(Tensor::zeros([2]), 1.0), vec![1.0, 2.0, 3.0])
        })
        .of_program(
            "site `x`: the data must be in the support nonnegative with a sum of 1, but has 0.2",
            |ctx, _| ctx.observe("x", Dirichlet::new([1.0, 1.0]), vec![0.2, 0.3]),
        )
        .of_program(
            "site `x`: the value has shape []; one that is nonnegative with a sum of 1 has 1 \
             dimension",
            |ctx, _| ctx.observe("x", Dirichlet::new([1.0, 1.0]), 0.5),
        )
        .of_program("(no error)", |ctx, _| ctx.observe("x", Normal::new(0.0, 1.0), Vec::<f64>::new()))
        .of_program("two statements are named ``: names are unique in a run of a program", |ctx, _| {
            ctx.sample("", Normal::new(0.0, 1.0))?;
            ctx.sample("", Normal::new(0.0, 1.0))
        })
        .of_program("two statements are named `x`: names are unique in a run of a program", |ctx, _| {
            ctx.sample("x", Normal::new(0.0, 1.0))?;
            ctx.deterministic("x", 1.0)
        })
        .of_program(
            "site `x`: to_event: 1 batch dimensions of Normal cannot be dimensions of a draw \
             (shapes []), at …",
            |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0).to_event(1)),
        )
        .of_program("site `x`: parameter `scale` of Normal must be positive, but has NaN", |ctx, _| {
            ctx.sample_auxiliary("x", Normal::new(0.0, f64::NAN))
        })
        .of_program("site `x`: add: shapes do not broadcast (shapes [2], [3]), at …", |ctx, _| {
            ctx.deterministic("x", failed())
        })
        .of_program("site `x`: add: shapes do not broadcast (shapes [2], [3]), at …", |ctx, _| {
            ctx.factor("x", failed())
        })
        .of_program(
            "site `x`: parameter `probs` of Categorical must be nonnegative with a sum of 1, \
             but has 0.5",
            |ctx, _| {
                ctx.sample("p", Dirichlet::new([1.0, 2.0]))?;
                ctx.sample("x", Categorical::new([0.5, 0.6]))
            },
        );
}

#[test]
fn data_with_gaps() {
    Refusals::default()
        .of_program("site `x`: add: shapes do not broadcast (shapes [2], [3]), at …", |ctx, _| {
            let data = Observation::present(failed(), Tensor::from([true, false]));
            ctx.observe("x", Normal::new(Tensor::zeros([2]), 1.0), data)
        })
        .of_program("site `x`: add: shapes do not broadcast (shapes [2], [3]), at …", |ctx, _| {
            let data = Observation::present(Tensor::from([0.0, 1.0]), failed());
            ctx.observe("x", Normal::new(Tensor::zeros([2]), 1.0), data)
        })
        .of_program(
            "site `x`: which data are present has shape [3], the batch of the Normal \
             distribution [2]",
            |ctx, _| {
                let data = Observation::nan_is_missing(Tensor::from([f64::NAN, 1.0, 2.0]));
                ctx.observe("x", Normal::new(Tensor::zeros([2]), 1.0), data)
            },
        )
        .of_program("site `x_observed`: the data must be in the support positive, but has -1", |ctx, _| {
            let data = Observation::nan_is_missing(Tensor::from([f64::NAN, -1.0]));
            ctx.observe("x", Gamma::new(Tensor::ones([2]), 1.0), data)
        })
        .of_program("site `x_observed`: the data must be in the support real, but has NaN", |ctx, _| {
            let data = Observation::present(Tensor::from([1.0, f64::NAN]), Tensor::from([true, true]));
            ctx.observe("x", Normal::new(Tensor::zeros([2]), 1.0), data)
        })
        .of_program("site `x_missing`: parameter `scale` of Normal must be positive, but has -1", |ctx, _| {
            let data = Observation::nan_is_missing(Tensor::from([f64::NAN, 1.0]));
            ctx.observe("x", Normal::new(Tensor::zeros([2]), -1.0), data)
        })
        .of_program(
            "two statements are named `x_missing`: names are unique in a run of a program",
            |ctx, _| {
                ctx.sample("x_missing", Normal::new(0.0, 1.0))?;
                let data = Observation::nan_is_missing(Tensor::from([f64::NAN, 1.0]));
                ctx.observe("x", Normal::new(Tensor::zeros([2]), 1.0), data)
            },
        )
        .of_program(
            "site `x`: which data are present has shape [1, 2], the batch of the Dirichlet \
             distribution []",
            |ctx, _| {
                let data =
                    Observation::present(Tensor::from([[0.5, f64::NAN]]), Tensor::from([[true, false]]));
                ctx.observe("x", Dirichlet::new([1.0, 1.0]), data)
            },
        )
        // Nothing is there at all: all is drawn.
        .of_program("(no error)", |ctx, _| {
            let data = Observation::nan_is_missing(Tensor::from([f64::NAN, f64::NAN]));
            let x = ctx.observe("x", Poisson::new(Tensor::ones([2])), data)?;
            assert!(x.to_f64()?.iter().all(|x| *x >= 0.0));
            Ok::<_, Error>(())
        });
}

#[test]
fn parameters() {
    let rows = Tensor::from([1.0, 2.0, 3.0]);
    Refusals::default()
        .of_program("site `w`: add: shapes do not broadcast (shapes [2], [3]), at …", |ctx, _| {
            ctx.param("w", failed())
        })
        .of_program("site `w`: the initial value must be in the support real, but has NaN", |ctx, _| {
            ctx.param("w", f64::NAN)
        })
        .of_program(
            "site `w`: the initial value must be in the support nonnegative with a sum of 1, \
             but has 0.5",
            |ctx, _| ctx.param_in("w", [0.5, 0.6], constraints::simplex()),
        )
        .of_program(
            "site `w`: the value has shape []; one that is nonnegative with a sum of 1 has 1 \
             dimension",
            |ctx, _| ctx.param_in("w", 0.5, constraints::simplex()),
        )
        .of_program(
            "site `w`: a bijection from the reals is not available for a nonnegative integer",
            |ctx, _| ctx.param_in("w", 1, constraints::nonnegative_integer()),
        )
        .of_program(
            "site `w`: the initial value must be in the support positive definite, but has 0",
            |ctx, _| ctx.param_in("w", Tensor::eye(2) * 0.0, constraints::positive_definite()),
        )
        .of_program("site `w`: CovarianceFromCholesky: matrices of shape [2, 3] are not square", |ctx, _| {
            ctx.param_in("w", Tensor::zeros([2, 3]), constraints::positive_definite())
        })
        .of_program("site `w`: the stored parameter is in [0, 1], the statement says positive", |ctx, _| {
            ctx.param_in("w", 0.5, constraints::unit_interval())?;
            ctx.param_in("w", 0.5, constraints::positive())
        })
        .of_program(
            "site `w`: the initial value depends on the row of `rows` (3): give one value \
             for all rows",
            |ctx, _| ctx.plate("rows", &rows, |ctx, row| ctx.param("w", row)),
        )
        .of_program(
            "site `w`: the initial value depends on the row of `rows` (3): give one value \
             for all rows",
            |ctx, _| ctx.plate("rows", &rows, |ctx, row| ctx.param_per_row("w", row, None)),
        )
        .of_program("site `w`: the stored parameter has shape [3], the statement [4]", |ctx, _| {
            ctx.plate("rows", 3, |ctx, _| ctx.param_per_row("w", 0.0, None))?;
            ctx.plate("rows", 4, |ctx, _| ctx.param_per_row("w", 0.0, None))
        })
        .of_program("two statements are named `w`: names are unique in a run of a program", |ctx, _| {
            ctx.sample("w", Normal::new(0.0, 1.0))?;
            ctx.param("w", 0.0)
        })
        .of_program("two statements are named `w`: names are unique in a run of a program", |ctx, _| {
            ctx.param("w", 0.0)?;
            ctx.sample("w", Normal::new(0.0, 1.0))
        });
}

/// Integers and truth values become floats: of the other kinds there are no gradients.
#[test]
fn parameters_of_integers_become_floats() {
    let program = |ctx: &mut Ctx, _: &()| {
        ctx.param("count", Tensor::from([1_i64, 2]))?;
        ctx.param("flag", true)?;
        ctx.param_in("rate", 3, constraints::positive())
    };
    let mut ctx = Ctx::new(0);
    trace(&mut ctx, &program, &()).unwrap();
    for (name, expected) in [("count", vec![1.0, 2.0]), ("flag", vec![1.0]), ("rate", vec![3.0])] {
        let value = ctx.params().get(name).unwrap();
        assert_eq!((value.dtype(), value.to_f64().unwrap().len()), (DType::F64, expected.len()));
        let close = |(a, b): (f64, f64)| (a - b).abs() < 1e-12;
        assert!(value.to_f64().unwrap().into_iter().zip(expected).all(close));
    }
}

/// After an error the context is as before: its plates and handlers are closed, its parameters kept.
#[test]
fn a_context_survives_a_failed_program() {
    let mut ctx = Ctx::new(0);
    let (_, before) = trace(&mut ctx, &|ctx: &mut Ctx, _: &()| ctx.param("w", 0.25), &()).unwrap();
    let failing = |ctx: &mut Ctx, _: &()| {
        ctx.plate("rows", 3, |ctx, _| {
            ctx.replicas("copies", 2, |ctx| {
                ctx.scan("time", 2, &Tensor::from(0.0), |ctx, carry, _| {
                    let x = ctx.sample("x", Normal::new(carry, 1.0))?;
                    ctx.observe("y", Normal::new(&x, 1.0), f64::NAN)?;
                    Ok((x, ()))
                })
            })?;
            Ok(())
        })
    };
    let masked = mask(condition(failing, [("z", 1.0)]), true);
    assert!(trace(&mut ctx, &masked, &()).is_err());
    assert!(ctx.frames().is_empty());
    let (run, after) = trace(&mut ctx, &|ctx: &mut Ctx, _: &()| ctx.param("w", 7.0), &()).unwrap();
    assert_eq!(run.sites().count(), 1);
    assert_eq!(before.to_scalar().unwrap().to_bits(), after.to_scalar().unwrap().to_bits());
}

/// An error of a program's own comes out as it is.
#[test]
fn errors_of_programs() {
    let own = |_: &mut Ctx, _: &()| -> Result<()> { Err(Error::argument("the sensor is off")) };
    Refusals::default()
        .of_program("the sensor is off", own)
        .of_program("the sensor is off", |ctx, _| ctx.plate("rows", 3, own_row))
        .of_program("the sensor is off", scope(mask(condition(own, [("x", 1.0)]), true), "a"))
        .of_program("as_slice: elements were read as i64 (dtypes f64), at …", |ctx, _| {
            let x = ctx.sample("x", Normal::new(0.0, 1.0))?;
            let prior: Arc<dyn Distribution> = if x.to_vec::<i64>()?.is_empty() {
                Arc::new(Normal::new(0.0, 1.0))
            } else {
                Arc::new(Gamma::new(1.0, 1.0))
            };
            ctx.sample("y", prior)
        });
    fn own_row(_: &mut Ctx, _: &Tensor) -> Result<()> {
        Err(Error::argument("the sensor is off"))
    }
}

/// A program whose structure depends on a value cannot be traced, and says so.
#[test]
fn values_read_in_a_traced_program() {
    let program = |y: &Tensor| -> ppl::tensor::Result<Tensor> {
        let model = |ctx: &mut Ctx, y: &Tensor| {
            let x = ctx.sample("x", Normal::new(y, 1.0))?;
            if x.to_scalar()? > 0.0 { ctx.sample("z", Normal::new(0.0, 1.0)) } else { Ok(x) }
        };
        trace(&mut Ctx::new(0), &model, y)
            .map(|(_, z)| z)
            .map_err(|error| ppl::tensor::Error::argument("model", error.to_string()))
    };
    Refusals::default().of(
        "model: to_scalar: this program's structure depends on a value; run it without the compiler, or choose by \
             `select` instead of reading, at …",
        || ppl::tensor::trace(&Device::cpu(), program, &Tensor::from([0.5]).sum(0)),
    );
    // In a scan every value is symbolic.
    let symbolic = "plate `time`: to_scalar: a scan's body cannot depend on values: it is recorded once for all steps; use \
                    `select`, at …";
    Refusals::default().of_program(symbolic, |ctx, _| {
        ctx.scan("time", 3, &Tensor::from(0.0), |ctx, carry, _| {
            let x = ctx.sample("x", Normal::new(carry, 1.0))?;
            Ok((if x.to_scalar()? > 0.0 { x.clone() } else { -x }, ()))
        })
    });
}
