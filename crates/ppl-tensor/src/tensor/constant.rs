//! Tensors from Rust values.

use crate::array::Array;
use crate::host::has_memory;
use crate::{DType, Device, Element, Error, HostTensor, Result, Shape, Tensor};

impl Tensor {
    /// A tensor of `shape` from its elements in row-major order, on the CPU.
    ///
    /// # Errors
    /// If the number of elements is not that of the shape.
    pub fn new<T: Element>(shape: impl Into<Shape>, values: Vec<T>) -> Result<Tensor> {
        Device::cpu().upload(HostTensor::new(shape, values)?)
    }

    /// A constant with `value` everywhere, which takes dtype and device of what it meets.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: f64) -> Tensor {
        let shape = shape.into();
        if let Err(error) = addressable("full", &shape) {
            return Tensor::failure(error);
        }
        Self::from_array(Array::weak(HostTensor::full(shape, value)))
    }

    /// Zeros, which take dtype and device of what they meet.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>) -> Tensor {
        Self::full(shape, 0.0)
    }

    /// Ones, which take dtype and device of what they meet.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>) -> Tensor {
        Self::full(shape, 1.0)
    }

    /// The integers `0..n`, `I64`.
    #[track_caller]
    pub fn arange(n: usize) -> Tensor {
        if let Err(error) = addressable("arange", &Shape::from([n])) {
            return Tensor::failure(error);
        }
        Self::from_array(Array::weak(HostTensor::from((0..n as i64).collect::<Vec<i64>>())))
    }

    /// The `n × n` identity matrix, which takes dtype and device of what it meets.
    #[track_caller]
    pub fn eye(n: usize) -> Tensor {
        square("eye", n, |row, column| f64::from(u8::from(row == column)))
    }

    /// A truth value for each entry of an `n × n` matrix: on or below the diagonal shifted up by `shift`.
    #[track_caller]
    pub fn lower_triangle(n: usize, shift: isize) -> Tensor {
        square("lower_triangle", n, |row, column| column as isize <= (row as isize).saturating_add(shift))
    }

    /// Zeros of this tensor's positional shape, axes, dtype and device.
    pub fn zeros_like(&self) -> Tensor {
        match self.error() {
            Some(_) => self.clone(),
            None => Self::with_axes(self.array().zeros_like(), self.axes().clone()),
        }
    }

    /// A constant scalar of this tensor's dtype and device.
    pub fn scalar_like(&self, value: f64) -> Tensor {
        Self::from_array(self.array().scalar_like(value))
    }
}

fn addressable(op: &str, shape: &Shape) -> Result<()> {
    if shape.is_addressable() && has_memory(shape) { Ok(()) } else { Err(Error::memory(op, shape)) }
}

/// A weak `n × n` matrix from its entries by row and column.
#[track_caller]
fn square<T: Element>(op: &str, n: usize, entry: impl Fn(usize, usize) -> T) -> Tensor {
    let shape = Shape::from([n, n]);
    let entries = || (0..n * n).map(|i| entry(i / n, i % n)).collect();
    match addressable(op, &shape).and_then(|()| HostTensor::new(&shape, entries())) {
        Ok(matrix) => Tensor::from_array(Array::weak(matrix)),
        Err(error) => Tensor::failure(error),
    }
}

impl<T: Element> From<Vec<T>> for HostTensor {
    /// A vector.
    fn from(values: Vec<T>) -> Self {
        let (shape, data) = (Shape::from([values.len()]), T::wrap(std::sync::Arc::new(values)));
        Self::of_vector(shape, data)
    }
}

macro_rules! weak_scalar {
    ($($type:ty as $element:ty),*) => {$(
        impl From<$type> for Tensor {
            /// A scalar that takes dtype and device of what it meets.
            fn from(value: $type) -> Self {
                Self::from_array(Array::weak(HostTensor::scalar(value as $element)))
            }
        }
    )*};
}

weak_scalar!(f64 as f64, f32 as f32, i64 as i64, i32 as i64, bool as bool);

impl From<usize> for Tensor {
    /// An `I64` scalar that takes dtype and device of what it meets.
    fn from(value: usize) -> Self {
        Self::from_array(Array::weak(HostTensor::scalar(value as i64)))
    }
}

impl<T: Element> From<Vec<T>> for Tensor {
    /// A vector on the CPU.
    fn from(values: Vec<T>) -> Self {
        Self::from_array(Array::constant(&Device::cpu(), values.into()))
    }
}

impl<T: Element> From<&[T]> for Tensor {
    /// A vector on the CPU.
    fn from(values: &[T]) -> Self {
        values.to_vec().into()
    }
}

impl<T: Element, const N: usize> From<[T; N]> for Tensor {
    /// A vector on the CPU.
    fn from(values: [T; N]) -> Self {
        values.to_vec().into()
    }
}

impl<T: Element, const N: usize, const M: usize> From<[[T; M]; N]> for Tensor {
    /// A matrix on the CPU, from its rows.
    fn from(rows: [[T; M]; N]) -> Self {
        Self::from(rows.concat()).reshape([N, M])
    }
}

impl From<&Tensor> for Tensor {
    fn from(tensor: &Tensor) -> Self {
        tensor.clone()
    }
}

impl Tensor {
    /// The elements converted to a dtype; to `Bool`: whether not zero; to `I64`: truncated towards zero.
    ///
    /// A Rust number stays one: rounded to the dtype, it still takes dtype and device of what it meets.
    /// [`Tensor::to_device`] makes it a tensor like others.
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Tensor {
        if self.dtype() == dtype && !self.is_weak() {
            self.clone()
        } else {
            Self::apply(crate::Op::Cast(dtype), &[self])
        }
    }
}
