//! Operations that move elements without changing them.

use burn_backend::{Backend as Burn, FloatDType, IntDType, Shape as BurnShape, Slice as BurnSlice};
use ppl_tensor::op::{Pad, Slice};
use ppl_tensor::{DType, Result};

use crate::BurnBackend;
use crate::buffer::{Values, each_kind, physical};
use crate::call::Call;

pub(crate) fn reshape<B: Burn>(call: &Call<'_, B>) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    Ok(x.values.clone().reshape(physical(&call.output.shape)))
}

pub(crate) fn broadcast<B: Burn>(call: &Call<'_, B>) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    Ok(call.aligned(x).expand(physical(&call.output.shape)))
}

pub(crate) fn permute<B: Burn>(call: &Call<'_, B>, permutation: &[usize]) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    let values = x.values.clone();
    if permutation.is_sorted() {
        return Ok(values);
    }
    Ok(each_kind!(values, t =>
        B::float_permute(t, permutation), B::int_permute(t, permutation), B::bool_permute(t, permutation)))
}

pub(crate) fn slice<B: Burn>(call: &Call<'_, B>, slice: &Slice) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    Ok(x.values.clone().slice(&ranges(x.shape().rank(), slice)))
}

/// One range for each dimension, as burn wants them.
pub(crate) fn ranges(rank: usize, slice: &Slice) -> Vec<BurnSlice> {
    let mut ranges = vec![BurnSlice::full(); rank];
    // A longer step takes the first entry alone, as this one does; burn's are signed.
    let step = slice.step.min(slice.end - slice.start);
    ranges[slice.axis] = BurnSlice::new(slice.start as isize, Some(slice.end as isize), step as isize);
    ranges
}

pub(crate) fn pad<B: Burn>(call: &Call<'_, B>, pad: &Pad) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    let zeros = call.backend.zeros(x.dtype(), physical(&call.output.shape));
    let size = x.shape()[pad.axis];
    if let Values::Empty = x.values {
        return Ok(zeros);
    }
    let step = pad.interior.saturating_add(1);
    let places = Slice { axis: pad.axis, start: pad.before, end: pad.before + (size - 1) * step + 1, step };
    let places = ranges(x.shape().rank(), &places);
    Ok(match (zeros, x.values.clone()) {
        (Values::Float(zeros), Values::Float(x)) => Values::Float(B::float_slice_assign(zeros, &places, x)),
        (Values::Int(zeros), Values::Int(x)) => Values::Int(B::int_slice_assign(zeros, &places, x)),
        (Values::Bool(zeros), Values::Bool(x)) => Values::Bool(B::bool_slice_assign(zeros, &places, x)),
        _ => return Err(call.unsupported()),
    })
}

pub(crate) fn concat<B: Burn>(call: &Call<'_, B>, axis: usize) -> Result<Values<B>> {
    let (mut floats, mut integers, mut truths) = (Vec::new(), Vec::new(), Vec::new());
    for input in call.inputs {
        match input.values.clone() {
            Values::Float(t) => floats.push(t),
            Values::Int(t) => integers.push(t),
            Values::Bool(t) => truths.push(t),
            Values::Host(_) => return Err(call.unsupported()),
            Values::Empty => {}
        }
    }
    match (floats.len(), integers.len(), truths.len()) {
        (1.., 0, 0) => Ok(Values::Float(B::float_cat(floats, axis))),
        (0, 1.., 0) => Ok(Values::Int(B::int_cat(integers, axis))),
        (0, 0, 1..) => Ok(Values::Bool(B::bool_cat(truths, axis))),
        _ => Err(call.unsupported()),
    }
}

impl<B: Burn> Values<B> {
    pub(crate) fn expand(self, shape: BurnShape) -> Self {
        each_kind!(self, t => B::float_expand(t, shape), B::int_expand(t, shape), B::bool_expand(t, shape))
    }

    pub(crate) fn slice(self, ranges: &[BurnSlice]) -> Self {
        each_kind!(self, t => B::float_slice(t, ranges), B::int_slice(t, ranges), B::bool_slice(t, ranges))
    }
}

impl<B: Burn> BurnBackend<B> {
    /// Zeros (`false`) of a shape that has elements.
    pub(crate) fn zeros(&self, dtype: DType, shape: BurnShape) -> Values<B> {
        match dtype {
            DType::F64 => Values::Float(B::float_zeros(shape, &self.device, FloatDType::F64)),
            DType::F32 => Values::Float(B::float_zeros(shape, &self.device, FloatDType::F32)),
            DType::I64 => Values::Int(B::int_zeros(shape, &self.device, IntDType::I64)),
            DType::Bool => Values::Bool(B::bool_zeros(shape, &self.device, self.bool_dtype)),
        }
    }
}
