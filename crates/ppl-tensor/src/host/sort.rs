//! Indices that sort.

use std::cmp::Ordering;

use super::layout::Along;
use super::number::Number;
use super::{MISFIT, arity, is_divided, refused};
use crate::{Error, HostData, HostTensor, Op, Result};

pub(super) fn arg_sort(op: &Op, axis: usize, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let along = Along::new(op, x.shape(), axis)?;
    let mut indices = vec![0; x.data().len()];
    match x.data() {
        HostData::F64(values) => ascending(&mut indices, values, along)?,
        HostData::F32(values) => ascending(&mut indices, values, along)?,
        HostData::I64(values) => ascending(&mut indices, values, along)?,
        HostData::Bool(_) => return Err(refused(op, inputs)),
    }
    HostTensor::new(x.shape(), indices)
}

fn ascending<T: Number>(out: &mut [i64], values: &[T], along: Along) -> Result<()> {
    let Along { size, inner, .. } = along;
    sorted(out, values, [size, inner], &mut vec![(T::ZERO, 0); size])
}

/// What [`Op::ArgSort`] gives along the middle dimension of row-major `[outer, size, inner]` values, of which the last two
/// sizes are given. `scratch` has room for one line, `size` entries; what is in it does not matter.
///
/// # Errors
/// If a slice has another number of elements.
pub fn arg_sort_f64(
    out: &mut [i64],
    values: &[f64],
    sizes: [usize; 2],
    scratch: &mut [(f64, i64)],
) -> Result<()> {
    sorted(out, values, sizes, scratch)
}

/// [`arg_sort_f64`] of integers.
///
/// # Errors
/// As there.
pub fn arg_sort_i64(
    out: &mut [i64],
    values: &[i64],
    sizes: [usize; 2],
    scratch: &mut [(i64, i64)],
) -> Result<()> {
    sorted(out, values, sizes, scratch)
}

fn sorted<T: Number>(
    out: &mut [i64],
    values: &[T],
    [size, inner]: [usize; 2],
    order: &mut [(T, i64)],
) -> Result<()> {
    let block = size.checked_mul(inner).filter(|&block| is_divided(out.len(), block));
    let (Some(block), true, true) = (block, out.len() == values.len(), order.len() == size) else {
        return Err(Error::backend("host", "argsort", MISFIT));
    };
    if out.is_empty() {
        return Ok(());
    }
    for (values, indices) in values.chunks_exact(block).zip(out.chunks_exact_mut(block)) {
        for column in 0..inner {
            let line = values[column..].iter().step_by(inner).copied().zip(0..);
            order.iter_mut().zip(line).for_each(|(entry, next)| *entry = next);
            // Equal entries stay in their order by their places: a sort that keeps it would need memory.
            order.sort_unstable_by(|(x, i), (y, j)| compare(*x, *y).then(i.cmp(j)));
            for (place, &(_, index)) in indices[column..].iter_mut().step_by(inner).zip(&*order) {
                *place = index;
            }
        }
    }
    Ok(())
}

/// A total order: NaN is largest, and equal to itself.
fn compare<T: Number>(x: T, y: T) -> Ordering {
    match (x.exceeds(y), y.exceeds(x)) {
        (true, _) => Ordering::Greater,
        (_, true) => Ordering::Less,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{attempt, bools, f64s, i64s, run};
    use crate::Op;

    #[test]
    fn order_is_stable_and_nan_last() {
        let nan = f64::NAN;
        let x = f64s([7], &[nan, 2.0, -f64::INFINITY, nan, 2.0, 0.0, -0.0]);
        assert_eq!(run(Op::ArgSort { axis: 0 }, &[&x]), i64s([7], &[2, 5, 6, 1, 4, 0, 3]));
        let x = i64s([2, 3], &[3, 1, 2, 1, 1, i64::MIN]);
        assert_eq!(run(Op::ArgSort { axis: 1 }, &[&x]), i64s([2, 3], &[1, 2, 0, 2, 0, 1]));
        assert_eq!(run(Op::ArgSort { axis: 0 }, &[&x]), i64s([2, 3], &[1, 0, 1, 0, 1, 0]));
        assert_eq!(run(Op::ArgSort { axis: 0 }, &[&f64s([0, 2], &[])]), i64s([0, 2], &[]));
        assert_eq!(run(Op::ArgSort { axis: 1 }, &[&f64s([2, 0], &[])]), i64s([2, 0], &[]));
        assert!(attempt(Op::ArgSort { axis: 0 }, &[&bools([1], &[true])]).is_err());
    }
}
