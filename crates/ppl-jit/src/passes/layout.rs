//! Broadcasts, reshapes and permutations: several in a row are one, and those that move nothing are gone.

use ppl_tensor::{Dims, Op, Result, Shape};

use super::builder::{Builder, Call};
use crate::ir::Id;

/// The sizes that are not 1.
fn without_units(shape: &[usize]) -> Dims {
    shape.iter().copied().filter(|&size| size != 1).collect()
}

/// Whether shapes differ by dimensions of size 1 alone.
pub(super) fn same_but_units(a: &[usize], b: &[usize]) -> bool {
    without_units(a) == without_units(b)
}

/// A shape with leading dimensions of size 1 until it has `rank` of them.
pub(super) fn padded(shape: &[usize], rank: usize) -> Shape {
    std::iter::repeat_n(1, rank.saturating_sub(shape.len())).chain(shape.iter().copied()).collect()
}

pub(super) fn broadcast(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Broadcast(shape), &[x]) = (call.op, call.inputs) else { return Ok(None) };
    if b.shape(x) == shape {
        return Ok(Some(x));
    }
    if shape.elements() == 0 && !b.is_number(x) {
        return b.filled(call.ty, 0.0).map(Some);
    }
    // Leading dimensions of size 1 come with a broadcast.
    let inner = match b.op(x) {
        Some((Op::Broadcast(_), &[inner])) => Some(inner),
        Some((Op::Reshape(reshaped), &[inner])) => {
            let source = b.shape(inner);
            let plain = reshaped.rank() >= source.rank() && *reshaped == padded(source, reshaped.rank());
            plain.then_some(inner)
        }
        _ => None,
    };
    match inner {
        Some(inner) => b.broadcast(inner, shape).map(Some),
        None => Ok(None),
    }
}

pub(super) fn reshape(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Reshape(shape), &[x]) = (call.op, call.inputs) else { return Ok(None) };
    let from = b.shape(x).clone();
    if from == *shape {
        return Ok(Some(x));
    }
    if shape.rank() > from.rank() && *shape == padded(&from, shape.rank()) {
        return b.broadcast(x, shape).map(Some);
    }
    match b.op(x) {
        Some((Op::Reshape(_), &[inner])) => b.reshape(inner, shape).map(Some),
        Some((Op::Broadcast(_), &[inner])) if b.elements(inner) == 1 => {
            let scalar = b.reshape(inner, &Shape::scalar())?;
            b.broadcast(scalar, shape).map(Some)
        }
        Some((Op::Broadcast(_), &[inner])) if same_but_units(&from, shape) => {
            // Each dimension that is not 1 keeps the size it has before the broadcast.
            let inner_shape = padded(b.shape(inner), from.rank());
            let mut sizes = from.iter().zip(inner_shape.iter()).filter(|(size, _)| **size != 1);
            let before: Shape = shape
                .iter()
                .map(|&size| if size == 1 { 1 } else { sizes.next().map_or(1, |(_, &own)| own) })
                .collect();
            let inner = b.reshape(inner, &before)?;
            b.broadcast(inner, shape).map(Some)
        }
        _ => Ok(None),
    }
}

pub(super) fn permute(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Permute(order), &[x]) = (call.op, call.inputs) else { return Ok(None) };
    let moved: Dims = order.iter().copied().filter(|&axis| b.shape(x)[axis] != 1).collect();
    if moved.is_sorted() {
        return b.reshape(x, &call.ty.shape).map(Some);
    }
    if moved.len() < order.len() {
        // Dimensions of size 1 need not move.
        let from = b.shape(x).clone();
        let kept: Dims = (0..order.len()).filter(|&axis| from[axis] != 1).collect();
        let place = |axis: &usize| kept.iter().position(|kept| kept == axis);
        let short = b.reshape(x, &kept.iter().map(|&axis| from[axis]).collect())?;
        let permuted = b.apply(Op::Permute(moved.iter().filter_map(place).collect()), &[short])?;
        return b.reshape(permuted, &call.ty.shape).map(Some);
    }
    match b.op(x) {
        Some((Op::Matmul, &[left, right])) if order[..] == [1, 0] => {
            // The transpose of a product is the product of transposes.
            let mut transposed = |x: Id| b.apply(Op::Permute(order.clone()), &[x]);
            let (left, right) = (transposed(left)?, transposed(right)?);
            b.apply(Op::Matmul, &[right, left]).map(Some)
        }
        Some((Op::Permute(first), &[inner])) => {
            let both = order.iter().map(|&axis| first[axis]).collect();
            b.apply(Op::Permute(both), &[inner]).map(Some)
        }
        Some((Op::Broadcast(_), &[inner])) => {
            // The dimensions it has itself are permuted among themselves; the others are added where they go.
            let added = order.len() - b.shape(inner).rank();
            let own = order.iter().filter_map(|axis| axis.checked_sub(added)).collect();
            let permuted = b.apply(Op::Permute(own), &[inner])?;
            let sizes: Dims = b.shape(permuted).iter().copied().collect();
            let mut sizes = sizes.into_iter();
            let with_units =
                order.iter().map(|&axis| if axis < added { 1 } else { sizes.next().unwrap_or(1) }).collect();
            let permuted = b.reshape(permuted, &with_units)?;
            b.broadcast(permuted, &call.ty.shape).map(Some)
        }
        _ => Ok(None),
    }
}
