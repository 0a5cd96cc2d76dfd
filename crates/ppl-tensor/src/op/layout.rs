//! Operations that move elements without changing them.

use smallvec::SmallVec;

use super::{Op, arity, axis_within, dtype_error};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::shape::Dims;
use crate::{Error, Result, Shape, TensorType};

/// Entries `start, start + step, …` below `end` of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The dimension.
    pub axis: usize,
    /// First entry.
    pub start: usize,
    /// One past the last entry that may be taken; at most the dimension's size.
    pub end: usize,
    /// Distance of entries, at least 1.
    pub step: usize,
}

/// Zeros around and between the entries of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pad {
    /// The dimension.
    pub axis: usize,
    /// Zeros before the first entry.
    pub before: usize,
    /// Zeros after the last entry.
    pub after: usize,
    /// Zeros between neighbouring entries.
    pub interior: usize,
}

impl Slice {
    /// Number of entries taken.
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start).div_ceil(self.step.max(1))
    }

    /// Whether no entry is taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn output_type(&self, op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
        let [x] = arity(op, inputs)?;
        axis_within(op, self.axis, x)?;
        let size = x.shape[self.axis];
        if self.start > self.end || self.end > size || self.step == 0 {
            let reason =
                format!("range {}..{} by {} of a dimension of {size}", self.start, self.end, self.step);
            return Err(Error::shape(op.name(), [&x.shape], reason));
        }
        let mut output = x.clone();
        output.shape.sizes_mut()[self.axis] = self.len();
        Ok(output)
    }

    pub(super) fn gradient(&self, of: &Differentiate<'_>) -> Contributions {
        let size = of.input(0).shape()[self.axis];
        let taken = self.len();
        if taken == 0 {
            return of.one(of.input(0).zeros_like());
        }
        let last = self.start + (taken - 1) * self.step;
        let pad =
            Pad { axis: self.axis, before: self.start, after: size - 1 - last, interior: self.step - 1 };
        of.one(of.grad().apply1(Op::Pad(pad)))
    }
}

impl Pad {
    pub(super) fn output_type(&self, op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
        let [x] = arity(op, inputs)?;
        axis_within(op, self.axis, x)?;
        let mut output = x.clone();
        output.shape.sizes_mut()[self.axis] = self.padded(x.shape[self.axis]);
        Ok(output)
    }

    fn padded(&self, size: usize) -> usize {
        let between = size.saturating_sub(1).saturating_mul(self.interior);
        self.before.saturating_add(size).saturating_add(between).saturating_add(self.after)
    }

    pub(super) fn gradient(&self, of: &Differentiate<'_>) -> Contributions {
        let size = of.input(0).shape()[self.axis];
        let step = self.interior.saturating_add(1);
        let end = if size == 0 { self.before } else { self.before + (size - 1) * step + 1 };
        of.one(of.grad().apply1(Op::Slice(Slice { axis: self.axis, start: self.before, end, step })))
    }
}

pub(super) fn broadcast_type(op: &Op, shape: &Shape, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    if !x.shape.broadcasts_to(shape) {
        return Err(Error::shape(op.name(), [&x.shape, shape], "the first does not broadcast to the second"));
    }
    Ok(TensorType::new(x.dtype, shape))
}

pub(super) fn reshape_type(op: &Op, shape: &Shape, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    if x.shape.elements() != shape.elements() {
        return Err(Error::shape(op.name(), [&x.shape, shape], "numbers of elements differ"));
    }
    Ok(TensorType::new(x.dtype, shape))
}

pub(super) fn permute_type(op: &Op, permutation: &[usize], inputs: &[&TensorType]) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    let mut sorted: Dims = permutation.into();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..x.shape.rank()) {
        let reason = format!("{permutation:?} is not a permutation of its dimensions");
        return Err(Error::shape(op.name(), [&x.shape], reason));
    }
    Ok(TensorType::new(x.dtype, permutation.iter().map(|&axis| x.shape[axis]).collect::<Shape>()))
}

pub(super) fn concat_type(op: &Op, axis: usize, inputs: &[&TensorType]) -> Result<TensorType> {
    let Some((&first, rest)) = inputs.split_first() else {
        return Err(Error::argument(op.name(), "takes at least one input"));
    };
    axis_within(op, axis, first)?;
    let mut output = first.clone();
    for input in rest {
        if input.dtype != first.dtype {
            return Err(dtype_error(op, inputs, "dtypes differ: use `cast`"));
        }
        let fits = input.shape.rank() == first.shape.rank()
            && (0..first.shape.rank()).all(|d| d == axis || input.shape[d] == first.shape[d]);
        if !fits {
            let reason = format!("sizes differ outside dimension {axis}");
            return Err(Error::shape(op.name(), inputs.iter().map(|t| &t.shape), reason));
        }
        let size = &mut output.shape.sizes_mut()[axis];
        *size = size.saturating_add(input.shape[axis]);
    }
    Ok(output)
}

pub(super) fn broadcast_gradient(of: &Differentiate<'_>) -> Contributions {
    of.one(of.grad())
}

pub(super) fn reshape_gradient(of: &Differentiate<'_>) -> Contributions {
    of.one(of.grad().reshape(of.input(0).shape().clone()))
}

pub(super) fn permute_gradient(permutation: &[usize], of: &Differentiate<'_>) -> Contributions {
    of.one(of.grad().permute(inverse_permutation(permutation)))
}

pub(super) fn inverse_permutation(permutation: &[usize]) -> Dims {
    let mut inverse = Dims::from_elem(0, permutation.len());
    for (to, &from) in permutation.iter().enumerate() {
        inverse[from] = to;
    }
    inverse
}

pub(super) fn concat_gradient(axis: usize, of: &Differentiate<'_>) -> Contributions {
    let mut start = 0;
    let mut contributions = Contributions::new();
    for i in 0..of.inputs() {
        let end = start + of.input(i).shape()[axis];
        let slice = Op::Slice(Slice { axis, start, end, step: 1 });
        contributions.push(of.needs(i).then(|| of.grad().apply1(slice)));
        start = end;
    }
    contributions
}

/// The same movement of the dimensions that follow the batch.
pub(super) fn batch(op: &Op, inputs: &[Array], lead: usize) -> Array {
    let [x] = inputs else { return Array::apply(op.clone(), inputs) };
    let batch = &x.shape()[..lead];
    let with_batch = |inner: &[usize]| -> Shape { batch.iter().chain(inner).copied().collect() };
    let shifted = match op {
        Op::Broadcast(shape) => {
            let padded = x.pad_rank(lead, (lead + shape.rank()).max(x.shape().rank()));
            return padded.apply1(Op::Broadcast(with_batch(shape)));
        }
        Op::Reshape(shape) => Op::Reshape(with_batch(shape)),
        Op::Permute(permutation) => {
            Op::Permute((0..lead).chain(permutation.iter().map(|axis| axis + lead)).collect())
        }
        Op::Slice(slice) => Op::Slice(Slice { axis: slice.axis + lead, ..*slice }),
        Op::Pad(pad) => Op::Pad(Pad { axis: pad.axis + lead, ..*pad }),
        other => other.clone(),
    };
    x.apply1(shifted)
}

pub(super) fn batch_concat(axis: usize, inputs: &[Array], lead: usize) -> Array {
    let batch = common_batch(inputs, lead);
    let full: SmallVec<[Array; 4]> = inputs.iter().map(|x| x.broadcast_batch(&batch)).collect();
    Array::apply(Op::Concat { axis: axis + lead }, &full)
}

/// The sizes of the first `lead` dimensions when all inputs are brought together.
pub(super) fn common_batch(inputs: &[Array], lead: usize) -> Dims {
    (0..lead).map(|d| inputs.iter().map(|x| x.shape()[d]).find(|&size| size != 1).unwrap_or(1)).collect()
}

impl Array {
    /// Broadcasts the leading dimensions to `batch`, which has as many.
    pub(super) fn broadcast_batch(&self, batch: &[usize]) -> Array {
        let shape: Shape = batch.iter().chain(&self.shape()[batch.len()..]).copied().collect();
        self.broadcast_to(shape)
    }
}
