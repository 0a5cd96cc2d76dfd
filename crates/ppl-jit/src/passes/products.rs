//! Products, quotients and powers: ones go, signs and constants meet at the outside, scalars meet before they meet an array.

use ppl_tensor::op::{Binary, Unary};
use ppl_tensor::{DType, Op, Result};

use super::algebra::under_minus;
use super::builder::{Builder, Call};
use super::ranges::{has_reciprocal, is_not_negative};
use crate::ir::Id;

use Binary::{Div, Mul, Pow};

/// How much smaller an array must be to be worth another operation: a division costs as much as several products, and
/// many by one number are worth its reciprocal.
const MANY: usize = 8;

/// Constants of other magnitudes stay where they are, lest a product overflow on its way.
const MODERATE: std::ops::Range<f64> = 1e-12..1e12;

/// The same of known arrays of doubles, of which a few entries may be anything: with what they meet in a program they stay in
/// the range.
const MODERATE_DOUBLES: std::ops::Range<f64> = 1e-60..1e60;

pub(super) fn products(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Binary(kind), &[x, y]) = (call.op, call.inputs) else { return Ok(None) };
    let found = match kind {
        Mul => product(b, x, y)?,
        Div if call.ty.dtype.is_float() => quotient(b, x, y)?,
        Div if b.number(y) == Some(1.0) => Some(x),
        Pow => power(b, x, y)?,
        Binary::Max | Binary::Min if x == y => Some(x),
        _ => None,
    };
    match found {
        Some(found) => b.broadcast(found, &call.ty.shape).map(Some),
        None => Ok(None),
    }
}

pub(super) fn negated(b: &mut Builder, number: Id) -> Result<Id> {
    b.unary(Unary::Neg, number)
}

/// Two numbers in one, unless it overflows or underflows.
pub(super) fn combined(b: &mut Builder, kind: Binary, x: Id, y: Id) -> Result<Option<Id>> {
    let result = b.binary(kind, x, y)?;
    if !b.ty(result).dtype.is_float() {
        return Ok(b.is_number(result).then_some(result));
    }
    let given = [x, y].iter().all(|&x| b.number(x).is_some_and(f64::is_finite));
    let sound = |x: f64| match kind {
        Mul | Div => is_normal(b.ty(result).dtype, x),
        _ => x.is_finite(),
    };
    Ok((given && b.number(result).is_some_and(sound)).then_some(result))
}

fn is_normal(dtype: DType, x: f64) -> bool {
    if dtype == DType::F32 { (x as f32).is_normal() } else { x.is_normal() }
}

/// `1 / c` of a number, if both are ordinary floats.
pub(super) fn reciprocal_of_number(b: &mut Builder, c: Id) -> Result<Option<Id>> {
    let dtype = b.ty(c).dtype;
    let Some(value) = b.number(c).filter(|&x| dtype.is_float() && is_normal(dtype, x)) else {
        return Ok(None);
    };
    if !is_normal(dtype, value.recip()) {
        return Ok(None);
    }
    b.unary(Unary::Reciprocal, c).map(Some)
}

/// `u c` for a moderate number `c`, in a node that nothing else needs.
fn scaled(b: &Builder, id: Id) -> Option<(Id, Id)> {
    let is_moderate = |c| b.number(c).is_some_and(|x| MODERATE.contains(&x.abs()));
    b.pair(Mul, id).filter(|&(_, c)| is_moderate(c) && b.is_used_once(id))
}

fn product(b: &mut Builder, x: Id, y: Id) -> Result<Option<Id>> {
    let float = b.ty(x).dtype.is_float();
    match b.number(y) {
        Some(1.0) => return Ok(Some(x)),
        Some(-1.0) => return b.unary(Unary::Neg, x).map(Some),
        Some(_) => return multiple(b, x, y, float),
        None => {}
    }
    match (under_minus(b, x), under_minus(b, y)) {
        (Some(u), Some(v)) => return b.binary(Mul, u, v).map(Some),
        (Some(u), None) if b.is_used_once(x) => return minus(b, Mul, u, y).map(Some),
        (None, Some(v)) if b.is_used_once(y) => return minus(b, Mul, x, v).map(Some),
        _ => {}
    }
    if let Some((u, c)) = b.pair(Mul, x)
        && let Some(c) = known_product(b, c, y)?
    {
        return b.binary(Mul, u, c).map(Some);
    }
    if x == y {
        let Some((u, c)) = scaled(b, x) else { return Ok(None) };
        let Some(c) = combined(b, Mul, c, c)? else { return Ok(None) };
        return outwards(b, Mul, (u, u), c).map(Some);
    }
    for (factor, other) in [(x, y), (y, x)] {
        // Towards the smaller of two arrays, or outside.
        if let Some((u, c)) = scaled(b, factor).filter(|&(u, _)| b.elements(u) >= b.elements(other)) {
            if b.elements(u) > b.elements(other) {
                let other = b.binary(Mul, other, c)?;
                return b.binary(Mul, u, other).map(Some);
            }
            return outwards(b, Mul, (u, other), c).map(Some);
        }
        // Two small factors meet first.
        if let Some((mut u, mut v)) = b.pair(Mul, factor) {
            if b.elements(u) < b.elements(v) {
                (u, v) = (v, u);
            }
            let both = b.shape(v).broadcast(b.shape(other)).map_or(usize::MAX, |shape| shape.elements());
            if MANY * both <= b.elements(u) {
                let small = b.binary(Mul, v, other)?;
                return b.binary(Mul, u, small).map(Some);
            }
        }
    }
    Ok(None)
}

/// The product of two known arrays, in place of which there would be two products in each run, if it is not too large to be
/// kept and of moderate numbers and zeros.
fn known_product(b: &mut Builder, x: Id, y: Id) -> Result<Option<Id>> {
    let float = b.ty(x).dtype.is_float();
    let both = b.value(x).zip(b.value(y)).filter(|(x, y)| float && x.shape() == y.shape());
    if both.is_none_or(|(x, _)| x.shape().rank() == 0 || x.data().len() > b.largest_product()) {
        return Ok(None);
    }
    let product = b.binary(Mul, x, y)?;
    let moderate = if b.ty(x).dtype == DType::F64 { MODERATE_DOUBLES } else { MODERATE };
    let sound = |x: f64| x == 0.0 || moderate.contains(&x.abs());
    let values = [x, y, product].map(|x| b.value(x));
    let is_sound = values.iter().all(|value| value.is_some_and(|x| x.to_f64().into_iter().all(sound)));
    Ok(is_sound.then_some(product))
}

/// `x c` of a number `c`.
fn multiple(b: &mut Builder, x: Id, c: Id, float: bool) -> Result<Option<Id>> {
    if let Some(u) = under_minus(b, x) {
        let c = negated(b, c)?;
        return b.binary(Mul, u, c).map(Some);
    }
    if let Some((u, own)) = b.pair(Mul, x).filter(|&(_, own)| b.is_number(own))
        && let Some(c) = combined(b, Mul, own, c)?
    {
        return b.binary(Mul, u, c).map(Some);
    }
    if let Some((own, u)) = b.pair(Div, x).filter(|&(own, _)| float && b.is_number(own))
        && let Some(c) = combined(b, Mul, own, c)?
    {
        return b.binary(Div, c, u).map(Some);
    }
    Ok(None)
}

fn quotient(b: &mut Builder, x: Id, y: Id) -> Result<Option<Id>> {
    match b.number(y) {
        Some(1.0) => return Ok(Some(x)),
        Some(-1.0) => return b.unary(Unary::Neg, x).map(Some),
        Some(_) => {
            let Some(inverse) = reciprocal_of_number(b, y)? else { return Ok(None) };
            return b.binary(Mul, x, inverse).map(Some);
        }
        None => {}
    }
    match (under_minus(b, x), under_minus(b, y)) {
        (Some(u), Some(v)) => return b.binary(Div, u, v).map(Some),
        (Some(u), None) if b.is_used_once(x) => return minus(b, Div, u, y).map(Some),
        (None, Some(v)) if b.is_number(x) => {
            let x = negated(b, x)?;
            return b.binary(Div, x, v).map(Some);
        }
        (None, Some(v)) if b.is_used_once(y) => return minus(b, Div, x, v).map(Some),
        _ => {}
    }
    if b.number(x) == Some(1.0) {
        return b.unary(Unary::Reciprocal, y).map(Some);
    }
    if b.elements(x) >= MANY * b.elements(y) || b.divides_often(y) && has_reciprocal(b, y) {
        let inverse = b.unary(Unary::Reciprocal, y)?;
        return b.binary(Mul, x, inverse).map(Some);
    }
    if let Some((u, c)) = scaled(b, x).filter(|&(u, _)| b.elements(u) >= b.elements(y)) {
        return outwards(b, Div, (u, y), c).map(Some);
    }
    if let Some((v, c)) = scaled(b, y).filter(|&(v, _)| b.elements(v) >= b.elements(x)) {
        if b.is_number(x) {
            let Some(c) = combined(b, Div, x, c)? else { return Ok(None) };
            return b.binary(Div, c, v).map(Some);
        }
        let Some(c) = reciprocal_of_number(b, c)? else { return Ok(None) };
        return outwards(b, Div, (x, v), c).map(Some);
    }
    Ok(None)
}

/// `-(u ∘ v)`.
fn minus(b: &mut Builder, kind: Binary, u: Id, v: Id) -> Result<Id> {
    let inner = b.binary(kind, u, v)?;
    b.unary(Unary::Neg, inner)
}

/// `(u ∘ v) c`.
fn outwards(b: &mut Builder, kind: Binary, (u, v): (Id, Id), c: Id) -> Result<Id> {
    let inner = b.binary(kind, u, v)?;
    b.binary(Mul, inner, c)
}

/// Powers that are products, roots or reciprocals.
fn power(b: &mut Builder, x: Id, exponent: Id) -> Result<Option<Id>> {
    let Some(number) = b.number(exponent) else { return Ok(None) };
    let float = b.ty(x).dtype.is_float();
    let square = |b: &mut Builder, x: Id| b.binary(Mul, x, x);
    let result = match number {
        0.0 => b.scalar(b.ty(x).dtype, 1.0)?,
        1.0 => x,
        2.0 => square(b, x)?,
        3.0 => {
            let squared = square(b, x)?;
            b.binary(Mul, squared, x)?
        }
        4.0 => {
            let squared = square(b, x)?;
            square(b, squared)?
        }
        -1.0 if float => b.unary(Unary::Reciprocal, x)?,
        -2.0 if float => {
            let squared = square(b, x)?;
            b.unary(Unary::Reciprocal, squared)?
        }
        // The root of -∞ is NaN, and its power infinite.
        0.5 if float && is_not_negative(b, x) => b.unary(Unary::Sqrt, x)?,
        -0.5 if float && is_not_negative(b, x) => {
            let root = b.unary(Unary::Sqrt, x)?;
            b.unary(Unary::Reciprocal, root)?
        }
        _ => return Ok(None),
    };
    Ok(Some(result))
}
