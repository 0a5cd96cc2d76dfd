//! Entries chosen by index, and updates added at an index.

use std::sync::Arc;

use super::number::Number;
use super::{arity, each_dtype, refused};
use crate::data::Element;
use crate::op::{Gather, ScatterAdd};
use crate::{Error, HostData, HostTensor, Op, Result, Shape};

/// The loops of a gather or scatter: for each of the shared rows, `middle` blocks of `size` entries of `inner`
/// elements.
struct Layout {
    batch: usize,
    middle: usize,
    size: usize,
    inner: usize,
}

impl Layout {
    /// `entries` is the array whose dimension `axis` the indices count.
    fn new(op: &Op, entries: &Shape, indices: &Shape, axis: usize, batch: usize) -> Result<Self> {
        let (Some(&size), true) = (entries.get(axis), batch <= axis.min(indices.rank())) else {
            return Err(Error::shape(op.name(), [entries, indices], "dimensions do not exist"));
        };
        Ok(Self {
            batch: entries[..batch].iter().product(),
            middle: entries[batch..axis].iter().product(),
            size,
            inner: entries[axis + 1..].iter().product(),
        })
    }
}

/// The indices, all of which are within `0..size`.
fn checked<'a>(op: &Op, indices: &'a HostTensor, size: usize) -> Result<&'a [i64]> {
    let HostData::I64(values) = indices.data() else {
        return Err(refused(op, &[indices]));
    };
    // One pass without branches, which is several times faster than a search; as unsigned, negative ones are large.
    let outside = |index: i64| index as u64 >= size as u64;
    if !values.iter().fold(false, |any, &index| any | outside(index)) {
        return Ok(values);
    }
    let index = values.iter().copied().find(|&index| outside(index)).unwrap_or_default();
    Err(Error::argument(op.name(), format!("index {index} is outside 0..{size}")))
}

pub(super) fn gather(op: &Op, gather: &Gather, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x, indices] = arity(op, inputs)?;
    let layout = Layout::new(op, x.shape(), indices.shape(), gather.axis, gather.batch)?;
    let indices = checked(op, indices, layout.size)?;
    HostTensor::from_data(target, each_dtype!(x, values => pick(values, indices, &layout, target.elements())))
}

fn pick<T: Element>(values: &[T], indices: &[i64], layout: &Layout, elements: usize) -> HostData {
    let &Layout { batch, middle, size, inner } = layout;
    let mut out = Vec::with_capacity(elements);
    if elements > 0 {
        let rows =
            values.chunks_exact(middle * size * inner).zip(indices.chunks_exact(indices.len() / batch));
        for (row, indices) in rows {
            for block in row.chunks_exact(size * inner) {
                if inner == 1 {
                    out.extend(indices.iter().map(|&index| block[index as usize]));
                    continue;
                }
                for &index in indices {
                    let start = index as usize * inner;
                    out.extend_from_slice(&block[start..start + inner]);
                }
            }
        }
    }
    T::wrap(Arc::new(out))
}

pub(super) fn scatter_add(
    op: &Op,
    scatter: &ScatterAdd,
    inputs: &[&HostTensor],
    target: &Shape,
) -> Result<HostTensor> {
    let [updates, indices] = arity(op, inputs)?;
    let layout = Layout::new(op, target, indices.shape(), scatter.axis, scatter.batch)?;
    let indices = checked(op, indices, layout.size)?;
    let elements = target.elements();
    let data = match updates.data() {
        HostData::F64(values) => add_at(values, indices, &layout, elements),
        HostData::F32(values) => add_at(values, indices, &layout, elements),
        HostData::I64(values) => add_at(values, indices, &layout, elements),
        HostData::Bool(_) => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(target, data)
}

fn add_at<T: Number>(updates: &[T], indices: &[i64], layout: &Layout, elements: usize) -> HostData {
    let &Layout { batch, middle, size, inner } = layout;
    let mut out = vec![T::ZERO; elements];
    if elements > 0 && !updates.is_empty() {
        let chosen = indices.len() / batch;
        let rows = out.chunks_exact_mut(middle * size * inner).zip(indices.chunks_exact(chosen));
        for ((row, indices), updates) in rows.zip(updates.chunks_exact(middle * chosen * inner)) {
            let blocks = row.chunks_exact_mut(size * inner).zip(updates.chunks_exact(chosen * inner));
            for (block, updates) in blocks {
                if inner == 1 {
                    for (&index, &x) in indices.iter().zip(updates) {
                        block[index as usize] = block[index as usize].plus(x);
                    }
                    continue;
                }
                for (&index, update) in indices.iter().zip(updates.chunks_exact(inner)) {
                    let start = index as usize * inner;
                    for (sum, &x) in block[start..start + inner].iter_mut().zip(update) {
                        *sum = sum.plus(x);
                    }
                }
            }
        }
    }
    T::wrap(Arc::new(out))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{attempt, bools, counting, f64s, i64s, run, scattered};
    use crate::op::{Gather, ScatterAdd};
    use crate::{HostTensor, Op};

    fn gather(x: &HostTensor, indices: &HostTensor, axis: usize, batch: usize) -> HostTensor {
        run(Op::Gather(Gather { axis, batch }), &[x, indices])
    }

    #[test]
    fn entries_are_chosen_along_any_dimension() {
        let x = counting([2, 3]);
        let indices = i64s([3], &[2, 0, 2]);
        assert_eq!(gather(&x, &indices, 1, 0), f64s([2, 3], &[2.0, 0.0, 2.0, 5.0, 3.0, 5.0]));
        assert_eq!(gather(&x, &i64s([], &[1]), 0, 0), f64s([3], &[3.0, 4.0, 5.0]));
        let square = i64s([2, 2], &[1, 0, 0, 1]);
        let wanted = [3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(gather(&x, &square, 0, 0), f64s([2, 2, 3], &wanted));
        assert_eq!(gather(&bools([2], &[true, false]), &i64s([1], &[1]), 0, 0), bools([1], &[false]));
    }

    #[test]
    fn shared_rows_are_matched_one_by_one() {
        let x = counting([2, 2, 3]);
        let indices = i64s([2, 1], &[2, 0]);
        assert_eq!(gather(&x, &indices, 2, 1), f64s([2, 2, 1], &[2.0, 5.0, 6.0, 9.0]));
        assert_eq!(gather(&x, &i64s([2], &[1, 0]), 1, 1), f64s([2, 3], &[3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
    }

    #[test]
    fn an_index_out_of_range_is_an_error() {
        let x = counting([5]);
        let error =
            attempt(Op::Gather(Gather { axis: 0, batch: 0 }), &[&x, &i64s([2], &[4, 7])]).unwrap_err();
        assert_eq!(error.to_string(), "gather: index 7 is outside 0..5");
        let scatter = Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 3 });
        let error = attempt(scatter, &[&counting([1]), &i64s([1], &[-1])]).unwrap_err();
        assert_eq!(error.to_string(), "scatter_add: index -1 is outside 0..3");
        let empty = counting([0, 2]);
        assert!(attempt(Op::Gather(Gather { axis: 0, batch: 0 }), &[&empty, &i64s([1], &[0])]).is_err());
    }

    #[test]
    fn empty_dimensions() {
        let x = counting([2, 3]);
        assert_eq!(gather(&x, &i64s([0], &[]), 1, 0), f64s([2, 0], &[]));
        assert_eq!(gather(&counting([0, 3]), &i64s([2], &[0, 1]), 1, 0), f64s([0, 2], &[]));
        assert_eq!(gather(&counting([0, 3]), &i64s([0], &[]), 0, 0), f64s([0, 3], &[]));
        assert_eq!(gather(&counting([0, 3]), &i64s([0, 2], &[]), 1, 1), f64s([0, 2], &[]));
        let scatter = Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 2 });
        assert_eq!(run(scatter.clone(), &[&counting([0, 3]), &i64s([0], &[])]), f64s([2, 3], &[0.0; 6]));
        assert_eq!(run(scatter, &[&counting([1, 0]), &i64s([1], &[0])]), f64s([2, 0], &[]));
    }

    #[test]
    fn repeated_indices_add_up() {
        let scatter = Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 3 });
        let updates = i64s([3, 2], &[1, 2, 3, 4, 5, 6]);
        let wanted = i64s([3, 2], &[0, 0, 3, 4, 6, 8]);
        assert_eq!(run(scatter, &[&updates, &i64s([3], &[2, 1, 2])]), wanted);
    }

    #[test]
    fn scatter_is_the_adjoint_of_gather() {
        let cases: [(&[usize], &[usize], usize, usize); 4] = [
            (&[4, 3], &[5], 0, 0),
            (&[2, 4, 3], &[2, 5], 1, 1),
            (&[2, 3, 4], &[2, 2, 2], 2, 1),
            (&[3, 4], &[], 1, 0),
        ];
        for (shape, index_shape, axis, batch) in cases {
            let count: usize = index_shape.iter().product();
            let values: Vec<i64> = (0..count as i64).map(|i| (i * 7 + 3) % shape[axis] as i64).collect();
            let (x, indices) = (scattered(shape, 1), i64s(index_shape, &values));
            let y = gather(&x, &indices, axis, batch);
            let g = scattered(y.shape(), 2);
            let scatter = Op::ScatterAdd(ScatterAdd { axis, batch, size: shape[axis] });
            let adjoint = run(scatter, &[&g, &indices]);
            let dot = |a: &HostTensor, b: &HostTensor| -> f64 {
                a.to_f64().iter().zip(b.to_f64()).map(|(a, b)| a * b).sum()
            };
            assert!((dot(&y, &g) - dot(&x, &adjoint)).abs() < 1e-12);
        }
    }
}
