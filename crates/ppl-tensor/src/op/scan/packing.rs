//! Many arrays in one vector, and back.

use crate::array::{Array, Inputs, no_grad};
use crate::graph::{Graph, Tracer};
use crate::op::{Binary, Slice};
use crate::{DType, Device, Op, Result, Shape, TensorType};

/// Where each array is in the vector, and the graph that puts it there.
pub(super) struct Packing {
    ty: TensorType,
    parts: Vec<Part>,
    graph: Graph,
}

struct Part {
    start: usize,
    ty: TensorType,
}

impl Packing {
    /// For arrays of given types: at least one.
    pub(super) fn new(device: &Device, types: Vec<TensorType>) -> Result<Self> {
        let tracer = Tracer::of_body(device);
        let arrays = types.iter().map(|ty| tracer.body_input(ty)).collect::<Result<Vec<_>>>()?;
        let packed = no_grad(|| pack(&arrays, 0, packed_dtype(&types)));
        if let Some(error) = packed.error() {
            return Err(error.clone());
        }
        let (body, _) = tracer.finish_body(std::slice::from_ref(&packed))?;
        let mut start = 0;
        let dtype = packed.dtype();
        let place = |ty: TensorType| {
            let part = Part { start, ty };
            start += part.size() * (1 + lower_bits(dtype, part.ty.dtype).len());
            part
        };
        let parts = types.into_iter().map(place).collect();
        Ok(Self { ty: packed.ty().clone(), parts, graph: body.into_graph() })
    }

    /// Type of the vector.
    pub(super) fn ty(&self) -> &TensorType {
        &self.ty
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Number of arrays.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Array number `part`, from vectors whose first `lead` dimensions are batch dimensions.
    pub(super) fn part(&self, packed: &Array, part: usize, lead: usize) -> Array {
        if packed.failed() {
            return packed.clone();
        }
        let Part { start, ty } = &self.parts[part];
        let shape: Shape = packed.shape()[..lead].iter().chain(ty.shape.iter()).copied().collect();
        let size = self.parts[part].size();
        let block = |number: usize| {
            let start = start + number * size;
            let slice = Op::Slice(Slice { axis: lead, start, end: start + size, step: 1 });
            let whole = start == 0 && packed.shape()[lead] == size;
            if whole { packed.clone() } else { packed.apply1(slice) }.reshape(shape.clone()).cast(ty.dtype)
        };
        let lower = lower_bits(self.ty.dtype, ty.dtype);
        let rest = block(lower.len());
        lower
            .iter()
            .enumerate()
            .rev()
            .fold(rest, |rest, (number, &bits)| rest.mul_scalar(power_of_two(bits)).add(&block(number)))
    }
}

impl Part {
    fn size(&self) -> usize {
        self.ty.shape.elements()
    }
}

/// The dtype that holds entries of all types.
fn packed_dtype(types: &[TensorType]) -> DType {
    let widest_first = [DType::F64, DType::F32, DType::I64];
    let found = widest_first.into_iter().find(|&dtype| types.iter().any(|ty| ty.dtype == dtype));
    found.unwrap_or(DType::Bool)
}

/// How an integer is cut to fit floats without loss: the numbers of bits of all parts but the highest.
fn lower_bits(packed: DType, own: DType) -> &'static [i32] {
    match (packed, own) {
        (DType::F64, DType::I64) => &[32],
        (DType::F32, DType::I64) => &[24, 24],
        _ => &[],
    }
}

fn power_of_two(bits: i32) -> f64 {
    2_f64.powi(bits)
}

/// Arrays in one vector of `dtype` for each row of their first `lead` dimensions, of which all have the same.
pub(super) fn pack(arrays: &[Array], lead: usize, dtype: DType) -> Array {
    let mut blocks = Inputs::new();
    for array in arrays {
        if array.failed() {
            return array.clone();
        }
        let (batch, own) = array.shape().split_at(lead);
        let flat = array.reshape(batch.iter().copied().chain([own.iter().product()]).collect());
        let mut rest = flat;
        for &bits in lower_bits(dtype, array.dtype()) {
            let base = rest.scalar_like(power_of_two(bits));
            // The remainder has the sign of the base, so that only the last part has a sign.
            let low = rest.binary(Binary::Rem, &base);
            rest = rest.sub(&low).div(&base);
            blocks.push(low.cast(dtype));
        }
        blocks.push(rest.cast(dtype));
    }
    match &blocks[..] {
        [block] => block.clone(),
        _ => Array::apply_owned(Op::Concat { axis: lead }, blocks),
    }
}
