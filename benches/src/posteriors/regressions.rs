//! The two regressions that variational inference is timed on, too.

use std::path::Path;

use ppl::core::Result;
use serde_json::{Value, json};

use super::{Data, Posterior};
use crate::data::{COLUMNS, Countries, ROWS, Rows, Rugged, simulated_regression};
use crate::inference::{linreg as linreg_model, potentials, rugged as rugged_model};
use crate::potential::log_density;

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
    Ok(Posterior {
        sites: ["a", "bA", "bR", "bAR", "sigma"].map(|name| (name.into(), 1)).to_vec(),
        data: Data::write(folder, "rugged", rugged_json(&countries)?)?,
        log_density: log_density(rugged_model, &countries)?,
        by_hand: Some(Box::new(potentials(regression, 1))),
    })
}

pub(super) fn linreg(folder: &Path) -> Result<Posterior> {
    let (rows, regression) = simulated_regression()?;
    Ok(Posterior {
        sites: vec![("alpha".into(), 1), ("beta".into(), COLUMNS), ("sigma".into(), 1)],
        data: Data::write(folder, "linreg", linreg_json(&rows)?)?,
        log_density: log_density(linreg_model, &rows)?,
        by_hand: Some(Box::new(potentials(regression, 1))),
    })
}
