//! A logistic regression, simulated.

use std::path::Path;

use ppl::core::{Ctx, Result};
use ppl::dist::{Bernoulli, Normal};
use ppl::tensor::{Tensor, TensorTree};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde_json::json;

use super::{Data, Posterior};

const ROWS: usize = 1000;
const COLUMNS: usize = 10;

#[derive(Debug, Clone, TensorTree)]
struct Rows {
    features: Tensor,
    outcome: Tensor,
}

fn model(ctx: &mut Ctx, rows: &Rows) -> Result<()> {
    let alpha = ctx.sample("alpha", Normal::new(0.0, 10.0))?;
    let beta = ctx.sample("beta", Normal::new(Tensor::zeros([COLUMNS]), 2.5))?;
    ctx.plate("rows", rows, |ctx, row| {
        let logits = &alpha + row.features.matmul(&beta);
        ctx.observe("y", Bernoulli::with_logits(logits), &row.outcome)
    })?;
    Ok(())
}

pub(super) fn load(folder: &Path) -> Result<Posterior> {
    let mut rng = SmallRng::seed_from_u64(1000);
    let slopes: [f64; COLUMNS] = std::array::from_fn(|_| rng.sample(StandardNormal));
    let rows: Vec<[f64; COLUMNS]> =
        (0..ROWS).map(|_| std::array::from_fn(|_| rng.sample(StandardNormal))).collect();
    let mut outcome = |row: &[f64; COLUMNS]| {
        let logit = 0.5 + row.iter().zip(slopes).map(|(x, slope)| x * slope).sum::<f64>();
        i32::from(rng.random::<f64>() < 1.0 / (1.0 + (-logit).exp()))
    };
    let outcomes: Vec<i32> = rows.iter().map(&mut outcome).collect();
    let value = json!({ "N": ROWS, "K": COLUMNS, "X": rows, "y": outcomes });
    let data = Data::write(folder, "logistic", value)?;
    let rows =
        Rows { features: Tensor::new([ROWS, COLUMNS], rows.concat())?, outcome: data.numbers("y")?.into() };
    Ok(Posterior::new(ppl_posteriors::Posterior::new(data, model, rows)))
}
