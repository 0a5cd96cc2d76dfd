//! Compiled log densities beside densities written by hand, with changes of volume from central differences.

use std::f64::consts::TAU;

use ppl::infer::{Potential, compile_potential};
use ppl::prelude::*;

use crate::text;

/// `ln |det a|` by elimination with row exchanges.
fn ln_abs_det(mut a: Vec<Vec<f64>>) -> f64 {
    let n = a.len();
    let mut sum = 0.0;
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        sum += a[k][k].abs().ln();
        let row = a[k].clone();
        for below in &mut a[k + 1..] {
            let factor = below[k] / row[k];
            below.iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
        }
    }
    sum
}

/// The values at `x` by site, flattened.
fn values(potential: &Potential, x: &[f64]) -> Vec<Vec<f64>> {
    potential.constrain(x).unwrap().values().map(|value| value.to_f64().unwrap()).collect()
}

/// A density of values on unconstrained space: `free` picks as many numbers of the values as `x` has, with respect to which
/// it is one. Differences over 1e-5 are off by about its square.
fn on_unconstrained_space(
    potential: &Potential,
    x: &[f64],
    log_density: impl Fn(&[Vec<f64>]) -> f64,
    free: impl Fn(&[Vec<f64>]) -> Vec<f64>,
) -> f64 {
    const H: f64 = 1e-5;
    let column = |j: usize| -> Vec<f64> {
        let at = |step: f64| {
            let mut moved = x.to_vec();
            moved[j] += step;
            free(&values(potential, &moved))
        };
        at(H).iter().zip(at(-H)).map(|(up, down)| (up - down) / (2.0 * H)).collect()
    };
    let jacobian: Vec<Vec<f64>> = (0..x.len()).map(column).collect();
    log_density(&values(potential, x)) + ln_abs_det(jacobian)
}

/// Points that are no special ones.
fn points(dimension: usize) -> impl Iterator<Item = Vec<f64>> {
    (1..4).map(move |point| (0..dimension).map(|i| (1.3 * point as f64 + 2.1 * i as f64).sin()).collect())
}

fn value(potential: &mut Potential, x: &[f64]) -> f64 {
    potential.value_and_gradient(x, &mut vec![0.0; x.len()]).unwrap()
}

/// The gradient is that of the values, to what differences over 1e-5 tell.
fn assert_gradient(potential: &mut Potential) {
    const H: f64 = 1e-5;
    for x in points(potential.dimension()) {
        let mut gradient = vec![f64::NAN; x.len()];
        potential.value_and_gradient(&x, &mut gradient).unwrap();
        for (i, slope) in gradient.iter().enumerate() {
            let mut at = |step: f64| {
                let mut moved = x.clone();
                moved[i] += step;
                value(potential, &moved)
            };
            let difference = (at(H) - at(-H)) / (2.0 * H);
            assert!(
                (slope - difference).abs() < 1e-6 * difference.abs().max(1.0),
                "{i}: {slope} {difference}"
            );
        }
    }
}

/// Values and numbers lead to each other.
fn assert_round_trip(potential: &Potential) {
    for x in points(potential.dimension()) {
        let back = potential.unconstrain(&potential.constrain(&x).unwrap()).unwrap();
        for (x, back) in x.iter().zip(back) {
            // Through the conditioning of a bijection near its edges.
            assert!((x - back).abs() < 1e-9, "{x} {back}");
        }
    }
}

/// Every kind of support, the last depending on the site before.
fn kinds(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(1.0, 2.0))?;
    let sd = ctx.sample("sd", Exponential::new(1.5))?;
    ctx.sample("weights", Dirichlet::new(Tensor::from([2.0, 3.0, 4.0])))?;
    ctx.sample("factor", LkjCholesky::new(3, 2.0))?;
    let ordered = constraints::ordered_vector().bijection()?;
    ctx.sample("cuts", TransformedDistribution::new(Normal::new(Tensor::zeros([3]), 1.0), vec![ordered]))?;
    let upper = ctx.sample("upper", LogNormal::new(0.0, 1.0))?;
    ctx.sample("inside", Uniform::new(0.0, upper))?;
    ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
}

const Y: [f64; 4] = [0.4, 1.9, -0.3, 2.2];

fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * TAU.ln()
}

/// The joint density of [`kinds`] but for the constant of the distribution of factors.
fn kinds_by_hand(values: &[Vec<f64>]) -> f64 {
    let [mean, sd, weights, factor, cuts, upper, _] = values else { panic!("seven sites") };
    let (mean, sd, upper) = (mean[0], sd[0], upper[0]);
    // Γ(9) / (Γ(2) Γ(3) Γ(4)) = 40320 / 12.
    let dirichlet = 3360.0_f64.ln() + weights[0].ln() + 2.0 * weights[1].ln() + 3.0 * weights[2].ln();
    // Lewandowski, Kurowicka and Joe 2009: Π L_kk^(d - k + 2 (η - 1)).
    let lkj = 3.0 * factor[4].ln() + 2.0 * factor[8].ln();
    // The first is drawn as it is, the others are the exponentials of what was drawn further on.
    let draws = [cuts[0], (cuts[1] - cuts[0]).ln(), (cuts[2] - cuts[1]).ln()];
    let cuts: f64 = draws.iter().map(|&x| normal(x, 0.0, 1.0)).sum::<f64>() - draws[1] - draws[2];
    let upper = normal(upper.ln(), 0.0, 1.0) - upper.ln() - upper.ln();
    let data: f64 = Y.iter().map(|&y| normal(y, mean, sd)).sum();
    normal(mean, 1.0, 2.0) + 1.5_f64.ln() - 1.5 * sd + dirichlet + lkj + cuts + upper + data
}

#[test]
fn densities_written_by_hand() {
    let mut potential = compile_potential(&kinds, &Tensor::from(Y)).unwrap();
    assert_eq!(potential.dimension(), 1 + 1 + 2 + 3 + 3 + 1 + 1);
    let free = |values: &[Vec<f64>]| {
        let chosen: [&[usize]; 7] = [&[0], &[0], &[0, 1], &[3, 6, 7], &[0, 1, 2], &[0], &[0]];
        values.iter().zip(chosen).flat_map(|(value, chosen)| chosen.iter().map(|&i| value[i])).collect()
    };
    let differences: Vec<f64> = points(12)
        .map(|x| value(&mut potential, &x) - on_unconstrained_space(&potential, &x, kinds_by_hand, free))
        .collect();
    // What is left is the constant of the factors: the integrals over their second row, of (1 - r²)^(3/2) over (-1, 1), and
    // over their third, of 1 - |v|² over the unit disk, are 3π/8 and π/2.
    let constant = -(3.0 * std::f64::consts::PI / 8.0).ln() - std::f64::consts::FRAC_PI_2.ln();
    for difference in differences {
        assert!((difference - constant).abs() < 1e-6, "{difference} {constant}");
    }
    assert_gradient(&mut potential);
    assert_round_trip(&potential);
}

type Rows = (Tensor, Tensor);

/// Plates, bounds that belong to rows, and steps of a scan.
fn structured(ctx: &mut Ctx, rows: &Rows) -> Result<()> {
    let center = ctx.sample("center", Normal::new(0.0, 1.0))?;
    let drift = ctx.plate("rows", rows, |ctx, (y, high)| {
        let bounded = ctx.sample("bounded", Uniform::new(-1.0, high))?;
        let pair = ctx.plate("pair", 2, |ctx, _| ctx.sample("pair", Gamma::new(2.0, center.exp())))?;
        ctx.observe("y", Normal::new(&bounded + pair.sum(0), 0.5), y)?;
        Ok(bounded)
    })?;
    let start = drift.mean(0);
    ctx.scan("time", 5, &start, |ctx, at, _| {
        let next = ctx.sample("state", LogNormal::new(at, 0.3))?.log();
        Ok((next.clone(), next))
    })?;
    Ok(())
}

fn rows() -> Rows {
    (Tensor::from([0.4, 1.2, -0.7]), Tensor::from([1.0, 2.0, 0.5]))
}

#[test]
fn plates_bounds_of_rows_and_scans() {
    let mut potential = compile_potential(&structured, &rows()).unwrap();
    let shapes: Vec<(&str, Vec<usize>)> =
        potential.sites().iter().map(|site| (site.name.as_str(), site.shape.to_vec())).collect();
    assert_eq!(shapes, [("center", vec![]), ("bounded", vec![3]), ("pair", vec![3, 2]), ("state", vec![5])]);
    assert_eq!(potential.sites()[2].plates, ["rows", "pair"]);
    assert_eq!(potential.sites()[3].range, 10..15);
    let names: Vec<(String, Shape)> =
        potential.sites().iter().map(|site| (site.name.clone(), site.shape.clone())).collect();
    let eager = |values: &[Vec<f64>]| {
        let tensor = |((name, shape), value): (&(String, Shape), &Vec<f64>)| {
            (name.clone(), Tensor::new(shape.clone(), value.clone()).unwrap())
        };
        let fixed = substitute(structured, names.iter().zip(values).map(tensor));
        trace(&mut Ctx::new(0), &fixed, &rows()).unwrap().0.log_prob_sum().unwrap().to_scalar().unwrap()
    };
    for x in points(15) {
        let expected = on_unconstrained_space(&potential, &x, eager, |values| values.concat());
        let found = value(&mut potential, &x);
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
    assert_gradient(&mut potential);
    assert_round_trip(&potential);
}

/// Many points at once have the values and gradients of each alone, but for rounding; a row that is not finite leaves the
/// others.
fn assert_vectorised<A: ?Sized, M: Model<A>>(model: M, args: &A) {
    let mut potential = compile_potential(&model, args).unwrap();
    let (n, d) = (3, potential.dimension());
    let mut many = Potential::compile_vectorized(&model, &Ctx::new(0), args, n).unwrap();
    assert_eq!((many.points(), many.dimension()), (n, d));
    let mut x: Vec<f64> = points(d).flatten().collect();
    for far in [None, Some(1)] {
        if let Some(row) = far {
            x[row * d..(row + 1) * d].fill(f64::NAN);
        }
        let (mut found, mut slopes, mut slope) = (vec![0.0; n], vec![0.0; n * d], vec![0.0; d]);
        many.values_and_gradients(&x, &mut found, &mut slopes).unwrap();
        for (row, x) in x.chunks(d).enumerate().filter(|(row, _)| far != Some(*row)) {
            let value = potential.value_and_gradient(x, &mut slope).unwrap();
            let pairs = slope.iter().zip(&slopes[row * d..]).chain([(&value, &found[row])]);
            for (expected, found) in pairs {
                // Sums of terms of up to a thousand times their value.
                assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found} {expected}");
            }
        }
    }
}

#[test]
fn many_points_at_once() {
    assert_vectorised(kinds, &Tensor::from(Y));
    assert_vectorised(structured, &rows());
    assert_vectorised(condition(kinds, [("sd", 0.8), ("inside", 0.1)]), &Tensor::from(Y));
    // The same density everywhere, and nothing but what is the same for all points.
    assert_vectorised(|ctx: &mut Ctx, _: &()| ctx.sample("u", Uniform::new(0.0, 1.0)), &());
    let of = |points| Potential::compile_vectorized(&kinds, &Ctx::new(0), &Tensor::from(Y), points);
    assert_eq!(text(of(0)), "a log density at zero points at once was asked for");
    let message = text(of(2).unwrap().values_and_gradients(&[0.0; 24], &mut [0.0; 1], &mut [0.0; 24]));
    let expected = "24 numbers of points, 1 values and 24 numbers of gradients, where 2 points have 12 each";
    assert_eq!(message, expected);
}

#[test]
fn starts_are_shared_with_guides() {
    let y = Tensor::from(Y);
    let potential = compile_potential(&kinds, &y).unwrap();
    for init in [Init::Feasible, Init::Median { samples: 9 }, Init::Uniform { radius: 1.0 }] {
        let start = init.start(&kinds, &Ctx::new(3), &y).unwrap();
        let values = potential.constrain(&potential.unconstrain(start.values()).unwrap()).unwrap();
        for (name, value) in &values {
            let off = (value - start.value(name).unwrap()).square().sum_all().to_scalar().unwrap();
            assert!(off < 1e-18, "{name}: {off}");
        }
    }
    // One value for all rows.
    let potential = compile_potential(&structured, &rows()).unwrap();
    let mut values = potential.constrain(&[0.3; 15]).unwrap();
    values.insert("state".into(), Tensor::from(1.5));
    let again = potential.constrain(&potential.unconstrain(&values).unwrap()).unwrap();
    assert!(again["state"].to_f64().unwrap().iter().all(|state| (state - 1.5).abs() < 1e-12));
}

#[test]
fn parameters_devices_and_threads() {
    fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
        let loc = ctx.param("loc", 2.0)?;
        ctx.sample("z", Normal::new(loc, 0.5)).map(|_| ())
    }
    let mut potential = compile_potential(&model, &()).unwrap();
    assert!((value(&mut potential, &[1.5]) - normal(1.5, 2.0, 0.5)).abs() < 1e-14);
    let mut params = ParamStore::new();
    {
        let mut ctx = Ctx::new(0);
        trace(&mut ctx, &model, &()).unwrap();
        params.clone_from(ctx.params());
        params.set_unconstrained("loc", Tensor::from(-1.0)).unwrap();
    }
    let single = Device::cpu().float(DType::F32);
    for (device, rounding) in [(Device::cpu(), 1e-14), (single, 1e-6)] {
        let params = params.clone();
        let ctx = Ctx::on(&device, 0).with_params(params);
        let mut potential = Potential::compile(&model, &ctx, &()).unwrap();
        let mut gradient = [0.0];
        let value = potential.value_and_gradient(&[1.5], &mut gradient).unwrap();
        let expected = normal(1.5, -1.0, 0.5);
        assert!((value - expected).abs() < rounding * expected.abs(), "{value}");
        // -(1.5 + 1) / 0.25.
        assert!((gradient[0] + 10.0).abs() < 10.0 * rounding, "{gradient:?}");
    }
    let mut other = potential.clone();
    let threaded = std::thread::spawn(move || value(&mut other, &[1.5])).join().unwrap();
    assert_eq!(threaded, value(&mut potential, &[1.5]));
    assert!(!potential.compile_time().is_zero());
}

#[test]
fn bad_input_is_named() {
    let refused = |model: fn(&mut Ctx, &()) -> Result<()>| text(compile_potential(&model, &()));
    assert_eq!(refused(|_, ()| Ok(())), "the model has no latent site: there is no density to compile");
    let message = refused(|ctx, ()| ctx.sample("k", Poisson::new(2.0)).map(|_| ()));
    assert!(message.starts_with("site `k`: a potential of discrete values ("), "{message}");
    assert!(message.ends_with("Poisson: sum it out of the model, or condition on a value"), "{message}");
    let message = refused(|ctx, ()| {
        ctx.plate("rows", 10.subsample(3), |ctx, _| ctx.sample("z", Normal::new(0.0, 1.0)).map(|_| ()))
    });
    assert!(message.starts_with("site `rows`: plate `rows`: rows are chosen"), "{message}");
    let message = refused(|ctx, ()| {
        let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
        let sd = if z.to_scalar()? > 0.5 { 1.0 } else { 2.0 };
        ctx.observe("y", Normal::new(z, sd), 0.3).map(|_| ())
    });
    let expected =
        "the log density cannot be compiled: after statement `z`, to_scalar: this program's structure";
    assert!(message.starts_with(expected), "{message}");
    let message = refused(|ctx, ()| {
        let top = ctx.sample("top", Exponential::new(1.0))?;
        ctx.scan("time", 3, &Tensor::from(0.0), |ctx, at, _| {
            let next = ctx.sample("state", Uniform::new(0.0, &top))?;
            Ok((at + next, ()))
        })?;
        Ok(())
    });
    assert!(
        message.starts_with("site `state`: its support depends on the step or on other sites"),
        "{message}"
    );

    let mut potential = compile_potential(&kinds, &Tensor::from(Y)).unwrap();
    let message = text(potential.value_and_gradient(&[0.0; 11], &mut [0.0; 11]));
    assert_eq!(message, "the point has 11 numbers, the potential 12");
    let message = text(potential.value_and_gradient(&[0.0; 12], &mut [0.0; 11]));
    assert_eq!(message, "the gradient has 11 numbers, the point 12");
    assert_eq!(text(potential.constrain(&[])), "the point has 0 numbers, the potential 12");
    let values = potential.constrain(&[0.1; 12]).unwrap();
    let with = |name: &str, value: Tensor| {
        let mut values = values.clone();
        values.insert(name.into(), value);
        text(potential.unconstrain(&values))
    };
    assert!(with("nowhere", Tensor::from(1.0)).contains("latent site"));
    assert_eq!(
        with("weights", Tensor::from([0.5, 0.5])),
        "site `weights`: the value has shape [2], the site [3]"
    );
    assert!(with("sd", Tensor::from(-1.0)).starts_with("site `sd`: its value is not inside the support"));
    let mut few = values.clone();
    few.shift_remove("sd");
    assert_eq!(text(potential.unconstrain(&few)), "site `sd`: its value is missing");
    // What the model says is not finite is no error.
    let mut gradient = [0.0; 12];
    let mut far = [0.1; 12];
    far[1] = -800.0;
    assert!(!potential.value_and_gradient(&far, &mut gradient).unwrap().is_finite());
}

#[test]
fn conditioned_and_reparameterised_models() {
    let y = Tensor::from(Y);
    let model = condition(kinds, [("sd", 0.8), ("inside", 0.1)]);
    let mut potential = compile_potential(&model, &y).unwrap();
    assert_eq!(potential.dimension(), 10);
    assert!(potential.sites().iter().all(|site| site.name != "sd" && site.name != "inside"));
    assert_gradient(&mut potential);
}
