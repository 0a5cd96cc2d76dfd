//! Sums of padded arrays that do not overlap: the gradient of a vector cut into parts is its parts, joined.

use ppl_tensor::op::{Binary, Pad};
use ppl_tensor::{Op, Result, Shape, TensorType};

use super::builder::{Builder, Call};
use crate::ir::Id;

/// A part of a dimension with something else than zeros.
#[derive(Clone, Copy)]
struct Segment {
    start: usize,
    end: usize,
    part: Id,
}

pub(super) fn sum_of_parts(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Binary(Binary::Add), &[x, y]) = (call.op, call.inputs) else { return Ok(None) };
    if let Some(whole) = together(b, call.ty, x, y)? {
        return Ok(Some(whole));
    }
    // Parts meet before they meet anything else.
    for (sum, part) in [(x, y), (y, x)] {
        let Some((u, v)) = b.pair(Binary::Add, sum).filter(|_| b.is_used_once(sum)) else { continue };
        for (other, candidate) in [(u, v), (v, u)] {
            if let Some(whole) = together(b, call.ty, candidate, part)? {
                return b.binary(Binary::Add, other, whole).map(Some);
            }
        }
    }
    Ok(None)
}

/// The sum of two arrays of this type whose parts do not overlap.
fn together(b: &mut Builder, ty: &TensorType, x: Id, y: Id) -> Result<Option<Id>> {
    let shape = &ty.shape;
    if b.shape(x) != shape || b.shape(y) != shape {
        return Ok(None);
    }
    for axis in 0..shape.rank() {
        let (Some(left), Some(right)) = (segments(b, x, axis), segments(b, y, axis)) else { continue };
        let mut all = [left, right].concat();
        all.sort_by_key(|segment| segment.start);
        if all.windows(2).all(|pair| pair[0].end <= pair[1].start) {
            return assemble(b, ty, axis, &all).map(Some);
        }
    }
    Ok(None)
}

/// What a padded or joined array has besides zeros; `None` of anything else.
fn segments(b: &Builder, id: Id, axis: usize) -> Option<Vec<Segment>> {
    match b.op(id)? {
        (Op::Pad(pad), &[part]) if pad.axis == axis && pad.interior == 0 => {
            let move_by = |inner: Segment| Segment {
                start: inner.start + pad.before,
                end: inner.end + pad.before,
                ..inner
            };
            let whole = || vec![Segment { start: 0, end: b.shape(part)[axis], part }];
            let inner = joined_segments(b, part, axis).unwrap_or_else(whole);
            Some(inner.into_iter().map(move_by).collect())
        }
        _ => joined_segments(b, id, axis),
    }
}

fn joined_segments(b: &Builder, id: Id, axis: usize) -> Option<Vec<Segment>> {
    let (Op::Concat { axis: joined }, parts) = b.op(id)? else { return None };
    if *joined != axis {
        return None;
    }
    let mut found = Vec::new();
    let mut start = 0;
    for &part in parts {
        let end = start + b.shape(part)[axis];
        if b.number(b.source(part)) != Some(0.0) {
            found.push(Segment { start, end, part });
        }
        start = end;
    }
    Some(found)
}

/// Segments in their places, zeros between them.
fn assemble(b: &mut Builder, ty: &TensorType, axis: usize, segments: &[Segment]) -> Result<Id> {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return b.filled(ty, 0.0) };
    let size = |size: usize| -> Shape {
        ty.shape.iter().enumerate().map(|(d, &own)| if d == axis { size } else { own }).collect()
    };
    let mut parts = Vec::new();
    let mut place = first.start;
    for segment in segments {
        if segment.start > place {
            let gap = TensorType::new(ty.dtype, size(segment.start - place));
            parts.push(b.filled(&gap, 0.0)?);
        }
        parts.push(segment.part);
        place = segment.end;
    }
    let inner = b.apply(Op::Concat { axis }, &parts)?;
    let pad = Pad { axis, before: first.start, after: ty.shape[axis] - last.end, interior: 0 };
    b.apply(Op::Pad(pad), &[inner])
}
