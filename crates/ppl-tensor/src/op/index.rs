//! Entries chosen by index, and the adjoint that adds them back.

use super::{Op, arity, axis_within, dtype_error, layout};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::shape::Dims;
use crate::{DType, Error, Result, Shape, TensorType};

/// `x[…, indices, …]`: dimension `axis` of `x` is replaced by the dimensions of the indices.
///
/// The first `batch` dimensions of `x` and of the indices are the same rows, matched one by one: the result has
/// shape `x[..axis] + indices[batch..] + x[axis+1..]`. An index outside `0..x[axis]` is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gather {
    /// The dimension of `x` that the indices count.
    pub axis: usize,
    /// Number of shared leading dimensions; at most `axis`.
    pub batch: usize,
}

/// Adds updates of [`Gather`]'s result shape into zeros of its input shape, at the indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScatterAdd {
    /// The dimension of the result that the indices count.
    pub axis: usize,
    /// Number of shared leading dimensions; at most `axis`.
    pub batch: usize,
    /// Size of that dimension.
    pub size: usize,
}

impl Gather {
    pub(super) fn output_type(&self, op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
        let [x, indices] = arity(op, inputs)?;
        axis_within(op, self.axis, x)?;
        check_indices(op, self.batch, self.axis, inputs)?;
        if x.shape[..self.batch] != indices.shape[..self.batch] {
            let reason = format!("the first {} dimensions differ", self.batch);
            return Err(Error::shape(op.name(), [&x.shape, &indices.shape], reason));
        }
        let chosen = indices.shape[self.batch..].iter();
        let shape: Shape =
            x.shape[..self.axis].iter().chain(chosen).chain(&x.shape[self.axis + 1..]).copied().collect();
        Ok(TensorType::new(x.dtype, shape))
    }

    pub(super) fn gradient(&self, of: &Differentiate<'_>) -> Contributions {
        let size = of.input(0).shape()[self.axis];
        let scatter = Op::ScatterAdd(ScatterAdd { axis: self.axis, batch: self.batch, size });
        of.of_inputs([&|| Some(Array::apply(scatter.clone(), &[of.grad(), of.input(1)])), &|| None])
    }

    /// Axes of both inputs become shared rows; an axis of one of them is moved where that input's dimensions
    /// come out, so that nothing is copied once per row.
    pub(super) fn batch(&self, inputs: &[Array], lead: usize) -> Array {
        let [x, indices] = inputs else { return Array::apply(Op::Gather(*self), inputs) };
        if self.batch > 0 {
            let batch = layout::common_batch(inputs, lead);
            let gather = Gather { axis: self.axis + lead, batch: self.batch + lead };
            let full = [x.broadcast_batch(&batch), indices.broadcast_batch(&batch)];
            return Array::apply(Op::Gather(gather), &full);
        }
        let size = |a: &Array, d: usize| a.shape()[d];
        let (both, rest): (Dims, Dims) = (0..lead).partition(|&d| size(x, d) != 1 && size(indices, d) != 1);
        let (of_x, of_indices): (Dims, Dims) = rest.into_iter().partition(|&d| size(indices, d) == 1);

        let x_rows = keep_leading(x, lead, &[&both[..], &of_x].concat());
        let index_rows = keep_leading(indices, lead, &[&both[..], &of_indices].concat());
        let before = both.len() + of_x.len();
        let gather = Gather { axis: before + self.axis, batch: both.len() };
        let out = Array::apply(Op::Gather(gather), &[x_rows, index_rows]);
        if out.failed() {
            return out;
        }

        let index_axes = before + self.axis;
        let position = |d: usize| -> usize {
            let of = |dims: &[usize]| dims.iter().position(|&e| e == d);
            of(&both)
                .or_else(|| of(&of_x).map(|p| both.len() + p))
                .or_else(|| of(&of_indices).map(|p| index_axes + p))
                .unwrap_or(0)
        };
        let order: Dims = (0..lead)
            .map(position)
            .chain(before..index_axes)
            .chain(index_axes + of_indices.len()..out.shape().rank())
            .collect();
        out.permute(order)
    }
}

/// The input with its leading dimensions `dims` only, in that order; those left out have size 1.
fn keep_leading(x: &Array, lead: usize, dims: &[usize]) -> Array {
    let left_out = (0..lead).filter(|d| !dims.contains(d));
    let order: Dims = dims.iter().copied().chain(left_out).chain(lead..x.shape().rank()).collect();
    let shape: Shape = dims.iter().map(|&d| x.shape()[d]).chain(x.shape()[lead..].iter().copied()).collect();
    x.permute(order).reshape(shape)
}

impl ScatterAdd {
    pub(super) fn output_type(&self, op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
        let [updates, indices] = arity(op, inputs)?;
        check_indices(op, self.batch, self.axis, inputs)?;
        if updates.dtype == DType::Bool {
            return Err(dtype_error(op, inputs, "truth values cannot be added: use `cast`"));
        }
        let chosen = &indices.shape[self.batch..];
        let inner = self.axis + chosen.len();
        let fits = updates.shape.rank() >= inner
            && updates.shape[..self.batch] == indices.shape[..self.batch]
            && updates.shape[self.axis..inner] == *chosen;
        if !fits {
            let reason = "updates must have the shape of the chosen entries";
            return Err(Error::shape(op.name(), [&updates.shape, &indices.shape], reason));
        }
        let shape: Shape = updates.shape[..self.axis]
            .iter()
            .chain(&[self.size])
            .chain(&updates.shape[inner..])
            .copied()
            .collect();
        Ok(TensorType::new(updates.dtype, shape))
    }

    pub(super) fn gradient(&self, of: &Differentiate<'_>) -> Contributions {
        let gather = Op::Gather(Gather { axis: self.axis, batch: self.batch });
        of.of_inputs([&|| Some(Array::apply(gather.clone(), &[of.grad(), of.input(1)])), &|| None])
    }

    pub(super) fn batch(&self, inputs: &[Array], lead: usize) -> Array {
        let [updates, indices] = inputs else { return Array::apply(Op::ScatterAdd(*self), inputs) };
        let shared_indices = indices.shape()[..lead].iter().all(|&size| size == 1);
        if self.batch == 0 && shared_indices {
            let indices = keep_leading(indices, lead, &[]);
            let scatter = ScatterAdd { axis: self.axis + lead, ..*self };
            return Array::apply(Op::ScatterAdd(scatter), &[updates.clone(), indices]);
        }
        let batch = layout::common_batch(inputs, lead);
        let scatter = ScatterAdd { axis: self.axis + lead, batch: self.batch + lead, size: self.size };
        let full = [updates.broadcast_batch(&batch), indices.broadcast_batch(&batch)];
        Array::apply(Op::ScatterAdd(scatter), &full)
    }
}

fn check_indices(op: &Op, batch: usize, axis: usize, inputs: &[&TensorType]) -> Result<()> {
    let [x, indices] = arity(op, inputs)?;
    if indices.dtype != DType::I64 {
        return Err(dtype_error(op, inputs, "indices must be i64"));
    }
    if batch > axis || batch > indices.shape.rank() || axis > x.shape.rank() {
        let reason = format!("{batch} shared dimensions do not exist in both before dimension {axis}");
        return Err(Error::shape(op.name(), [&x.shape, &indices.shape], reason));
    }
    Ok(())
}
