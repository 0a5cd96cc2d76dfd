//! The closed table of primitive operations: for each, in one place, a shape and dtype rule, a gradient rule
//! written with the same operations, and a batching rule.
//!
//! Families live in files of their own; the matches below have no wildcard, so an operation without a rule does
//! not compile. Rules see plain arrays. A gradient rule returns one contribution an input and may leave it
//! broadcast: the driver behind [`grad`](crate::grad) alone accumulates and undoes broadcasting.

mod custom;
mod elementwise;
mod identity;
mod index;
mod layout;
mod linalg;
mod random;
mod recurrence;
mod reduce;
pub(crate) mod scan;

pub use custom::CustomOp;
pub use elementwise::{Binary, Compare, Logic, Unary};
pub use index::{Gather, ScatterAdd};
pub use layout::{Pad, Slice};
pub use linalg::TriangularSolve;
pub use random::RandomKind;
pub use reduce::Reduction;
pub use scan::Scan;

use std::borrow::Cow;
use std::sync::Arc;

use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::shape::Dims;
use crate::{DType, Error, Result, Shape, TensorType};

/// A primitive operation on arrays. The listing of inputs below is their order.
///
/// Arithmetic of `I64` wraps around on overflow, in sums, products and powers alike.
#[derive(Debug, Clone)]
pub enum Op {
    /// `(x)`: a function of each element.
    Unary(Unary),
    /// `(x, y)`: a function of each pair, broadcasting. Both of one float dtype, or both `I64`.
    Binary(Binary),
    /// `(x, y)`: a truth value for each pair, broadcasting. Both of one dtype.
    Compare(Compare),
    /// `(x, y)`: truth values combined, broadcasting.
    Logic(Logic),
    /// `(condition, x, y)`: `x` where the condition holds, `y` elsewhere, all three broadcasting.
    Select,
    /// `(x)`: elements converted to a dtype; to `Bool`: whether not zero; to `I64`: truncated towards zero.
    Cast(DType),
    /// `(x)`: broadcast to a shape.
    Broadcast(Shape),
    /// `(x)`: the same elements in row-major order under another shape.
    Reshape(Shape),
    /// `(x)`: dimension `i` of the result is dimension `permutation[i]` of `x`.
    Permute(Dims),
    /// `(x)`: every `step`-th entry of a range of one dimension.
    Slice(Slice),
    /// `(x)`: zeros (`false`) added before, after and between the entries of one dimension.
    Pad(Pad),
    /// `(x, y, …)`: one or more arrays joined along a dimension.
    Concat {
        /// The dimension.
        axis: usize,
    },
    /// `(x, indices)`: entries of one dimension, chosen by index.
    Gather(Gather),
    /// `(updates, indices)`: the adjoint of [`Op::Gather`], zero where nothing is added.
    ScatterAdd(ScatterAdd),
    /// `(x)`: dimensions removed by a reduction.
    Reduce {
        /// What is computed.
        kind: Reduction,
        /// The dimensions, strictly increasing.
        axes: Dims,
    },
    /// `(x)`: running sum along one dimension, inclusive, from the end if `reverse`.
    CumulativeSum {
        /// The dimension.
        axis: usize,
        /// Whether to run from the last entry to the first.
        reverse: bool,
    },
    /// `(factor, term)`, of one shape: `yᵢ = factorᵢ · yᵢ₋₁ + termᵢ` along one dimension, from the end if `reverse`. The
    /// first is its term: its factor is not read.
    LinearRecurrence {
        /// The dimension.
        axis: usize,
        /// Whether to run from the last entry to the first.
        reverse: bool,
    },
    /// `(x)`: for each line along one dimension the `I64` indices that sort it, ascending and stable. NaN counts as
    /// largest.
    ArgSort {
        /// The dimension.
        axis: usize,
    },
    /// `(x)`: `I64` index of the first largest entry of one dimension, which is removed. NaN counts as largest.
    ArgMax {
        /// The dimension.
        axis: usize,
    },
    /// `(x, y)`: matrix product `[…, m, k] · […, k, n]`; leading dimensions broadcast.
    Matmul,
    /// `(x)`: lower Cholesky factor of each `[n, n]` matrix, from its lower triangle; NaN in every entry of the
    /// lower triangle for a matrix that is not positive definite.
    Cholesky,
    /// `(x)`: eigenvalues and eigenvectors of symmetric matrices `[…, n, n]`, from their lower triangles, as
    /// `[…, n + 1, n]`: a row of the eigenvalues, ascending, above the matrix whose columns are the eigenvectors, each of
    /// length 1 with its largest entry (the first of several) positive. NaN for a matrix that is not finite.
    SymmetricEigen,
    /// `(a, b)`: solution of a triangular system for each pair of matrices; leading dimensions broadcast.
    TriangularSolve(TriangularSolve),
    /// `(key, data)`: a new random key from a key and a number, both `I64`, broadcasting.
    FoldIn,
    /// `(key, …)`: random numbers, a function of the key alone (and of the distribution's parameters).
    Random {
        /// The distribution.
        kind: RandomKind,
        /// Shape of what is drawn for each key.
        shape: Shape,
    },
    /// `(carry, …, rows, …, captured, …)`: a loop over the first dimension of `rows`; see [`Scan`].
    Scan(Arc<Scan>),
    /// An operation defined outside this crate.
    Custom(Arc<dyn CustomOp>),
}

impl Op {
    /// The operation's name, as error messages and listings show it.
    pub fn name(&self) -> Cow<'static, str> {
        let name = match self {
            Op::Unary(unary) => return unary.name(),
            Op::Binary(binary) => binary.name(),
            Op::Compare(compare) => compare.name(),
            Op::Logic(logic) => logic.name(),
            Op::Select => "where",
            Op::Cast(dtype) => match dtype {
                DType::F64 => "cast_f64",
                DType::F32 => "cast_f32",
                DType::I64 => "cast_i64",
                DType::Bool => "cast_bool",
            },
            Op::Broadcast(_) => "broadcast_to",
            Op::Reshape(_) => "reshape",
            Op::Permute(_) => "permute",
            Op::Slice(_) => "slice",
            Op::Pad(_) => "pad",
            Op::Concat { .. } => "concat",
            Op::Gather(_) => "gather",
            Op::ScatterAdd(_) => "scatter_add",
            Op::Reduce { kind, .. } => kind.name(),
            Op::CumulativeSum { .. } => "cumsum",
            Op::LinearRecurrence { .. } => "linear_recurrence",
            Op::ArgSort { .. } => "argsort",
            Op::ArgMax { .. } => "argmax",
            Op::Matmul => "matmul",
            Op::Cholesky => "cholesky",
            Op::SymmetricEigen => "eigh",
            Op::TriangularSolve(_) => "triangular_solve",
            Op::FoldIn => "fold_in",
            Op::Random { kind, .. } => kind.name(),
            Op::Scan(_) => "scan",
            Op::Custom(custom) => return Cow::Owned(custom.name().to_owned()),
        };
        Cow::Borrowed(name)
    }

    /// Dtype and shape of the result.
    ///
    /// # Errors
    /// If the number, dtypes or shapes of the inputs do not fit, or the result would not fit in any memory.
    pub fn output_type(&self, inputs: &[&TensorType]) -> Result<TensorType> {
        let output = match self {
            Op::Unary(unary) => unary.output_type(self, inputs),
            Op::Binary(_) => elementwise::binary_type(self, inputs),
            Op::Compare(_) => elementwise::compare_type(self, inputs),
            Op::Logic(_) => elementwise::logic_type(self, inputs),
            Op::Select => elementwise::select_type(self, inputs),
            Op::Cast(dtype) => elementwise::cast_type(self, *dtype, inputs),
            Op::Broadcast(shape) => layout::broadcast_type(self, shape, inputs),
            Op::Reshape(shape) => layout::reshape_type(self, shape, inputs),
            Op::Permute(permutation) => layout::permute_type(self, permutation, inputs),
            Op::Slice(slice) => slice.output_type(self, inputs),
            Op::Pad(pad) => pad.output_type(self, inputs),
            Op::Concat { axis } => layout::concat_type(self, *axis, inputs),
            Op::Gather(gather) => gather.output_type(self, inputs),
            Op::ScatterAdd(scatter) => scatter.output_type(self, inputs),
            Op::Reduce { kind, axes } => reduce::reduce_type(self, *kind, axes, inputs),
            Op::CumulativeSum { axis, .. } => reduce::cumulative_type(self, *axis, inputs),
            Op::LinearRecurrence { axis, .. } => recurrence::output_type(self, *axis, inputs),
            Op::ArgSort { axis } => reduce::arg_sort_type(self, *axis, inputs),
            Op::ArgMax { axis } => reduce::arg_max_type(self, *axis, inputs),
            Op::Matmul => linalg::matmul_type(self, inputs),
            Op::Cholesky => linalg::cholesky_type(self, inputs),
            Op::SymmetricEigen => linalg::symmetric_eigen_type(self, inputs),
            Op::TriangularSolve(_) => linalg::triangular_solve_type(self, inputs),
            Op::FoldIn => random::fold_in_type(self, inputs),
            Op::Random { kind, shape } => random::random_type(self, kind, shape, inputs),
            Op::Scan(scan) => scan.output_type(self, inputs),
            Op::Custom(custom) => custom.output_type(inputs),
        }?;
        if !output.shape.is_addressable() {
            return Err(Error::memory(self.name(), &output.shape));
        }
        Ok(output)
    }

    /// Contributions of the output's gradient to each input that needs one.
    pub(crate) fn gradient(&self, of: &Differentiate<'_>) -> Result<Contributions> {
        match self {
            Op::Unary(unary) => unary.gradient(of),
            Op::Binary(binary) => binary.gradient(of),
            Op::Compare(_) | Op::Logic(_) | Op::ArgSort { .. } | Op::ArgMax { .. } | Op::FoldIn => {
                Ok(of.none())
            }
            Op::Select => Ok(elementwise::select_gradient(of)),
            Op::Cast(_) => Ok(elementwise::cast_gradient(of)),
            Op::Broadcast(_) => Ok(layout::broadcast_gradient(of)),
            Op::Reshape(_) => Ok(layout::reshape_gradient(of)),
            Op::Permute(permutation) => Ok(layout::permute_gradient(permutation, of)),
            Op::Slice(slice) => Ok(slice.gradient(of)),
            Op::Pad(pad) => Ok(pad.gradient(of)),
            Op::Concat { axis } => Ok(layout::concat_gradient(*axis, of)),
            Op::Gather(gather) => Ok(gather.gradient(of)),
            Op::ScatterAdd(scatter) => Ok(scatter.gradient(of)),
            Op::Reduce { kind, axes } => Ok(reduce::reduce_gradient(*kind, axes, of)),
            Op::CumulativeSum { axis, reverse } => Ok(reduce::cumulative_gradient(*axis, *reverse, of)),
            Op::LinearRecurrence { axis, reverse } => Ok(recurrence::gradient(*axis, *reverse, of)),
            Op::Matmul => Ok(linalg::matmul_gradient(of)),
            Op::Cholesky => Ok(linalg::cholesky_gradient(of)),
            Op::SymmetricEigen => Ok(linalg::symmetric_eigen_gradient(of)),
            Op::TriangularSolve(solve) => Ok(solve.gradient(of)),
            Op::Random { kind, .. } => Ok(kind.gradient(of)),
            Op::Scan(scan) => scan.gradient(of),
            Op::Custom(custom) => custom::gradient(custom.as_ref(), of),
        }
    }

    /// The operation on arrays whose first `lead` dimensions are batch dimensions.
    ///
    /// Every input has all `lead` dimensions, of the batch's size or of size 1 where the input does not depend on
    /// that axis. The result has all of them too, of size 1 only where no input has the axis.
    pub(crate) fn batch(&self, inputs: &[Array], lead: usize) -> Array {
        match self {
            Op::Unary(_) | Op::Cast(_) | Op::Cholesky | Op::SymmetricEigen => {
                Array::apply(self.clone(), inputs)
            }
            Op::Binary(_) | Op::Compare(_) | Op::Logic(_) | Op::Select | Op::FoldIn => {
                elementwise::batch(self, inputs, lead)
            }
            Op::Broadcast(_) | Op::Reshape(_) | Op::Permute(_) | Op::Slice(_) | Op::Pad(_) => {
                layout::batch(self, inputs, lead)
            }
            Op::Concat { axis } => layout::batch_concat(*axis, inputs, lead),
            Op::Gather(gather) => gather.batch(inputs, lead),
            Op::ScatterAdd(scatter) => scatter.batch(inputs, lead),
            Op::Reduce { .. } | Op::CumulativeSum { .. } | Op::ArgSort { .. } | Op::ArgMax { .. } => {
                reduce::batch(self, inputs, lead)
            }
            Op::LinearRecurrence { axis, reverse } => recurrence::batch(*axis, *reverse, inputs, lead),
            Op::Matmul => linalg::batch_matmul(inputs, lead),
            Op::TriangularSolve(solve) => solve.batch(inputs, lead),
            Op::Random { kind, shape } => random::batch(kind, shape, inputs, lead),
            Op::Scan(scan) => scan.batch(inputs, lead),
            Op::Custom(custom) => custom::batch(custom, inputs, lead),
        }
    }
}

/// The inputs of an operation that takes `N`.
fn arity<'a, const N: usize>(op: &Op, inputs: &[&'a TensorType]) -> Result<[&'a TensorType; N]> {
    inputs
        .try_into()
        .map_err(|_| Error::argument(op.name(), format!("takes {N} inputs, {} were given", inputs.len())))
}

/// Checks that a dimension number is within a rank.
fn axis_within(op: &Op, axis: usize, input: &TensorType) -> Result<()> {
    if axis < input.shape.rank() {
        return Ok(());
    }
    let reason = format!("dimension {axis} does not exist");
    Err(Error::shape(op.name(), [&input.shape], reason))
}

fn dtype_error(op: &Op, inputs: &[&TensorType], reason: impl Into<String>) -> Error {
    let dtypes = inputs.iter().map(|t| t.dtype).collect();
    crate::ErrorKind::DType { op: op.name().into_owned(), dtypes, reason: reason.into() }.into()
}

/// The common broadcast shape of all inputs.
fn broadcast_all(op: &Op, inputs: &[&TensorType]) -> Result<Shape> {
    let Some((first, rest)) = inputs.split_first() else { return Ok(Shape::scalar()) };
    let mut shape = first.shape.clone();
    for input in rest {
        shape = shape.broadcast(&input.shape).ok_or_else(|| {
            Error::shape(op.name(), inputs.iter().map(|t| &t.shape), "shapes do not broadcast")
        })?;
    }
    Ok(shape)
}
