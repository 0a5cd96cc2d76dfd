//! The two regressions that variational inference is timed on, too.

use std::path::Path;

use ppl::core::Result;
use serde_json::{Value, json};

use super::{Data, Posterior};
use crate::data::{COLUMNS, Countries, ROWS, Rows, Rugged, simulated_regression};
use crate::inference::{linreg as linreg_model, potentials, rugged as rugged_model};

/// The rugged terrain data as other systems read them.
pub(crate) fn rugged_json(countries: &Countries) -> Result<Value> {
    let (africa, ruggedness) = (countries.cont_africa.to_f64()?, countries.ruggedness.to_f64()?);
    let rows = africa.len();
    Ok(
        json!({ "N": rows, "cont_africa": africa, "rugged": ruggedness, "log_gdp": countries.log_gdp.to_f64()? }),
    )
}

/// The simulated regression as other systems read it.
pub(crate) fn linreg_json(rows: &Rows) -> Result<Value> {
    let features = rows.features.to_f64()?;
    let features: Vec<&[f64]> = features.chunks(COLUMNS).collect();
    Ok(json!({ "N": ROWS, "K": COLUMNS, "X": features, "y": rows.outcome.to_f64()? }))
}

pub(super) fn rugged(folder: &Path) -> Result<Posterior> {
    let Rugged { countries, regression, .. } = Rugged::load()?;
    let data = Data::write(folder, "rugged", rugged_json(&countries)?)?;
    let program = ppl_posteriors::Posterior::new(data, rugged_model, countries);
    Ok(Posterior { by_hand: Some(Box::new(potentials(regression, 1))), ..Posterior::new(program) })
}

pub(super) fn linreg(folder: &Path) -> Result<Posterior> {
    let (rows, regression) = simulated_regression()?;
    let data = Data::write(folder, "linreg", linreg_json(&rows)?)?;
    let program = ppl_posteriors::Posterior::new(data, linreg_model, rows);
    Ok(Posterior { by_hand: Some(Box::new(potentials(regression, 1))), ..Posterior::new(program) })
}
