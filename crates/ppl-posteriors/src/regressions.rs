//! Linear regressions that differ in their features and priors.

use ppl::core::{Ctx, Result};
use ppl::dist::{HalfCauchy, HalfNormal, Normal, constraints};
use ppl::tensor::{Tensor, TensorTree};

use super::flat::Flat;
use super::{Data, Posterior};

/// One row: its features, and what is to be explained.
#[derive(Debug, Clone, TensorTree)]
struct Row {
    features: Tensor,
    outcome: Tensor,
}

fn likelihood(ctx: &mut Ctx, rows: &Row, beta: &Tensor, sigma: &Tensor) -> Result<()> {
    ctx.plate("rows", rows, |ctx, row| {
        ctx.observe("y", Normal::new(row.features.matmul(beta), sigma), &row.outcome)
    })?;
    Ok(())
}

/// Coefficients and scale without a prior.
fn flat(ctx: &mut Ctx, rows: &Row) -> Result<()> {
    let beta = ctx.sample("beta", Flat::new(constraints::real_vector(), [rows.features.size(1)?]))?;
    let sigma = ctx.sample("sigma", Flat::new(constraints::positive(), []))?;
    likelihood(ctx, rows, &beta, &sigma)
}

fn flat_coefficients(ctx: &mut Ctx, rows: &Row) -> Result<()> {
    let beta = ctx.sample("beta", Flat::new(constraints::real_vector(), [rows.features.size(1)?]))?;
    let sigma = ctx.sample("sigma", HalfCauchy::new(2.5))?;
    likelihood(ctx, rows, &beta, &sigma)
}

fn wide_normal(ctx: &mut Ctx, rows: &Row) -> Result<()> {
    let beta = ctx.sample("beta", Normal::new(Tensor::zeros([rows.features.size(1)?]), 10.0))?;
    let sigma = ctx.sample("sigma", HalfNormal::new(10.0))?;
    likelihood(ctx, rows, &beta, &sigma)
}

/// Rows of columns, with one of ones before them if there is an intercept.
fn rows(columns: &[Vec<f64>], intercept: bool, outcome: Vec<f64>) -> Result<Row> {
    let n = outcome.len();
    let row =
        |i: usize| intercept.then_some(1.0).into_iter().chain(columns.iter().map(move |column| column[i]));
    let features = Tensor::new([n, columns.len() + usize::from(intercept)], (0..n).flat_map(row).collect())?;
    Ok(Row { features, outcome: outcome.into() })
}

/// 1 in the rows of a group, 0 in others.
fn indicators(group: &[f64], of: impl IntoIterator<Item = f64>) -> Vec<Vec<f64>> {
    of.into_iter().map(|label| group.iter().map(|g| f64::from(u8::from(*g == label))).collect()).collect()
}

fn logarithms(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x.ln()).collect()
}

pub(super) const EARNINGS: &str = "earnings-logearn_interaction";

/// Earnings by height and sex.
pub(super) fn earnings() -> Result<Posterior> {
    let data = Data::posteriordb(EARNINGS)?;
    let (height, male) = (data.numbers("height")?, data.numbers("male")?);
    let both = height.iter().zip(&male).map(|(height, male)| height * male).collect();
    let rows = rows(&[height, male, both], true, logarithms(&data.numbers("earn")?))?;
    Ok(Posterior::new(data, flat, rows))
}

pub(super) const KIDS_IQ: &str = "kidiq-kidscore_momiq";

/// Scores of children by their mothers' intelligence.
pub(super) fn kids_iq() -> Result<Posterior> {
    let data = Data::posteriordb(KIDS_IQ)?;
    let rows = rows(&[data.numbers("mom_iq")?], true, data.numbers("kid_score")?)?;
    Ok(Posterior::new(data, flat_coefficients, rows))
}

pub(super) const KIDS_WORK: &str = "kidiq_with_mom_work-kidscore_mom_work";

/// Scores of children by their mothers' work.
pub(super) fn kids_work() -> Result<Posterior> {
    let data = Data::posteriordb(KIDS_WORK)?;
    let work = indicators(&data.numbers("mom_work")?, [2.0, 3.0, 4.0]);
    let rows = rows(&work, true, data.numbers("kid_score")?)?;
    Ok(Posterior::new(data, flat, rows))
}

const SIZES: [&str; 5] = ["diam1", "diam2", "canopy_height", "total_height", "density"];

pub(super) const LOG_MESQUITE: &str = "mesquite-logmesquite";

/// Weights of bushes by their sizes, in logarithms.
pub(super) fn log_mesquite() -> Result<Posterior> {
    let data = Data::posteriordb(LOG_MESQUITE)?;
    let mut columns = Vec::new();
    for size in SIZES {
        columns.push(logarithms(&data.numbers(size)?));
    }
    columns.push(data.numbers("group")?);
    let rows = rows(&columns, true, logarithms(&data.numbers("weight")?))?;
    Ok(Posterior::new(data, flat, rows))
}

pub(super) const MESQUITE: &str = "mesquite-mesquite";

/// Weights of bushes by their sizes.
pub(super) fn mesquite() -> Result<Posterior> {
    let data = Data::posteriordb(MESQUITE)?;
    let columns = SIZES.into_iter().chain(["group"]).map(|size| data.numbers(size));
    let rows = rows(&columns.collect::<Result<Vec<_>>>()?, true, data.numbers("weight")?)?;
    Ok(Posterior::new(data, flat, rows))
}

pub(super) const PARTISANS: &str = "nes1980-nes";

/// Party identification of voters.
pub(super) fn partisans() -> Result<Posterior> {
    let data = Data::posteriordb(PARTISANS)?;
    let mut columns = vec![data.numbers("real_ideo")?, data.numbers("race_adj")?];
    columns.extend(indicators(&data.numbers("age_discrete")?, [2.0, 3.0, 4.0]));
    for name in ["educ1", "gender", "income"] {
        columns.push(data.numbers(name)?);
    }
    let rows = rows(&columns, true, data.numbers("partyid7")?)?;
    Ok(Posterior::new(data, flat, rows))
}

pub(super) const SIMULATED: &str = "sblri-blr";

/// A simulated regression.
pub(super) fn simulated() -> Result<Posterior> {
    let data = Data::posteriordb(SIMULATED)?;
    let features = data.rows("X")?;
    let columns = features.first().map_or(0, Vec::len);
    let rows = Row {
        features: Tensor::new([features.len(), columns], features.concat())?,
        outcome: data.numbers("y")?.into(),
    };
    Ok(Posterior::new(data, wide_normal, rows))
}
