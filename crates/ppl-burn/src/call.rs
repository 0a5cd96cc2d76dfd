//! The dispatch of operations that burn runs.

use burn_backend::Backend as Burn;
use ppl_tensor::{Error, Op, Result, TensorType};

use crate::buffer::{Buffer, Values, physical};
use crate::{BurnBackend, elementwise, index, layout, linalg, reduce};

/// One operation that [runs natively](crate::Profile::runs_natively), on inputs that it accepts, with a result that has elements.
pub(crate) struct Call<'a, B: Burn> {
    pub(crate) backend: &'a BurnBackend<B>,
    pub(crate) op: &'a Op,
    pub(crate) inputs: &'a [&'a Buffer<B>],
    pub(crate) output: &'a TensorType,
}

impl<'a, B: Burn> Call<'a, B> {
    /// The inputs of an operation that takes `N`.
    pub(crate) fn inputs<const N: usize>(&self) -> Result<[&'a Buffer<B>; N]> {
        self.inputs.try_into().map_err(|_| self.unsupported())
    }

    /// An input with leading dimensions of size 1, up to the rank of the result: burn broadcasts equal ranks.
    pub(crate) fn aligned(&self, x: &Buffer<B>) -> Values<B> {
        let (rank, own) = (physical(&self.output.shape).rank(), physical(x.shape()));
        if own.rank() >= rank {
            return x.values.clone();
        }
        let shape: Vec<usize> =
            std::iter::repeat_n(1, rank - own.rank()).chain(own.iter().copied()).collect();
        x.values.clone().reshape(shape)
    }

    /// The error for what validation, or the choice of where to run, should have kept away.
    #[cold]
    pub(crate) fn unsupported(&self) -> Error {
        let types: Vec<String> = self.inputs.iter().map(|x| format!("{} {}", x.dtype(), x.shape())).collect();
        self.backend.error(&self.op.name(), format!("is not native for {}", types.join(", ")))
    }

    /// Runs it.
    pub(crate) fn run(&self) -> Result<Values<B>> {
        match self.op {
            Op::Unary(kind) => elementwise::unary(self, *kind),
            Op::Binary(kind) => elementwise::binary(self, *kind),
            Op::Compare(kind) => elementwise::compare(self, *kind),
            Op::Logic(kind) => elementwise::logic(self, *kind),
            Op::Select => elementwise::select(self),
            Op::Cast(dtype) => elementwise::cast(self, *dtype),
            Op::Broadcast(_) => layout::broadcast(self),
            Op::Reshape(_) => layout::reshape(self),
            Op::Permute(permutation) => layout::permute(self, permutation),
            Op::Slice(slice) => layout::slice(self, slice),
            Op::Pad(pad) => layout::pad(self, pad),
            Op::Concat { axis } => layout::concat(self, *axis),
            Op::Gather(gather) => index::gather(self, gather),
            Op::ScatterAdd(scatter) => index::scatter_add(self, scatter),
            Op::Reduce { kind, axes } => reduce::reduce(self, *kind, axes),
            Op::CumulativeSum { axis, reverse } => reduce::cumulative_sum(self, *axis, *reverse),
            Op::ArgMax { axis } => reduce::arg_max(self, *axis),
            Op::Matmul => linalg::matmul(self),
            Op::LinearRecurrence { .. }
            | Op::ArgSort { .. }
            | Op::Cholesky
            | Op::SymmetricEigen
            | Op::TriangularSolve(_)
            | Op::FoldIn
            | Op::Random { .. }
            | Op::Scan(_)
            | Op::Custom(_) => Err(self.unsupported()),
        }
    }
}
