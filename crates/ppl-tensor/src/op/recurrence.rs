//! Linear recurrences along a dimension: running products, autoregressions.

use super::{Op, arity, axis_within, dtype_error, layout};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::op::{Pad, Slice};
use crate::{DType, Error, Result, TensorType};

pub(super) fn output_type(op: &Op, axis: usize, inputs: &[&TensorType]) -> Result<TensorType> {
    let [factor, term] = arity(op, inputs)?;
    if factor.dtype != term.dtype || factor.dtype == DType::Bool {
        return Err(dtype_error(op, inputs, "needs numbers of one dtype: use `cast`"));
    }
    if factor.shape != term.shape {
        return Err(Error::shape(op.name(), [&factor.shape, &term.shape], "shapes differ"));
    }
    axis_within(op, axis, factor)?;
    Ok(factor.clone())
}

/// The gradient by the terms obeys a recurrence in the other direction, each factor now that of the next entry:
/// `λᵢ = gᵢ + factorᵢ₊₁ λᵢ₊₁`. By a factor it is `λᵢ yᵢ₋₁`.
pub(super) fn gradient(axis: usize, reverse: bool, of: &Differentiate<'_>) -> Contributions {
    let factor = neighbours(&of.input(0), axis, reverse);
    let adjoint = Op::LinearRecurrence { axis, reverse: !reverse };
    let by_term = Array::apply(adjoint, &[factor, of.grad()]);
    of.two(|| by_term.mul(&neighbours(&of.output(), axis, !reverse)), || by_term.clone())
}

/// Each entry's next one, or the one before; zero where there is none.
fn neighbours(x: &Array, axis: usize, before: bool) -> Array {
    let size = x.shape()[axis];
    if size == 0 {
        return x.clone();
    }
    let (start, end) = if before { (0, size - 1) } else { (1, size) };
    let (zeros_before, zeros_after) = (usize::from(before), usize::from(!before));
    x.apply1(Op::Slice(Slice { axis, start, end, step: 1 })).apply1(Op::Pad(Pad {
        axis,
        before: zeros_before,
        after: zeros_after,
        interior: 0,
    }))
}

pub(super) fn batch(axis: usize, reverse: bool, inputs: &[Array], lead: usize) -> Array {
    let batch = layout::common_batch(inputs, lead);
    let full: Vec<Array> = inputs.iter().map(|x| x.broadcast_batch(&batch)).collect();
    Array::apply(Op::LinearRecurrence { axis: axis + lead, reverse }, &full)
}
