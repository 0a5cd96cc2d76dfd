//! A series whose variance follows its past, GARCH(1, 1) (`garch-garch11` of posteriordb).

use ppl::core::{Ctx, Result};
use ppl::dist::{Normal, Uniform, constraints};
use ppl::tensor::{Tensor, TensorTree};

use super::flat::Flat;
use super::{Data, Posterior};

/// The series, from its second value on beside the value before, and where it starts.
#[derive(Debug, Clone, TensorTree)]
struct Series {
    steps: (Tensor, Tensor),
    first: Tensor,
    first_scale: Tensor,
}

fn model(ctx: &mut Ctx, series: &Series) -> Result<()> {
    let mu = ctx.sample("mu", Flat::new(constraints::real(), []))?;
    let alpha0 = ctx.sample("alpha0", Flat::new(constraints::positive(), []))?;
    let alpha1 = ctx.sample("alpha1", Uniform::new(0.0, 1.0))?;
    // The coefficient is a share of what the other leaves of 1, with density 1 on an interval of that length.
    let share = ctx.sample("share", Uniform::new(0.0, 1.0))?;
    let rest = 1.0 - &alpha1;
    ctx.factor("length", rest.log())?;
    let beta1 = ctx.deterministic("beta1", rest * share)?;
    ctx.observe("first", Normal::new(&mu, &series.first_scale), &series.first)?;
    ctx.scan("time", &series.steps, &series.first_scale.square(), |ctx, variance: &Tensor, (before, y)| {
        let variance = &alpha0 + &alpha1 * (before - &mu).square() + &beta1 * variance;
        ctx.observe("y", Normal::new(&mu, variance.sqrt()), y)?;
        Ok((variance, ()))
    })?;
    Ok(())
}

pub(super) const FOLDER: &str = "garch-garch11";

pub(super) fn load() -> Result<Posterior> {
    let data = Data::posteriordb(FOLDER)?;
    let y = Tensor::from(data.numbers("y")?);
    let steps = y.size(0)?;
    let series = Series {
        first: y.select_index(0, 0),
        first_scale: Tensor::new([], vec![data.number("sigma1")?])?,
        steps: (y.slice(0, 0..steps - 1), y.slice(0, 1..steps)),
    };
    Ok(Posterior::new(data, model, series))
}
