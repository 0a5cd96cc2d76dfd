//! Plain values in host memory: what is uploaded to a device and downloaded from one.

use std::sync::Arc;

use crate::{DType, Error, Result, Shape};

/// The dtype and shape of an array.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Element type.
    pub dtype: DType,
    /// Sizes of the dimensions.
    pub shape: Shape,
}

impl TensorType {
    /// An array type.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        Self { dtype, shape: shape.into() }
    }
}

/// The elements of a [`HostTensor`] in row-major order, shared between clones.
#[derive(Debug, Clone, PartialEq)]
pub enum HostData {
    /// 64-bit floats.
    F64(Arc<Vec<f64>>),
    /// 32-bit floats.
    F32(Arc<Vec<f32>>),
    /// Integers.
    I64(Arc<Vec<i64>>),
    /// Truth values.
    Bool(Arc<Vec<bool>>),
}

impl HostData {
    /// The element type.
    pub fn dtype(&self) -> DType {
        match self {
            HostData::F64(_) => DType::F64,
            HostData::F32(_) => DType::F32,
            HostData::I64(_) => DType::I64,
            HostData::Bool(_) => DType::Bool,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            HostData::F64(v) => v.len(),
            HostData::F32(v) => v.len(),
            HostData::I64(v) => v.len(),
            HostData::Bool(v) => v.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A Rust type that is the element of some [`DType`].
pub trait Element: Copy + Send + Sync + PartialEq + PartialOrd + std::fmt::Debug + 'static {
    /// The corresponding dtype.
    const DTYPE: DType;
    /// Wraps elements.
    fn wrap(values: Arc<Vec<Self>>) -> HostData;
    /// The elements, if they are of this type.
    fn unwrap(data: &HostData) -> Option<&Arc<Vec<Self>>>;
}

macro_rules! element {
    ($type:ty, $variant:ident) => {
        impl Element for $type {
            const DTYPE: DType = DType::$variant;
            fn wrap(values: Arc<Vec<Self>>) -> HostData {
                HostData::$variant(values)
            }
            fn unwrap(data: &HostData) -> Option<&Arc<Vec<Self>>> {
                match data {
                    HostData::$variant(values) => Some(values),
                    _ => None,
                }
            }
        }
    };
}

element!(f64, F64);
element!(f32, F32);
element!(i64, I64);
element!(bool, Bool);

/// A dense row-major array in host memory.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
    shape: Shape,
    data: HostData,
}

impl HostTensor {
    /// An array of `shape` from its elements in row-major order.
    ///
    /// # Errors
    /// If the number of elements is not that of the shape.
    pub fn new<T: Element>(shape: impl Into<Shape>, values: Vec<T>) -> Result<Self> {
        Self::from_data(shape, T::wrap(Arc::new(values)))
    }

    /// An array of `shape` over shared elements.
    ///
    /// # Errors
    /// If the number of elements is not that of the shape.
    pub fn from_data(shape: impl Into<Shape>, data: HostData) -> Result<Self> {
        let shape = shape.into();
        if shape.elements() != data.len() || !shape.is_addressable() {
            let reason = format!("{} elements were given, {} are needed", data.len(), shape.elements());
            return Err(Error::shape("from_data", [&shape], reason));
        }
        Ok(Self { shape, data })
    }

    /// A vector, whose shape is known to fit.
    pub(crate) fn of_vector(shape: Shape, data: HostData) -> Self {
        Self { shape, data }
    }

    /// A scalar.
    pub fn scalar<T: Element>(value: T) -> Self {
        Self { shape: Shape::scalar(), data: T::wrap(Arc::new(vec![value])) }
    }

    /// An array with `value` everywhere.
    pub fn full<T: Element>(shape: impl Into<Shape>, value: T) -> Self {
        let shape = shape.into();
        let data = T::wrap(Arc::new(vec![value; shape.elements()]));
        Self { shape, data }
    }

    /// `value` everywhere, converted to `dtype`.
    pub fn full_as(dtype: DType, shape: impl Into<Shape>, value: f64) -> Self {
        match dtype {
            DType::F64 => Self::full(shape, value),
            DType::F32 => Self::full(shape, value as f32),
            DType::I64 => Self::full(shape, value as i64),
            DType::Bool => Self::full(shape, value != 0.0),
        }
    }

    /// An array of `shape` from its elements in row-major order, converted to `dtype`.
    ///
    /// # Errors
    /// If the number of elements is not that of the shape.
    pub fn from_f64(dtype: DType, shape: impl Into<Shape>, values: Vec<f64>) -> Result<Self> {
        match dtype {
            DType::F64 => Self::new(shape, values),
            DType::F32 => Self::new(shape, values.into_iter().map(|x| x as f32).collect()),
            DType::I64 => Self::new(shape, values.into_iter().map(|x| x as i64).collect()),
            DType::Bool => Self::new(shape, values.into_iter().map(|x| x != 0.0).collect()),
        }
    }

    /// Sizes of the dimensions.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// Dtype and shape.
    pub fn tensor_type(&self) -> TensorType {
        TensorType { dtype: self.dtype(), shape: self.shape.clone() }
    }

    /// The elements.
    pub fn data(&self) -> &HostData {
        &self.data
    }

    /// The elements as a slice.
    ///
    /// # Errors
    /// If the dtype is not that of `T`.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        T::unwrap(&self.data).map(|values| values.as_slice()).ok_or_else(|| {
            crate::ErrorKind::DType {
                op: "as_slice".into(),
                dtypes: vec![self.dtype()],
                reason: format!("elements were read as {}", T::DTYPE),
            }
            .into()
        })
    }

    /// The same elements under another shape of equally many.
    ///
    /// # Errors
    /// If the number of elements differs.
    pub fn reshaped(&self, shape: impl Into<Shape>) -> Result<Self> {
        Self::from_data(shape, self.data.clone())
    }

    /// The elements as 64-bit floats; truth values become 0 and 1.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            HostData::F64(v) => v.to_vec(),
            HostData::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            HostData::I64(v) => v.iter().map(|&x| x as f64).collect(),
            HostData::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
        }
    }
}
