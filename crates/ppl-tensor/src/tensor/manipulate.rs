//! Shapes changed, entries chosen, tensors joined.

use crate::op::{Gather, Pad, ScatterAdd, Slice};
use crate::shape::Dims;
use crate::{Error, Op, Result, Shape, Tensor};

impl Tensor {
    /// The same elements in row-major order under another shape of equally many.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Tensor {
        Tensor::apply(Op::Reshape(shape.into()), &[self])
    }

    /// All positional dimensions as one.
    #[track_caller]
    pub fn flatten(&self) -> Tensor {
        self.reshape([self.shape().elements()])
    }

    /// Broadcast to a shape.
    #[track_caller]
    pub fn broadcast_to(&self, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        if self.error().is_none() && self.shape() == shape {
            return self.clone();
        }
        Tensor::apply(Op::Broadcast(shape), &[self])
    }

    /// Dimension `i` of the result is dimension `permutation[i]` of this tensor.
    #[track_caller]
    pub fn permute(&self, permutation: &[usize]) -> Tensor {
        Tensor::apply(Op::Permute(Dims::from_slice(permutation)), &[self])
    }

    /// Swaps the last two dimensions.
    #[track_caller]
    pub fn t(&self) -> Tensor {
        self.try_apply(|| {
            let (last, before) = (self.dim("t", -1)?, self.dim("t", -2)?);
            let mut order: Dims = (0..self.rank()).collect();
            order.swap(last, before);
            Ok(Op::Permute(order))
        })
    }

    /// Inserts a dimension of size 1 so that it becomes dimension `dim`; from the end if negative.
    #[track_caller]
    pub fn unsqueeze(&self, dim: isize) -> Tensor {
        self.try_apply(|| {
            self.check()?;
            let rank = self.rank();
            let at = if dim < 0 { dim.checked_add_unsigned(rank + 1) } else { Some(dim) };
            let at =
                at.and_then(|at| usize::try_from(at).ok()).filter(|&at| at <= rank).ok_or_else(|| {
                    Error::shape(
                        "unsqueeze",
                        [&self.shape()],
                        format!("there is no place for dimension {dim}"),
                    )
                })?;
            let mut shape = self.shape();
            shape.sizes_mut().insert(at, 1);
            Ok(Op::Reshape(shape))
        })
    }

    /// Removes a dimension of size 1.
    #[track_caller]
    pub fn squeeze(&self, dim: isize) -> Tensor {
        self.try_apply(|| {
            let dim = self.dim("squeeze", dim)?;
            let mut shape = self.shape();
            if shape.sizes_mut().remove(dim) != 1 {
                return Err(Error::shape(
                    "squeeze",
                    [&self.shape()],
                    format!("dimension {dim} is not of size 1"),
                ));
            }
            Ok(Op::Reshape(shape))
        })
    }

    /// Entries `start..end` of a dimension.
    #[track_caller]
    pub fn slice(&self, dim: isize, range: std::ops::Range<usize>) -> Tensor {
        self.slice_by(dim, range, 1)
    }

    /// Every `step`-th entry of `start..end` of a dimension.
    #[track_caller]
    pub fn slice_by(&self, dim: isize, range: std::ops::Range<usize>, step: usize) -> Tensor {
        let (start, end) = (range.start, range.end);
        self.try_apply(|| Ok(Op::Slice(Slice { axis: self.dim("slice", dim)?, start, end, step })))
    }

    /// One entry of a dimension, which is removed.
    #[track_caller]
    pub fn select_index(&self, dim: isize, index: usize) -> Tensor {
        match self.dim("select_index", dim) {
            Ok(dim) => self.slice(dim as isize, index..index.saturating_add(1)).squeeze(dim as isize),
            Err(error) => Tensor::failure(error),
        }
    }

    /// Zeros before and after the entries of a dimension.
    #[track_caller]
    pub fn pad(&self, dim: isize, before: usize, after: usize) -> Tensor {
        self.try_apply(|| Ok(Op::Pad(Pad { axis: self.dim("pad", dim)?, before, after, interior: 0 })))
    }

    /// Joins tensors along a dimension they have.
    #[track_caller]
    pub fn concat(tensors: &[&Tensor], dim: isize) -> Tensor {
        let axis = match tensors.first() {
            Some(first) => first.dim("concat", dim),
            None => Err(Error::argument("concat", "takes at least one tensor")),
        };
        match axis {
            Ok(axis) => Tensor::apply(Op::Concat { axis }, tensors),
            Err(error) => Tensor::failure(error),
        }
    }

    /// Joins tensors of one shape along a new dimension `dim`.
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], dim: isize) -> Tensor {
        let mut widened = Vec::with_capacity(tensors.len());
        for tensor in tensors {
            // Not in a closure, which would hide the caller's line.
            widened.push(tensor.unsqueeze(dim));
        }
        Tensor::concat(&widened.iter().collect::<Vec<_>>(), dim)
    }

    /// Entries of the first dimension chosen by `I64` indices of any shape, whose dimensions take its place.
    ///
    /// Under a plate with per-row indices each row gets its own entry. An index out of range is an error.
    #[track_caller]
    pub fn at(&self, indices: impl Into<Tensor>) -> Tensor {
        self.take(indices, 0)
    }

    /// As [`Tensor::at`], for another dimension.
    #[track_caller]
    pub fn take(&self, indices: impl Into<Tensor>, dim: isize) -> Tensor {
        match self.dim("take", dim) {
            Ok(axis) => Tensor::apply(Op::Gather(Gather { axis, batch: 0 }), &[self, &indices.into()]),
            Err(error) => Tensor::failure(error),
        }
    }

    /// For each row of the leading dimensions, entries of the last one: `[…, n]` by indices `[…, m]` gives `[…, m]`.
    #[track_caller]
    pub fn take_along_last(&self, indices: impl Into<Tensor>) -> Tensor {
        match self.dim("take_along_last", -1) {
            Ok(axis) => Tensor::apply(Op::Gather(Gather { axis, batch: axis }), &[self, &indices.into()]),
            Err(error) => Tensor::failure(error),
        }
    }

    /// As [`Tensor::take_along_last`], for another dimension: the indices have this tensor's sizes in all others.
    #[track_caller]
    pub fn take_along_dim(&self, indices: impl Into<Tensor>, dim: isize) -> Tensor {
        let indices = indices.into();
        let axis = match self.dim("take_along_dim", dim) {
            Ok(axis) => axis,
            Err(error) => return Tensor::failure(error),
        };
        if indices.error().is_none() && indices.rank() != self.rank() {
            let reason = "the indices must have as many dimensions";
            return Tensor::failure(Error::shape(
                "take_along_dim",
                [&self.shape(), &indices.shape()],
                reason,
            ));
        }
        // The dimension changes places with the last one, and back.
        let mut order: Dims = (0..self.rank()).collect();
        order.swap(axis, self.rank() - 1);
        self.permute(&order).take_along_last(indices.permute(&order)).permute(&order)
    }

    /// The entries of a dimension in reverse order.
    #[track_caller]
    pub fn flip(&self, dim: isize) -> Tensor {
        match self.dim("flip", dim) {
            Ok(axis) => {
                let size = self.shape()[axis];
                self.take((size as i64 - 1) - Tensor::arange(size), axis as isize)
            }
            Err(error) => Tensor::failure(error),
        }
    }

    /// For labels `[…]` the rows `[…, n]` that are 1 at the label and 0 elsewhere, in the device's default float; zeros
    /// for a label that is not one of `0..n`.
    #[track_caller]
    pub fn one_hot(&self, n: usize) -> Tensor {
        self.unsqueeze(-1).eq(Tensor::arange(n)).cast(self.device().default_float())
    }

    /// Adds entries of the first dimension into `size` zeros at `indices`, a vector: the adjoint of [`Tensor::at`].
    #[track_caller]
    pub fn scatter_add(&self, indices: impl Into<Tensor>, size: usize) -> Tensor {
        Tensor::apply(Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size }), &[self, &indices.into()])
    }

    /// Splits along a dimension into parts of the given sizes.
    ///
    /// # Errors
    /// If the sizes do not add up to the dimension's, or the tensor failed.
    pub fn split(&self, dim: isize, sizes: &[usize]) -> Result<Vec<Tensor>> {
        let size = self.size(dim)?;
        if sizes.iter().try_fold(0, |sum: usize, &size| sum.checked_add(size)) != Some(size) {
            let reason = format!("parts of {sizes:?} do not make up a dimension of {size}");
            return Err(Error::shape("split", [&self.shape()], reason));
        }
        let mut start = 0;
        sizes
            .iter()
            .map(|&size| {
                let part = self.slice(dim, start..start + size);
                start += size;
                part.check().cloned()
            })
            .collect()
    }
}
