//! Entries chosen by index, and updates added at an index.

use burn_backend::tensor::{IndexingUpdateOp, IntTensor};
use burn_backend::{Backend as Burn, TensorData};
use ppl_tensor::op::{Gather, ScatterAdd};
use ppl_tensor::{Backend, Error, Op, Result, Shape};

use crate::BurnBackend;
use crate::buffer::{Buffer, Values, each_kind, physical};
use crate::call::Call;

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

/// Indices in the device's memory: as they are where it has 64-bit integers, else as 32-bit ones.
fn on_device<B: Burn>(call: &Call<'_, B>, indices: &Buffer<B>) -> Result<IntTensor<B>> {
    let host = match (&indices.values, indices.indices.get()) {
        (Values::Int(indices), _) | (Values::Host(_), Some(indices)) => return Ok(indices.clone()),
        (Values::Host(host), None) => host,
        _ => return Err(call.unsupported()),
    };
    let narrow = |&index: &i64| {
        let reason = || call.backend.error(&call.op.name(), format!("index {index} does not fit 32 bits"));
        i32::try_from(index).map_err(|_| reason())
    };
    let narrowed = host.as_slice::<i64>()?.iter().map(narrow).collect::<Result<Vec<i32>>>()?;
    let data = TensorData::new(narrowed, physical(indices.shape()));
    Ok(indices.indices.get_or_init(|| B::int_from_data(data, &call.backend.device)).clone())
}

pub(crate) fn gather<B: Burn>(call: &Call<'_, B>, gather: &Gather) -> Result<Values<B>> {
    let [x, indices] = call.inputs()?;
    let joined = Joined::new(x.shape(), indices.shape(), gather.axis, gather.batch);
    let indices = on_device(call, indices)?;
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
    let sums = match (zeros, updates.values.clone()) {
        (zeros, Values::Empty) => return Ok(zeros.reshape(target)),
        (Values::Float(zeros), Values::Float(updates)) => {
            let indices = on_device(call, indices)?;
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
