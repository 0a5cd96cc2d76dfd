//! Reductions, running sums and the index of the largest.

use super::{Op, arity, axis_within, dtype_error};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::op::Compare;
use crate::{DType, Error, Result, Shape, TensorType};

/// What a reduction computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Sum of numbers; 0 of none.
    Sum,
    /// Largest number, NaN if any is NaN; of none an error.
    Max,
    /// Smallest number, NaN if any is NaN; of none an error.
    Min,
    /// Whether all are true; true of none.
    All,
    /// Whether any is true; false of none.
    Any,
}

impl Reduction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::All => "all",
            Reduction::Any => "any",
        }
    }
}

pub(super) fn reduce_type(
    op: &Op,
    kind: Reduction,
    axes: &[usize],
    inputs: &[&TensorType],
) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    for &axis in axes {
        axis_within(op, axis, x)?;
    }
    if !axes.is_sorted_by(|a, b| a < b) {
        let reason = format!("dimensions {axes:?} are not strictly increasing");
        return Err(Error::shape(op.name(), [&x.shape], reason));
    }
    let logical = matches!(kind, Reduction::All | Reduction::Any);
    if logical != (x.dtype == DType::Bool) {
        return Err(dtype_error(
            op,
            inputs,
            if logical { "needs a bool" } else { "needs numbers: use `cast`" },
        ));
    }
    let of_none = axes.iter().any(|&axis| x.shape[axis] == 0);
    if of_none && matches!(kind, Reduction::Max | Reduction::Min) {
        return Err(Error::shape(op.name(), [&x.shape], "there is no entry to choose from"));
    }
    Ok(TensorType::new(x.dtype, without(&x.shape, axes)))
}

fn without(shape: &Shape, axes: &[usize]) -> Shape {
    shape.iter().enumerate().filter(|(d, _)| !axes.contains(d)).map(|(_, &size)| size).collect()
}

pub(super) fn cumulative_type(op: &Op, axis: usize, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    axis_within(op, axis, x)?;
    if x.dtype == DType::Bool {
        return Err(dtype_error(op, inputs, "needs numbers: use `cast`"));
    }
    Ok(x.clone())
}

pub(super) fn arg_sort_type(op: &Op, axis: usize, inputs: &[&TensorType]) -> Result<TensorType> {
    Ok(TensorType { dtype: DType::I64, ..cumulative_type(op, axis, inputs)? })
}

pub(super) fn arg_max_type(op: &Op, axis: usize, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    axis_within(op, axis, x)?;
    if x.dtype == DType::Bool {
        return Err(dtype_error(op, inputs, "needs numbers: use `cast`"));
    }
    if x.shape[axis] == 0 {
        return Err(Error::shape(op.name(), [&x.shape], "there is no entry to choose from"));
    }
    Ok(TensorType::new(DType::I64, without(&x.shape, &[axis])))
}

pub(super) fn reduce_gradient(kind: Reduction, axes: &[usize], of: &Differentiate<'_>) -> Contributions {
    let x = of.input(0);
    let mut kept = x.shape().clone();
    for &axis in axes {
        kept.sizes_mut()[axis] = 1;
    }
    let g = of.grad().reshape(kept.clone());
    match kind {
        Reduction::Sum => of.one(g.broadcast_to(x.shape().clone())),
        Reduction::Max | Reduction::Min => {
            let best = of.output().reshape(kept);
            let chosen = x.compare(Compare::Eq, &best).cast(x.dtype());
            let ties = chosen.sum_keeping(axes);
            of.one(chosen.mul(&g.div(&ties)))
        }
        Reduction::All | Reduction::Any => of.none(),
    }
}

pub(super) fn cumulative_gradient(axis: usize, reverse: bool, of: &Differentiate<'_>) -> Contributions {
    of.one(of.grad().apply1(Op::CumulativeSum { axis, reverse: !reverse }))
}

pub(super) fn batch(op: &Op, inputs: &[Array], lead: usize) -> Array {
    let shifted = match op {
        Op::Reduce { kind, axes } => {
            Op::Reduce { kind: *kind, axes: axes.iter().map(|axis| axis + lead).collect() }
        }
        Op::CumulativeSum { axis, reverse } => Op::CumulativeSum { axis: axis + lead, reverse: *reverse },
        Op::ArgSort { axis } => Op::ArgSort { axis: axis + lead },
        Op::ArgMax { axis } => Op::ArgMax { axis: axis + lead },
        other => other.clone(),
    };
    Array::apply(shifted, inputs)
}
