//! One model on ever more rows: whether the time per row stays, and how much of the memory's speed is used.

use ppl::core::Result;
use ppl::infer::Compiler;
use ppl::tensor::Tensor;

use super::{BY_HAND, Contest, EVERY_ROW, OURS, Session};
use crate::data::Rugged;
use crate::harness::Group;
use crate::inference::{potentials, rugged};
use crate::potential::log_density;
use crate::reference::sum;

/// Rows of the model, from what stays in a cache to what does not.
const ROWS: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// All sizes that the filter admits; in a quick run not those that take minutes.
pub(super) fn run(session: &mut Session<'_>) -> Result<()> {
    let most = if session.effort.is_quick() { 100_000 } else { usize::MAX };
    for rows in ROWS.into_iter().filter(|&rows| rows <= most) {
        let name = format!("large/rugged, {rows} rows");
        if session.wants(&name) {
            compare(session, name, rows)?;
        }
    }
    Ok(())
}

fn compare(session: &mut Session<'_>, name: String, rows: usize) -> Result<()> {
    let Rugged { countries, regression, .. } = Rugged::simulated(rows);
    let read = |column: &Tensor| column.to_f64();
    let columns = [read(&countries.cont_africa)?, read(&countries.ruggedness)?, read(&countries.log_gdp)?];
    let mut evaluate = log_density(&Compiler::new(), rugged, &countries)?;
    let every_row = Compiler::new().sufficient_statistics(false);
    let mut read_all = log_density(&every_row, rugged, &countries)?;
    let at = [9.0, -1.5, -0.2, 0.3, -2.0];
    let (mut gradient, mut other) = (at, at);
    let group = Group::new(name, "row", rows)
        .case(OURS, move || evaluate(std::hint::black_box(&at), &mut gradient))
        .case(EVERY_ROW, move || read_all(std::hint::black_box(&at), &mut other))
        .case(&format!("{BY_HAND} by hand, likelihood"), potentials(regression, 1))
        .case(SUM, move || Ok(columns.iter().map(|column| sum(column)).sum::<f64>()));
    session.measure(Contest::new(group), None)
}

/// The case that reads the same columns and does nothing else.
pub(super) const SUM: &str = "sum of the same columns";

/// Bytes of the columns, a row.
pub(super) const BYTES: f64 = 24.0;
