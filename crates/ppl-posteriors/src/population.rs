//! Hares and lynxes: a differential equation whose course is seen with noise
//! (`hudson_lynx_hare-lotka_volterra` of posteriordb).

use ppl::core::{Ctx, Distribution, Result};
use ppl::dist::{LogNormal, Normal, constraints};
use ppl::infer::Init;
use ppl::mcmc::{Mcmc, Nuts};
use ppl::tensor::{Tensor, TensorTree, integrate_ode};

use super::flat::Flat;
use super::{Data, Posterior};

/// Populations of hares and lynxes, at time 0 and a row a time after.
#[derive(Debug, Clone, TensorTree)]
struct Pelts {
    first: Tensor,
    later: Tensor,
}

/// Integration steps a year: of a period of about ten years, so that the error is some 10⁻⁵ of the populations.
const STEPS: usize = 3;

/// The equation of Lotka (1925) and Volterra (1926).
fn change(theta: &Tensor, z: &Tensor) -> Tensor {
    let of = |x: &Tensor, i| x.select_index(0, i);
    let (prey, predator) = (of(z, 0), of(z, 1));
    let growth = (of(theta, 0) - of(theta, 1) * &predator) * &prey;
    let decline = (of(theta, 3) * &prey - of(theta, 2)) * &predator;
    Tensor::stack(&[&growth, &decline], 0)
}

fn model(ctx: &mut Ctx, (pelts, times): &(Pelts, Vec<f64>)) -> Result<()> {
    let theta = ctx.sample("theta", Flat::new(constraints::independent(constraints::positive(), 1), [4]))?;
    ctx.factor("theta_prior", Normal::new([1.0, 0.05, 1.0, 0.05], [0.5, 0.05, 0.5, 0.05]).log_prob(&theta))?;
    let z_init = ctx.sample("z_init", LogNormal::new(Tensor::full([2], 10_f64.ln()), 1.0))?;
    let sigma = ctx.sample("sigma", LogNormal::new(Tensor::full([2], -1.0), 1.0))?;
    let course = integrate_ode(|_, z| change(&theta, z), &z_init, 0.0, times, STEPS)?;
    ctx.deterministic("ode_error", course.error)?;
    ctx.observe("y_init", LogNormal::new(z_init.log(), &sigma), &pelts.first)?;
    ctx.observe("y", LogNormal::new(course.values.log(), &sigma), &pelts.later)?;
    Ok(())
}

pub(super) const FOLDER: &str = "hudson_lynx_hare-lotka_volterra";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let (rows, times) = (data.rows("y")?, data.numbers("ts")?);
    let later = Tensor::new([rows.len(), 2], rows.concat())?;
    let pelts = Pelts { first: data.numbers("y_init")?.into(), later };
    Ok(Posterior::new(data, model, (pelts, times)))
}

/// From far away a chain may stay in a mode of its own: it starts at the prior's means and the first count.
pub(super) fn mcmc() -> Mcmc<Nuts> {
    let start = [("theta", [1.0, 0.05, 1.0, 0.05].into()), ("z_init", Tensor::from([30.0, 4.0]))];
    Mcmc::new(Nuts::new().target_acceptance(0.9)).init(Init::values(start))
}
