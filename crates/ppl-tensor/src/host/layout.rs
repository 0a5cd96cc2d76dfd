//! Operations that move elements in blocks: broadcasting, slices, padding, joining.

use std::sync::Arc;

use smallvec::SmallVec;

use super::nest::Nest;
use super::number::Zero;
use super::{arity, each_dtype, refused};
use crate::data::Element;
use crate::op::{Pad, Slice};
use crate::{Error, HostData, HostTensor, Op, Result, Shape};

/// An array seen from one of its dimensions: so many blocks of `size` entries of `inner` elements.
#[derive(Clone, Copy)]
pub(super) struct Along {
    pub(super) outer: usize,
    pub(super) size: usize,
    pub(super) inner: usize,
}

impl Along {
    pub(super) fn new(op: &Op, shape: &Shape, axis: usize) -> Result<Self> {
        let Some(&size) = shape.get(axis) else {
            return Err(Error::shape(op.name(), [shape], format!("dimension {axis} does not exist")));
        };
        Ok(Self { outer: shape[..axis].iter().product(), size, inner: shape[axis + 1..].iter().product() })
    }
}

pub(super) fn reshape(op: &Op, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    x.reshaped(target)
}

pub(super) fn broadcast(op: &Op, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let elements = target.elements();
    if x.data().len() == elements {
        // Only dimensions of size 1 are new.
        return x.reshaped(target);
    }
    HostTensor::from_data(target, each_dtype!(x, values => repeat(values, x.shape(), target, elements)))
}

fn repeat<T: Element>(values: &[T], shape: &Shape, target: &Shape, elements: usize) -> HostData {
    if let [value] = *values {
        return T::wrap(Arc::new(vec![value; elements]));
    }
    let nest = Nest::new(target, [shape]);
    let (turns, [step]) = nest.inner();
    let mut out = Vec::with_capacity(elements);
    nest.rows(|[at]| match step {
        0 => out.resize(out.len() + turns, values[at]),
        _ => out.extend_from_slice(&values[at..at + turns]),
    });
    T::wrap(Arc::new(out))
}

pub(super) fn slice(op: &Op, slice: &Slice, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    if x.shape() == target {
        return Ok(x.clone());
    }
    let along = Along::new(op, x.shape(), slice.axis)?;
    let data = each_dtype!(x, values => take(values, along, slice, target.elements()));
    HostTensor::from_data(target, data)
}

fn take<T: Element>(values: &[T], along: Along, slice: &Slice, elements: usize) -> HostData {
    let mut out = Vec::with_capacity(elements);
    if elements > 0 {
        for block in values.chunks_exact(along.size * along.inner) {
            if slice.step == 1 {
                out.extend_from_slice(&block[slice.start * along.inner..slice.end * along.inner]);
            } else if along.inner == 1 {
                out.extend(block[slice.start..slice.end].iter().step_by(slice.step));
            } else {
                for entry in (slice.start..slice.end).step_by(slice.step) {
                    out.extend_from_slice(&block[entry * along.inner..(entry + 1) * along.inner]);
                }
            }
        }
    }
    T::wrap(Arc::new(out))
}

pub(super) fn pad(op: &Op, pad: &Pad, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    if x.shape() == target {
        return Ok(x.clone());
    }
    let along = Along::new(op, x.shape(), pad.axis)?;
    HostTensor::from_data(target, each_dtype!(x, values => surround(values, along, pad, target)))
}

fn surround<T: Zero>(values: &[T], along: Along, pad: &Pad, target: &Shape) -> HostData {
    let mut out = vec![T::ZERO; target.elements()];
    if !values.is_empty() {
        let Along { size, inner, .. } = along;
        let blocks = values.chunks_exact(size * inner).zip(out.chunks_exact_mut(target[pad.axis] * inner));
        for (block, padded) in blocks {
            let padded = &mut padded[pad.before * inner..];
            if pad.interior == 0 {
                padded[..block.len()].copy_from_slice(block);
                continue;
            }
            // Any distance between the entries of a single one fits.
            let distance = pad.interior.saturating_add(1).saturating_mul(inner);
            for (entry, place) in block.chunks_exact(inner).zip(padded.chunks_mut(distance)) {
                place[..inner].copy_from_slice(entry);
            }
        }
    }
    T::wrap(Arc::new(out))
}

pub(super) fn concat(op: &Op, axis: usize, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let Some(&first) = inputs.first() else {
        return Err(Error::argument(op.name(), "takes at least one input"));
    };
    if inputs.len() == 1 {
        return Ok(first.clone());
    }
    let along = Along::new(op, target, axis)?;
    let data = each_dtype!(first, values => join(values, inputs, along, axis));
    HostTensor::from_data(target, data.ok_or_else(|| refused(op, inputs))?)
}

/// Joins inputs of the dtype of `_first`.
fn join<T: Element>(_first: &[T], inputs: &[&HostTensor], along: Along, axis: usize) -> Option<HostData> {
    let mut parts: SmallVec<[std::slice::ChunksExact<'_, T>; 8]> = SmallVec::with_capacity(inputs.len());
    for input in inputs {
        let values = T::unwrap(input.data())?;
        if !values.is_empty() {
            parts.push(values.chunks_exact(input.shape()[axis] * along.inner));
        }
    }
    let mut out = Vec::with_capacity(along.outer * along.size * along.inner);
    for _ in 0..along.outer {
        for part in &mut parts {
            out.extend_from_slice(part.next().unwrap_or(&[]));
        }
    }
    Some(T::wrap(Arc::new(out)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{attempt, bools, counting, f64s, i64s, run};
    use crate::op::{Pad, Slice};
    use crate::{HostTensor, Op};

    fn shared(x: &HostTensor, y: &HostTensor) -> bool {
        std::ptr::eq(x.as_slice::<f64>().unwrap(), y.as_slice::<f64>().unwrap())
    }

    #[test]
    fn nothing_is_copied_where_nothing_moves() {
        let x = counting([2, 3]);
        assert!(shared(&x, &run(Op::Reshape([3, 2].into()), &[&x])));
        assert!(shared(&x, &run(Op::Broadcast([2, 3].into()), &[&x])));
        assert!(shared(&x, &run(Op::Broadcast([1, 2, 3].into()), &[&x])));
        assert!(shared(&x, &run(Op::Slice(Slice { axis: 1, start: 0, end: 3, step: 1 }), &[&x])));
        assert!(shared(&x, &run(Op::Concat { axis: 0 }, &[&x])));
    }

    #[test]
    fn broadcasts() {
        let x = f64s([2, 1], &[1.0, 2.0]);
        let wanted = f64s([2, 2, 3], &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        assert_eq!(run(Op::Broadcast([2, 2, 3].into()), &[&x]), wanted);
        let x = bools([], &[true]);
        assert_eq!(run(Op::Broadcast([2].into()), &[&x]), bools([2], &[true, true]));
        assert_eq!(run(Op::Broadcast([0, 2].into()), &[&x]), bools([0, 2], &[]));
        assert_eq!(run(Op::Broadcast([3, 0].into()), &[&bools([0], &[])]), bools([3, 0], &[]));
    }

    #[test]
    fn slices() {
        let x = counting([2, 5]);
        let take = |axis, start, end, step| run(Op::Slice(Slice { axis, start, end, step }), &[&x]);
        assert_eq!(take(1, 1, 4, 1), f64s([2, 3], &[1.0, 2.0, 3.0, 6.0, 7.0, 8.0]));
        assert_eq!(take(1, 0, 5, 2), f64s([2, 3], &[0.0, 2.0, 4.0, 5.0, 7.0, 9.0]));
        assert_eq!(take(1, 1, 5, 3), f64s([2, 2], &[1.0, 4.0, 6.0, 9.0]));
        assert_eq!(take(0, 1, 2, 1), f64s([1, 5], &[5.0, 6.0, 7.0, 8.0, 9.0]));
        assert_eq!(take(1, 3, 3, 1), f64s([2, 0], &[]));
        let rows = run(Op::Slice(Slice { axis: 0, start: 0, end: 3, step: 2 }), &[&counting([3, 2])]);
        assert_eq!(rows, f64s([2, 2], &[0.0, 1.0, 4.0, 5.0]));
        let empty = run(Op::Slice(Slice { axis: 1, start: 0, end: 1, step: 1 }), &[&counting([0, 3])]);
        assert_eq!(empty, f64s([0, 1], &[]));
    }

    #[test]
    fn padding() {
        let pad = |x: &HostTensor, axis, before, after, interior| {
            run(Op::Pad(Pad { axis, before, after, interior }), &[x])
        };
        let x = f64s([3], &[1.0, 2.0, 3.0]);
        assert_eq!(pad(&x, 0, 1, 2, 0), f64s([6], &[0.0, 1.0, 2.0, 3.0, 0.0, 0.0]));
        assert_eq!(pad(&x, 0, 0, 0, 2), f64s([7], &[1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0]));
        assert_eq!(pad(&x, 0, 1, 1, 1), f64s([7], &[0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0]));
        let x = f64s([2, 2], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(pad(&x, 0, 0, 1, 1), f64s([4, 2], &[1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0, 0.0]));
        assert_eq!(pad(&x, 1, 1, 0, 0), f64s([2, 3], &[0.0, 1.0, 2.0, 0.0, 3.0, 4.0]));
        assert_eq!(pad(&f64s([0], &[]), 0, 1, 1, 5), f64s([2], &[0.0, 0.0]));
        assert_eq!(pad(&f64s([2, 0], &[]), 0, 1, 0, 1), f64s([4, 0], &[]));
        let x = run(Op::Pad(Pad { axis: 0, before: 1, after: 0, interior: 0 }), &[&bools([1], &[true])]);
        assert_eq!(x, bools([2], &[false, true]));
    }

    #[test]
    fn joining() {
        let (x, y) = (counting([2, 2]), f64s([2, 1], &[8.0, 9.0]));
        let wanted = f64s([2, 3], &[0.0, 1.0, 8.0, 2.0, 3.0, 9.0]);
        assert_eq!(run(Op::Concat { axis: 1 }, &[&x, &y]), wanted);
        let nothing = f64s([2, 0], &[]);
        assert_eq!(run(Op::Concat { axis: 1 }, &[&nothing, &x, &nothing, &y]), wanted);
        assert_eq!(run(Op::Concat { axis: 0 }, &[&nothing, &nothing]), f64s([4, 0], &[]));
        let (x, y) = (i64s([1], &[1]), i64s([2], &[2, 3]));
        assert_eq!(run(Op::Concat { axis: 0 }, &[&x, &y]), i64s([3], &[1, 2, 3]));
        assert!(attempt(Op::Concat { axis: 0 }, &[&x, &counting([1])]).is_err());
    }
}
