//! Entries chosen by index, and updates added at an index.

use burn_backend::Backend as Burn;
use burn_backend::tensor::{IndexingUpdateOp, IntTensor};
use ppl_tensor::op::{Gather, ScatterAdd};
use ppl_tensor::{Backend, Error, Op, Result, Shape};

use crate::BurnBackend;
use crate::buffer::{Buffer, Values, each_kind, physical};
use crate::native::Call;

impl<B: Burn> BurnBackend<B> {
    /// Refuses indices that are out of range: burn panics, or reads and writes elsewhere.
    pub(crate) fn check_indices(&self, op: &Op, inputs: &[&Buffer<B>]) -> Result<()> {
        let (size, indices) = match (op, inputs) {
            (Op::Gather(gather), [x, indices]) => (x.shape()[gather.axis], indices),
            (Op::ScatterAdd(scatter), [_, indices]) => (scatter.size, indices),
            _ => return Ok(()),
        };
        let within = |index: i64| usize::try_from(index).is_ok_and(|index| index < size);
        if let Some(&(least, largest)) = indices.bounds.get()
            && within(least)
            && within(largest)
        {
            return Ok(());
        }
        let host = self.download(indices)?;
        let values = host.as_slice::<i64>()?;
        if let Some(index) = values.iter().find(|&&index| !within(index)) {
            return Err(Error::argument(op.name(), format!("index {index} is outside 0..{size}")));
        }
        if let (Some(&least), Some(&largest)) = (values.iter().min(), values.iter().max()) {
            // Another thread may have found the same.
            let _ = indices.bounds.set((least, largest));
        }
        Ok(())
    }
}

/// The dimensions of a gather or scatter, joined: for each of the shared rows, `middle` blocks of `size` entries of
/// `inner` elements, of which `chosen` are named by the indices.
struct Joined {
    batch: usize,
    middle: usize,
    size: usize,
    inner: usize,
    chosen: usize,
}

impl Joined {
    /// `entries` is the array whose dimension `axis` the indices count.
    fn new(entries: &Shape, indices: &Shape, axis: usize, batch: usize) -> Self {
        Self {
            batch: entries[..batch].iter().product(),
            middle: entries[batch..axis].iter().product(),
            size: entries[axis],
            inner: entries[axis + 1..].iter().product(),
            chosen: indices[batch..].iter().product(),
        }
    }

    /// One index for each element that is chosen.
    fn spread<B: Burn>(&self, indices: IntTensor<B>) -> IntTensor<B> {
        let rows = B::int_reshape(indices, vec![self.batch, 1, self.chosen, 1].into());
        B::int_expand(rows, vec![self.batch, self.middle, self.chosen, self.inner].into())
    }
}

pub(crate) fn gather<B: Burn>(call: &Call<'_, B>, gather: &Gather) -> Result<Values<B>> {
    let [x, indices] = call.inputs()?;
    let joined = Joined::new(x.shape(), indices.shape(), gather.axis, gather.batch);
    let Values::Int(indices) = indices.values.clone() else { return Err(call.unsupported()) };
    let Joined { batch, middle, size, inner, chosen } = joined;
    let x = x.values.clone().reshape(vec![batch, middle, size, inner]);
    let entries = if batch == 1 {
        let indices = B::int_reshape(indices, vec![chosen].into());
        each_kind!(x, t =>
            B::float_select(t, 2, indices), B::int_select(t, 2, indices), B::bool_select(t, 2, indices))
    } else {
        let indices = joined.spread::<B>(indices);
        each_kind!(x, t =>
            B::float_gather(2, t, indices), B::int_gather(2, t, indices), B::bool_gather(2, t, indices))
    };
    Ok(entries.reshape(physical(&call.output.shape)))
}

pub(crate) fn scatter_add<B: Burn>(call: &Call<'_, B>, scatter: &ScatterAdd) -> Result<Values<B>> {
    let [updates, indices] = call.inputs()?;
    let target = physical(&call.output.shape);
    let joined = Joined::new(&call.output.shape, indices.shape(), scatter.axis, scatter.batch);
    let Joined { batch, middle, size, inner, chosen } = joined;
    let zeros = call.backend.zeros(updates.dtype(), vec![batch, middle, size, inner].into());
    let sums = match (zeros, updates.values.clone(), indices.values.clone()) {
        (zeros, Values::Empty, _) => return Ok(zeros.reshape(target)),
        (Values::Float(zeros), Values::Float(updates), Values::Int(indices)) => {
            let updates = B::float_reshape(updates, vec![batch, middle, chosen, inner].into());
            if batch == 1 {
                let indices = B::int_reshape(indices, vec![chosen].into());
                B::float_select_assign(zeros, 2, indices, updates, IndexingUpdateOp::Add)
            } else {
                B::float_scatter(2, zeros, joined.spread::<B>(indices), updates, IndexingUpdateOp::Add)
            }
        }
        _ => return Err(call.unsupported()),
    };
    Ok(Values::Float(B::float_reshape(sums, target)))
}
