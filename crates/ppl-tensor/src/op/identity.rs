//! When two operations are the same.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Op;

/// Whether both give equal results of equal inputs, as far as it is known: loops and operations defined outside are the
/// same only if they are one object.
impl PartialEq for Op {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Op::Unary(a), Op::Unary(b)) => a == b,
            (Op::Binary(a), Op::Binary(b)) => a == b,
            (Op::Compare(a), Op::Compare(b)) => a == b,
            (Op::Logic(a), Op::Logic(b)) => a == b,
            (Op::Cast(a), Op::Cast(b)) => a == b,
            (Op::Broadcast(a), Op::Broadcast(b)) | (Op::Reshape(a), Op::Reshape(b)) => a == b,
            (Op::Permute(a), Op::Permute(b)) => a == b,
            (Op::Slice(a), Op::Slice(b)) => a == b,
            (Op::Pad(a), Op::Pad(b)) => a == b,
            (Op::Concat { axis: a }, Op::Concat { axis: b })
            | (Op::ArgSort { axis: a }, Op::ArgSort { axis: b })
            | (Op::ArgMax { axis: a }, Op::ArgMax { axis: b }) => a == b,
            (Op::Gather(a), Op::Gather(b)) => a == b,
            (Op::ScatterAdd(a), Op::ScatterAdd(b)) => a == b,
            (Op::Reduce { kind: a, axes: x }, Op::Reduce { kind: b, axes: y }) => (a, x) == (b, y),
            (Op::CumulativeSum { axis: a, reverse: x }, Op::CumulativeSum { axis: b, reverse: y })
            | (Op::LinearRecurrence { axis: a, reverse: x }, Op::LinearRecurrence { axis: b, reverse: y }) => {
                (a, x) == (b, y)
            }
            (Op::TriangularSolve(a), Op::TriangularSolve(b)) => a == b,
            (Op::Random { kind: a, shape: x }, Op::Random { kind: b, shape: y }) => (a, x) == (b, y),
            (Op::Scan(a), Op::Scan(b)) => Arc::ptr_eq(a, b),
            (Op::Custom(a), Op::Custom(b)) => Arc::ptr_eq(a, b),
            (Op::Select, Op::Select)
            | (Op::Matmul, Op::Matmul)
            | (Op::Cholesky, Op::Cholesky)
            | (Op::SymmetricEigen, Op::SymmetricEigen)
            | (Op::FoldIn, Op::FoldIn) => true,
            _ => false,
        }
    }
}

impl Eq for Op {}

/// By name and what tells most operations of one name apart.
impl Hash for Op {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
        match self {
            Op::Broadcast(shape) | Op::Reshape(shape) | Op::Random { shape, .. } => shape.hash(state),
            Op::Permute(dims) | Op::Reduce { axes: dims, .. } => dims.hash(state),
            Op::Slice(slice) => slice.hash(state),
            _ => {}
        }
    }
}
