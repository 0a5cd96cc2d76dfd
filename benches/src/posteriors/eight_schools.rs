//! Eight schools, with standardised effects (Rubin 1981; Gelman and others, Bayesian Data Analysis, section 5.5).

use std::path::Path;

use ppl::core::{Ctx, Result};
use ppl::dist::{HalfCauchy, Normal};
use ppl::tensor::{Tensor, TensorTree};

use super::{Data, Posterior};
use crate::potential::log_density;

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
    ctx.observe("y", Normal::new(mu + tau * theta_trans, &schools.error), &schools.effect)?;
    Ok(())
}

pub(super) fn load(_: &Path) -> Result<Posterior> {
    let data = Data::posteriordb("posteriordb/eight_schools-eight_schools_noncentered/data.json")?;
    let schools = School { effect: data.numbers("y")?.into(), error: data.numbers("sigma")?.into() };
    let sites = vec![("theta_trans", schools.effect.size(0)?), ("mu", 1), ("tau", 1)];
    Ok(Posterior { sites, data, log_density: log_density(model, &schools)?, by_hand: None })
}
