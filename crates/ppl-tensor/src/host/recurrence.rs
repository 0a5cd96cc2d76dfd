//! Linear recurrences along a dimension.

use std::sync::Arc;

use super::layout::Along;
use super::number::Number;
use super::{arity, refused};
use crate::{HostData, HostTensor, Op, Result};

pub(super) fn linear_recurrence(
    op: &Op,
    axis: usize,
    reverse: bool,
    inputs: &[&HostTensor],
) -> Result<HostTensor> {
    let [factor, term] = arity(op, inputs)?;
    let along = Along::new(op, term.shape(), axis)?;
    let data = match (factor.data(), term.data()) {
        (HostData::F64(a), HostData::F64(b)) => recur(a, b, along, reverse),
        (HostData::F32(a), HostData::F32(b)) => recur(a, b, along, reverse),
        (HostData::I64(a), HostData::I64(b)) => recur(a, b, along, reverse),
        _ => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(term.shape(), data)
}

fn recur<T: Number>(factors: &[T], terms: &[T], along: Along, reverse: bool) -> HostData {
    let Along { size, inner, .. } = along;
    let mut out = terms.to_vec();
    if size > 1 && inner > 0 {
        let blocks = out.chunks_exact_mut(size * inner).zip(factors.chunks_exact(size * inner));
        for (block, factors) in blocks {
            for step in 1..size {
                let (row, before) = if reverse { (size - 1 - step, size - step) } else { (step, step - 1) };
                for column in 0..inner {
                    let place = row * inner + column;
                    let carried = factors[place].times(block[before * inner + column]);
                    block[place] = carried.plus(block[place]);
                }
            }
        }
    }
    T::wrap(Arc::new(out))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f64s, i64s, run};
    use crate::{HostTensor, Op};

    fn recurrence(factor: &HostTensor, term: &HostTensor, axis: usize, reverse: bool) -> HostTensor {
        run(Op::LinearRecurrence { axis, reverse }, &[factor, term])
    }

    #[test]
    fn each_entry_follows_from_the_one_before() {
        let (factor, term) = (f64s([4], &[f64::NAN, 2.0, 0.0, -1.0]), f64s([4], &[1.0, 1.0, 5.0, 0.5]));
        assert_eq!(recurrence(&factor, &term, 0, false), f64s([4], &[1.0, 3.0, 5.0, -4.5]));
        let (factor, term) = (f64s([3], &[2.0, 3.0, f64::NAN]), f64s([3], &[1.0, 1.0, 1.0]));
        assert_eq!(recurrence(&factor, &term, 0, true), f64s([3], &[9.0, 4.0, 1.0]));
    }

    #[test]
    fn columns_are_apart_and_integers_wrap_around() {
        let (factor, term) = (i64s([2, 2], &[0, 0, i64::MAX, 3]), i64s([2, 2], &[2, 1, 0, 1]));
        assert_eq!(recurrence(&factor, &term, 0, false), i64s([2, 2], &[2, 1, -2, 4]));
        let empty = f64s([0, 3], &[]);
        assert_eq!(recurrence(&empty, &empty, 0, false), empty);
        assert_eq!(recurrence(&empty, &empty, 1, true), empty);
    }
}
