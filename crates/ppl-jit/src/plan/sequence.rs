//! Instructions for what goes along a dimension in order, and for factorisations and triangular systems.

use ppl_tensor::{Op, TensorType};

use super::lower::Lower;
use super::operation::matrices;
use super::view::View;
use crate::runtime::kernels::{self, Order, Triangle};

impl Lower<'_> {
    /// A running sum or a linear recurrence, if there is a kernel.
    pub(super) fn along(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Option<View> {
        let (axis, reverse) = match *op {
            Op::CumulativeSum { axis, reverse } | Op::LinearRecurrence { axis, reverse } => (axis, reverse),
            _ => return None,
        };
        let inner = ty.shape[axis + 1..].iter().product();
        let order = Order { size: ty.shape[axis], inner, reverse };
        let n = ty.shape.elements();
        match (op, inputs) {
            (Op::CumulativeSum { .. }, [x]) => {
                let kernel = kernels::cumulative_sum(ty.dtype)?;
                let terms = self.contiguous(x);
                let (slot, view) = (self.start(&terms), self.fresh(ty));
                self.run((kernel, "cumsum"), &view, &[slot], n, order.immediate(false));
                Some(view)
            }
            (Op::LinearRecurrence { .. }, [factor, term]) => {
                let kernel = kernels::linear_recurrence(ty.dtype)?;
                let is_one = factor.is_uniform();
                let factors = if is_one { factor.clone() } else { self.contiguous(factor) };
                let terms = self.contiguous(term);
                let (slots, view) = ([self.start(&factors), self.start(&terms)], self.fresh(ty));
                self.run((kernel, "linear_recurrence"), &view, &slots, n, order.immediate(is_one));
                Some(view)
            }
            _ => None,
        }
    }

    /// A Cholesky factor or the solution of triangular systems, if there is a kernel.
    pub(super) fn factor(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Option<View> {
        let n = ty.shape.elements();
        let (batch, &[rows, columns]) = ty.shape.split_last_chunk::<2>()?;
        match (op, inputs) {
            (Op::Cholesky, [x]) => {
                let kernel = kernels::cholesky(ty.dtype)?;
                let matrix = self.contiguous(x);
                let (slot, view) = (self.start(&matrix), self.fresh(ty));
                self.run((kernel, "cholesky"), &view, &[slot], n, [rows, 0, 0, 0]);
                Some(view)
            }
            (Op::TriangularSolve(solve), [a, b]) => {
                let kernel = kernels::triangular_solve(ty.dtype)?;
                let systems: usize = batch.iter().product();
                let ((a, one_matrix), (b, one_side)) = (matrices(a, systems, ty), matrices(b, systems, ty));
                let triangle = Triangle { solve: *solve, rows, columns, one_matrix, one_side };
                let (a, b) = (self.contiguous(&a), self.contiguous(&b));
                let (slots, view) = ([self.start(&a), self.start(&b)], self.fresh(ty));
                self.run((kernel, "triangular_solve"), &view, &slots, n, triangle.immediate());
                Some(view)
            }
            _ => None,
        }
    }
}
