//! A mixture of two normal distributions (`low_dim_gauss_mix-low_dim_gauss_mix` of posteriordb).

use std::path::Path;

use ppl::core::{Ctx, Distribution, Result};
use ppl::dist::{Beta, HalfNormal, Normal, constraints};
use ppl::tensor::Tensor;

use super::flat::Flat;
use super::{Data, Posterior};
use crate::potential::log_density;

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mu = ctx.sample("mu", Flat::new(constraints::ordered_vector(), [2]))?;
    ctx.factor("mu_prior", Normal::new(0.0, 2.0).log_prob(&mu))?;
    let sigma = ctx.sample("sigma", HalfNormal::new(Tensor::full([2], 2.0)))?;
    let theta = ctx.sample("theta", Beta::new(5.0, 5.0))?;
    let component = |k| Normal::new(mu.select_index(0, k), sigma.select_index(0, k));
    ctx.plate("rows", y, |ctx, y| {
        let first = theta.log() + component(0).log_prob(y);
        let second = (1.0 - &theta).log() + component(1).log_prob(y);
        ctx.factor("y", first.logaddexp(second))
    })?;
    Ok(())
}

pub(super) fn load(_: &Path) -> Result<Posterior> {
    let data = Data::posteriordb("posteriordb/low_dim_gauss_mix-low_dim_gauss_mix/data.json")?;
    let y = Tensor::from(data.numbers("y")?);
    let sites = vec![("mu", 2), ("sigma", 2), ("theta", 1)];
    Ok(Posterior { sites, data, log_density: log_density(model, &y)?, by_hand: None })
}
