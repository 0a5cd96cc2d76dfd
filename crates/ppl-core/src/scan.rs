//! What a scan keeps while its steps run: the columns they take rows of, and the values they draw.

use std::sync::{Arc, Mutex, PoisonError};

use ppl_tensor::Tensor;

use crate::{Error, Result};

/// One step of a scan: its number, and its rows of the columns that the program enters.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    number: Tensor,
    columns: Arc<Mutex<Columns>>,
}

/// Columns in the order in which a step enters them, which is the same in every step.
#[derive(Debug, Default)]
struct Columns {
    /// All steps of each column.
    whole: Vec<Tensor>,
    /// This step of each, once the columns are known.
    rows: Option<Vec<Tensor>>,
    entered: usize,
}

impl Step {
    /// The first step, which finds out what the columns are.
    pub(crate) fn first() -> Self {
        Self { number: Tensor::from(0i64), columns: Arc::default() }
    }

    /// The step of this number (`I64`, a scalar), with its rows of the columns.
    pub(crate) fn with_rows(number: Tensor, rows: Vec<Tensor>) -> Self {
        let columns = Columns { whole: Vec::new(), rows: Some(rows), entered: 0 };
        Self { number, columns: Arc::new(Mutex::new(columns)) }
    }

    pub(crate) fn number(&self) -> &Tensor {
        &self.number
    }

    /// All steps of the columns that were entered.
    pub(crate) fn into_columns(self) -> Vec<Tensor> {
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut columns.whole)
    }

    /// This step's row of a value whose first dimension counts the steps.
    pub(crate) fn enter(&self, value: &Tensor) -> Result<Tensor> {
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        let entered = columns.entered;
        columns.entered += 1;
        match &columns.rows {
            None => {
                columns.whole.push(value.clone());
                Ok(value.at(0i64).check()?.clone())
            }
            Some(rows) => rows.get(entered).cloned().ok_or_else(|| {
                Error::argument("a step of a scan has other statements than the first: they must be the same")
            }),
        }
    }
}

/// A scan that is running.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) phase: Phase,
    /// Values drawn, by site: of one step while steps run, of all steps afterwards.
    pub(crate) drawn: Vec<(String, Tensor)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Steps run one after the other, to find the values that later steps depend on; handlers only decide values.
    Stepping,
    /// All steps run at once, with those values, and handlers see the statements.
    Whole,
}

impl Scan {
    pub(crate) fn new(phase: Phase) -> Self {
        Self { phase, drawn: Vec::new() }
    }
}
