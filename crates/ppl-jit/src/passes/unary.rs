//! Functions of functions.

use ppl_tensor::op::{Binary, Unary};
use ppl_tensor::{Op, Result};

use super::builder::{Builder, Call};
use super::products::{negated, reciprocal_of_number};
use crate::ir::Id;

pub(super) fn functions(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (&Op::Unary(kind), &[x]) = (call.op, call.inputs) else { return Ok(None) };
    match kind {
        Unary::Neg => negation(b, x),
        Unary::Reciprocal => reciprocal(b, x),
        _ => composition(b, kind, x),
    }
}

fn composition(b: &mut Builder, kind: Unary, x: Id) -> Result<Option<Id>> {
    let Some((&Op::Unary(inner), &[y])) = b.op(x) else { return Ok(None) };
    match (kind, inner) {
        (Unary::Log, Unary::Exp) | (Unary::Log1p, Unary::Expm1) | (Unary::Not, Unary::Not) => Ok(Some(y)),
        (Unary::Abs, Unary::Abs)
        | (Unary::Floor, Unary::Floor)
        | (Unary::Sign, Unary::Sign)
        | (Unary::Abs, Unary::Exp | Unary::Sigmoid | Unary::Softplus) => Ok(Some(x)),
        (Unary::Abs | Unary::Cos | Unary::Cosh, Unary::Neg) => b.unary(kind, y).map(Some),
        (Unary::Log, Unary::Reciprocal) => {
            let log = b.unary(Unary::Log, y)?;
            b.unary(Unary::Neg, log).map(Some)
        }
        _ => Ok(None),
    }
}

fn negation(b: &mut Builder, x: Id) -> Result<Option<Id>> {
    match b.op(x) {
        Some((Op::Unary(Unary::Neg), &[y])) => Ok(Some(y)),
        Some((Op::Binary(Binary::Sub), &[u, v])) if b.is_used_once(x) => {
            b.binary(Binary::Sub, v, u).map(Some)
        }
        Some((Op::Binary(Binary::Add), &[u, v])) if b.is_number(v) && b.is_used_once(x) => {
            let v = negated(b, v)?;
            b.binary(Binary::Sub, v, u).map(Some)
        }
        Some((Op::Binary(Binary::Mul), &[u, v])) if b.is_number(v) => {
            let v = negated(b, v)?;
            b.binary(Binary::Mul, u, v).map(Some)
        }
        Some((Op::Binary(Binary::Div), &[u, v])) if b.is_number(u) => {
            let u = negated(b, u)?;
            b.binary(Binary::Div, u, v).map(Some)
        }
        _ => Ok(None),
    }
}

/// `1 / (u c) = (1 / u) / c`, and the sign goes outwards.
fn reciprocal(b: &mut Builder, x: Id) -> Result<Option<Id>> {
    if !b.is_used_once(x) {
        return Ok(None);
    }
    match b.op(x) {
        Some((Op::Unary(Unary::Neg), &[u])) => {
            let inner = b.unary(Unary::Reciprocal, u)?;
            b.unary(Unary::Neg, inner).map(Some)
        }
        Some((Op::Binary(Binary::Mul), &[u, v])) => {
            let Some(v) = reciprocal_of_number(b, v)? else { return Ok(None) };
            let inner = b.unary(Unary::Reciprocal, u)?;
            b.binary(Binary::Mul, inner, v).map(Some)
        }
        _ => Ok(None),
    }
}
