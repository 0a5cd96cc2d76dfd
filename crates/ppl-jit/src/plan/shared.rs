//! Instructions for random draws, and for what the host backend has functions on slices for.

use ppl_tensor::op::{RandomKind, Unary};
use ppl_tensor::slices::subsample_scratch;
use ppl_tensor::{DType, Op, Result, TensorType};

use super::lower::Lower;
use super::view::View;
use crate::runtime::kernels::{self, Call, Form};

/// Whether the host computes an operation in double precision, and rounds.
fn is_wide(op: &Op) -> bool {
    match op {
        Op::Cholesky | Op::SymmetricEigen | Op::ArgSort { .. } | Op::ArgMax { .. } => true,
        Op::Unary(kind) => matches!(kind, Unary::Polygamma(4..)),
        Op::Random { kind, .. } => !matches!(kind, RandomKind::Uniform(_) | RandomKind::Normal(_)),
        _ => false,
    }
}

impl Lower<'_> {
    /// Draws, sorting, eigenvalues, and what is done in double precision in either; none if it is none of these.
    pub(super) fn shared(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Result<Option<View>> {
        if is_wide(op) && inputs.iter().any(|input| self.dtype(input) == DType::F32) {
            return self.widened(op, inputs, ty).map(Some);
        }
        Ok(match (op, inputs) {
            (Op::Random { kind, shape }, [key, parameters @ ..]) => {
                self.random(*kind, shape.elements(), key, parameters, ty)
            }
            (Op::ArgSort { axis } | Op::ArgMax { axis }, [x]) => self.ordered(op, *axis, x, ty),
            (Op::SymmetricEigen, [x]) => self.eigen(x, ty),
            (Op::Unary(Unary::Polygamma(order @ 4..)), [x]) => self.polygamma(*order, x, ty),
            _ => None,
        })
    }

    /// An operation on single precision, in double precision.
    fn widened(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Result<View> {
        let wide: Vec<View> = inputs.iter().map(|input| self.cast(input, DType::F32, DType::F64)).collect();
        let dtype = if ty.dtype == DType::F32 { DType::F64 } else { ty.dtype };
        let view = self.operation(op, &wide, &TensorType::new(dtype, &ty.shape))?;
        Ok(self.cast(&view, DType::F64, ty.dtype))
    }

    /// The elements converted, if they are of dtype `from` and are not to be.
    fn cast(&mut self, view: &View, from: DType, to: DType) -> View {
        if self.dtype(view) != from || from == to {
            return view.clone();
        }
        let ty = TensorType::new(to, &view.shape);
        self.map(&Op::Cast(to), std::slice::from_ref(view), &ty).unwrap_or_else(|| view.clone())
    }

    fn random(
        &mut self,
        kind: RandomKind,
        count: usize,
        key: &View,
        parameters: &[View],
        ty: &TensorType,
    ) -> Option<View> {
        let n = ty.shape.elements();
        let keys = self.contiguous(key);
        let slot = self.start(&keys);
        if let RandomKind::Subsample { population } = kind {
            let immediate = [count, population, 0, 0];
            let scratch = subsample_scratch(count, population);
            return Some(self.with_scratch(kernels::subsample(), "random", slot, ty, scratch, immediate));
        }
        if parameters.is_empty() {
            let (kernel, view) = (kernels::draws(kind)?, self.fresh(ty));
            self.run((kernel, "random"), &view, &[slot], n, [count, 0, 0, 0]);
            return Some(view);
        }
        let kernel = kernels::draws_with_parameters(kind, ty.dtype)?;
        let (mut slots, mut forms) = ([slot; 3], [Form::Same; 2]);
        for (i, parameter) in parameters.iter().enumerate().take(2) {
            let wide = parameter.broadcast(&ty.shape);
            let one = if wide.is_uniform() { wide } else { self.contiguous(&wide) };
            forms[i] = if one.is_uniform() { Form::Same } else { Form::Each };
            slots[i + 1] = self.start(&one);
        }
        let view = self.fresh(ty);
        self.run((kernel, "random"), &view, &slots, n, kernels::draw_immediate(count, forms));
        Some(view)
    }

    /// Indices in the order of entries along a dimension.
    fn ordered(&mut self, op: &Op, axis: usize, x: &View, ty: &TensorType) -> Option<View> {
        let (dtype, size) = (self.dtype(x), x.shape[axis]);
        let immediate = [size, x.shape[axis + 1..].iter().product(), 0, 0];
        let values = self.contiguous(x);
        let slot = self.start(&values);
        if matches!(op, Op::ArgSort { .. }) {
            let kernel = kernels::arg_sort(dtype)?;
            return Some(self.with_scratch(kernel, "argsort", slot, ty, 2 * size, immediate));
        }
        let (kernel, view) = (kernels::arg_max(dtype)?, self.fresh(ty));
        self.run((kernel, "argmax"), &view, &[slot], ty.shape.elements(), immediate);
        Some(view)
    }

    fn eigen(&mut self, x: &View, ty: &TensorType) -> Option<View> {
        let (kernel, order) = (kernels::symmetric_eigen(ty.dtype)?, *x.shape.last()?);
        let matrices = self.contiguous(x);
        let slot = self.start(&matrices);
        Some(self.with_scratch(kernel, "eigh", slot, ty, 2 * order * order, [order, 0, 0, 0]))
    }

    fn polygamma(&mut self, order: u8, x: &View, ty: &TensorType) -> Option<View> {
        let kernel = kernels::polygamma_of_any_order(ty.dtype)?;
        let values = self.contiguous(x);
        let (slot, view) = (self.start(&values), self.fresh(ty));
        let immediate = [usize::from(order), 0, 0, 0];
        self.run((kernel, "polygamma"), &view, &[slot], ty.shape.elements(), immediate);
        Some(view)
    }

    /// An instruction with memory of its own: so many elements of 8 bytes.
    fn with_scratch(
        &mut self,
        kernel: kernels::Kernel,
        name: &'static str,
        source: crate::code::Slot,
        ty: &TensorType,
        scratch: usize,
        immediate: kernels::Immediate,
    ) -> View {
        let view = self.fresh(ty);
        let scratch = self.buffer(DType::I64, scratch);
        let slots = [source, self.slot(scratch, 0)];
        self.run((Call::Paired(kernel), name), &view, &slots, ty.shape.elements(), immediate);
        view
    }
}
