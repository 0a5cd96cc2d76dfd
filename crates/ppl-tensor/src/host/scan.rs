//! Running sums and the index of the largest.

use std::sync::Arc;

use super::layout::Along;
use super::number::Number;
use super::{MISFIT, arity, is_divided, refused};
use crate::{Error, HostData, HostTensor, Op, Result, Shape};

pub(super) fn cumulative_sum(
    op: &Op,
    axis: usize,
    reverse: bool,
    inputs: &[&HostTensor],
) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let along = Along::new(op, x.shape(), axis)?;
    let data = match x.data() {
        HostData::F64(values) => running_sum(values, along, reverse),
        HostData::F32(values) => running_sum(values, along, reverse),
        HostData::I64(values) => running_sum(values, along, reverse),
        HostData::Bool(_) => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(x.shape(), data)
}

fn running_sum<T: Number>(values: &[T], along: Along, reverse: bool) -> HostData {
    let Along { size, inner, .. } = along;
    let mut out = values.to_vec();
    if size > 1 && inner > 0 {
        for block in out.chunks_exact_mut(size * inner) {
            match (inner, reverse) {
                (1, false) => accumulate(block.iter_mut()),
                (1, true) => accumulate(block.iter_mut().rev()),
                (_, false) => {
                    for row in 1..size {
                        let (done, rest) = block.split_at_mut(row * inner);
                        add(&mut rest[..inner], &done[(row - 1) * inner..]);
                    }
                }
                (_, true) => {
                    for row in (1..size).rev() {
                        let (rest, done) = block.split_at_mut(row * inner);
                        add(&mut rest[(row - 1) * inner..], &done[..inner]);
                    }
                }
            }
        }
    }
    T::wrap(Arc::new(out))
}

fn accumulate<'a, T: Number>(entries: impl Iterator<Item = &'a mut T>) {
    let mut sum = T::ZERO;
    for entry in entries {
        sum = sum.plus(*entry);
        *entry = sum;
    }
}

fn add<T: Number>(row: &mut [T], previous: &[T]) {
    for (x, &sum) in row.iter_mut().zip(previous) {
        *x = sum.plus(*x);
    }
}

pub(super) fn arg_max(op: &Op, axis: usize, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let along = Along::new(op, x.shape(), axis)?;
    if along.size == 0 {
        return Err(Error::shape(op.name(), [x.shape()], "there is no entry to choose from"));
    }
    let Along { size, inner, .. } = along;
    let mut indices = vec![0; target.elements()];
    match x.data() {
        HostData::F64(values) => largest(&mut indices, values, [size, inner])?,
        HostData::F32(values) => largest(&mut indices, values, [size, inner])?,
        HostData::I64(values) => largest(&mut indices, values, [size, inner])?,
        HostData::Bool(_) => return Err(refused(op, inputs)),
    }
    HostTensor::new(target, indices)
}

/// What [`Op::ArgMax`] gives along the middle dimension of row-major `[outer, size, inner]` values, of which the last two
/// sizes are given; `out` is `[outer, inner]`.
///
/// # Errors
/// If there is no entry to choose from, or a slice has another number of elements.
pub fn arg_max_f64(out: &mut [i64], values: &[f64], sizes: [usize; 2]) -> Result<()> {
    largest(out, values, sizes)
}

/// [`arg_max_f64`] of integers.
///
/// # Errors
/// As there.
pub fn arg_max_i64(out: &mut [i64], values: &[i64], sizes: [usize; 2]) -> Result<()> {
    largest(out, values, sizes)
}

fn largest<T: Number>(out: &mut [i64], values: &[T], [size, inner]: [usize; 2]) -> Result<()> {
    let fits = size > 0 && out.len().checked_mul(size) == Some(values.len());
    if !fits || !is_divided(out.len(), inner) {
        return Err(Error::backend("host", "argmax", MISFIT));
    }
    if out.is_empty() {
        return Ok(());
    }
    for (block, out) in values.chunks_exact(size * inner).zip(out.chunks_exact_mut(inner)) {
        for (column, place) in out.iter_mut().enumerate() {
            let (mut best, mut index) = (block[column], 0);
            for (row, &x) in block[column..].iter().step_by(inner).enumerate().skip(1) {
                if x.exceeds(best) {
                    (best, index) = (x, row);
                }
            }
            *place = index as i64;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{attempt, bools, counting, f32s, f64s, i64s, run};
    use crate::{HostTensor, Op};

    fn cumulative(x: &HostTensor, axis: usize, reverse: bool) -> HostTensor {
        run(Op::CumulativeSum { axis, reverse }, &[x])
    }

    #[test]
    fn running_sums() {
        let x = counting([2, 3]);
        assert_eq!(cumulative(&x, 1, false), f64s([2, 3], &[0.0, 1.0, 3.0, 3.0, 7.0, 12.0]));
        assert_eq!(cumulative(&x, 1, true), f64s([2, 3], &[3.0, 3.0, 2.0, 12.0, 9.0, 5.0]));
        assert_eq!(cumulative(&x, 0, false), f64s([2, 3], &[0.0, 1.0, 2.0, 3.0, 5.0, 7.0]));
        assert_eq!(cumulative(&x, 0, true), f64s([2, 3], &[3.0, 5.0, 7.0, 3.0, 4.0, 5.0]));
        let middle = cumulative(&counting([2, 3, 2]), 1, true);
        let wanted = [6.0, 9.0, 6.0, 8.0, 4.0, 5.0, 24.0, 27.0, 18.0, 20.0, 10.0, 11.0];
        assert_eq!(middle, f64s([2, 3, 2], &wanted));
        assert_eq!(cumulative(&i64s([2], &[i64::MAX, 1]), 0, false), i64s([2], &[i64::MAX, i64::MIN]));
        assert_eq!(cumulative(&f32s([1], &[2.0]), 0, false), f32s([1], &[2.0]));
        for shape in [[0, 3], [3, 0]] {
            assert_eq!(cumulative(&counting(shape), 0, false), counting(shape));
            assert_eq!(cumulative(&counting(shape), 1, true), counting(shape));
        }
    }

    #[test]
    fn the_first_largest_wins_and_nan_is_largest() {
        let arg_max = |x: &HostTensor, axis| run(Op::ArgMax { axis }, &[x]);
        let nan = f64::NAN;
        let x = f64s([3, 4], &[1.0, 3.0, 3.0, 2.0, 5.0, nan, 6.0, nan, -f64::INFINITY, -1.0, -2.0, -3.0]);
        assert_eq!(arg_max(&x, 1), i64s([3], &[1, 1, 1]));
        assert_eq!(arg_max(&x, 0), i64s([4], &[1, 1, 1, 1]));
        assert_eq!(arg_max(&f64s([2], &[nan, nan]), 0), i64s([], &[0]));
        assert_eq!(arg_max(&i64s([3], &[1, 4, 4]), 0), i64s([], &[1]));
        assert_eq!(arg_max(&counting([0, 2]), 1), i64s([0], &[]));
        assert_eq!(arg_max(&counting([2, 0]), 0), i64s([0], &[]));
        assert!(attempt(Op::ArgMax { axis: 1 }, &[&counting([2, 0])]).is_err());
        assert!(attempt(Op::ArgMax { axis: 0 }, &[&bools([1], &[true])]).is_err());
    }
}
