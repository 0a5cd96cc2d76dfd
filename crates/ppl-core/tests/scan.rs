//! A scan is the loop of its steps: in draws, log density and gradient; under handlers, in and around plates.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{
    Ctx, Model, Observation, Result, SubsampleExt, Trace, condition, do_, mask, reparam, replay, scope,
    substitute, trace, uncondition,
};
use ppl_dist::{LocScaleReparam, Normal};
use ppl_tensor::{AxisId, Tensor, TensorTree, grad, grad_recorded};

const STEPS: usize = 5;

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} {b}");
}

fn all_close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(a, b)| close(*a, *b));
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_f64().unwrap()
}

fn value(run: &Trace, site: &str) -> Vec<f64> {
    numbers(&run.value(site).unwrap())
}

fn density(run: &Trace, site: &str) -> f64 {
    run.site(site).unwrap().log_prob_sum(&[]).unwrap().to_scalar().unwrap()
}

fn normal(x: f64, mean: f64, scale: f64) -> f64 {
    -0.5 * ((x - mean) / scale).powi(2) - scale.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// Data of each step.
#[derive(Clone, TensorTree)]
struct Series {
    y: Tensor,
    drift: Tensor,
}

fn series() -> Series {
    Series { y: Tensor::from([0.4, -0.2, 1.0, 2.5, 1.7]), drift: Tensor::from([0.1, 0.2, -0.3, 0.0, 0.5]) }
}

/// A local level with drift: `z` follows itself, `y` is `z` with noise.
fn level(ctx: &mut Ctx, series: &Series) -> Result<(Tensor, Tensor)> {
    let stay = ctx.sample("stay", Normal::new(0.8, 0.1))?;
    let (last, levels) = ctx.scan("time", series, &Tensor::from(0.0), |ctx, before, row| {
        let z = ctx.sample("z", Normal::new(&stay * before + &row.drift, 0.5))?;
        ctx.observe("y", Normal::new(&z, 1.2), &row.y)?;
        ctx.deterministic("twice", &z * 2.0)?;
        Ok((z.clone(), z))
    })?;
    Ok((last, levels))
}

fn run(model: impl Model<Series>) -> Trace {
    trace(&mut Ctx::new(9), &model, &series()).unwrap().0
}

fn message(model: impl Model<Series>) -> String {
    trace(&mut Ctx::new(9), &model, &series()).err().unwrap().to_string()
}

/// Log densities of `z` and `y` by the recursion.
fn by_hand(stay: f64, z: &[f64]) -> (f64, f64) {
    let (drift, y) = (numbers(&series().drift), numbers(&series().y));
    let mut densities = (0.0, 0.0);
    let mut before = 0.0;
    for step in 0..STEPS {
        densities.0 += normal(z[step], stay * before + drift[step], 0.5);
        densities.1 += normal(y[step], z[step], 1.2);
        before = z[step];
    }
    densities
}

#[test]
fn a_scan_is_the_loop_of_its_steps() {
    let (run, (last, levels)) = trace(&mut Ctx::new(9), &level, &series()).unwrap();
    let names: Vec<&str> = run.sites().map(|site| site.name.as_str()).collect();
    assert_eq!(names, ["stay", "z", "y", "twice"]);
    let (stay, z) = (value(&run, "stay")[0], value(&run, "z"));
    assert_eq!(z.len(), STEPS);
    assert_eq!(numbers(&levels), z);
    close(last.to_scalar().unwrap(), z[STEPS - 1]);
    all_close(&value(&run, "twice"), &z.iter().map(|z| 2.0 * z).collect::<Vec<_>>());
    let (of_z, of_y) = by_hand(stay, &z);
    close(density(&run, "z"), of_z);
    close(density(&run, "y"), of_y);
    let table = run.format_shapes();
    assert!(table.contains("z      time 5"), "{table}");
}

#[test]
fn the_steps_draw_what_rows_of_a_plate_would_draw() {
    // Without dependence between steps a scan is a plate.
    let apart = |ctx: &mut Ctx, _: &()| {
        ctx.scan("time", 4, &(), |ctx, (), _| Ok(((), ctx.sample("x", Normal::new(0.0, 1.0))?)))
    };
    let plate = |ctx: &mut Ctx, _: &()| ctx.plate("time", 4, |ctx, _| ctx.sample("x", Normal::new(0.0, 1.0)));
    let (_, ((), scanned)) = trace(&mut Ctx::new(2), &apart, &()).unwrap();
    let (_, rows) = trace(&mut Ctx::new(2), &plate, &()).unwrap();
    assert_eq!(numbers(&scanned), numbers(&rows));
}

#[test]
fn gradients_flow_through_what_is_carried() {
    let stay = Tensor::from(vec![0.7]).reshape([]).tracked();
    let program = |ctx: &mut Ctx, series: &Series| {
        ctx.scan("time", series, &Tensor::from(1.0), |ctx, before, row| {
            let mean = (&stay * before).sin() + &row.drift;
            ctx.observe("y", Normal::new(&mean, 1.0), &row.y)?;
            Ok((mean, ()))
        })
    };
    let (run, _) = trace(&mut Ctx::new(0), &program, &series()).unwrap();
    let found = grad(&run.log_prob_sum().unwrap(), &[&stay]).unwrap()[0].to_scalar().unwrap();
    let at = |stay: f64| {
        let (drift, y) = (numbers(&series().drift), numbers(&series().y));
        (0..STEPS).fold((0.0, 1.0), |(sum, before), step| {
            let mean = (stay * before).sin() + drift[step];
            (sum + normal(y[step], mean, 1.0), mean)
        })
    };
    // Central differences: error h² f''' / 6 and rounding 1e-16 / h.
    let differences = (at(0.7 + 1e-5).0 - at(0.7 - 1e-5).0) / 2e-5;
    assert!((found - differences).abs() < 1e-8 * (1.0 + found.abs()), "{found} {differences}");
}

#[test]
fn handlers_see_the_steps_as_one_site() {
    let plain = run(level);
    let z = Tensor::from([0.1, 0.2, 0.3, 0.4, 0.5]);
    let given = run(condition(level, [("z", z.clone())]));
    assert!(given.site("z").unwrap().is_observed());
    assert_eq!(value(&given, "z"), numbers(&z));
    close(density(&given, "z"), by_hand(value(&given, "stay")[0], &numbers(&z)).0);
    assert_eq!(value(&run(substitute(level, [("z", z.clone())])), "z"), numbers(&z));

    let again = trace(&mut Ctx::new(77), &replay(level, plain.clone()), &series()).unwrap().0;
    assert_eq!(value(&again, "z"), value(&plain, "z"));
    close(
        again.log_prob_sum().unwrap().to_scalar().unwrap(),
        plain.log_prob_sum().unwrap().to_scalar().unwrap(),
    );

    let drawn = run(uncondition(level));
    assert!(drawn.site("y").unwrap().is_latent());
    assert_eq!(value(&drawn, "z"), value(&plain, "z"));

    let prefixed = run(scope(level, "part"));
    assert!(prefixed.get("part/z").is_some());

    let some = run(mask(level, Tensor::from([true, false, false, false, true])));
    let z = value(&some, "z");
    let y = numbers(&series().y);
    close(density(&some, "y"), normal(y[0], z[0], 1.2) + normal(y[4], z[4], 1.2));
}

#[test]
fn an_intervention_inside_a_scan_reaches_the_steps_after_it() {
    let zero = run(do_(level, [("z", 0.0)]));
    // The site is drawn as ever, but every step follows a level of zero.
    let drift = numbers(&series().drift);
    let expected: f64 = value(&zero, "z").iter().zip(&drift).map(|(z, drift)| normal(*z, *drift, 0.5)).sum();
    close(density(&zero, "z"), expected);
    let y: f64 = numbers(&series().y).iter().map(|y| normal(*y, 0.0, 1.2)).sum();
    close(density(&zero, "y"), y);
}

#[test]
fn a_scan_in_other_coordinates_is_the_same_process() {
    let moved = run(reparam(level, [("z", LocScaleReparam::decentered())]));
    let (stay, noise, z) = (value(&moved, "stay")[0], value(&moved, "z_decentered"), value(&moved, "z"));
    let drift = numbers(&series().drift);
    let mut before = 0.0;
    for step in 0..STEPS {
        before = stay * before + drift[step] + 0.5 * noise[step];
        close(z[step], before);
    }
    close(density(&moved, "z_decentered"), noise.iter().map(|x| normal(*x, 0.0, 1.0)).sum());
    close(density(&moved, "y"), by_hand(stay, &z).1);
}

#[test]
fn missing_steps_are_drawn() {
    let y = Tensor::from([0.4, f64::NAN, 1.0, f64::NAN, 1.7]);
    let program = |ctx: &mut Ctx, y: &Tensor| {
        ctx.scan("time", y, &Tensor::from(0.0), |ctx, before, y| {
            let y = ctx.observe("y", Normal::new(before, 1.0), Observation::nan_is_missing(y))?;
            Ok((y.clone(), y))
        })
    };
    let (run, (_, whole)) = trace(&mut Ctx::new(3), &program, &y).unwrap();
    let (whole, drawn) = (numbers(&whole), value(&run, "y_missing"));
    assert_eq!(whole, [0.4, drawn[1], 1.0, drawn[3], 1.7]);
    close(
        density(&run, "y_observed"),
        normal(0.4, 0.0, 1.0) + normal(1.0, drawn[1], 1.0) + normal(1.7, drawn[3], 1.0),
    );
}

#[test]
fn scans_in_plates_and_plates_in_scans() {
    let y = Tensor::from([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]]);
    let step = |ctx: &mut Ctx, before: &Tensor, y: &Tensor| {
        let z = ctx.sample("z", Normal::new(before, 1.0))?;
        ctx.observe("y", Normal::new(&z, 1.0), y)?;
        Ok((z.clone(), z))
    };
    let inside = |ctx: &mut Ctx, y: &Tensor| {
        ctx.plate("series", y, |ctx, y| Ok(ctx.scan("time", y, &Tensor::from(0.0), step)?.1))
    };
    let around = |ctx: &mut Ctx, y: &Tensor| {
        ctx.scan("time", &y.t(), &Tensor::zeros([2]), |ctx, before, y| {
            let both = (before.clone(), y.clone());
            let z = ctx.plate("series", &both, |ctx, (before, y)| Ok(step(ctx, before, y)?.1))?;
            Ok((z.clone(), z))
        })
    };
    let (a, levels) = trace(&mut Ctx::new(5), &inside, &y).unwrap();
    assert_eq!(levels.shape().to_vec(), [2, 3]);
    let z = numbers(&levels);
    let (mut of_z, mut of_y) = (0.0, 0.0);
    for (i, y) in numbers(&y).into_iter().enumerate() {
        of_z += normal(z[i], if i % 3 == 0 { 0.0 } else { z[i - 1] }, 1.0);
        of_y += normal(y, z[i], 1.0);
    }
    close(density(&a, "z"), of_z);
    close(density(&a, "y"), of_y);

    let given = substitute(around, [("z", levels.t())]);
    let (b, (_, turned)) = trace(&mut Ctx::new(5), &given, &y).unwrap();
    assert_eq!(numbers(&turned.t()), z);
    close(density(&b, "z"), of_z);
    close(density(&b, "y"), of_y);
    let (c, _) = trace(&mut Ctx::new(6), &replay(around, b.clone()), &y).unwrap();
    assert_eq!(value(&c, "z"), value(&b, "z"));

    // Two rows of three series, chosen at random: the same in every step.
    let rows = Tensor::from([[0.1, 1.1], [1.0, 2.0], [5.0, 6.0]]);
    let some = |ctx: &mut Ctx, y: &Tensor| {
        ctx.scan("time", &y.t(), &Tensor::zeros([2]), |ctx, before, y| {
            let levels =
                ctx.plate("series", y.subsample(2), |ctx, y| ctx.sample("z", Normal::new(y, 1e-9)))?;
            Ok((levels.clone() + before * 0.0, levels))
        })
    };
    let (d, (_, levels)) = trace(&mut Ctx::new(1), &some, &rows).unwrap();
    let levels = numbers(&levels);
    let apart = [levels[2] - levels[0], levels[3] - levels[1]];
    assert!(apart.iter().all(|apart| (apart - 1.0).abs() < 1e-6), "{levels:?}");
    assert_eq!(d.site("z").unwrap().scale, 1.5);
}

/// A function of `[2, 3]` numbers has a gradient with the derivatives that central differences find, and the same in
/// second order.
fn check_derivatives(density: &dyn Fn(&Tensor) -> Tensor) {
    const H: f64 = 1e-5;
    let at: Vec<f64> = (0..6).map(|i| (f64::from(i) * 1.3).sin()).collect();
    let point = |at: &[f64]| Tensor::new([2, 3], at.to_vec()).unwrap().tracked();
    let first = |at: &[f64]| {
        let x = point(at);
        (density(&x).to_scalar().unwrap(), numbers(&grad(&density(&x), &[&x]).unwrap()[0]))
    };
    let (x, (_, gradient)) = (point(&at), first(&at));
    let slope = grad_recorded(&density(&x), &[&x]).unwrap().swap_remove(0).flatten();
    for i in 0..6 {
        let moved = |h: f64| {
            let mut moved = at.clone();
            moved[i] += h;
            first(&moved)
        };
        let ((up, slope_up), (down, slope_down)) = (moved(H), moved(-H));
        // Errors of order H^2, and of rounding over H.
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-7 * (1.0 + b.abs()), "{i}: {a} {b}");
        near((up - down) / (2.0 * H), gradient[i]);
        let row = numbers(&grad(&slope.select_index(0, i), &[&x]).unwrap()[0]);
        row.iter()
            .zip(slope_up.iter().zip(&slope_down))
            .for_each(|(&row, (up, down))| near((up - down) / (2.0 * H), row));
    }
}

#[test]
fn gradients_do_not_depend_on_which_axis_was_named_first() {
    for (first, (plate, time)) in [(0, ("rows before", "time after")), (1, ("rows after", "time before"))] {
        // Axes are ordered as their names were first used.
        for name in [[plate, time], [time, plate]][first] {
            AxisId::named(name);
        }
        let step = |ctx: &mut Ctx, before: &Tensor, y: &Tensor| {
            let z = ctx.sample("z", Normal::new(before.tanh(), before.square() + 0.5))?;
            ctx.observe("y", Normal::new(z.sin(), 1.0), y)?;
            Ok((z, ()))
        };
        let inside = move |ctx: &mut Ctx, y: &Tensor| {
            ctx.plate(plate, y, |ctx, y| ctx.scan(time, y, &Tensor::from(0.3), step).map(|(_, ys)| ys))
        };
        let around = move |ctx: &mut Ctx, y: &Tensor| {
            ctx.scan(time, &y.t(), &Tensor::from([0.3, 0.3]), |ctx, before, y| {
                let both = (before.clone(), y.clone());
                Ok((ctx.plate(plate, &both, |ctx, (before, y)| Ok(step(ctx, before, y)?.0))?, ()))
            })?;
            Ok(())
        };
        let y = Tensor::from([[0.1, 0.2, 0.3], [1.0, -2.0, 0.5]]);
        let density = |model: &dyn Fn(&mut Ctx, &Tensor) -> Result<()>, z: Tensor| {
            let run = trace(&mut Ctx::new(0), &substitute(model, [("z", z)]), &y).unwrap().0;
            let of = |site: &str| run.site(site).unwrap().log_prob_sum(&[]).unwrap();
            of("z") + of("y")
        };
        // Values as they come from outside, and such as a guide or a recorded run has them.
        let implicit = |z: &Tensor| {
            z.to_implicit(AxisId::named(plate)).and_then(|z| z.to_implicit(AxisId::named(time))).unwrap()
        };
        check_derivatives(&|z| density(&inside, z.clone()));
        check_derivatives(&|z| density(&inside, implicit(z)));
        check_derivatives(&|z| density(&around, z.t()));
        check_derivatives(&|z| density(&around, implicit(z)));
    }
}

#[test]
fn scans_nest() {
    let program = |ctx: &mut Ctx, _: &()| {
        ctx.scan("days", 2, &Tensor::from(0.0), |ctx, before, _| {
            let (last, hours) = ctx.scan("hours", 3, before, |ctx, before, _| {
                let x = ctx.sample("x", Normal::new(before, 1.0))?;
                Ok((x.clone(), x))
            })?;
            Ok((last, hours))
        })
    };
    let (run, (last, x)) = trace(&mut Ctx::new(4), &program, &()).unwrap();
    assert_eq!(x.shape().to_vec(), [2, 3]);
    let x = numbers(&x);
    close(last.to_scalar().unwrap(), x[5]);
    let expected: f64 = (0..6).map(|i| normal(x[i], if i == 0 { 0.0 } else { x[i - 1] }, 1.0)).sum();
    close(density(&run, "x"), expected);
    assert_eq!(value(&run, "x"), x);
    let again = trace(&mut Ctx::new(8), &replay(program, run), &()).unwrap().0;
    assert_eq!(value(&again, "x"), x);
}

#[test]
fn replicas_of_a_scan_differ_in_their_draws() {
    let mut ctx = Ctx::new(3);
    let (axis, (_, levels)) = ctx.replicas("particles", 3, |ctx| level(ctx, &series())).unwrap();
    let levels = levels.to_positional(axis);
    assert_eq!(levels.shape().to_vec(), [3, STEPS]);
    let levels = numbers(&levels);
    assert!(levels[0] != levels[STEPS] && levels[STEPS] != levels[2 * STEPS]);
}

#[test]
fn what_a_scan_refuses() {
    let body = |_: &mut Ctx, carry: &Tensor, _: &Series| Ok((carry.clone(), ()));
    let init = Tensor::from(0.0);
    assert_eq!(
        message(|ctx: &mut Ctx, s: &Series| ctx.scan("time", s.subsample(2), &init, body)),
        "plate `time`: steps of a scan depend on each other: they cannot be subsampled"
    );
    assert_eq!(
        message(|ctx: &mut Ctx, _: &Series| ctx.scan("time", 0, &init, |_, carry, _| Ok((carry.clone(), ())))),
        "plate `time`: a scan needs a step"
    );
    assert_eq!(
        message(|ctx: &mut Ctx, s: &Series| ctx.plate("time", s, |ctx, _| ctx.scan("time", s, &init, body))),
        "plate `time`: is opened inside itself"
    );
    let failing = message(condition(level, [("z", Tensor::from([1.0, 2.0]))]));
    assert_eq!(failing, "site `z`: plate `time`: a value has 2 rows, the scan 5");
}
