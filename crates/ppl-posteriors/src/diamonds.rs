//! The price of diamonds, a regression with correlated columns (`diamonds-diamonds` of posteriordb).

use ppl::core::{Ctx, Distribution, Result};
use ppl::dist::{Normal, StudentT, constraints};
use ppl::tensor::{Tensor, TensorTree};

use super::flat::Flat;
use super::{Data, Posterior};

/// One diamond: its features, centred, and the logarithm of its price.
#[derive(Debug, Clone, TensorTree)]
struct Diamond {
    features: Tensor,
    log_price: Tensor,
}

fn model(ctx: &mut Ctx, diamonds: &Diamond) -> Result<()> {
    let b = ctx.sample("b", Normal::new(Tensor::zeros([diamonds.features.size(1)?]), 1.0))?;
    let intercept = ctx.sample("Intercept", StudentT::new(3.0, 8.0, 10.0))?;
    let sigma = ctx.sample("sigma", Flat::new(constraints::positive(), []))?;
    ctx.factor("sigma_prior", StudentT::new(3.0, 0.0, 10.0).log_prob(&sigma))?;
    ctx.plate("diamonds", diamonds, |ctx, diamond| {
        let mean = &intercept + diamond.features.matmul(&b);
        ctx.observe("Y", Normal::new(mean, &sigma), &diamond.log_price)
    })?;
    Ok(())
}

pub(super) const FOLDER: &str = "diamonds-diamonds";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let rows = data.rows("X")?;
    // The first column is that of ones.
    let columns = rows.first().map_or(0, Vec::len).saturating_sub(1);
    let features = Tensor::new([rows.len(), columns + 1], rows.concat())?.slice(1, 1..columns + 1);
    let diamonds =
        Diamond { features: &features - features.mean(0).unsqueeze(0), log_price: data.numbers("Y")?.into() };
    Ok(Posterior::new(data, model, diamonds))
}
