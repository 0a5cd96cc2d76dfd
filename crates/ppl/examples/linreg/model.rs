//! The regression, and data simulated from it.

use ppl::prelude::*;

/// Rows and columns of the simulated data.
pub(crate) const ROWS: usize = 2500;
/// See [`ROWS`].
pub(crate) const COLUMNS: usize = 8;

/// Columns of the data; in the plate, one row.
#[derive(Clone, TensorTree)]
pub(crate) struct Data {
    /// `[ROWS, COLUMNS]`.
    pub(crate) features: Tensor,
    /// `[ROWS]`.
    pub(crate) outcome: Tensor,
}

/// What the data are simulated from.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    pub(crate) alpha: f64,
    pub(crate) beta: Vec<f64>,
    pub(crate) sigma: f64,
}

/// Linear regression with weak priors.
pub(crate) fn model(ctx: &mut Ctx, data: &Data) -> Result<()> {
    let alpha = ctx.sample("alpha", Normal::new(0.0, 100.0))?;
    let beta = ctx.sample("beta", Normal::new(Tensor::zeros([COLUMNS]), 10.0))?;
    let sigma = ctx.sample("sigma", HalfNormal::new(10.0))?;
    ctx.plate("data", data, |ctx, row| {
        let mean = &alpha + row.features.matmul(&beta);
        ctx.observe("obs", Normal::new(mean, &sigma), &row.outcome)
    })?;
    Ok(())
}

/// Draws true values, and data from them.
pub(crate) fn simulate(key: &Key) -> Result<(Truth, Data)> {
    let draw = |name: &str, distribution: &dyn Distribution| distribution.sample(&key.fold_in_name(name));
    let alpha = draw("alpha", &Normal::new(42.0, 10.0));
    let beta = draw("beta", &Normal::new(Tensor::zeros([COLUMNS]), 10.0));
    let sigma = draw("sigma", &Exponential::new(1.0));
    let features = draw("features", &Normal::new(Tensor::zeros([ROWS, COLUMNS]), 1.0));
    let outcome = draw("outcome", &Normal::new(&alpha + features.matmul(&beta), &sigma));
    let truth = Truth { alpha: alpha.to_scalar()?, beta: beta.to_f64()?, sigma: sigma.to_scalar()? };
    Ok((truth, Data { features, outcome }))
}
