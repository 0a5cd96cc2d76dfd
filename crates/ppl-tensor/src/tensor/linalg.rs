//! Matrix products, factors and triangular systems, over the last dimensions.

use crate::op::TriangularSolve;
use crate::{Op, Tensor};

impl Tensor {
    /// Matrix product `[…, m, k] · […, k, n]`; leading dimensions broadcast. A vector is a row on the left and a column
    /// on the right, and its dimension is dropped from the result, as in NumPy.
    #[track_caller]
    pub fn matmul(&self, other: impl Into<Tensor>) -> Tensor {
        let other = other.into();
        let (row, column) = (self.rank() == 1, other.rank() == 1);
        let left = if row { self.unsqueeze(0) } else { self.clone() };
        let right = if column { other.unsqueeze(1) } else { other };
        let product = Tensor::apply(Op::Matmul, &[&left, &right]);
        let product = if column { product.squeeze(-1) } else { product };
        match (row, column) {
            (false, _) => product,
            (true, true) => product.squeeze(-1),
            (true, false) => product.squeeze(-2),
        }
    }

    /// Lower Cholesky factor of each matrix of the last two dimensions, from its lower triangle; NaN where a matrix is
    /// not positive definite.
    #[track_caller]
    pub fn cholesky(&self) -> Tensor {
        Tensor::apply(Op::Cholesky, &[self])
    }

    /// Solution `X` of `L X = B` for this lower triangular `L` of shape `[…, n, n]` and `B` of `[…, n, m]`.
    #[track_caller]
    pub fn solve_lower(&self, right: impl Into<Tensor>) -> Tensor {
        let solve = TriangularSolve { upper: false, transpose: false };
        Tensor::apply(Op::TriangularSolve(solve), &[self, &right.into()])
    }

    /// Solution `X` of `Lᵀ X = B` for this lower triangular `L`.
    #[track_caller]
    pub fn solve_lower_transposed(&self, right: impl Into<Tensor>) -> Tensor {
        let solve = TriangularSolve { upper: false, transpose: true };
        Tensor::apply(Op::TriangularSolve(solve), &[self, &right.into()])
    }

    /// Solution `X` of `U X = B` for this upper triangular `U` of shape `[…, n, n]` and `B` of `[…, n, m]`.
    #[track_caller]
    pub fn solve_upper(&self, right: impl Into<Tensor>) -> Tensor {
        let solve = TriangularSolve { upper: true, transpose: false };
        Tensor::apply(Op::TriangularSolve(solve), &[self, &right.into()])
    }

    /// Logarithm of the determinant of each positive definite matrix of the last two dimensions, from its lower
    /// triangle through its Cholesky factor; NaN where a matrix is not positive definite.
    #[track_caller]
    pub fn logdet(&self) -> Tensor {
        2.0 * self.cholesky().diagonal().log().sum(-1)
    }

    /// Eigenvalues `[…, n]`, ascending, and eigenvectors `[…, n, n]`, as columns, of symmetric matrices `[…, n, n]`,
    /// from their lower triangles; NaN for a matrix that is not finite.
    ///
    /// Each vector has length 1 and its largest entry positive. Gradients take equal eigenvalues for a space of which
    /// any basis is as good: they are right for functions that do not depend on the choice, such as a sum over all
    /// eigenvalues of a function of each. Nearly equal ones make the gradients of vectors large (Giles 2008, "Collected
    /// matrix derivative results").
    #[track_caller]
    pub fn eigh(&self) -> (Tensor, Tensor) {
        let packed = Tensor::apply(Op::SymmetricEigen, &[self]);
        match packed.size(-1) {
            Ok(n) => (packed.select_index(-2, 0), packed.slice(-2, 1..n + 1)),
            Err(error) => (Tensor::failure(error.clone()), Tensor::failure(error)),
        }
    }

    /// Sum of the diagonal of matrices `[…, n, n]`.
    #[track_caller]
    pub fn trace(&self) -> Tensor {
        self.diagonal().sum(-1)
    }

    /// The diagonal `[…, n]` of matrices `[…, n, n]`.
    #[track_caller]
    pub fn diagonal(&self) -> Tensor {
        let sizes = |dim| self.dim("diagonal", dim).map(|dim| self.shape()[dim]);
        match sizes(-1).and_then(|n| sizes(-2).map(|m| (n, m))) {
            Ok((n, m)) if n == m => {
                let flat =
                    self.shape()[..self.rank() - 2].iter().copied().chain([n * n]).collect::<crate::Shape>();
                // Entries i·(n + 1) of the flattened matrix.
                self.reshape(flat).slice_by(-1, 0..n * n, n + 1)
            }
            Ok(_) => {
                Tensor::failure(crate::Error::shape("diagonal", [&self.shape()], "matrices are not square"))
            }
            Err(error) => Tensor::failure(error),
        }
    }

    /// Matrices `[…, n, n]` with this `[…, n]` on their diagonals.
    #[track_caller]
    pub fn diagonal_matrix(&self) -> Tensor {
        match self.dim("diagonal_matrix", -1) {
            // A choice, not a product: zeros stay zeros beside infinities.
            Ok(dim) => Tensor::eye(self.shape()[dim]).gt(0.5).select(self.unsqueeze(-1), 0.0),
            Err(error) => Tensor::failure(error),
        }
    }

    /// The matrices with zeros above the diagonal shifted up by `shift`.
    #[track_caller]
    pub fn tril(&self, shift: isize) -> Tensor {
        match self.dim("tril", -1) {
            Ok(dim) => Tensor::lower_triangle(self.shape()[dim], shift).select(self, 0.0),
            Err(error) => Tensor::failure(error),
        }
    }
}
