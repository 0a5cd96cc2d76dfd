//! A series that depends on its last values (`arK-arK` of posteriordb).

use ppl::core::{Ctx, Error, Result};
use ppl::dist::{HalfCauchy, Normal};
use ppl::tensor::{Tensor, TensorTree};

use super::{Data, Posterior};

/// One moment: its value, and those before, the latest first.
#[derive(Debug, Clone, TensorTree)]
struct Moment {
    before: Tensor,
    y: Tensor,
}

fn model(ctx: &mut Ctx, moments: &Moment) -> Result<()> {
    let alpha = ctx.sample("alpha", Normal::new(0.0, 10.0))?;
    let beta = ctx.sample("beta", Normal::new(Tensor::zeros([moments.before.size(1)?]), 10.0))?;
    let sigma = ctx.sample("sigma", HalfCauchy::new(2.5))?;
    ctx.plate("time", moments, |ctx, moment| {
        ctx.observe("y", Normal::new(&alpha + moment.before.matmul(&beta), &sigma), &moment.y)
    })?;
    Ok(())
}

pub(super) const FOLDER: &str = "arK-arK";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let (y, lags) = (data.numbers("y")?, data.number("K")? as usize);
    if y.len() <= lags {
        return Err(Error::argument(format!("{}: the series is too short", data.file.display())));
    }
    let before = y.windows(lags).flat_map(|window| window.iter().rev().copied());
    let rows = y.len() - lags;
    let before = Tensor::new([rows, lags], before.take(rows * lags).collect())?;
    let moments = Moment { before, y: y[lags..].into() };
    Ok(Posterior::new(data, model, moments))
}
