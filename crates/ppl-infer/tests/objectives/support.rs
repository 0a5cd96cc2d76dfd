//! What the tests share.

use ppl_core::{Ctx, Model, Result, substitute, trace};
use ppl_infer::{Estimate, Objective, estimate};
use ppl_tensor::{Tensor, grad};

pub(crate) fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{found} {expected}");
}

pub(crate) fn all_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let near =
        |(found, expected): (&f64, &f64)| (found - expected).abs() <= tolerance * (1.0 + expected.abs());
    assert!(found.iter().zip(expected).all(near), "{found:?} {expected:?}");
}

pub(crate) fn log_normal(x: f64, mean: f64, scale: f64) -> f64 {
    -0.5 * ((x - mean) / scale).powi(2) - scale.ln() - 0.5 * std::f64::consts::TAU.ln()
}

pub(crate) fn text<O>(result: Result<O>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

/// An estimate with all parameters tracked, and the gradient of its surrogate with respect to these.
pub(crate) fn gradients<M: Model<()>, G: Model<()>>(
    objective: &(impl Objective + ?Sized),
    seed: u64,
    model: &M,
    guide: &G,
    names: &[&str],
) -> (Estimate, Vec<f64>) {
    // The first run creates the parameters, the second has them as leaves.
    let mut ctx = Ctx::new(seed);
    estimate(objective, &mut ctx, model, guide, &()).unwrap();
    let mut params = ctx.into_params();
    params.track(true);
    let mut ctx = Ctx::new(seed).with_params(params);
    let result = estimate(objective, &mut ctx, model, guide, &()).unwrap();
    let leaves: Vec<&Tensor> = names.iter().map(|name| ctx.params().unconstrained(name).unwrap()).collect();
    let grads = grad(&result.surrogate, &leaves).unwrap();
    (result, grads.iter().flat_map(|g| g.to_f64().unwrap()).collect())
}

pub(crate) fn loss(estimate: &Estimate) -> f64 {
    estimate.loss.detach().to_scalar().unwrap()
}

/// Values of the guide's discrete sites.
pub(crate) type Outcome = Vec<(&'static str, Tensor)>;

/// A program without arguments.
pub(crate) type Program = Box<dyn Fn(&mut Ctx, &()) -> Result<()>>;

/// A program as a function of its parameter `theta`, a vector.
pub(crate) type Guide = dyn Fn(&[f64]) -> Program;

/// Over all outcomes of a guide of discrete sites: the mean of the estimated gradients in `theta`, and the gradient of
/// the mean loss, by central differences (error 1e-10 in the step 1e-5, rounding 1e-11).
pub(crate) fn over_all_outcomes<M: Model<()>>(
    objective: &(impl Objective + ?Sized),
    model: &M,
    guide: &Guide,
    theta: &[f64],
    outcomes: &[Outcome],
) -> (Vec<f64>, Vec<f64>) {
    let probability = |at: &[f64], outcome: &Outcome| {
        let (run, ()) = trace(&mut Ctx::new(0), &substitute(guide(at), outcome.clone()), &()).unwrap();
        run.log_prob_sum().unwrap().detach().to_scalar().unwrap().exp()
    };
    let mean_loss = |at: &[f64]| -> f64 {
        let of = |outcome: &Outcome| {
            let decided = substitute(guide(at), outcome.clone());
            let result = estimate(objective, &mut Ctx::new(0), model, &decided, &()).unwrap();
            probability(at, outcome) * loss(&result)
        };
        outcomes.iter().map(of).sum()
    };
    let total: f64 = outcomes.iter().map(|outcome| probability(theta, outcome)).sum();
    close(total, 1.0, 1e-12);
    let mut mean = vec![0.0; theta.len()];
    for outcome in outcomes {
        let decided = substitute(guide(theta), outcome.clone());
        let (_, grads) = gradients(objective, 0, model, &decided, &["theta"]);
        let weight = probability(theta, outcome);
        mean.iter_mut().zip(grads).for_each(|(mean, grad)| *mean += weight * grad);
    }
    let slope = |entry: usize| {
        let moved = |step: f64| {
            let mut at = theta.to_vec();
            at[entry] += step;
            mean_loss(&at)
        };
        (moved(1e-5) - moved(-1e-5)) / 2e-5
    };
    (mean, (0..theta.len()).map(slope).collect())
}
