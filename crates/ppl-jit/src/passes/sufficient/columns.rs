//! The known columns of a group, each once, and the shorter ones that stand for them.

use std::collections::HashMap;

use ppl_tensor::{DType, HostTensor, Result, Shape};

use super::triangle;
use crate::ir::Id;

/// A known array, of some columns.
struct Array {
    id: Id,
    value: HostTensor,
    /// The dimension of the rows.
    axis: usize,
    /// Its numbers in double precision.
    numbers: HostTensor,
    /// Which of the different columns each of its own is.
    columns: Vec<usize>,
}

impl Array {
    /// Numbers between one row and the next.
    fn stride(&self) -> usize {
        self.value.shape()[self.axis + 1..].iter().product()
    }

    fn numbers(&self) -> &[f64] {
        self.numbers.as_slice().unwrap_or(&[])
    }
}

/// Where a row of a column lies in an array of `rows` rows.
fn place(column: usize, stride: usize, rows: usize, row: usize) -> usize {
    (column / stride * rows + row) * stride + column % stride
}

/// Columns of known numbers.
pub(super) struct Columns {
    rows: usize,
    arrays: Vec<Array>,
    /// Arrays' columns, each the first of those that are equal; none is a column of ones.
    different: Vec<Option<(usize, usize)>>,
}

/// What stands for known columns.
pub(super) struct Shorter {
    /// Number of rows.
    pub(super) rows: usize,
    pub(super) arrays: HashMap<Id, HostTensor>,
    /// In place of ones.
    pub(super) ones: Vec<f64>,
}

impl Columns {
    /// The columns of arrays, with the dimensions of their rows; ones come first, if they are among them.
    pub(super) fn new(rows: usize, arrays: Vec<(Id, HostTensor, usize)>, ones: bool) -> Result<Self> {
        let array = |(id, value, axis): (Id, HostTensor, usize)| {
            let numbers = match value.dtype() {
                DType::F64 => value.clone(),
                _ => HostTensor::from_f64(DType::F64, value.shape().clone(), value.to_f64())?,
            };
            Ok(Array { id, value, axis, numbers, columns: Vec::new() })
        };
        let arrays = arrays.into_iter().map(array).collect::<Result<Vec<_>>>()?;
        let different = if ones { vec![None] } else { Vec::new() };
        let mut columns = Self { rows, arrays, different };
        for array in 0..columns.arrays.len() {
            for column in 0..columns.arrays[array].numbers().len() / rows {
                let own = Some((array, column));
                let equal = |&other: &Option<(usize, usize)>| {
                    (0..rows)
                        .all(|row| columns.entry(other, row).to_bits() == columns.entry(own, row).to_bits())
                };
                let known = columns.different.iter().position(equal);
                if known.is_none() {
                    columns.different.push(own);
                }
                let number = known.unwrap_or(columns.different.len() - 1);
                columns.arrays[array].columns.push(number);
            }
        }
        Ok(columns)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.different.len()
    }

    /// Whether all numbers are below a limit.
    pub(super) fn are_below(&self, limit: f64) -> bool {
        self.arrays.iter().all(|array| array.numbers().iter().all(|x| x.abs() <= limit))
    }

    fn entry(&self, column: Option<(usize, usize)>, row: usize) -> f64 {
        let Some((array, column)) = column else { return 1.0 };
        let array = &self.arrays[array];
        array.numbers()[place(column, array.stride(), self.rows, row)]
    }

    /// As many rows as there are columns, with the same products of columns.
    pub(super) fn shorten(&self) -> Result<Shorter> {
        let count = self.count();
        let factor = triangle::factor(self.rows, count, |column, start, to| {
            for (row, to) in to.iter_mut().enumerate() {
                *to = self.entry(self.different[column], start + row);
            }
        });
        let entry = |row: usize, column: usize| factor[row * count + column];
        let mut arrays = HashMap::new();
        for array in &self.arrays {
            let mut numbers = vec![0.0; array.columns.len() * count];
            for (own, &column) in array.columns.iter().enumerate() {
                for row in 0..count {
                    numbers[place(own, array.stride(), count, row)] = entry(row, column);
                }
            }
            let shape = with_rows(array.value.shape(), array.axis, count);
            arrays.insert(array.id, HostTensor::from_f64(array.value.dtype(), shape, numbers)?);
        }
        let ones = if self.different.first() == Some(&None) {
            (0..count).map(|row| entry(row, 0)).collect()
        } else {
            Vec::new()
        };
        Ok(Shorter { rows: count, arrays, ones })
    }
}

/// A shape with another number of rows.
pub(super) fn with_rows(shape: &Shape, axis: usize, rows: usize) -> Shape {
    shape.iter().enumerate().map(|(d, &size)| if d == axis { rows } else { size }).collect()
}
