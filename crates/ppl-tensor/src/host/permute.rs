//! Reordering of dimensions.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{arity, each_dtype};
use crate::data::Element;
use crate::{HostData, HostTensor, Op, Result, Shape};

/// Side of the square tiles in which two dimensions change places: their lines fit the first-level cache even
/// where the distance of lines is a power of two.
const TILE: usize = 8;

/// A dimension of the result: its size, and how far one step in it moves in the input.
type Dimension = (usize, usize);

pub(super) fn permute(
    op: &Op,
    permutation: &[usize],
    inputs: &[&HostTensor],
    target: &Shape,
) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let strides = x.shape().strides();
    // Dimensions of size 1 do not matter, and neighbours that stay neighbours are one.
    let mut dimensions: SmallVec<[Dimension; 6]> = SmallVec::new();
    for (&size, &axis) in target.iter().zip(permutation).filter(|&(&size, _)| size != 1) {
        match dimensions.last_mut() {
            Some((outer, step)) if *step == size * strides[axis] => {
                (*outer, *step) = (*outer * size, strides[axis])
            }
            _ => dimensions.push((size, strides[axis])),
        }
    }
    if dimensions.len() <= 1 || target.elements() == 0 {
        return x.reshaped(target);
    }
    HostTensor::from_data(target, each_dtype!(x, values => reorder(values, &dimensions)))
}

fn reorder<T: Element>(values: &[T], dimensions: &[Dimension]) -> HostData {
    let mut out = Vec::with_capacity(values.len());
    match *dimensions {
        [ref outer @ .., (turns, 1)] => each_offset(outer, 0, &mut |at| {
            out.extend_from_slice(&values[at..at + turns]);
        }),
        [ref outer @ .., (rows, 1), (columns, column_step)] => {
            let Some(&filler) = values.first() else { return T::wrap(Arc::new(out)) };
            out.resize(values.len(), filler);
            let mut blocks = out.chunks_exact_mut(rows * columns);
            each_offset(outer, 0, &mut |at| {
                if let Some(block) = blocks.next() {
                    transpose(&values[at..], column_step, block, rows, columns);
                }
            });
        }
        [ref outer @ .., (turns, step)] => each_offset(outer, 0, &mut |at| {
            out.extend((0..turns).map(|turn| values[at + turn * step]));
        }),
        [] => out.extend_from_slice(values),
    }
    T::wrap(Arc::new(out))
}

/// Calls `visit` with the offset of every combination of entries of the dimensions, in row-major order.
fn each_offset(dimensions: &[Dimension], at: usize, visit: &mut impl FnMut(usize)) {
    match dimensions {
        [] => visit(at),
        [(size, step), inner @ ..] => (0..*size).for_each(|i| each_offset(inner, at + i * step, visit)),
    }
}

/// `block[row][column] = values[row + column * column_step]`, tile by tile.
fn transpose<T: Copy>(values: &[T], column_step: usize, block: &mut [T], rows: usize, columns: usize) {
    for first_row in (0..rows).step_by(TILE) {
        let last_row = rows.min(first_row + TILE);
        for first_column in (0..columns).step_by(TILE) {
            let last_column = columns.min(first_column + TILE);
            for row in first_row..last_row {
                let line = &mut block[row * columns + first_column..row * columns + last_column];
                for (place, column) in line.iter_mut().zip(first_column..) {
                    *place = values[row + column * column_step];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{counting, f64s, run};
    use crate::{HostTensor, Op};

    fn permute(x: &HostTensor, permutation: &[usize]) -> HostTensor {
        run(Op::Permute(permutation.into()), &[x])
    }

    #[test]
    fn every_permutation_of_four_dimensions() {
        let x = counting([2, 3, 1, 5]);
        let values = x.to_f64();
        for code in 0..256usize {
            let permutation = [code / 64, code / 16 % 4, code / 4 % 4, code % 4];
            if (0..4).any(|axis| !permutation.contains(&axis)) {
                continue;
            }
            let y = permute(&x, &permutation);
            let (own, strides) = (x.shape().strides(), y.shape().strides());
            let wanted: Vec<f64> = (0..30)
                .map(|i| (0..4).map(|d| i / strides[d] % y.shape()[d] * own[permutation[d]]).sum::<usize>())
                .map(|at| values[at])
                .collect();
            assert_eq!(y.to_f64(), wanted, "{permutation:?}");
        }
    }

    #[test]
    fn matrices_larger_than_a_tile() {
        let (rows, columns) = (37, 50);
        let x = counting([3, rows, columns]);
        let y = permute(&x, &[0, 2, 1]);
        let at = |i: usize| i / (rows * columns) * rows * columns + i % rows * columns + i / rows % columns;
        let wanted: Vec<f64> = (0..3 * rows * columns).map(|i| at(i) as f64).collect();
        assert_eq!(y.to_f64(), wanted);
        assert_eq!(permute(&y, &[0, 2, 1]), x);
    }

    #[test]
    fn trivial_permutations_share() {
        let x = counting([2, 1, 3]);
        for permutation in [[0, 1, 2], [1, 0, 2], [0, 2, 1]] {
            let y = permute(&x, &permutation);
            assert!(std::ptr::eq(x.as_slice::<f64>().unwrap(), y.as_slice::<f64>().unwrap()));
        }
        assert_eq!(permute(&f64s([2, 0], &[]), &[1, 0]), f64s([0, 2], &[]));
        assert_eq!(permute(&f64s([], &[1.0]), &[]), f64s([], &[1.0]));
    }
}
