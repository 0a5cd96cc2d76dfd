//! The nations of the rugged terrain data: where their file is, and what is in it. Shared by the examples about them.

use std::path::Path;

use ppl::prelude::*;
use ppl_examples_support::{Csv, CsvError, DataSet};

/// Columns, one row a nation; in a plate, one nation.
#[derive(Clone, TensorTree)]
pub(crate) struct Country {
    /// 1 in Africa, 0 elsewhere.
    pub(crate) cont_africa: Tensor,
    /// Terrain ruggedness index.
    pub(crate) ruggedness: Tensor,
    /// Log of GDP per head; `None`: to be predicted.
    pub(crate) log_gdp: Option<Tensor>,
}

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
    pub(crate) fn read(path: &Path) -> std::result::Result<Nations, CsvError> {
        let mut nations = Nations { in_africa: vec![], ruggedness: vec![], log_gdp: vec![], left_out: 0 };
        let file = Csv::read(path)?;
        for row in file.rows() {
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
        if nations.log_gdp.is_empty() {
            return Err(file.wrong("no nation has a GDP in the column `rgdppc_2000`"));
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

    /// 1 for each nation in Africa, 0 for each elsewhere.
    pub(crate) fn cont_africa(&self) -> Vec<f64> {
        self.in_africa.iter().map(|&inside| f64::from(u8::from(inside))).collect()
    }

    /// The same nations with a GDP to be predicted.
    pub(crate) fn without_gdp(&self) -> Country {
        Country {
            cont_africa: self.cont_africa().into(),
            ruggedness: self.ruggedness.as_slice().into(),
            log_gdp: None,
        }
    }

    /// Ruggedness and log GDP of the nations inside or outside Africa.
    pub(crate) fn points(&self, inside: bool) -> Vec<(f64, f64)> {
        let values = self.ruggedness.iter().copied().zip(self.log_gdp.iter().copied());
        values
            .zip(&self.in_africa)
            .filter(|(_, in_africa)| **in_africa == inside)
            .map(|(point, _)| point)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use ppl_suite::TemporaryPath;

    use super::*;

    fn read(rows: &str) -> std::result::Result<Nations, String> {
        let path = TemporaryPath::new("nations");
        std::fs::write(&path, format!("isocode,cont_africa,rugged,rgdppc_2000\n{rows}")).unwrap();
        let name = path.display().to_string();
        Nations::read(&path).map_err(|error| error.to_string().replace(&name, "FILE"))
    }

    #[test]
    fn nations_are_read_and_those_without_gdp_left_out() {
        let nations = read("AGO,1,0.858,1794.729\nALB,0,3.427,NA\nARE,0,0.769,1.0\n").unwrap();
        assert_eq!((nations.len(), nations.left_out), (2, 1));
        assert_eq!(nations.points(true), [(0.858, 1794.729_f64.ln())]);
        assert_eq!(nations.points(false), [(0.769, 0.0)]);
    }

    #[test]
    fn bad_rows_are_named() {
        let message = |rows: &str| read(rows).unwrap_err();
        assert_eq!(message("AGO,1,0.858,-3\n"), "FILE:2: `rgdppc_2000` is `-3`, must be positive");
        assert_eq!(message("AGO,2,0.858,10\n"), "FILE:2: `cont_africa` is `2`, must be 0 or 1");
        assert_eq!(message("AGO,1,1,\n"), "FILE: no nation has a GDP in the column `rgdppc_2000`");
        assert_eq!(message("AGO,1,NA,1000\n"), "FILE:2: `rugged` is `NA`, must be a number");
    }
}
