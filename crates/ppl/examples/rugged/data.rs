//! The nations: where their file is, and what is in it.

use std::path::Path;

use ppl_examples_support::{Csv, CsvError, DataSet};

use crate::model::Country;

pub(crate) const FILE: DataSet = DataSet {
    path: "data/rugged.csv",
    option: "data",
    source: "It is the `rugged` data set of McElreath's Statistical Rethinking (Nunn and Puga 2012),\n\
             github.com/rmcelreath/rethinking, with the columns isocode, cont_africa, rugged, rgdppc_2000.",
};

/// The nations whose GDP is known.
#[derive(Debug)]
pub(crate) struct Nations {
    pub(crate) in_africa: Vec<bool>,
    pub(crate) ruggedness: Vec<f64>,
    pub(crate) log_gdp: Vec<f64>,
    /// Number of nations without a known GDP.
    pub(crate) left_out: usize,
}

impl Nations {
    /// Reads the file. Nations without a GDP are left out.
    pub(crate) fn read(path: &Path) -> Result<Nations, CsvError> {
        let mut nations = Nations { in_africa: vec![], ruggedness: vec![], log_gdp: vec![], left_out: 0 };
        for row in Csv::read(path)?.rows() {
            if row.is_missing("rgdppc_2000")? {
                nations.left_out += 1;
                continue;
            }
            let gdp = row.number("rgdppc_2000")?;
            if gdp <= 0.0 {
                return Err(row.wrong("rgdppc_2000", "must be positive"));
            }
            nations.in_africa.push(match row.text("cont_africa")? {
                "0" => false,
                "1" => true,
                _ => return Err(row.wrong("cont_africa", "must be 0 or 1")),
            });
            nations.ruggedness.push(row.number("rugged")?);
            nations.log_gdp.push(gdp.ln());
        }
        Ok(nations)
    }

    pub(crate) fn len(&self) -> usize {
        self.log_gdp.len()
    }

    /// The nations as the model sees them.
    pub(crate) fn columns(&self) -> Country {
        Country { log_gdp: Some(self.log_gdp.as_slice().into()), ..self.without_gdp() }
    }

    /// The same nations with a GDP to be predicted.
    pub(crate) fn without_gdp(&self) -> Country {
        let cont_africa: Vec<f64> = self.in_africa.iter().map(|&inside| f64::from(u8::from(inside))).collect();
        Country { cont_africa: cont_africa.into(), ruggedness: self.ruggedness.as_slice().into(), log_gdp: None }
    }

    /// Ruggedness and log GDP of the nations inside or outside Africa.
    pub(crate) fn points(&self, inside: bool) -> Vec<(f64, f64)> {
        let values = self.ruggedness.iter().copied().zip(self.log_gdp.iter().copied());
        values.zip(&self.in_africa).filter(|(_, in_africa)| **in_africa == inside).map(|(point, _)| point).collect()
    }
}
