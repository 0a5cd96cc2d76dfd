//! Eight schools, with standardised effects (Rubin 1981; Gelman and others, Bayesian Data Analysis, section 5.5).

use ppl::core::{Ctx, Result};
use ppl::dist::{HalfCauchy, Normal};
use ppl::mcmc::{Mcmc, Nuts};
use ppl::tensor::{Tensor, TensorTree};

use super::{Data, Posterior};

/// One school: the estimated effect and its standard error.
#[derive(Debug, Clone, TensorTree)]
struct School {
    effect: Tensor,
    error: Tensor,
}

fn model(ctx: &mut Ctx, schools: &School) -> Result<()> {
    let count = schools.effect.size(0)?;
    let theta_trans =
        ctx.plate("schools", count, |ctx, _| ctx.sample("theta_trans", Normal::new(0.0, 1.0)))?;
    let mu = ctx.sample("mu", Normal::new(0.0, 5.0))?;
    let tau = ctx.sample("tau", HalfCauchy::new(5.0))?;
    let theta = ctx.deterministic("theta", mu + tau * theta_trans)?;
    ctx.observe("y", Normal::new(theta, &schools.error), &schools.effect)?;
    Ok(())
}

pub(super) const FOLDER: &str = "eight_schools-eight_schools_noncentered";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let schools = School { effect: data.numbers("y")?.into(), error: data.numbers("sigma")?.into() };
    Ok(Posterior::new(data, model, schools))
}

/// The neck of the funnel takes small steps.
pub(super) fn mcmc() -> Mcmc<Nuts> {
    Mcmc::new(Nuts::new().target_acceptance(0.95))
}
