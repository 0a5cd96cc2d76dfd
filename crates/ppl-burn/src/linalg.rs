//! Matrix products.

use burn_backend::Backend as Burn;
use ppl_tensor::{Result, Shape};

use crate::buffer::{Values, physical};
use crate::call::Call;

pub(crate) fn matmul<B: Burn>(call: &Call<'_, B>) -> Result<Values<B>> {
    let [x, y] = call.inputs()?;
    let target = physical(&call.output.shape);
    let (left, right): (&Shape, &Shape) = (x.shape(), y.shape());
    let (Some((_, &[_, inner])), Some((batch, &[_, columns]))) =
        (left.split_last_chunk::<2>(), right.split_last_chunk::<2>())
    else {
        return Err(call.unsupported());
    };
    if inner == 0 {
        return Ok(call.backend.zeros(call.output.dtype, target));
    }
    // With one right factor, the rows of all left factors are those of one matrix.
    let (x, y) = if batch.iter().all(|&size| size == 1) {
        let rows = left.elements() / inner;
        (x.values.clone().reshape(vec![rows, inner]), y.values.clone().reshape(vec![inner, columns]))
    } else {
        (call.aligned(x), call.aligned(y))
    };
    match (x, y) {
        (Values::Float(x), Values::Float(y)) => {
            Ok(Values::Float(B::float_reshape(B::float_matmul(x, y), target)))
        }
        _ => Err(call.unsupported()),
    }
}
