//! Slices, paddings, joined arrays and entries chosen by known indices: what is cut out of what.

use ppl_tensor::op::{Gather, Pad, Slice};
use ppl_tensor::{HostTensor, Op, Result, Shape};
use smallvec::SmallVec;

use super::builder::{Builder, Call};
use crate::ir::Id;

/// A shape with another size of one dimension.
fn resized(shape: &Shape, axis: usize, size: usize) -> Shape {
    shape.iter().enumerate().map(|(d, &own)| if d == axis { size } else { own }).collect()
}

/// Entries `start, start + step, …`, so many of them and more than none, of one dimension.
fn take(b: &mut Builder, x: Id, axis: usize, start: usize, step: usize, count: usize) -> Result<Id> {
    b.apply(Op::Slice(Slice { axis, start, end: start + (count - 1) * step + 1, step }), &[x])
}

pub(super) fn slice(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (&Op::Slice(Slice { axis, start, step, .. }), &[x]) = (call.op, call.inputs) else {
        return Ok(None);
    };
    let count = call.ty.shape[axis];
    if *b.shape(x) == call.ty.shape {
        return Ok(Some(x));
    }
    let last = start + (count - 1) * step;
    match b.op(x) {
        Some((Op::Slice(inner), &[source])) if inner.axis == axis => {
            let (first, stride) = (inner.start + start * inner.step, inner.step * step);
            take(b, source, axis, first, stride, count).map(Some)
        }
        Some((Op::Broadcast(_), &[source])) => {
            let added = call.ty.shape.rank() - b.shape(source).rank();
            let own = axis.checked_sub(added).filter(|&own| b.shape(source)[own] != 1);
            let part = match own {
                Some(own) => take(b, source, own, start, step, count)?,
                None => source,
            };
            b.broadcast(part, &call.ty.shape).map(Some)
        }
        Some((Op::Concat { axis: joined }, parts)) if *joined == axis => {
            let mut before = 0;
            for &part in parts {
                let size = b.shape(part)[axis];
                if start >= before && last < before + size {
                    return take(b, part, axis, start - before, step, count).map(Some);
                }
                before += size;
            }
            Ok(None)
        }
        Some((&Op::Pad(pad), &[source])) if pad.axis == axis => of_padded(b, call, pad, source),
        Some((&Op::Pad(pad), &[source])) => {
            // Paddings of other dimensions can wait.
            let part = take(b, source, axis, start, step, count)?;
            b.apply(Op::Pad(pad), &[part]).map(Some)
        }
        _ => Ok(None),
    }
}

/// A slice that takes entries of a padded array alone, or zeros alone.
fn of_padded(b: &mut Builder, call: &Call<'_>, pad: Pad, source: Id) -> Result<Option<Id>> {
    let &Op::Slice(Slice { axis, start, step, .. }) = call.op else { return Ok(None) };
    let (count, size, apart) = (call.ty.shape[axis], b.shape(source)[axis], pad.interior + 1);
    let entry = |place: usize| {
        let offset = place.checked_sub(pad.before)?;
        (offset % apart == 0 && offset / apart < size).then_some(offset / apart)
    };
    let mut places = (0..count).map(|i| entry(start + i * step));
    if let Some(first) = entry(start) {
        if (count == 1 || step % apart == 0) && places.all(|place| place.is_some()) {
            let stride = if count == 1 { 1 } else { step / apart };
            return take(b, source, axis, first, stride, count).map(Some);
        }
    } else if places.all(|place| place.is_none()) {
        return b.filled(call.ty, 0.0).map(Some);
    }
    Ok(None)
}

pub(super) fn pad(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Pad(_), &[x]) = (call.op, call.inputs) else { return Ok(None) };
    if *b.shape(x) == call.ty.shape {
        return Ok(Some(x));
    }
    if b.number(b.source(x)).is_some_and(|x| x.to_bits() == 0) {
        return b.filled(call.ty, 0.0).map(Some);
    }
    Ok(None)
}

pub(super) fn concat(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let &Op::Concat { axis } = call.op else { return Ok(None) };
    let mut parts: SmallVec<[Id; 8]> = SmallVec::new();
    for &input in call.inputs {
        match b.op(input) {
            _ if b.shape(input)[axis] == 0 => {}
            Some((Op::Concat { axis: joined }, inner)) if *joined == axis => parts.extend_from_slice(inner),
            _ => parts.push(input),
        }
    }
    let mut merged: SmallVec<[Id; 8]> = SmallVec::new();
    for part in parts {
        let neighbours = match merged.last() {
            Some(&last) => joined(b, axis, last, part)?,
            None => None,
        };
        match neighbours {
            Some(whole) => {
                merged.pop();
                merged.push(whole);
            }
            None => merged.push(part),
        }
    }
    match merged[..] {
        [whole] => Ok(Some(whole)),
        _ if merged[..] == *call.inputs => Ok(None),
        _ => b.apply(call.op.clone(), &merged).map(Some),
    }
}

/// Two neighbours as one: adjacent slices of one array, or the same broadcast twice.
fn joined(b: &mut Builder, axis: usize, left: Id, right: Id) -> Result<Option<Id>> {
    let (first, second) = (b.shape(left)[axis], b.shape(right)[axis]);
    let (one, other) = (b.source(left), b.source(right));
    if one == other && b.elements(one) == 1 {
        let shape = resized(b.shape(left), axis, first + second);
        return b.broadcast(one, &shape).map(Some);
    }
    match (b.op(left), b.op(right)) {
        (Some((Op::Slice(l), &[x])), Some((Op::Slice(r), &[y])))
            if x == y
                && l.axis == axis
                && r.axis == axis
                && (l.step, r.step) == (1, 1)
                && l.end == r.start =>
        {
            take(b, x, axis, l.start, 1, first + second).map(Some)
        }
        _ => Ok(None),
    }
}

/// Known indices in equal steps are a slice.
pub(super) fn gather(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (&Op::Gather(Gather { axis, batch: 0 }), &[x, indices]) = (call.op, call.inputs) else {
        return Ok(None);
    };
    let size = b.shape(x)[axis];
    let Some((start, step, count)) = b.value(indices).and_then(|indices| progression(indices, size)) else {
        return Ok(None);
    };
    let taken = take(b, x, axis, start, step, count)?;
    b.reshape(taken, &call.ty.shape).map(Some)
}

/// First entry, distance and number of indices below `size` in equal steps upwards.
fn progression(indices: &HostTensor, size: usize) -> Option<(usize, usize, usize)> {
    let indices = indices.as_slice::<i64>().ok()?;
    let place = |index: i64| usize::try_from(index).ok().filter(|&index| index < size);
    let start = place(*indices.first()?)?;
    let step = match indices {
        [_, second, ..] => place(*second)?.checked_sub(start).filter(|&step| step > 0)?,
        _ => 1,
    };
    let in_place = |(i, &index): (usize, &i64)| place(index) == Some(start + i * step);
    indices.iter().enumerate().all(in_place).then_some((start, step, indices.len()))
}
