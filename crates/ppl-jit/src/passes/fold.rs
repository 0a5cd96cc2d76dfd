//! Constant folding: what depends on constants alone is computed now, by the backend that defines the operations.

use ppl_tensor::{Backend, HostBackend, HostTensor, Op, Result, TensorType};
use smallvec::SmallVec;

use super::builder::{Builder, Call};
use crate::ir::{Id, Ir, Kind};

/// Results of more elements are not kept in a program's memory if they come from much smaller arrays.
const LARGE: usize = 1 << 16;

/// Permutations of fewer elements are computed, however often the array is used.
pub(super) const SMALL: usize = 1 << 8;

/// Operations on constants, and results without elements. Broadcasts stay as they are: they are no work.
pub(super) fn constants(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    if call.ty.shape.elements() == 0 && !matches!(call.op, Op::Broadcast(_) | Op::Custom(_)) {
        return b.filled(call.ty, 0.0).map(Some);
    }
    if matches!(call.op, Op::Broadcast(_)) || call.inputs.is_empty() {
        return Ok(None);
    }
    // A permutation is a way to read an array, which may be read otherwise too: see `permutations`.
    if matches!(call.op, Op::Permute(_)) && call.ty.shape.elements() > SMALL {
        return Ok(None);
    }
    let values: Option<SmallVec<[HostTensor; 3]>> =
        call.inputs.iter().map(|&input| b.value(input).cloned()).collect();
    match values {
        Some(values) => evaluate(b, call, &values),
        None => Ok(None),
    }
}

/// The same where constants are broadcast, and no other rule has found a use for that.
pub(super) fn broadcast_constants(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let broadcast = |&input: &Id| b.source(input) != input;
    if matches!(call.op, Op::Broadcast(_)) || !call.inputs.iter().any(broadcast) {
        return Ok(None);
    }
    let mut values = SmallVec::<[HostTensor; 3]>::new();
    for &input in call.inputs {
        let Some(value) = b.value(b.source(input)) else { return Ok(None) };
        let ty = b.ty(input);
        if value.shape() == &ty.shape {
            values.push(value.clone());
        } else if ty.shape.elements() > LARGE {
            return Ok(None);
        } else {
            match HostBackend.run(&Op::Broadcast(ty.shape.clone()), &[value], ty) {
                Ok(value) => values.push(value),
                Err(_) => return Ok(None),
            }
        }
    }
    evaluate(b, call, &values)
}

/// The value, unless it is too large or has none: then there is an error to be had when the program runs.
fn evaluate(b: &mut Builder, call: &Call<'_>, values: &[HostTensor]) -> Result<Option<Id>> {
    if !is_worth_keeping(call.ty, values) {
        return Ok(None);
    }
    match HostBackend.run(call.op, &values.iter().collect::<SmallVec<[_; 3]>>(), call.ty) {
        Ok(value) => b.constant(&value).map(Some),
        Err(_) => Ok(None),
    }
}

fn is_worth_keeping(ty: &TensorType, values: &[HostTensor]) -> bool {
    let given: usize = values.iter().map(|value| value.data().len()).sum();
    let elements = ty.shape.elements();
    elements <= LARGE || elements / 4 <= given
}

/// Constants that are read in another order alone are kept in that order.
pub(super) fn permutations(ir: &mut Ir) {
    let uses = super::uses(ir);
    for place in 0..ir.nodes.len() {
        let Kind::Op(op @ Op::Permute(_), inputs) = &ir.nodes[place].kind else { continue };
        let &[input] = &inputs[..] else { continue };
        let (Kind::Constant(value), 1) = (&ir.nodes[input.0].kind, uses[input.0]) else { continue };
        if let Ok(permuted) = HostBackend.run(op, &[value], &ir.nodes[place].ty) {
            ir.nodes[place].kind = Kind::Constant(permuted);
        }
    }
}
