//! Matrix products with fewer dimensions, and those that are no more than products of numbers.

use ppl_tensor::op::Binary;
use ppl_tensor::{Op, Result, Shape};

use super::builder::{Builder, Call};
use crate::ir::Id;

pub(super) fn products(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Matmul, &[x, y]) = (call.op, call.inputs) else { return Ok(None) };
    let (Some((left, &[m, k])), Some((right, &[_, n]))) =
        (b.shape(x).split_last_chunk::<2>(), b.shape(y).split_last_chunk::<2>())
    else {
        return Ok(None);
    };
    if k == 1 {
        let product = b.binary(Binary::Mul, x, y)?;
        return b.broadcast(product, &call.ty.shape).map(Some);
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

/// The matrices before they were broadcast along batch dimensions alone.
fn before_batch(b: &Builder, x: Id) -> Id {
    let source = b.source(x);
    let (whole, own) = (b.shape(x), b.shape(source));
    let same = own.rank() >= 2 && own[own.rank() - 2..] == whole[whole.rank() - 2..];
    if same { source } else { x }
}
