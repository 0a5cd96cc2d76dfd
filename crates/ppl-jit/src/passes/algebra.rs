//! Sums and differences: zeros go, signs are absorbed, constants meet at the outside.

use ppl_tensor::op::{Binary, Unary};
use ppl_tensor::{Op, Result};

use super::builder::{Builder, Call};
use super::products::{combined, negated};
use crate::ir::Id;

use Binary::{Add, Mul, Sub};

pub(super) fn sums(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Binary(kind @ (Add | Sub)), &[x, y]) = (call.op, call.inputs) else { return Ok(None) };
    let found = if *kind == Add { sum(b, x, y)? } else { difference(b, x, y)? };
    match found {
        Some(found) => b.broadcast(found, &call.ty.shape).map(Some),
        None => Ok(None),
    }
}

/// What is negated in a node.
pub(super) fn under_minus(b: &Builder, id: Id) -> Option<Id> {
    match b.op(id) {
        Some((Op::Unary(Unary::Neg), &[x])) => Some(x),
        _ => None,
    }
}

/// `u + c` for a number `c`, in a node that nothing else needs.
fn shifted(b: &Builder, id: Id) -> Option<(Id, Id)> {
    b.pair(Add, id).filter(|&(_, c)| b.is_number(c) && b.is_used_once(id))
}

fn sum(b: &mut Builder, x: Id, y: Id) -> Result<Option<Id>> {
    if b.number(y) == Some(0.0) {
        return Ok(Some(x));
    }
    if x == y {
        let two = b.scalar(b.ty(x).dtype, 2.0)?;
        return b.binary(Mul, x, two).map(Some);
    }
    if let Some(y) = under_minus(b, y) {
        return b.binary(Sub, x, y).map(Some);
    }
    if let Some(x) = under_minus(b, x) {
        return b.binary(Sub, y, x).map(Some);
    }
    if b.is_number(y) {
        if let Some((u, c)) = b.pair(Add, x).filter(|&(_, c)| b.is_number(c))
            && let Some(c) = combined(b, Add, c, y)?
        {
            return b.binary(Add, u, c).map(Some);
        }
        if let Some((c, u)) = b.pair(Sub, x).filter(|&(c, _)| b.is_number(c))
            && let Some(c) = combined(b, Add, c, y)?
        {
            return b.binary(Sub, c, u).map(Some);
        }
        return Ok(None);
    }
    for (term, other) in [(x, y), (y, x)] {
        if let Some((u, c)) = shifted(b, term) {
            return outwards(b, Add, (u, other), c).map(Some);
        }
        if let Some((c, u)) = b.pair(Sub, term).filter(|&(c, _)| b.is_number(c) && b.is_used_once(term)) {
            return outwards(b, Sub, (other, u), c).map(Some);
        }
    }
    Ok(None)
}

fn difference(b: &mut Builder, x: Id, y: Id) -> Result<Option<Id>> {
    if b.number(y) == Some(0.0) {
        return Ok(Some(x));
    }
    if b.is_number(y) && !b.is_number(x) {
        let y = negated(b, y)?;
        return b.binary(Add, x, y).map(Some);
    }
    if b.number(x) == Some(0.0) {
        return b.unary(Unary::Neg, y).map(Some);
    }
    if let Some(y) = under_minus(b, y) {
        return b.binary(Add, x, y).map(Some);
    }
    if let Some(u) = under_minus(b, x).filter(|_| b.is_used_once(x)) {
        let sum = b.binary(Add, u, y)?;
        return b.unary(Unary::Neg, sum).map(Some);
    }
    if b.is_number(x) {
        if let Some((u, c)) = b.pair(Add, y).filter(|&(_, c)| b.is_number(c))
            && let Some(c) = combined(b, Sub, x, c)?
        {
            return b.binary(Sub, c, u).map(Some);
        }
        if let Some((c, u)) = b.pair(Sub, y).filter(|&(c, _)| b.is_number(c))
            && let Some(c) = combined(b, Sub, x, c)?
        {
            return b.binary(Add, u, c).map(Some);
        }
        return Ok(None);
    }
    if let Some((u, c)) = shifted(b, x) {
        return outwards(b, Sub, (u, y), c).map(Some);
    }
    if let Some((u, c)) = shifted(b, y) {
        let c = negated(b, c)?;
        return outwards(b, Sub, (x, u), c).map(Some);
    }
    Ok(None)
}

/// `(u ± v) + c`.
fn outwards(b: &mut Builder, kind: Binary, (u, v): (Id, Id), c: Id) -> Result<Id> {
    let inner = b.binary(kind, u, v)?;
    b.binary(Add, inner, c)
}
