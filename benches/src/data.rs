//! What the inference benchmarks are fitted to.

use ppl::core::{Error, Result};
use ppl::tensor::{Tensor, TensorTree};
use ppl_examples_support::{Csv, CsvError, DataSet, Row};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

use crate::reference::Regression;

/// Columns of the rugged terrain data (Nunn and Puga 2012), one row a country.
#[derive(Debug, Clone, TensorTree)]
pub struct Countries {
    /// 1 in Africa, 0 elsewhere.
    pub cont_africa: Tensor,
    /// Index of terrain ruggedness.
    pub ruggedness: Tensor,
    /// Logarithm of the gross domestic product per head in 2000.
    pub log_gdp: Tensor,
}

/// Countries in the data.
const NATIONS: usize = 170;

const FILE: DataSet = DataSet {
    path: "data/rugged.csv",
    option: "data",
    source: "See the README, which says where to get it.",
};

/// The same data for the model and for the loop, and what they are.
pub struct Rugged {
    /// For the model.
    pub countries: Countries,
    /// For the loop: Africa, ruggedness, and their product.
    pub regression: Regression<3>,
    /// Where the data come from.
    pub note: String,
}

impl Rugged {
    /// The data of the example `rugged`, or simulated ones of the same shape where there is no such file.
    ///
    /// # Errors
    /// If the file cannot be read or is of another kind.
    pub fn load() -> Result<Self> {
        let Ok(file) = FILE.find(None) else {
            let note = format!("rugged: simulated, as there is no {} below PPL_DATA_DIR", FILE.path);
            return Ok(Self { note, ..Self::simulated(NATIONS) });
        };
        let rows = Csv::read(&file)
            .and_then(|csv| csv.rows().map(country).collect::<std::result::Result<Vec<_>, _>>());
        let rows = rows.map_err(|error| Error::argument(error.to_string()))?;
        Ok(Self::new(rows, "rugged: data of Nunn and Puga (2012)".into()))
    }

    /// Simulated data of so many countries.
    pub fn simulated(rows: usize) -> Self {
        Self::new(simulated_countries(rows), format!("rugged: {rows} simulated rows"))
    }

    fn new(rows: Vec<[f64; 3]>, note: String) -> Self {
        let column = |column: usize| rows.iter().map(|row| row[column]).collect::<Vec<f64>>();
        let (africa, ruggedness, log_gdp) = (column(0), column(1), column(2));
        let both = rows.iter().map(|row| row[0] * row[1]).collect();
        let countries = Countries {
            cont_africa: Tensor::from(&africa[..]),
            ruggedness: Tensor::from(&ruggedness[..]),
            log_gdp: Tensor::from(&log_gdp[..]),
        };
        Self { countries, regression: Regression::new(&[africa, ruggedness, both], &log_gdp), note }
    }
}

/// Whether it is in Africa, its ruggedness, and the logarithm of its product.
fn country(row: Row<'_>) -> std::result::Result<[f64; 3], CsvError> {
    Ok([row.number("cont_africa")?, row.number("rugged")?, row.number("rgdppc_2000")?.ln()])
}

fn simulated_countries(rows: usize) -> Vec<[f64; 3]> {
    let mut rng = SmallRng::seed_from_u64(170);
    let country = |row: usize| {
        let africa = f64::from(u8::from(row % 7 < 2));
        let ruggedness = 6.0 * rng.random::<f64>().powi(2);
        let noise: f64 = rng.sample(StandardNormal);
        [africa, ruggedness, 9.2 - 1.8 * africa - 0.2 * ruggedness + 0.4 * africa * ruggedness + 0.9 * noise]
    };
    (0..rows).map(country).collect()
}

/// Rows and columns of the simulated regression.
pub const ROWS: usize = 2500;
/// See [`ROWS`].
pub const COLUMNS: usize = 8;

/// One row of the simulated regression, as the model sees all of them.
#[derive(Debug, Clone, TensorTree)]
pub struct Rows {
    /// `[ROWS, COLUMNS]`, standard normal.
    pub features: Tensor,
    /// `[ROWS]`.
    pub outcome: Tensor,
}

/// A regression simulated from its own model, for the model and for the loop.
///
/// # Errors
/// Never: the shapes fit.
pub fn simulated_regression() -> Result<(Rows, Regression<COLUMNS>)> {
    let mut rng = SmallRng::seed_from_u64(2500);
    let mut normal = || rng.sample::<f64, _>(StandardNormal);
    let slopes: [f64; COLUMNS] = std::array::from_fn(|_| 10.0 * normal());
    let rows: Vec<[f64; COLUMNS]> = (0..ROWS).map(|_| std::array::from_fn(|_| normal())).collect();
    let mean = |row: &[f64; COLUMNS]| 42.0 + row.iter().zip(slopes).map(|(x, slope)| x * slope).sum::<f64>();
    let outcomes: Vec<f64> = rows.iter().map(|row| mean(row) + normal()).collect();
    let columns = std::array::from_fn(|column| rows.iter().map(|row| row[column]).collect());
    let features = Tensor::new([ROWS, COLUMNS], rows.concat())?;
    Ok((Rows { features, outcome: Tensor::from(&outcomes[..]) }, Regression::new(&columns, &outcomes)))
}
