//! From positional dimensions to implicit axes and back, and `vmap`.

use crate::axes::{Axes, Axis, AxisId};
use crate::shape::Dims;
use crate::tree::{TensorTree, TreePath};
use crate::{Error, Result, Shape, Tensor};

impl Tensor {
    /// The tensor with its first positional dimension as the implicit axis `id`.
    ///
    /// # Errors
    /// If it is a scalar, has that axis already, or failed.
    pub fn to_implicit(&self, id: AxisId) -> Result<Tensor> {
        let size = self.size(0).map_err(|_| {
            let reason = "a scalar has no rows to map over";
            self.error().cloned().unwrap_or_else(|| Error::shape("to_implicit", [&self.shape()], reason))
        })?;
        let axis = Axis { id, size };
        if self.axes().iter().any(|a| a.id == id) {
            return Err(Error::axis("to_implicit", format!("the tensor is already per row of {axis}")));
        }
        let lead = self.axes().len();
        let place = self.axes().iter().take_while(|a| a.id < id).count();
        let mut order: Dims = (0..self.array().shape().rank()).collect();
        order.remove(lead);
        order.insert(place, lead);
        let mut axes: Axes = self.axes().clone();
        axes.insert(place, axis);
        Ok(Self::with_axes(self.array().permute(order), axes))
    }

    /// The tensor with the implicit axis as its first positional dimension; the same in every row if it lacks the axis.
    #[track_caller]
    pub fn to_positional(&self, axis: Axis) -> Tensor {
        if self.error().is_some() {
            return self.clone();
        }
        let Some(place) = self.axes().iter().position(|a| a.id == axis.id) else {
            let shape: Shape = std::iter::once(axis.size).chain(self.shape().iter().copied()).collect();
            return self.broadcast_to(shape);
        };
        let found = self.axes()[place];
        if found.size != axis.size {
            let reason = format!("rows of {found} met rows of {axis}");
            return Tensor::failure(Error::axis("to_positional", reason));
        }
        let lead = self.axes().len();
        let mut order: Dims = (0..self.array().shape().rank()).collect();
        order.remove(place);
        order.insert(lead - 1, place);
        let mut axes = self.axes().clone();
        axes.remove(place);
        let array = self.array().permute(order);
        let provenance = array.provenance().mixed_over(axis.id);
        Self::with_axes(array.with_provenance(provenance), axes)
    }

    /// The sum over an implicit axis; a tensor without the axis is counted once for each row.
    #[track_caller]
    pub fn sum_over(&self, axis: Axis) -> Tensor {
        if self.axes().iter().any(|a| a.id == axis.id) {
            self.to_positional(axis).sum(0)
        } else {
            self * axis.size as f64
        }
    }

    /// The mean over an implicit axis.
    #[track_caller]
    pub fn mean_over(&self, axis: Axis) -> Tensor {
        if self.axes().iter().any(|a| a.id == axis.id) {
            self.to_positional(axis).mean(0)
        } else {
            self.clone()
        }
    }

    /// Adds the implicit axis to a tensor that lacks it, the same value in every row.
    #[track_caller]
    pub fn expand_over(&self, axis: Axis) -> Tensor {
        if self.error().is_some() || self.axes().iter().any(|a| a.id == axis.id) {
            return self.clone();
        }
        self.to_positional(axis).to_implicit(axis.id).unwrap_or_else(Tensor::failure)
    }

    /// The row numbers `0..n` of an implicit axis: `I64`, one a row.
    pub fn rows_of(axis: Axis) -> Tensor {
        Tensor::arange(axis.size).to_implicit(axis.id).unwrap_or_else(Tensor::failure)
    }
}

/// Maps `f` over the first dimension of every tensor of `args`, which must agree: `f` sees one row, and runs once.
///
/// # Errors
/// If the tensors have no first dimension or different ones, or `f` fails.
pub fn vmap<A: TensorTree, O: TensorTree>(f: impl FnOnce(&A) -> Result<O>, args: &A) -> Result<O> {
    let id = AxisId::fresh();
    let mut size = None;
    let rows = args.try_map(&mut TreePath::root(), &mut |path, leaf| {
        let row = leaf.to_implicit(id)?;
        let rows = leaf.size(0)?;
        match size.replace(rows) {
            Some(other) if other != rows => {
                Err(Error::argument("vmap", format!("`{path}` has {rows} rows, another tensor {other}")))
            }
            _ => Ok(row),
        }
    })?;
    let size = size.ok_or_else(|| Error::argument("vmap", "there is no tensor to map over"))?;
    f(&rows)?.try_map(&mut TreePath::root(), &mut |_, leaf| {
        let whole = leaf.to_positional(Axis { id, size });
        whole.check().cloned()
    })
}
