//! A plate is the loop of its rows: in draws, log density and gradient; whole, subsampled and nested.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Result, SubsampleExt, Trace, trace};
use ppl_dist::Normal;
use ppl_tensor::{Axis, AxisId, Tensor, TensorTree, grad};

#[derive(Clone, TensorTree)]
struct Columns {
    x: Tensor,
    y: Tensor,
}

fn columns() -> Columns {
    Columns { x: Tensor::from([0.5, -1.0, 2.0, 0.1, 1.3]), y: Tensor::from([0.2, 1.0, -0.7, 0.4, 2.2]) }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} {b}");
}

fn row_program(ctx: &mut Ctx, slope: &Tensor, row: &Columns) -> Result<Tensor> {
    let z = ctx.sample("z", Normal::new(slope * &row.x, 0.7))?;
    ctx.observe("y", Normal::new(&z + slope, 1.1), &row.y)?;
    Ok(z)
}

/// Log density, its gradient with respect to the slope, and the draws.
fn summary(run: &Trace, slope: &Tensor) -> (f64, f64, Vec<f64>) {
    let density = run.log_prob_sum().unwrap();
    let slope = grad(&density, &[slope]).unwrap()[0].to_scalar().unwrap();
    (density.to_scalar().unwrap(), slope, run.value("z").unwrap().to_f64().unwrap())
}

#[test]
fn a_plate_is_the_loop_of_its_rows() {
    let columns = columns();
    let slope = Tensor::from(vec![0.8]).reshape([]).tracked();
    let whole = |ctx: &mut Ctx, c: &Columns| ctx.plate("rows", c, |ctx, row| row_program(ctx, &slope, row));
    let (run, _) = trace(&mut Ctx::new(11), &whole, &columns).unwrap();
    let (density, gradient, draws) = summary(&run, &slope);

    let (mut density_sum, mut gradient_sum, mut draws_of_rows) = (0.0, 0.0, Vec::new());
    for row in 0..5i64 {
        let one = |ctx: &mut Ctx, c: &Columns| {
            ctx.plate("rows", c.at_rows([row]), |ctx, row| row_program(ctx, &slope, row))
        };
        let (run, _) = trace(&mut Ctx::new(11), &one, &columns).unwrap();
        let (density, gradient, draws) = summary(&run, &slope);
        // One row of five counts five times.
        density_sum += density / 5.0;
        gradient_sum += gradient / 5.0;
        draws_of_rows.extend(draws);
    }
    assert_eq!(draws, draws_of_rows);
    close(density, density_sum);
    close(gradient, gradient_sum);
}

#[test]
fn a_subsample_slices_all_columns_alike_and_scales() {
    let columns = columns();
    let some = |ctx: &mut Ctx, c: &Columns| {
        ctx.plate("rows", c.subsample(2), |ctx, row| {
            ctx.observe("y", Normal::new(&row.x, 1.0), &row.y)?;
            Ok((row.x.clone(), row.y.clone()))
        })
    };
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let (run, (x, y)) = trace(&mut Ctx::new(seed), &some, &columns).unwrap();
        let rows = run.value("rows").unwrap().to_vec::<i64>().unwrap();
        assert_eq!(rows.len(), 2);
        assert_ne!(rows[0], rows[1]);
        let pick =
            |column: &Tensor| rows.iter().map(|&r| column.to_f64().unwrap()[r as usize]).collect::<Vec<_>>();
        assert_eq!(x.to_f64().unwrap(), pick(&columns.x));
        assert_eq!(y.to_f64().unwrap(), pick(&columns.y));
        let density: f64 = pick(&columns.x)
            .iter()
            .zip(pick(&columns.y))
            .map(|(x, y)| -0.5 * (y - x).powi(2) - 0.5 * std::f64::consts::TAU.ln())
            .sum();
        close(run.log_prob_sum().unwrap().to_scalar().unwrap(), 2.5 * density);
        seen.extend(rows);
    }
    assert_eq!(seen.len(), 5);
}

#[test]
fn nested_plates_are_nested_loops() {
    // Three groups of four: a group's effect, and data in each.
    let y = Tensor::from((0..12).map(|i| f64::from(i) * 0.37 - 2.0).collect::<Vec<_>>()).reshape([3, 4]);
    let model = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("groups", y, |ctx, y| {
            let effect = ctx.sample("effect", Normal::new(0.0, 2.0))?;
            let drawn = ctx.plate("members", y, |ctx, y| {
                let noise = ctx.sample("noise", Normal::new(&effect, 0.3))?;
                ctx.observe("y", Normal::new(&effect + &noise, 1.0), y)?;
                Ok(noise)
            })?;
            assert_eq!(drawn.shape().to_vec(), [4]);
            Ok((effect, drawn))
        })
    };
    let (run, (effect, noise)) = trace(&mut Ctx::new(3), &model, &y).unwrap();
    assert_eq!(effect.shape().to_vec(), [3]);
    assert_eq!(noise.shape().to_vec(), [3, 4]);
    assert_eq!(run.value("noise").unwrap().shape().to_vec(), [3, 4]);

    let normal =
        |x: f64, m: f64, s: f64| -0.5 * ((x - m) / s).powi(2) - s.ln() - 0.5 * std::f64::consts::TAU.ln();
    let (e, n, d) = (effect.to_f64().unwrap(), noise.to_f64().unwrap(), y.to_f64().unwrap());
    let mut expected = 0.0;
    for group in 0..3 {
        expected += normal(e[group], 0.0, 2.0);
        for member in 0..4 {
            let (n, d) = (n[group * 4 + member], d[group * 4 + member]);
            expected += normal(n, e[group], 0.3) + normal(d, e[group] + n, 1.0);
        }
    }
    close(run.log_prob_sum().unwrap().to_scalar().unwrap(), expected);

    // The row of a nested plate draws what it would draw alone.
    let one = |ctx: &mut Ctx, _: &()| {
        ctx.plate("groups", 3.at_rows([2i64]), |ctx, _| {
            let effect = ctx.sample("effect", Normal::new(0.0, 2.0))?;
            ctx.plate("members", 4.at_rows([1i64]), |ctx, _| ctx.sample("noise", Normal::new(&effect, 0.3)))
        })
    };
    let (alone, _) = trace(&mut Ctx::new(3), &one, &()).unwrap();
    assert_eq!(alone.value("noise").unwrap().to_f64().unwrap(), [n[2 * 4 + 1]]);
}

#[test]
fn rows_pick_their_groups() {
    let group = Tensor::from([0i64, 1, 1, 0, 2]);
    let model = |ctx: &mut Ctx, group: &Tensor| {
        let theta = ctx.plate("group", 3usize, |ctx, _| ctx.sample("theta", Normal::new(0.0, 1.0)))?;
        let picked = ctx.plate("rows", group, |ctx, group| ctx.deterministic("picked", theta.at(group)))?;
        Ok((theta, picked))
    };
    let (_, (theta, picked)) = trace(&mut Ctx::new(8), &model, &group).unwrap();
    let theta = theta.to_f64().unwrap();
    assert_eq!(picked.to_f64().unwrap(), [theta[0], theta[1], theta[1], theta[0], theta[2]]);
}

#[test]
fn data_that_are_the_same_in_every_row_count_once_a_row() {
    let model = |ctx: &mut Ctx, _: &()| {
        ctx.plate("rows", 6usize, |ctx, _| ctx.observe("y", Normal::new(0.0, 1.0), 0.4).map(|_| ()))
    };
    let (run, ()) = trace(&mut Ctx::new(0), &model, &()).unwrap();
    let one = -0.5 * 0.16 - 0.5 * std::f64::consts::TAU.ln();
    close(run.log_prob_sum().unwrap().to_scalar().unwrap(), 6.0 * one);
}

#[test]
fn parameters_of_rows_are_stored_for_all_rows() {
    let model = |ctx: &mut Ctx, _: &()| {
        let local = ctx.plate("rows", 5usize.at_rows([4i64, 1]), |ctx, row| {
            let local = ctx.param_per_row("local", 0.5, None)?;
            Ok(local + 0.0 * row.cast(ppl_tensor::DType::F64))
        })?;
        assert_eq!(local.shape().to_vec(), [2]);
        ctx.param("shared", 1.5)
    };
    let mut ctx = Ctx::new(0);
    trace(&mut ctx, &model, &()).unwrap();
    assert_eq!(ctx.params().get("local").unwrap().shape().to_vec(), [5]);
    assert_eq!(ctx.params().get("shared").unwrap().to_scalar().unwrap(), 1.5);
}

#[test]
fn all_rows_in_another_order_are_reordered() {
    let columns = columns();
    let program = |ctx: &mut Ctx, c: &Columns| {
        ctx.plate("rows", c.at_rows([4i64, 0, 3, 1, 2]), |_, row| Ok(row.x.clone()))
    };
    let (_, x) = trace(&mut Ctx::new(0), &program, &columns).unwrap();
    assert_eq!(x.to_f64().unwrap(), [1.3, 0.5, 0.1, -1.0, 2.0]);
}

/// What comes in differs from chain to chain; what is drawn inside does not, and is what is drawn without chains.
#[test]
fn chains_draw_alike() {
    let starts = Tensor::from([1.0, 2.0, 4.0]);
    let axis = Axis { id: AxisId::chains(), size: 3 };
    let program = |ctx: &mut Ctx, x: &Tensor| -> Result<Tensor> {
        let z = ctx.plate("chains", 2, |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)))?;
        ctx.deterministic("sum", x + z.sum(0))
    };
    let alone: Vec<f64> = [1.0, 2.0, 4.0]
        .iter()
        .map(|x| program(&mut Ctx::new(5), &Tensor::from(*x)).unwrap().to_scalar().unwrap())
        .collect();
    let x = starts.to_implicit(axis.id).unwrap();
    let together = Ctx::new(5).chains(3, |ctx| program(ctx, &x)).unwrap();
    assert_eq!(together.to_positional(axis).to_f64().unwrap(), alone);

    let refused = |n: usize| {
        let inner = |ctx: &mut Ctx| ctx.chains(2, |_| Ok(()));
        Ctx::new(0).chains(n, inner).unwrap_err().to_string()
    };
    assert_eq!(refused(0), "plate `vectorised chains`: zero of them were asked for");
    assert_eq!(refused(3), "plate `vectorised chains`: are opened inside themselves");
    let outside = Ctx::new(0).deterministic("x", &x).unwrap_err().to_string();
    assert!(outside.contains("is used outside"), "{outside}");
    let others = Ctx::new(0).chains(2, |ctx| ctx.deterministic("x", &x)).unwrap_err().to_string();
    assert!(others.contains("a value has 3 rows"), "{others}");
}
