//! A mixture of two normal distributions (`low_dim_gauss_mix-low_dim_gauss_mix` of posteriordb).

use ppl::core::{Ctx, Distribution, Result};
use ppl::dist::{Beta, HalfNormal, Normal, constraints};
use ppl::tensor::Tensor;

use super::flat::Flat;
use super::{Data, Posterior};

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

pub(super) const FOLDER: &str = "low_dim_gauss_mix-low_dim_gauss_mix";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let y = Tensor::from(data.numbers("y")?);
    Ok(Posterior::new(data, model, y))
}
