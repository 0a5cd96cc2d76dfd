//! Matrix products with fewer dimensions, and those that are no more than products of numbers.

use ppl_tensor::op::{Binary, Unary};
use ppl_tensor::{Op, Result, Shape};

use super::algebra::under_minus;
use super::builder::{Builder, Call};
use super::layout::same_but_units;
use crate::ir::Id;

pub(super) fn products(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Matmul, &[x, y]) = (call.op, call.inputs) else { return Ok(None) };
    let (left, right) = (b.shape(x).clone(), b.shape(y).clone());
    let (Some((left, &[m, k])), Some((right, &[_, n]))) =
        (left.split_last_chunk::<2>(), right.split_last_chunk::<2>())
    else {
        return Ok(None);
    };
    if k == 1 {
        let product = b.binary(Binary::Mul, x, y)?;
        return b.broadcast(product, &call.ty.shape).map(Some);
    }
    if let Some(scaled) = out_of_factors(b, call, x, y)? {
        return Ok(Some(scaled));
    }
    let (units, one_right) =
        (left.iter().chain(right).all(|&size| size == 1), right.iter().all(|&size| size == 1));
    if left.is_empty() && right.is_empty() {
        return Ok(None);
    }
    let rows: usize = left.iter().product();
    if units || one_right {
        // One right factor meets the rows of all left ones in one product.
        let x = b.reshape(x, &Shape::from([rows * m, k]))?;
        let y = b.reshape(y, &Shape::from([k, n]))?;
        let product = b.apply(Op::Matmul, &[x, y])?;
        return b.reshape(product, &call.ty.shape).map(Some);
    }
    let (first, second) = (before_batch(b, x), before_batch(b, y));
    if (first, second) == (x, y) {
        return Ok(None);
    }
    let product = b.apply(Op::Matmul, &[first, second])?;
    b.broadcast(product, &call.ty.shape).map(Some)
}

/// Factors of rows of the left matrix and of columns of the right one, and signs, are taken out if that is less work.
fn out_of_factors(b: &mut Builder, call: &Call<'_>, x: Id, y: Id) -> Result<Option<Id>> {
    for (factor, is_left) in [(x, true), (y, false)] {
        if b.elements(factor) <= call.ty.shape.elements() {
            continue;
        }
        let product = |b: &mut Builder, matrix: Id| {
            b.apply(Op::Matmul, &if is_left { [matrix, y] } else { [x, matrix] })
        };
        if let Some(matrix) = under_minus(b, factor) {
            let product = product(b, matrix)?;
            return b.unary(Unary::Neg, product).map(Some);
        }
        // A vector that was made a matrix for the product.
        if let Some((vector, number)) = scaled_vector(b, factor) {
            let shape = b.shape(factor).clone();
            let matrix = b.reshape(vector, &shape)?;
            let product = product(b, matrix)?;
            return match number {
                Some(number) => b.binary(Binary::Mul, product, number).map(Some),
                None => b.unary(Unary::Neg, product).map(Some),
            };
        }
        // The same along the dimension that is summed over.
        let is_outer = |&(u, v): &(Id, Id)| {
            let (whole, own) = (b.shape(factor), b.shape(v));
            let from_end = if is_left { 1 } else { 2 };
            b.shape(u) == whole && (own.rank() < from_end || own[own.rank() - from_end] == 1)
        };
        let pair = b.pair(Binary::Mul, factor);
        if let Some((u, v)) = pair.and_then(|(u, v)| [(u, v), (v, u)].into_iter().find(is_outer)) {
            let product = product(b, u)?;
            return b.binary(Binary::Mul, product, v).map(Some);
        }
    }
    Ok(None)
}

/// What is reshaped in a matrix that is a vector, if that is a scalar times something else, or minus that.
fn scaled_vector(b: &Builder, matrix: Id) -> Option<(Id, Option<Id>)> {
    let Some((Op::Reshape(_) | Op::Broadcast(_), &[vector])) = b.op(matrix) else { return None };
    if !same_but_units(b.shape(vector), b.shape(matrix)) {
        return None;
    }
    if let Some(inner) = under_minus(b, vector) {
        return Some((inner, None));
    }
    let (u, v) = b.pair(Binary::Mul, vector)?;
    let is_scalar = |x: Id| b.shape(x).rank() == 0;
    [(u, v), (v, u)].into_iter().find(|&(u, v)| is_scalar(v) && !is_scalar(u)).map(|(u, v)| (u, Some(v)))
}

/// The matrices before they were broadcast along batch dimensions alone.
fn before_batch(b: &Builder, x: Id) -> Id {
    let source = b.source(x);
    let (whole, own) = (b.shape(x), b.shape(source));
    let same = own.rank() >= 2 && own[own.rank() - 2..] == whole[whole.rank() - 2..];
    if same { source } else { x }
}
