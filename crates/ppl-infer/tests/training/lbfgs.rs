//! L-BFGS: known minima, limits, bad input.

use ppl_core::{Ctx, ParamStore, Result};
use ppl_dist::{Normal, constraints};
use ppl_infer::{Adam, Lbfgs, LbfgsStop, Minimum, Sgd, Svi, TraceElbo};
use ppl_tensor::{DType, Device, HostTensor, Tensor};

use crate::{bits, descent, scalar, text};

fn minimized(
    lbfgs: &Lbfgs,
    start: Vec<f64>,
    loss: impl Fn(&Tensor) -> Tensor,
) -> (Result<Minimum>, Vec<f64>) {
    let mut ctx = Ctx::new(0);
    ctx.param("x", start).unwrap();
    let mut params = ctx.into_params();
    let minimum = lbfgs.minimize(&mut params, |params| Ok(loss(params.unconstrained("x")?)));
    let x = params.get("x").unwrap().to_f64().unwrap();
    (minimum, x)
}

fn rosenbrock(x: &Tensor) -> Tensor {
    let n = x.shape().elements();
    let (head, tail) = (x.slice(0, 0..n - 1), x.slice(0, 1..n));
    ((tail - head.square()).square() * 100.0 + (1.0 - head).square()).sum_all()
}

#[test]
fn rosenbrock_in_ten_dimensions() {
    // SciPy 1.17.1, `minimize(rosen, start, method="L-BFGS-B")` with 20 pairs takes 35 steps and 37 evaluations to
    // reach all ones; half as many again are granted.
    let start = [1.3, 0.7, 0.8, 1.9, 1.2].repeat(2);
    let (minimum, x) = minimized(&Lbfgs::default(), start, rosenbrock);
    let minimum = minimum.unwrap();
    assert!(minimum.converged() && minimum.evaluations <= 55, "{minimum:?}");
    assert!(minimum.loss < 1e-13 && minimum.gradient < 1e-6, "{minimum:?}");
    assert!(x.iter().all(|x| (x - 1.0).abs() < 1e-6), "{x:?}");
}

#[test]
fn an_ill_conditioned_quadratic() {
    // Eigenvalues from 1 to 1e4, solution b/d, minimum -0.6317250679223971. SciPy 1.17.1 with 20 pairs takes 64 steps
    // and 72 evaluations; half as many again are granted.
    let scale: Vec<f64> = (0..10).map(|i| 10f64.powf(4.0 * f64::from(i) / 9.0)).collect();
    let target: Vec<f64> = (0..10).map(|i| -1.0 + 2.0 * f64::from(i) / 9.0).collect();
    let (d, b) = (Tensor::from(scale.clone()), Tensor::from(target.clone()));
    let lbfgs = Lbfgs { gradient_tolerance: 1e-8, loss_tolerance: 0.0, ..Lbfgs::default() };
    let loss = |x: &Tensor| (x.square() * &d * 0.5 - x * &b).sum_all();
    let (minimum, x) = minimized(&lbfgs, vec![1.0; 10], loss);
    let minimum = minimum.unwrap();
    assert!(minimum.stop == LbfgsStop::Gradient && minimum.evaluations <= 108, "{minimum:?}");
    assert!((minimum.loss + 0.6317250679223971).abs() < 1e-14, "{minimum:?}");
    for ((x, d), b) in x.iter().zip(scale).zip(target) {
        // The gradient is d·x - b.
        assert!((x - b / d).abs() <= 1e-8 / d, "{x} {}", b / d);
    }
}

#[test]
fn steps_into_infinite_losses_are_shortened() {
    // Minus infinity to the left of 0; from 0.01 the first steps lead there.
    let (minimum, x) = minimized(&Lbfgs::default(), vec![40.0, 0.01], |x| (x - x.log() * 2.0).sum_all());
    assert!(minimum.unwrap().converged());
    assert!(x.iter().all(|x| (x - 2.0).abs() < 1e-6), "{x:?}");
}

#[test]
fn single_precision_converges_within_its_own() {
    let mut ctx = Ctx::new(0);
    ctx.param("x", Device::cpu().upload(HostTensor::from(vec![3.0f32, -4.0])).unwrap()).unwrap();
    let mut params = ctx.into_params();
    let loss = |params: &ParamStore| {
        let x = params.unconstrained("x")?;
        Ok(((x - 1.0).square() + (x - 1.0).square().square()).sum_all() + 5.0)
    };
    let minimum = Lbfgs::default().minimize(&mut params, loss).unwrap();
    assert!(minimum.converged() || minimum.stop == LbfgsStop::LineSearch, "{minimum:?}");
    let x = params.get("x").unwrap();
    assert_eq!(x.dtype(), DType::F32);
    // A loss of 5 is known to 6e-7, so its minimum's place to the root of that.
    assert!(x.to_f64().unwrap().iter().all(|x| (x - 1.0).abs() < 1e-3), "{x:?}");
}

#[test]
fn limits_are_kept_and_reported() {
    let start = [1.3, 0.7, 0.8, 1.9, 1.2].repeat(2);
    let few = Lbfgs { max_iterations: 3, ..Lbfgs::default() };
    let minimum = minimized(&few, start.clone(), rosenbrock).0.unwrap();
    assert_eq!((minimum.iterations, minimum.stop, minimum.converged()), (3, LbfgsStop::Iterations, false));
    // At a minimum nothing is to be done.
    let (minimum, x) = minimized(&few, vec![1.0; 4], rosenbrock);
    let minimum = minimum.unwrap();
    assert_eq!((minimum.iterations, minimum.evaluations, minimum.stop), (0, 1, LbfgsStop::Gradient));
    assert_eq!(x, [1.0; 4]);
    // A gradient that points uphill.
    let wrong = |x: &Tensor| {
        let x = x.square().sum_all();
        x.detach() * 2.0 - x
    };
    let minimum = minimized(&Lbfgs::default(), vec![1.0], wrong).0.unwrap();
    assert_eq!(minimum.stop, LbfgsStop::LineSearch);
}

#[test]
fn options_and_objectives_out_of_range() {
    let quadratic = |x: &Tensor| x.square().sum_all();
    let default = Lbfgs::default();
    for (lbfgs, expected) in [
        (Lbfgs { history: 0, ..default }, "Lbfgs: history is 0, must be at least 1"),
        (Lbfgs { max_iterations: 0, ..default }, "Lbfgs: max_iterations is 0, must be at least 1"),
        (Lbfgs { max_evaluations: 0, ..default }, "Lbfgs: max_evaluations is 0, must be at least 1"),
        (
            Lbfgs { gradient_tolerance: -1.0, ..default },
            "Lbfgs: gradient_tolerance is -1, must be at least 0",
        ),
        (Lbfgs { loss_tolerance: f64::NAN, ..default }, "Lbfgs: loss_tolerance is NaN, must be at least 0"),
    ] {
        assert_eq!(text(minimized(&lbfgs, vec![1.0], quadratic).0), expected);
    }
    let (minimum, x) = minimized(&default, vec![-1.0], |x| x.log().sum_all());
    assert_eq!(text(minimum), "the loss, NaN, or its gradient is not finite at the start");
    assert_eq!(x, [-1.0]);
    let message = text(default.minimize(&mut ParamStore::new(), |_| Ok(Tensor::from(0.0))));
    assert_eq!(message, "there is no parameter: there is nothing to fit");
}

/// A normal's mean and standard deviation by maximum likelihood, through the same programs as other fits.
#[test]
fn maximum_likelihood_of_a_program() {
    fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
        let mean = ctx.param("mean", 0.0)?;
        let sd = ctx.param_in("sd", 3.0, constraints::positive())?;
        ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
    }
    let mut svi = descent(model, Adam::new(0.1));
    let minimum = svi.minimize(&Lbfgs::default(), &crate::data()).unwrap();
    assert!(minimum.converged() && minimum.evaluations < 30, "{minimum:?}");
    let y = crate::data().to_f64().unwrap();
    let mean = y.iter().sum::<f64>() / 6.0;
    let sd = (y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 6.0).sqrt();
    // The gradient is within 1e-7, the curvatures are 6/sd² and 12.
    assert!((scalar(svi.params(), "mean") - mean).abs() < 1e-7);
    assert!((scalar(svi.params(), "sd") - sd).abs() < 1e-7);
    assert!(svi.losses().is_empty());
    // Steps of the optimiser go on from there.
    svi.step(&crate::data()).unwrap();
    assert!((svi.losses()[0] - minimum.loss).abs() < 1e-9);
}

#[test]
fn the_draws_of_a_guide_are_fixed() {
    let fit = || {
        let mut svi =
            Svi::new(crate::mean_model, crate::mean_guide, Sgd::new(0.1), TraceElbo::new().particles(200))
                .seed(3);
        let minimum = svi.minimize(&Lbfgs::default(), &crate::data()).unwrap();
        assert!(minimum.converged(), "{minimum:?}");
        (bits(svi.params()), scalar(svi.params(), "loc"), scalar(svi.params(), "scale"))
    };
    let (first, loc, scale) = fit();
    assert_eq!(first, fit().0);
    // Posterior precision 1/4 + 6, mean 7.5 over it. With fixed standard draws e the best loc + scale·mean(e) is the
    // mean, and scale² var(e) is 1/precision; 200 draws know both within 5 standard errors.
    let (mean, sd) = (7.5 / 6.25, 0.4);
    let error = 5.0 / 200f64.sqrt();
    assert!((loc - mean).abs() < error * sd && (scale / sd - 1.0).abs() < error, "{loc} {scale}");
}

#[test]
fn a_density_that_is_not_finite_at_the_start_names_its_site() {
    fn model(ctx: &mut Ctx, _: &()) -> Result<()> {
        let x = ctx.param("x", -1.0)?;
        ctx.factor("root", x.sqrt())
    }
    let mut svi = descent(model, Sgd::new(0.1));
    let message = text(svi.minimize(&Lbfgs::default(), &()));
    assert!(message.starts_with("the log probability of site `root (model)` is NaN"), "{message}");
    assert!(svi.params().is_empty());
}
