//! Selections, comparisons, logic and conversions.

use ppl_tensor::op::{Compare, Logic, Unary};
use ppl_tensor::{DType, Op, Result};

use super::builder::{Builder, Call};
use crate::ir::{Id, Inputs};

pub(super) fn choices(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    match (call.op, call.inputs) {
        (Op::Select, &[condition, x, y]) => select(b, call, condition, x, y),
        (Op::Logic(kind), &[x, y]) => logic(b, call, *kind, x, y),
        (Op::Compare(kind), &[x, y]) => compare(b, *kind, x, y),
        (Op::Cast(dtype), &[x]) => cast(b, *dtype, x),
        (Op::Unary(_), &[x]) => of_choice(b, call, x, |branch| [branch].into_iter().collect()),
        (Op::Binary(_), &[x, y]) if b.is_number(y) => {
            of_choice(b, call, x, |branch| [branch, y].into_iter().collect())
        }
        (Op::Binary(_), &[x, y]) if b.is_number(x) => {
            of_choice(b, call, y, |branch| [x, branch].into_iter().collect())
        }
        _ => Ok(None),
    }
}

/// A function of one of two numbers is one of its two values.
fn of_choice(
    b: &mut Builder,
    call: &Call<'_>,
    choice: Id,
    inputs: impl Fn(Id) -> Inputs,
) -> Result<Option<Id>> {
    let Some((Op::Select, &[condition, x, y])) = b.op(choice) else { return Ok(None) };
    if !b.is_number(x) || !b.is_number(y) {
        return Ok(None);
    }
    let (x, y) = (inputs(x), inputs(y));
    let (x, y) = (b.apply(call.op.clone(), &x)?, b.apply(call.op.clone(), &y)?);
    b.apply(Op::Select, &[condition, x, y]).map(Some)
}

fn select(b: &mut Builder, call: &Call<'_>, condition: Id, x: Id, y: Id) -> Result<Option<Id>> {
    let shape = &call.ty.shape;
    if let Some(holds) = b.truth(condition) {
        return b.broadcast(if holds { x } else { y }, shape).map(Some);
    }
    // Two zeros are one, whatever their signs.
    if x == y || b.number(x) == Some(0.0) && b.number(y) == Some(0.0) {
        return b.broadcast(x, shape).map(Some);
    }
    if let Some((Op::Unary(Unary::Not), &[inner])) = b.op(condition) {
        return b.apply(Op::Select, &[inner, y, x]).map(Some);
    }
    // The same question is not asked twice.
    let chosen = |b: &Builder, branch: Id, holds: bool| match b.op(branch) {
        Some((Op::Select, &[again, x, y])) if again == condition => Some(if holds { x } else { y }),
        _ => None,
    };
    let (inner_x, inner_y) = (chosen(b, x, true), chosen(b, y, false));
    if inner_x.is_none() && inner_y.is_none() {
        return Ok(None);
    }
    let result = b.apply(Op::Select, &[condition, inner_x.unwrap_or(x), inner_y.unwrap_or(y)])?;
    b.broadcast(result, shape).map(Some)
}

fn logic(b: &mut Builder, call: &Call<'_>, kind: Logic, x: Id, y: Id) -> Result<Option<Id>> {
    let shape = &call.ty.shape;
    if x == y {
        return Ok(Some(x));
    }
    for (known, other) in [(x, y), (y, x)] {
        if let Some(truth) = b.truth(known) {
            let decides = truth == (kind == Logic::Or);
            return b.broadcast(if decides { known } else { other }, shape).map(Some);
        }
    }
    Ok(None)
}

/// Two of the four inequalities do.
fn compare(b: &mut Builder, kind: Compare, x: Id, y: Id) -> Result<Option<Id>> {
    let turned = match kind {
        Compare::Gt => Compare::Lt,
        Compare::Ge => Compare::Le,
        Compare::Eq | Compare::Ne | Compare::Lt | Compare::Le => return Ok(None),
    };
    b.apply(Op::Compare(turned), &[y, x]).map(Some)
}

fn cast(b: &mut Builder, dtype: DType, x: Id) -> Result<Option<Id>> {
    if b.ty(x).dtype == dtype {
        return Ok(Some(x));
    }
    let Some((Op::Cast(middle), &[inner])) = b.op(x) else { return Ok(None) };
    let first = b.ty(inner).dtype;
    if loses_nothing(first, *middle) { b.apply(Op::Cast(dtype), &[inner]).map(Some) } else { Ok(None) }
}

fn loses_nothing(from: DType, to: DType) -> bool {
    from == DType::Bool || (from, to) == (DType::F32, DType::F64)
}
