//! Reductions, running sums and the index of the largest.

use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend as Burn, IntDType, TensorMetadata, read_sync};
use ppl_tensor::op::{Reduction, Slice};
use ppl_tensor::{HostTensor, Result};

use crate::buffer::{Values, physical};
use crate::call::Call;
use crate::layout::ranges;

/// Longer sums are taken in blocks of so many terms, so that their rounding error grows with the logarithm of their
/// length, as on the host: burn adds one term after the other.
const BLOCK: usize = 128;

pub(crate) fn reduce<B: Burn>(call: &Call<'_, B>, kind: Reduction, axes: &[usize]) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    let target = physical(&call.output.shape);
    if let Values::Empty = x.values {
        return of_none(call, kind);
    }
    let (mut shape, mut values) = (x.shape().to_vec(), x.values.clone());
    let mut axes = axes;
    // Neighbouring dimensions are reduced as one, the last first.
    while let Some((&last, mut rest)) = axes.split_last() {
        let mut first = last;
        while let Some((&next, before)) = rest.split_last()
            && next + 1 == first
        {
            (first, rest) = (next, before);
        }
        axes = rest;
        if first < last {
            let size = shape[first..=last].iter().product();
            shape.splice(first..=last, [size]);
            values = values.reshape(shape.clone());
        }
        values = along(call, kind, values, first)?;
        shape[first] = 1;
    }
    Ok(values.reshape(target))
}

/// What is left of nothing; of extremes there is none, which validation has refused.
fn of_none<B: Burn>(call: &Call<'_, B>, kind: Reduction) -> Result<Values<B>> {
    let zeros = call.backend.zeros(call.output.dtype, physical(&call.output.shape));
    match (kind, zeros) {
        (Reduction::Sum | Reduction::Any, zeros) => Ok(zeros),
        (Reduction::All, Values::Bool(zeros)) => Ok(Values::Bool(B::bool_not(zeros))),
        _ => Err(call.unsupported()),
    }
}

/// Reduces one dimension to size 1.
fn along<B: Burn>(call: &Call<'_, B>, kind: Reduction, values: Values<B>, axis: usize) -> Result<Values<B>> {
    Ok(match (kind, values) {
        (Reduction::Sum, Values::Float(x)) => Values::Float(sum::<B>(x, axis)),
        (Reduction::Max, Values::Float(x)) => Values::Float(B::float_max_dim(x, axis)),
        (Reduction::Min, Values::Float(x)) => Values::Float(B::float_min_dim(x, axis)),
        (Reduction::Max, Values::Int(x)) => Values::Int(B::int_max_dim(x, axis)),
        (Reduction::Min, Values::Int(x)) => Values::Int(B::int_min_dim(x, axis)),
        (Reduction::All, Values::Bool(x)) => Values::Bool(B::bool_all_dim(x, axis)),
        (Reduction::Any, Values::Bool(x)) => Values::Bool(B::bool_any_dim(x, axis)),
        _ => return Err(call.unsupported()),
    })
}

fn sum<B: Burn>(x: FloatTensor<B>, axis: usize) -> FloatTensor<B> {
    let shape = x.shape().to_vec();
    let size = shape[axis];
    if size <= BLOCK {
        return B::float_sum_dim(x, axis);
    }
    let (blocks, rest) = (size / BLOCK, size % BLOCK);
    let part = |start: usize, end: usize| {
        B::float_slice(x.clone(), &ranges(shape.len(), &Slice { axis, start, end, step: 1 }))
    };
    let mut blocked = shape.clone();
    blocked.splice(axis..=axis, [blocks, BLOCK]);
    let mut summed = shape.clone();
    summed[axis] = blocks;
    let whole = B::float_reshape(part(0, size - rest), blocked.into());
    let sums = B::float_reshape(B::float_sum_dim(whole, axis + 1), summed.into());
    let total = sum::<B>(sums, axis);
    if rest == 0 { total } else { B::float_add(total, B::float_sum_dim(part(size - rest, size), axis)) }
}

pub(crate) fn cumulative_sum<B: Burn>(call: &Call<'_, B>, axis: usize, reverse: bool) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    let Values::Float(x) = x.values.clone() else { return Err(call.unsupported()) };
    Ok(Values::Float(match reverse {
        false => B::float_cumsum(x, axis),
        true => B::float_flip(B::float_cumsum(B::float_flip(x, &[axis]), axis), &[axis]),
    }))
}

pub(crate) fn arg_max<B: Burn>(call: &Call<'_, B>, axis: usize) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    let long = call.backend.profile.i64;
    let indices = match x.values.clone() {
        Values::Float(x) => B::float_argmax(x, axis, if long { IntDType::I64 } else { IntDType::I32 }),
        Values::Int(x) => B::int_cast(B::int_argmax(x, axis), IntDType::I64),
        Values::Bool(_) | Values::Host(_) | Values::Empty => return Err(call.unsupported()),
    };
    if long {
        return Ok(Values::Int(B::int_reshape(indices, physical(&call.output.shape))));
    }
    let failed = |error: String| call.backend.error(&call.op.name(), error);
    let data = read_sync(B::int_into_data(indices)).map_err(|error| failed(error.to_string()))?;
    let indices = data.try_into_vec::<i32>().map_err(|error| failed(error.to_string()))?;
    let indices: Vec<i64> = indices.into_iter().map(i64::from).collect();
    Ok(Values::Host(HostTensor::new(&call.output.shape, indices)?))
}
