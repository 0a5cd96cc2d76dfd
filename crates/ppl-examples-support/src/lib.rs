//! What the example programs share: arguments, data files, tables, and the frame that turns an example's
//! results into output and an exit code.

mod args;
mod csv_file;
mod data_file;
mod frame;
pub mod stats;
mod table;

pub use args::{CHAINS_ON_CPU, Extra, JIT, Options, Program};
pub use csv_file::{Csv, CsvError, Row};
pub use data_file::{DataSet, MissingData};
pub use frame::{Outcome, run, show};
pub use serde_json::{Value, json};
pub use table::Table;
