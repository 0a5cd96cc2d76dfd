//! Tensors: arrays with implicit axes, and what users do with them.

mod constant;
mod implicit;
mod linalg;
mod manipulate;
mod math;
mod ode;
mod operators;
mod reduce;
mod scan;
mod sort;

pub use implicit::vmap;
pub use ode::{OdeCourse, integrate_ode};
pub use scan::scan;

use std::fmt;
use std::panic::Location;

use smallvec::SmallVec;

use crate::array::{Array, Inputs};
use crate::axes::{Axes, union};
use crate::shape::Dims;
use crate::{DType, Device, Element, Error, ErrorKind, HostTensor, Op, Result, Shape, TensorType};

/// An immutable array of numbers or truth values on some device, with a positional shape and a set of implicit axes.
///
/// Operations broadcast positional shapes as NumPy does, and meet implicit axes by identity. A failed operation gives a
/// tensor that carries the error through further operations; it comes out of the first method that returns a `Result`
/// ([`Tensor::check`], [`Tensor::to_vec`], [`grad`](crate::grad), …). Cheap to clone.
#[derive(Clone)]
pub struct Tensor {
    array: Array,
    axes: Axes,
}

impl Tensor {
    pub(crate) fn from_array(array: Array) -> Self {
        Self { array, axes: Axes::new() }
    }

    /// The array must have the axes' sizes as its leading dimensions.
    pub(crate) fn with_axes(array: Array, axes: Axes) -> Self {
        debug_assert!(
            array.failed() || array.shape().iter().take(axes.len()).copied().eq(axes.iter().map(|a| a.size))
        );
        Self { array, axes }
    }

    pub(crate) fn array(&self) -> &Array {
        &self.array
    }

    /// The physical array of a tensor without implicit axes.
    pub(crate) fn into_array(self) -> Array {
        self.array
    }

    /// A tensor that carries an error, with the caller's line.
    #[track_caller]
    pub fn failure(error: Error) -> Self {
        Self::from_array(Array::failure(&Device::cpu(), error.at(Location::caller())))
    }

    /// The error this tensor carries, if it failed.
    pub fn error(&self) -> Option<&Error> {
        self.array.error()
    }

    /// This tensor, or the error it carries.
    ///
    /// # Errors
    /// If the operation that made it, or one before, failed.
    pub fn check(&self) -> Result<&Self> {
        match self.array.error() {
            Some(error) => Err(error.clone()),
            None => Ok(self),
        }
    }

    /// Positional sizes; those of a scalar if the tensor failed.
    pub fn shape(&self) -> Shape {
        match self.array.failed() {
            true => Shape::scalar(),
            false => self.array.shape()[self.axes.len()..].into(),
        }
    }

    /// Number of positional dimensions.
    pub fn rank(&self) -> usize {
        self.array.shape().rank().saturating_sub(self.axes.len())
    }

    /// Size of a positional dimension, counted from the end if negative.
    ///
    /// # Errors
    /// If there is no such dimension, or the tensor failed.
    pub fn size(&self, dim: isize) -> Result<usize> {
        let dim = self.dim("size", dim)?;
        Ok(self.shape()[dim])
    }

    /// Implicit axes.
    pub fn axes(&self) -> &Axes {
        &self.axes
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.array.dtype()
    }

    /// Where it lives.
    pub fn device(&self) -> &Device {
        self.array.device()
    }

    /// Whether it is made from Rust numbers alone, and takes dtype and device of what it meets.
    pub fn is_weak(&self) -> bool {
        self.array.is_weak()
    }

    /// Whether it belongs to a program being traced, so that its value is not known.
    pub fn is_traced(&self) -> bool {
        self.array.is_traced()
    }

    /// Whether gradients flow through it.
    pub fn is_tracked(&self) -> bool {
        self.array.tape().is_some()
    }

    /// The same value as a leaf of which gradients can be asked ([`grad`](crate::grad)).
    pub fn tracked(&self) -> Self {
        Self { array: self.array.tracked(), axes: self.axes.clone() }
    }

    /// The same value, through which no gradient flows.
    pub fn detach(&self) -> Self {
        Self { array: self.array.detach(), axes: self.axes.clone() }
    }

    /// The same elements on another device; a weak tensor becomes one of that device's default float,
    /// or stays of `F32` if it was made so.
    #[track_caller]
    pub fn to_device(&self, device: &Device) -> Self {
        let moved = match self.is_weak() {
            true => self.array.strong(device),
            false => self.array.to_device(device),
        };
        Self { array: moved, axes: self.axes.clone() }.located(Location::caller())
    }

    /// All elements in row-major order.
    ///
    /// # Errors
    /// If the tensor failed, is traced, has implicit axes, or is of another dtype.
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let location = Location::caller();
        self.read("to_vec").and_then(|data| data.as_slice().map(<[T]>::to_vec)).map_err(|e| e.at(location))
    }

    /// All elements as 64-bit floats in row-major order; truth values become 0 and 1.
    ///
    /// # Errors
    /// If the tensor failed, is traced, or has implicit axes.
    #[track_caller]
    pub fn to_f64(&self) -> Result<Vec<f64>> {
        let location = Location::caller();
        self.read("to_f64").map(|data| data.to_f64()).map_err(|e| e.at(location))
    }

    /// The value of a tensor of one element, as a 64-bit float.
    ///
    /// # Errors
    /// If the tensor failed, is traced, has implicit axes, or has not one element.
    #[track_caller]
    pub fn to_scalar(&self) -> Result<f64> {
        let location = Location::caller();
        let read = || match self.read("to_scalar")?.to_f64()[..] {
            [value] => Ok(value),
            _ => Err(Error::shape("to_scalar", [&self.shape()], "has not one element")),
        };
        read().map_err(|e| e.at(location))
    }

    /// The elements in host memory.
    ///
    /// # Errors
    /// If the tensor failed, is traced, or has implicit axes.
    #[track_caller]
    pub fn to_host(&self) -> Result<HostTensor> {
        let location = Location::caller();
        self.read("to_host").map_err(|e| e.at(location))
    }

    fn read(&self, reader: &str) -> Result<HostTensor> {
        self.check()?;
        if let Some(axis) = self.axes.first() {
            let reason =
                format!("the value is per row of {axis}: read it outside, where rows are positional");
            return Err(Error::axis(reader, reason));
        }
        self.array.download(reader)
    }

    /// Applies an operation of the table to tensors: implicit axes are resolved by its batching rule.
    #[track_caller]
    pub fn apply(op: Op, inputs: &[&Tensor]) -> Tensor {
        let location = Location::caller();
        Self::resolve(op, inputs).located(location)
    }

    #[track_caller]
    fn resolve(op: Op, inputs: &[&Tensor]) -> Tensor {
        if inputs.iter().all(|x| x.axes.is_empty()) {
            let arrays = match inputs {
                [x] => smallvec::smallvec![x.array.clone()],
                [x, y] => smallvec::smallvec![x.array.clone(), y.array.clone()],
                _ => inputs.iter().map(|x| x.array.clone()).collect(),
            };
            return Self::from_array(Array::apply_owned(op, arrays));
        }
        if let Some(failed) = inputs.iter().find(|x| x.array.failed()) {
            return (*failed).clone();
        }
        let axes = match common_axes(&op, inputs) {
            Ok(axes) => axes,
            Err(error) => return Self::failure(error),
        };
        let lead = axes.len();
        let array = if matches!(op, Op::Binary(_) | Op::Compare(_) | Op::Logic(_) | Op::Select | Op::FoldIn) {
            let rank = inputs.iter().map(|x| x.rank()).max().unwrap_or(0);
            let aligned: Inputs = inputs.iter().map(|x| x.aligned(&axes, rank)).collect();
            Array::apply_owned(op, aligned)
        } else {
            match Self::fitting(&op, inputs) {
                Ok(fitting) => op.batch(
                    &fitting.iter().map(|x| x.expanded(&axes)).collect::<SmallVec<[Array; 3]>>(),
                    lead,
                ),
                Err(error) => return Self::failure(error),
            }
        };
        if array.failed() {
            return Self { array: positional_error(op_error(&array), inputs), axes: Axes::new() };
        }
        Self { array, axes }
    }

    /// The inputs, weak ones made strong, if one row of them fits the operation. Batching rules rely on it: to them a
    /// row of vectors looks like a matrix.
    fn fitting(op: &Op, inputs: &[&Tensor]) -> Result<SmallVec<[Tensor; 3]>> {
        let mut arrays: Inputs = inputs.iter().map(|x| x.array.clone()).collect();
        Array::meet(op, &mut arrays)?;
        let row =
            |(array, x): (&Array, &&Tensor)| TensorType::new(array.dtype(), &array.shape()[x.axes.len()..]);
        let types: SmallVec<[TensorType; 3]> = arrays.iter().zip(inputs).map(row).collect();
        op.output_type(&types.iter().collect::<SmallVec<[&TensorType; 3]>>())?;
        Ok(arrays.into_iter().zip(inputs).map(|(array, x)| Self { array, axes: x.axes.clone() }).collect())
    }

    /// The physical array with all of `axes` in front, of size 1 where this tensor lacks one.
    fn expanded(&self, axes: &Axes) -> Array {
        self.with_rank(axes, self.rank())
    }

    /// The physical array, to be broadcast with others from the right. A tensor without axes needs nothing in front.
    fn aligned(&self, axes: &Axes, rank: usize) -> Array {
        if self.axes.is_empty() { self.array.clone() } else { self.with_rank(axes, rank) }
    }

    fn with_rank(&self, axes: &Axes, rank: usize) -> Array {
        if self.axes == *axes && self.rank() == rank {
            return self.array.clone();
        }
        let lead = axes.iter().map(|axis| if self.axes.contains(axis) { axis.size } else { 1 });
        let padding = std::iter::repeat_n(1, rank - self.rank());
        let inner = self.array.shape()[self.axes.len()..].iter().copied();
        self.array.reshape(lead.chain(padding).chain(inner).collect())
    }

    /// Adds the caller's line to an error this tensor carries.
    fn located(self, location: &'static Location<'static>) -> Self {
        match self.array.error() {
            Some(error) if error.location().is_none() => {
                let error = error.clone().at(location);
                Self::from_array(Array::failure(self.array.device(), error))
            }
            _ => self,
        }
    }

    /// A dimension number counted from the start.
    pub(crate) fn dim(&self, op: &str, dim: isize) -> Result<usize> {
        self.check()?;
        let rank = self.rank();
        let from_start = if dim < 0 { dim.checked_add_unsigned(rank) } else { Some(dim) };
        from_start
            .and_then(|dim| usize::try_from(dim).ok())
            .filter(|&dim| dim < rank)
            .ok_or_else(|| Error::shape(op, [&self.shape()], format!("dimension {dim} does not exist")))
    }

    pub(crate) fn dims(&self, op: &str, dims: &[isize]) -> Result<Dims> {
        let mut out = dims.iter().map(|&dim| self.dim(op, dim)).collect::<Result<Dims>>()?;
        out.sort_unstable();
        if let Some(pair) = out.windows(2).find(|pair| pair[0] == pair[1]) {
            let reason = format!("dimension {} is named twice", pair[0]);
            return Err(Error::shape(op, [&self.shape()], reason));
        }
        Ok(out)
    }

    /// The operation that `make` chooses, or the error it gives, carried.
    #[track_caller]
    fn try_apply(&self, make: impl FnOnce() -> Result<Op>) -> Tensor {
        match make() {
            Ok(op) => Self::apply(op, &[self]),
            Err(error) => Self::failure(error),
        }
    }
}

fn op_error(array: &Array) -> Error {
    array.error().cloned().unwrap_or_else(|| Error::argument("tensor", "failed without a reason"))
}

/// Under implicit axes a rule reports physical shapes; users know only positional ones.
fn positional_error(error: Error, inputs: &[&Tensor]) -> Array {
    let device = inputs.first().map_or_else(Device::cpu, |x| x.device().clone());
    let error = match error.kind() {
        ErrorKind::Shape { op, reason, .. } => {
            let shapes: Vec<Shape> = inputs.iter().map(|x| x.shape()).collect();
            Error::shape(op.clone(), &shapes, reason.clone())
        }
        _ => error,
    };
    Array::failure(&device, error)
}

fn common_axes(op: &Op, inputs: &[&Tensor]) -> Result<Axes> {
    let mut axes = Axes::new();
    for input in inputs {
        if input.axes.is_empty() || input.axes == axes {
            continue;
        }
        axes = union(&axes, &input.axes).map_err(|(left, right)| {
            let reason =
                format!("rows of {left} met rows of {right}: one of them is a subsample of other rows");
            Error::axis(op.name(), reason)
        })?;
    }
    Ok(axes)
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = self.error() {
            return write!(f, "Tensor(failed: {error})");
        }
        write!(f, "Tensor({} {}", self.dtype(), self.shape())?;
        for axis in &self.axes {
            write!(f, " per {axis}")?;
        }
        match self.read("debug") {
            Ok(data) if data.data().len() <= 16 => write!(f, ": {:?})", data.to_f64()),
            _ => write!(f, ")"),
        }
    }
}
