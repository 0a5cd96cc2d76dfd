//! Instructions for operations that are in no loop.

use ppl_tensor::op::{Gather, Pad, ScatterAdd, Slice};
use ppl_tensor::{DType, HostTensor, Op, Result, Shape, TensorType};

use super::lower::{Lower, map_kernel};
use super::view::{View, row_major};
use crate::code::{Action, HostCall, Index, Step};
use crate::runtime::kernels::{self, Factor, Form, Sources};

/// Products of at most this many multiplications do without the machinery for large ones.
const SMALL_PRODUCT: usize = 1 << 15;

impl Lower<'_> {
    pub(super) fn operation(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Result<View> {
        if let Some(view) = self.shared(op, inputs, ty)? {
            return Ok(view);
        }
        let shape = &ty.shape;
        let view = match (op, inputs) {
            (Op::Broadcast(_), [x]) => Some(x.broadcast(shape)),
            (Op::Permute(order), [x]) => Some(x.permute(order)),
            (Op::Slice(Slice { axis, start, step, .. }), [x]) => Some(x.slice(*axis, *start, *step, shape)),
            (Op::Reshape(_), [x]) => Some(match x.reshape(shape) {
                Some(view) => view,
                None => {
                    let copy = self.contiguous(x);
                    View { shape: shape.clone(), strides: row_major(shape), ..copy }
                }
            }),
            (Op::Cast(to), [x]) if *to == self.dtype(x) => Some(x.clone()),
            (Op::Pad(pad), [x]) => Some(self.pad(pad, x, ty)),
            (Op::Concat { axis }, parts) => Some(self.concat(*axis, parts, ty)),
            (Op::Gather(gather), [x, indices]) => Some(self.gather(gather, x, indices, ty)),
            (Op::ScatterAdd(scatter), [x, indices]) if ty.dtype != DType::Bool => {
                Some(self.scatter(scatter, x, indices, ty))
            }
            (Op::Reduce { kind, axes }, [x]) => self.reduce(*kind, axes, x, ty),
            (Op::Matmul, [x, y]) => self.matmul(x, y, ty),
            (Op::CumulativeSum { .. } | Op::LinearRecurrence { .. }, _) => self.along(op, inputs, ty),
            (Op::Cholesky | Op::TriangularSolve(_), _) => self.factor(op, inputs, ty),
            _ => self.map(op, inputs, ty),
        };
        Ok(view.unwrap_or_else(|| self.host(op, inputs, ty)))
    }

    /// An operation on each element, if there is a kernel.
    pub(super) fn map(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Option<View> {
        let dtypes: Vec<DType> = inputs.iter().map(|input| self.dtype(input)).collect();
        let n = ty.shape.elements();
        let mut forms = [Form::Each; 3];
        let mut slots = Vec::with_capacity(3);
        let (call, _) = map_kernel(op, &dtypes, Sources { forms, single: false })?;
        let spreads = inputs.len() > 1 && call.spreads();
        for (form, input) in forms.iter_mut().zip(inputs) {
            let wide = input.broadcast(&ty.shape);
            if spreads && wide.is_uniform() && n != 1 {
                *form = Form::Same;
                slots.push(self.start(&wide));
            } else {
                let copy = self.contiguous(&wide);
                slots.push(self.start(&copy));
            }
        }
        let kernel = map_kernel(op, &dtypes, Sources { forms, single: n == 1 })?;
        let view = self.fresh(ty);
        let action = Action::Map { op: op.clone(), forms };
        self.run_as(action, kernel, &view, &slots, n, [0; 4]);
        Some(view)
    }

    fn reduce(
        &mut self,
        kind: ppl_tensor::op::Reduction,
        axes: &[usize],
        x: &View,
        ty: &TensorType,
    ) -> Option<View> {
        let dtype = self.dtype(x);
        let rows = kernels::reduce_rows(kind, dtype)?;
        let columns = kernels::reduce_columns(kind, dtype)?;
        let n = ty.shape.elements();
        let size: usize = axes.iter().map(|&axis| x.shape[axis]).product();
        let view = self.fresh(ty);
        let leading = axes.iter().enumerate().all(|(i, &axis)| i == axis);
        if leading && n > 1 && x.is_contiguous() {
            let slot = self.start(x);
            self.run_as(
                Action::Reduce { kind, rows: false },
                (columns, "reduce"),
                &view,
                &[slot],
                n,
                [size, 0, 0, 0],
            );
            return Some(view);
        }
        let kept = (0..x.shape.rank()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let neighbours = self.contiguous(&x.permute(&order));
        let slot = self.start(&neighbours);
        self.run_as(
            Action::Reduce { kind, rows: true },
            (rows, "reduce"),
            &view,
            &[slot],
            n,
            [size, 0, 0, 0],
        );
        Some(view)
    }

    fn pad(&mut self, pad: &Pad, x: &View, ty: &TensorType) -> View {
        let zero = HostTensor::full_as(ty.dtype, [], 0.0);
        let view = self.filled(ty, &zero);
        let inside = view.slice(pad.axis, pad.before, pad.interior + 1, &x.shape);
        if x.elements() > 0 {
            self.copy(x, &inside, false);
        }
        view
    }

    fn concat(&mut self, axis: usize, parts: &[View], ty: &TensorType) -> View {
        let view = self.fresh(ty);
        let mut start = 0;
        for part in parts {
            if part.elements() > 0 {
                self.copy(part, &view.slice(axis, start, 1, &part.shape), false);
            }
            start += part.shape[axis];
        }
        view
    }

    fn gather(&mut self, gather: &Gather, x: &View, indices: &View, ty: &TensorType) -> View {
        let (entries, batch, axis) = (x.shape.clone(), gather.batch, gather.axis);
        let size = entries[axis];
        self.index(false, &entries, (batch, axis, size), x, indices, ty)
    }

    fn scatter(&mut self, scatter: &ScatterAdd, x: &View, indices: &View, ty: &TensorType) -> View {
        let place = (scatter.batch, scatter.axis, scatter.size);
        self.index(true, &ty.shape, place, x, indices, ty)
    }

    /// `entries` is the shape of the array whose dimension `axis` the indices count.
    fn index(
        &mut self,
        adds: bool,
        entries: &Shape,
        (batch, axis, size): (usize, usize, usize),
        values: &View,
        indices: &View,
        ty: &TensorType,
    ) -> View {
        let (values, indices) = (self.contiguous(values), self.contiguous(indices));
        let view = match adds {
            true => self.filled(ty, &HostTensor::full_as(ty.dtype, [], 0.0)),
            false => self.fresh(ty),
        };
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        let index = Index {
            adds,
            dtype: ty.dtype,
            batch: product(&entries[..batch]),
            middle: product(&entries[batch..axis]),
            size,
            inner: product(&entries[axis + 1..]),
            chosen: product(&indices.shape[batch..]),
            values: self.start(&values),
            indices: self.start(&indices),
            to: self.start(&view),
        };
        self.code.steps.push(Step::Index(Box::new(index)));
        view
    }

    fn matmul(&mut self, x: &View, y: &View, ty: &TensorType) -> Option<View> {
        let rank = |view: &View| view.shape.rank();
        let (m, k) = (x.shape[rank(x) - 2], x.shape[rank(x) - 1]);
        let n = y.shape[rank(y) - 1];
        let total = ty.shape.elements();
        let count = total / (m * n).max(1);
        let ((x, one_left), (y, one_right)) = (matrices(x, count, ty), matrices(y, count, ty));
        if m * k * n > SMALL_PRODUCT {
            let kernel = kernels::large_matmul(ty.dtype)?;
            let ((x, first), (y, second)) = (self.dense(&x, one_left), self.dense(&y, one_right));
            let (slots, view) = ([self.start(&x), self.start(&y)], self.fresh(ty));
            let immediate = kernels::product_immediate([m, k, n], [first, second]);
            self.run((kernel, "matmul"), &view, &slots, total, immediate);
            return Some(view);
        }
        let kernel = kernels::small_matmul(ty.dtype)?;
        let (x, y) = (self.contiguous(&x), self.contiguous(&y));
        let (slots, view) = ([self.start(&x), self.start(&y)], self.fresh(ty));
        let immediate = [m, k, n, usize::from(one_left) | usize::from(one_right) << 1];
        if count == 1 {
            self.run_as(Action::Matmul, (kernel, "matmul"), &view, &slots, total, immediate);
        } else {
            self.run((kernel, "matmul"), &view, &slots, total, immediate);
        }
        Some(view)
    }

    /// A factor whose rows, or columns, are stored one after the other.
    fn dense(&mut self, view: &View, one: bool) -> (View, Factor) {
        let rank = view.shape.rank();
        let order: Vec<usize> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        let transposed = !view.is_contiguous() && view.permute(&order).is_contiguous();
        let view = if transposed { view.clone() } else { self.contiguous(view) };
        (view, Factor { transposed, one })
    }

    /// An operation without a kernel: one that users define.
    fn host(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> View {
        let inputs = inputs.iter().map(|input| self.contiguous(input)).collect();
        let to = self.buffer(ty.dtype, ty.shape.elements());
        self.code.steps.push(Step::Host(Box::new(HostCall { op: op.clone(), inputs, ty: ty.clone(), to })));
        View::whole(to, &ty.shape)
    }
}

/// Matrices for each of `count` results, or one for all: those of batches that broadcast in part are repeated.
pub(super) fn matrices(view: &View, count: usize, ty: &TensorType) -> (View, bool) {
    let (batch, matrix) = (&ty.shape[..ty.shape.rank() - 2], &view.shape[view.shape.rank() - 2..]);
    let own: usize = view.shape[..view.shape.rank() - 2].iter().product();
    if own == 1 || own == count {
        return (view.clone(), own == 1);
    }
    (view.broadcast(&batch.iter().chain(matrix).copied().collect()), false)
}
