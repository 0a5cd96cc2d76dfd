//! A Gaussian process, its function integrated out (`gp_pois_regr-gp_regr` of posteriordb).

use ppl::core::{Ctx, Result};
use ppl::dist::{Gamma, HalfNormal, MultivariateNormal};
use ppl::tensor::{Tensor, TensorTree};

use super::{Data, Posterior};

#[derive(Debug, Clone, TensorTree)]
struct Points {
    x: Tensor,
    y: Tensor,
}

fn model(ctx: &mut Ctx, points: &Points) -> Result<()> {
    let count = points.x.size(0)?;
    let rho = ctx.sample("rho", Gamma::new(25.0, 4.0))?;
    let alpha = ctx.sample("alpha", HalfNormal::new(2.0))?;
    let sigma = ctx.sample("sigma", HalfNormal::new(1.0))?;
    let distance = (points.x.unsqueeze(-1) - &points.x) / rho;
    let covariance = alpha.square() * (distance.square() * -0.5).exp() + sigma * Tensor::eye(count);
    ctx.observe("y", MultivariateNormal::with_covariance(Tensor::zeros([count]), covariance), &points.y)?;
    Ok(())
}

pub(super) const FOLDER: &str = "gp_pois_regr-gp_regr";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let points = Points { x: data.numbers("x")?.into(), y: data.numbers("y")?.into() };
    Ok(Posterior::new(data, model, points))
}
