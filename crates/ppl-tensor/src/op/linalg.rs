//! Matrix products, Cholesky factors and triangular systems.

use super::{Op, arity, dtype_error};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::op::{Compare, Slice, Unary};
use crate::shape::Dims;
use crate::{Error, HostTensor, Result, Shape, TensorType};

/// Solves `A X = B` (or `Aᵀ X = B`) for `A` of shape `[…, n, n]`, `B` of `[…, n, m]`, reading one triangle of `A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TriangularSolve {
    /// Whether the upper triangle of `A` is read; otherwise the lower.
    pub upper: bool,
    /// Whether the transpose of `A` is solved for.
    pub transpose: bool,
}

/// Splits off the last two dimensions: of matrices.
fn matrix<'a>(op: &Op, x: &'a TensorType, inputs: &[&TensorType]) -> Result<(&'a [usize], usize, usize)> {
    match x.shape.split_last_chunk::<2>() {
        Some((batch, &[rows, columns])) => Ok((batch, rows, columns)),
        None => {
            Err(Error::shape(op.name(), inputs.iter().map(|t| &t.shape), "needs at least two dimensions"))
        }
    }
}

fn needs_floats(op: &Op, inputs: &[&TensorType]) -> Result<()> {
    let same = inputs.windows(2).all(|pair| pair[0].dtype == pair[1].dtype);
    if same && inputs.iter().all(|t| t.dtype.is_float()) {
        return Ok(());
    }
    Err(dtype_error(op, inputs, "needs floats of one dtype: use `cast`"))
}

/// The broadcast batch shape of two matrices.
fn batch_shape(op: &Op, inputs: [&TensorType; 2], left: &[usize], right: &[usize]) -> Result<Shape> {
    Shape::from(left).broadcast(&Shape::from(right)).ok_or_else(|| {
        Error::shape(op.name(), inputs.map(|t| &t.shape), "leading dimensions do not broadcast")
    })
}

pub(super) fn matmul_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x, y] = arity(op, inputs)?;
    needs_floats(op, inputs)?;
    let (left, m, k) = matrix(op, x, inputs)?;
    let (right, k_right, n) = matrix(op, y, inputs)?;
    if k != k_right {
        let reason = format!("inner sizes {k} and {k_right} differ");
        return Err(Error::shape(op.name(), [&x.shape, &y.shape], reason));
    }
    let batch = batch_shape(op, [x, y], left, right)?;
    Ok(TensorType::new(x.dtype, batch.concat(&[m, n])))
}

pub(super) fn cholesky_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    needs_floats(op, inputs)?;
    let (_, rows, columns) = matrix(op, x, inputs)?;
    if rows != columns {
        return Err(Error::shape(op.name(), [&x.shape], "needs square matrices"));
    }
    Ok(x.clone())
}

pub(super) fn symmetric_eigen_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let mut output = cholesky_type(op, inputs)?;
    let rows = output.shape.rank() - 2;
    output.shape.sizes_mut()[rows] += 1;
    Ok(output)
}

pub(super) fn triangular_solve_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [a, b] = arity(op, inputs)?;
    needs_floats(op, inputs)?;
    let (left, rows, columns) = matrix(op, a, inputs)?;
    let (right, size, m) = matrix(op, b, inputs)?;
    if rows != columns || columns != size {
        let reason = "needs a square matrix and a right side of as many rows";
        return Err(Error::shape(op.name(), [&a.shape, &b.shape], reason));
    }
    let batch = batch_shape(op, [a, b], left, right)?;
    Ok(TensorType::new(a.dtype, batch.concat(&[rows, m])))
}

pub(super) fn matmul_gradient(of: &Differentiate<'_>) -> Contributions {
    let (x, y, g) = (of.input(0), of.input(1), of.grad());
    // A right factor without batch dimensions meets all rows of the left in one product.
    let one_right = y.shape().rank() == 2 && x.shape().rank() > 2;
    let by_right = || {
        if one_right { fold_rows(&x).transpose().matmul(&fold_rows(&g)) } else { x.transpose().matmul(&g) }
    };
    of.two(|| g.matmul(&y.transpose()), by_right)
}

/// `[…, m, k]` as one matrix with all rows.
fn fold_rows(x: &Array) -> Array {
    let shape = x.shape();
    let columns = shape.last().copied().unwrap_or(1);
    let rows: usize = shape[..shape.rank() - 1].iter().product();
    x.reshape(Shape::from([rows, columns]))
}

/// The derivative through the lower triangle that the factorisation reads (Murray 2016, section 4).
pub(super) fn cholesky_gradient(of: &Differentiate<'_>) -> Contributions {
    let (l, g) = (of.output(), of.grad());
    let phi = l.transpose().matmul(&g).mul(&triangle_weights(&l, 1.0, 0.5, 0.0));
    let solve = |b: &Array| {
        Array::apply(
            Op::TriangularSolve(TriangularSolve { upper: false, transpose: true }),
            &[l.clone(), b.clone()],
        )
    };
    // S = L⁻ᵀ Φ L⁻¹, by two solves from the left.
    let s = solve(&solve(&phi).transpose()).transpose();
    of.one(s.add(&s.transpose()).mul(&triangle_weights(&l, 1.0, 0.5, 0.0)))
}

/// `V (diag(ḡ_w) + F ∘ (Vᵀ ḡ_V)) Vᵀ` with `Fᵢⱼ = 1 / (wⱼ - wᵢ)`, through the lower triangle (Giles 2008, section 3.1).
///
/// `F` is 0 where eigenvalues are equal: any basis of their space is as good, and a function that does not depend on the
/// choice needs no more. One that does has no derivative there.
pub(super) fn symmetric_eigen_gradient(of: &Differentiate<'_>) -> Contributions {
    let n = of.input(0).shape().last().copied().unwrap_or(0);
    let split = |packed: &Array| {
        let axis = packed.shape().rank().saturating_sub(2);
        let rows = |start, end| packed.apply1(Op::Slice(Slice { axis, start, end, step: 1 }));
        (rows(0, 1), rows(1, n + 1))
    };
    let ((values, vectors), (by_values, by_vectors)) = (split(&of.output()), split(&of.grad()));
    let zero = values.scalar_like(0.0);
    let apart = values.sub(&values.transpose());
    let equal = apart.compare(Compare::Eq, &zero);
    let weights =
        equal.select(&zero, &equal.select(&values.scalar_like(1.0), &apart).unary(Unary::Reciprocal));
    let inner = vectors.transpose().matmul(&by_vectors).mul(&weights);
    let inner = inner.add(&by_values.mul(&triangle_weights(&values, 0.0, 1.0, 0.0)));
    let s = vectors.matmul(&inner).matmul(&vectors.transpose());
    of.one(s.add(&s.transpose()).mul(&triangle_weights(&values, 1.0, 0.5, 0.0)))
}

impl TriangularSolve {
    pub(super) fn gradient(&self, of: &Differentiate<'_>) -> Contributions {
        let (a, x, g) = (of.input(0), of.output(), of.grad());
        let adjoint = Op::TriangularSolve(TriangularSolve { transpose: !self.transpose, ..*self });
        let by_right = Array::apply(adjoint, &[a.clone(), g]);
        let by_matrix = || {
            let product = match self.transpose {
                false => by_right.matmul(&x.transpose()),
                true => x.matmul(&by_right.transpose()),
            };
            let (lower, upper) = if self.upper { (0.0, -1.0) } else { (-1.0, 0.0) };
            product.mul(&triangle_weights(&a, lower, -1.0, upper))
        };
        of.two(by_matrix, || by_right.clone())
    }

    pub(super) fn batch(&self, inputs: &[Array], lead: usize) -> Array {
        super::elementwise::batch(&Op::TriangularSolve(*self), inputs, lead)
    }
}

/// A constant `[n, n]` matrix: one weight below the diagonal, one on it, one above.
fn triangle_weights(like: &Array, below: f64, on: f64, above: f64) -> Array {
    let n = like.shape().last().copied().unwrap_or(0);
    let weights = (0..n * n)
        .map(|i| match (i / n).cmp(&(i % n)) {
            std::cmp::Ordering::Greater => below,
            std::cmp::Ordering::Equal => on,
            std::cmp::Ordering::Less => above,
        })
        .collect();
    match HostTensor::new([n, n], weights) {
        // Weak, so that a device without 64-bit floats never sees them.
        Ok(weights) => Array::weak(weights),
        Err(error) => Array::failure(like.device(), error),
    }
}

/// One product for all rows: batch axes of the left factor alone become rows, of the right alone columns.
pub(super) fn batch_matmul(inputs: &[Array], lead: usize) -> Array {
    let [x, y] = inputs else { return Array::apply(Op::Matmul, inputs) };
    if x.shape().rank() > lead + 2 || y.shape().rank() > lead + 2 {
        // Positional batch dimensions already make this a batched product.
        return super::elementwise::batch(&Op::Matmul, inputs, lead);
    }
    let (Some(&[m, k]), Some(&[k_right, n])) = (x.shape().last_chunk::<2>(), y.shape().last_chunk::<2>())
    else {
        return Array::apply(Op::Matmul, inputs);
    };
    let size = |a: &Array, d: usize| a.shape()[d];
    let (both, rest): (Dims, Dims) = (0..lead).partition(|&d| size(x, d) != 1 && size(y, d) != 1);
    let (of_left, of_right): (Dims, Dims) = rest.into_iter().partition(|&d| size(y, d) == 1);
    let sizes = |a: &Array, dims: &[usize]| -> Dims { dims.iter().map(|&d| size(a, d)).collect() };
    let (shared, left, right) = (sizes(x, &both), sizes(x, &of_left), sizes(y, &of_right));
    let (left_rows, right_columns) = (left.iter().product::<usize>(), right.iter().product::<usize>());

    let chain = |parts: &[&[usize]]| -> Dims { parts.concat().into() };
    let rows = x
        .permute(chain(&[&both, &of_left, &of_right, &[lead, lead + 1]]))
        .reshape(Shape::from(&chain(&[&shared, &[left_rows * m, k]])[..]));
    let columns = y
        .permute(chain(&[&both, &of_left, &[lead], &of_right, &[lead + 1]]))
        .reshape(Shape::from(&chain(&[&shared, &[k_right, right_columns * n]])[..]));
    let product = rows.matmul(&columns);
    if product.failed() {
        return product;
    }

    let unfolded = product.reshape(Shape::from(&chain(&[&shared, &left, &[m], &right, &[n]])[..]));
    // Now: both, of_left, m, of_right, n. Back to the batch's own order.
    let (row, column) = (both.len() + of_left.len(), lead + 1);
    let position = |d: usize| -> usize {
        let of = |dims: &[usize]| dims.iter().position(|&e| e == d);
        of(&both)
            .or_else(|| of(&of_left).map(|p| both.len() + p))
            .or_else(|| of(&of_right).map(|p| row + 1 + p))
            .unwrap_or(0)
    };
    unfolded.permute((0..lead).map(position).chain([row, column]).collect())
}

#[cfg(test)]
mod tests {
    use crate::{DType, Op, TensorType};

    #[test]
    fn inner_sizes_must_agree() {
        let (x, y) = (TensorType::new(DType::F64, [2, 3]), TensorType::new(DType::F64, [4, 5]));
        let error = Op::Matmul.output_type(&[&x, &y]).unwrap_err();
        assert_eq!(error.to_string(), "matmul: inner sizes 3 and 4 differ (shapes [2, 3], [4, 5])");
    }
}
