//! Indices that sort.

use std::cmp::Ordering;

use super::layout::Along;
use super::number::Number;
use super::{arity, refused};
use crate::{HostData, HostTensor, Op, Result};

pub(super) fn arg_sort(op: &Op, axis: usize, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let along = Along::new(op, x.shape(), axis)?;
    let indices = match x.data() {
        HostData::F64(values) => ascending(values, along),
        HostData::F32(values) => ascending(values, along),
        HostData::I64(values) => ascending(values, along),
        HostData::Bool(_) => return Err(refused(op, inputs)),
    };
    HostTensor::new(x.shape(), indices)
}

fn ascending<T: Number>(values: &[T], along: Along) -> Vec<i64> {
    let Along { size, inner, .. } = along;
    let mut out = vec![0; values.len()];
    if values.is_empty() {
        return out;
    }
    let mut order: Vec<(T, i64)> = Vec::with_capacity(size);
    for (block, indices) in values.chunks_exact(size * inner).zip(out.chunks_exact_mut(size * inner)) {
        for column in 0..inner {
            order.clear();
            order.extend(block[column..].iter().step_by(inner).copied().zip(0..));
            order.sort_by(|(x, _), (y, _)| compare(*x, *y));
            for (place, &(_, index)) in indices[column..].iter_mut().step_by(inner).zip(&order) {
                *place = index;
            }
        }
    }
    out
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
