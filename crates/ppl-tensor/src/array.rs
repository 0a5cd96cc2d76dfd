//! Arrays: a backend's buffer, a node of a graph being recorded, or the error that prevented either.
//!
//! Arrays are plain: autodiff and tracing live here and know nothing of implicit axes, which [`Tensor`](crate::Tensor)
//! adds.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::backend::AnyBuffer;
use crate::graph::{NodeId, Tracer};
use crate::op::{Binary, Compare, Reduction, Unary};
use crate::provenance::Provenance;
use crate::shape::Dims;
use crate::{DType, Device, Error, ErrorKind, HostTensor, Op, Result, Shape, TensorType};

/// The inputs of an operation.
pub(crate) type Inputs = SmallVec<[Array; 3]>;

/// A handle on an immutable array.
#[derive(Clone)]
pub(crate) struct Array(Arc<Inner>);

struct Inner {
    ty: TensorType,
    device: Device,
    value: Value,
    /// How the array was computed, if something it depends on is tracked for gradients.
    tape: Option<Tape>,
    /// Made from Rust numbers alone: takes dtype and device of what it meets.
    weak: bool,
    provenance: Provenance,
}

#[derive(Clone)]
pub(crate) enum Value {
    Concrete(AnyBuffer),
    Traced(Tracer, NodeId),
    Failed(Error),
}

/// One step of a recorded computation. Ids grow with time, so an input's is below its output's.
pub(crate) struct Tape {
    pub(crate) id: u64,
    /// `None` for a leaf, of which gradients are asked.
    pub(crate) step: Option<(Op, Inputs)>,
}

impl Tape {
    pub(crate) fn new(step: Option<(Op, Inputs)>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), step }
    }
}

impl Drop for Inner {
    /// Frees a long chain of inputs without recursion.
    fn drop(&mut self) {
        let Some(Tape { step: Some((_, inputs)), .. }) = self.tape.take() else { return };
        let mut pending: Vec<Array> = inputs.into_iter().collect();
        while let Some(array) = pending.pop() {
            let Some(mut inner) = Arc::into_inner(array.0) else { continue };
            if let Some(Tape { step: Some((_, inputs)), .. }) = inner.tape.take() {
                pending.extend(inputs);
            }
        }
    }
}

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
}

/// Runs `f` without recording operations for gradients, on this thread.
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    recording(false, f)
}

/// Whether operations are recorded for gradients, on this thread.
pub(crate) fn is_recording() -> bool {
    RECORDING.get()
}

/// Runs `f` with or without recording operations for gradients, on this thread.
pub(crate) fn recording<R>(on: bool, f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.set(self.0);
        }
    }
    let _restore = Restore(RECORDING.replace(on));
    f()
}

impl Array {
    fn new(ty: TensorType, device: Device, value: Value, tape: Option<Tape>, weak: bool) -> Self {
        Array(Arc::new(Inner { ty, device, value, tape, weak, provenance: Provenance::default() }))
    }

    /// The same value under another record, weakness and provenance.
    pub(crate) fn derived(&self, tape: Option<Tape>, weak: bool, provenance: Provenance) -> Self {
        let inner = &self.0;
        let (ty, device, value) = (inner.ty.clone(), inner.device.clone(), inner.value.clone());
        Array(Arc::new(Inner { ty, device, value, tape, weak, provenance }))
    }

    /// An array that carries an error.
    pub(crate) fn failure(device: &Device, error: Error) -> Self {
        let ty = TensorType::new(device.default_float(), Shape::scalar());
        Self::new(ty, device.clone(), Value::Failed(error), None, false)
    }

    pub(crate) fn upload(device: &Device, data: HostTensor) -> Result<Self> {
        let ty = data.tensor_type();
        let buffer = device.backend().upload(data)?;
        Ok(Self::new(ty, device.clone(), Value::Concrete(buffer), None, false))
    }

    /// A constant on a device, carrying the error if it cannot be uploaded.
    pub(crate) fn constant(device: &Device, data: HostTensor) -> Self {
        Self::upload(device, data).unwrap_or_else(|error| Self::failure(device, error))
    }

    /// A constant made from Rust numbers, which takes dtype and device of what it meets.
    pub(crate) fn weak(data: HostTensor) -> Self {
        let (ty, device) = (data.tensor_type(), Device::cpu());
        match device.backend().upload(data) {
            Ok(buffer) => Self::new(ty, device, Value::Concrete(buffer), None, true),
            Err(error) => Self::failure(&device, error),
        }
    }

    pub(crate) fn traced(device: &Device, tracer: Tracer, node: NodeId, ty: TensorType) -> Self {
        Self::new(ty, device.clone(), Value::Traced(tracer, node), None, false)
    }

    pub(crate) fn concrete(device: &Device, buffer: AnyBuffer, ty: TensorType) -> Self {
        Self::new(ty, device.clone(), Value::Concrete(buffer), None, false)
    }

    pub(crate) fn ty(&self) -> &TensorType {
        &self.0.ty
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.0.ty.shape
    }

    pub(crate) fn dtype(&self) -> DType {
        self.0.ty.dtype
    }

    pub(crate) fn device(&self) -> &Device {
        &self.0.device
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0.value
    }

    pub(crate) fn tape(&self) -> Option<&Tape> {
        self.0.tape.as_ref()
    }

    pub(crate) fn is_weak(&self) -> bool {
        self.0.weak
    }

    /// Whether both are handles on one array.
    pub(crate) fn is(&self, other: &Array) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn is_traced(&self) -> bool {
        matches!(self.0.value, Value::Traced(..))
    }

    pub(crate) fn error(&self) -> Option<&Error> {
        match &self.0.value {
            Value::Failed(error) => Some(error),
            _ => None,
        }
    }

    pub(crate) fn failed(&self) -> bool {
        self.error().is_some()
    }

    /// The same value as a leaf of which gradients can be asked.
    pub(crate) fn tracked(&self) -> Self {
        if self.failed() {
            return self.clone();
        }
        self.derived(Some(Tape::new(None)), false, self.0.provenance.clone())
    }

    /// The same value without the record of how it was computed.
    pub(crate) fn detach(&self) -> Self {
        if self.0.tape.is_none() {
            return self.clone();
        }
        self.derived(None, self.0.weak, self.0.provenance.clone())
    }

    /// The elements, copied to the host for a program that reads them.
    pub(crate) fn download(&self, reader: &str) -> Result<HostTensor> {
        self.0.provenance.note_read();
        self.fetch(reader)
    }

    pub(crate) fn provenance(&self) -> &Provenance {
        &self.0.provenance
    }

    pub(crate) fn fetch(&self, reader: &str) -> Result<HostTensor> {
        match &self.0.value {
            Value::Concrete(buffer) => self.0.device.backend().download(buffer),
            Value::Traced(tracer, _) => Err(tracer.unreadable(reader)),
            Value::Failed(error) => Err(error.clone()),
        }
    }

    /// The same elements on another device.
    pub(crate) fn to_device(&self, device: &Device) -> Self {
        if self.failed() || self.device().same_as(device) && !self.is_weak() {
            return self.clone();
        }
        if self.is_traced() || self.tape().is_some() {
            let (left, right) = (self.device().name().to_owned(), device.name().to_owned());
            let op = "to_device (of a traced or tracked tensor)".into();
            return Self::failure(device, ErrorKind::Device { op, left, right }.into());
        }
        match self.fetch("to_device").and_then(|data| Self::upload(device, data)) {
            Ok(moved) => moved.with_provenance(self.0.provenance.clone()),
            Err(error) => Self::failure(device, error),
        }
    }

    /// Applies an operation: runs it on the device, or records it in the trace its inputs belong to; and records it for
    /// gradients if an input is tracked. An input that carries an error passes it on.
    pub(crate) fn apply(op: Op, inputs: &[Array]) -> Array {
        Self::apply_owned(op, inputs.iter().cloned().collect())
    }

    pub(crate) fn apply_owned(op: Op, mut inputs: Inputs) -> Array {
        if let Some(failed) = inputs.iter().find(|x| x.failed()) {
            return failed.clone();
        }
        let weak = inputs.iter().all(|x| x.is_weak());
        let provenance = Provenance::of_result(&inputs);
        let device = match Self::meet(&op, &mut inputs) {
            Ok(device) => device,
            Err(error) => return Self::failure(&Device::cpu(), error),
        };
        match Self::compute(&op, &inputs, &device) {
            Ok((ty, value)) => {
                let records =
                    ty.dtype.is_float() && inputs.iter().any(|x| x.tape().is_some()) && RECORDING.get();
                let tape = records.then(|| Tape::new(Some((op, inputs))));
                if let (Value::Traced(tracer, node), Some(tape)) = (&value, &tape) {
                    tracer.record_tape(*node, tape.id);
                }
                Array(Arc::new(Inner { ty, device, value, tape, weak, provenance }))
            }
            Err(error) => Self::failure(&device, error),
        }
    }

    fn compute(op: &Op, inputs: &[Array], device: &Device) -> Result<(TensorType, Value)> {
        // Without a vector for the usual numbers of inputs: this runs once an operation.
        let ty = match inputs {
            [x] => op.output_type(&[x.ty()]),
            [x, y] => op.output_type(&[x.ty(), y.ty()]),
            _ => op.output_type(&inputs.iter().map(Array::ty).collect::<Vec<_>>()),
        }?;
        if let Some(tracer) = Tracer::of(op, inputs)? {
            let node = tracer.record(op, inputs, &ty)?;
            return Ok((ty, Value::Traced(tracer, node)));
        }
        let backend = device.backend();
        let buffers = (inputs.first().and_then(Array::buffer), inputs.get(1).and_then(Array::buffer));
        let buffer = match (buffers, inputs.len()) {
            ((Some(x), _), 1) => backend.run(op, &[x], &ty),
            ((Some(x), Some(y)), 2) => backend.run(op, &[x, y], &ty),
            _ => backend.run(op, &inputs.iter().filter_map(Array::buffer).collect::<Vec<_>>(), &ty),
        }?;
        Ok((ty, Value::Concrete(buffer)))
    }

    pub(crate) fn buffer(&self) -> Option<&AnyBuffer> {
        match &self.0.value {
            Value::Concrete(buffer) => Some(buffer),
            _ => None,
        }
    }
}

/// Shorthands for rules and drivers.
impl Array {
    pub(crate) fn apply1(&self, op: Op) -> Array {
        Self::apply_owned(op, smallvec::smallvec![self.clone()])
    }

    pub(crate) fn unary(&self, unary: Unary) -> Array {
        self.apply1(Op::Unary(unary))
    }

    pub(crate) fn binary(&self, binary: Binary, other: &Array) -> Array {
        Self::apply_owned(Op::Binary(binary), smallvec::smallvec![self.clone(), other.clone()])
    }

    pub(crate) fn compare(&self, compare: Compare, other: &Array) -> Array {
        Self::apply_owned(Op::Compare(compare), smallvec::smallvec![self.clone(), other.clone()])
    }

    pub(crate) fn neg(&self) -> Array {
        self.unary(Unary::Neg)
    }

    pub(crate) fn add(&self, other: &Array) -> Array {
        self.binary(Binary::Add, other)
    }

    pub(crate) fn sub(&self, other: &Array) -> Array {
        self.binary(Binary::Sub, other)
    }

    pub(crate) fn mul(&self, other: &Array) -> Array {
        self.binary(Binary::Mul, other)
    }

    pub(crate) fn div(&self, other: &Array) -> Array {
        self.binary(Binary::Div, other)
    }

    /// A scalar of this array's dtype and device.
    pub(crate) fn scalar_like(&self, value: f64) -> Array {
        Self::constant(self.device(), HostTensor::full_as(self.dtype(), Shape::scalar(), value))
    }

    pub(crate) fn zeros_like(&self) -> Array {
        Self::constant(self.device(), HostTensor::full_as(self.dtype(), self.shape(), 0.0))
    }

    pub(crate) fn add_scalar(&self, value: f64) -> Array {
        self.add(&self.scalar_like(value))
    }

    pub(crate) fn mul_scalar(&self, value: f64) -> Array {
        self.mul(&self.scalar_like(value))
    }

    /// `x` where this holds, `y` elsewhere.
    pub(crate) fn select(&self, x: &Array, y: &Array) -> Array {
        Self::apply_owned(Op::Select, smallvec::smallvec![self.clone(), x.clone(), y.clone()])
    }

    pub(crate) fn cast(&self, dtype: DType) -> Array {
        if self.dtype() == dtype { self.clone() } else { self.apply1(Op::Cast(dtype)) }
    }

    pub(crate) fn reshape(&self, shape: Shape) -> Array {
        if *self.shape() == shape { self.clone() } else { self.apply1(Op::Reshape(shape)) }
    }

    pub(crate) fn broadcast_to(&self, shape: Shape) -> Array {
        if *self.shape() == shape { self.clone() } else { self.apply1(Op::Broadcast(shape)) }
    }

    pub(crate) fn permute(&self, order: Dims) -> Array {
        if order.iter().copied().eq(0..self.shape().rank()) {
            self.clone()
        } else {
            self.apply1(Op::Permute(order))
        }
    }

    /// Swaps the last two dimensions.
    pub(crate) fn transpose(&self) -> Array {
        let rank = self.shape().rank();
        let mut order: Dims = (0..rank).collect();
        if rank >= 2 {
            order.swap(rank - 1, rank - 2);
        }
        self.permute(order)
    }

    pub(crate) fn matmul(&self, other: &Array) -> Array {
        Self::apply_owned(Op::Matmul, smallvec::smallvec![self.clone(), other.clone()])
    }

    pub(crate) fn sum(&self, axes: Dims) -> Array {
        if axes.is_empty() { self.clone() } else { self.apply1(Op::Reduce { kind: Reduction::Sum, axes }) }
    }

    /// Sums over dimensions that stay with size 1.
    pub(crate) fn sum_keeping(&self, axes: &[usize]) -> Array {
        let mut shape = self.shape().clone();
        for &axis in axes {
            shape.sizes_mut()[axis] = 1;
        }
        self.sum(axes.into()).reshape(shape)
    }

    /// Entry `row` of the first dimension, without it.
    pub(crate) fn row(&self, row: usize) -> Array {
        let shape = self.shape()[1..].into();
        self.apply1(Op::Slice(crate::op::Slice { axis: 0, start: row, end: row + 1, step: 1 })).reshape(shape)
    }

    /// Sums over broadcast dimensions so that the result has shape `target`, which broadcasts to this shape.
    pub(crate) fn sum_to(&self, target: &Shape) -> Array {
        if self.shape() == target || self.failed() {
            return self.clone();
        }
        let extra = self.shape().rank().saturating_sub(target.rank());
        let widened = |d: usize| d < extra || target[d - extra] == 1 && self.shape()[d] != 1;
        let axes = (0..self.shape().rank()).filter(|&d| widened(d)).collect();
        self.sum(axes).reshape(target.clone())
    }
}
