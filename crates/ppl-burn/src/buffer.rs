//! Arrays in a burn backend's memory.

use std::sync::{Arc, OnceLock};

use burn_backend::Backend as Burn;
use burn_backend::Shape as BurnShape;
use burn_backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use ppl_tensor::{DType, HostTensor, Shape, TensorType};

/// Smallest and largest entry of an array of integers, once someone has asked.
pub(crate) type Bounds = Arc<OnceLock<(i64, i64)>>;

/// An array of a [`BurnBackend`](crate::BurnBackend).
#[derive(Debug, Clone)]
pub struct Buffer<B: Burn> {
    pub(crate) ty: TensorType,
    pub(crate) values: Values<B>,
    pub(crate) bounds: Bounds,
    /// The device's copy of indices that live on the host, once they have been used.
    pub(crate) indices: Arc<OnceLock<IntTensor<B>>>,
}

/// A burn tensor of one of burn's three kinds, where the device has the dtype. Scalars have shape `[1]`: not all backends
/// know rank 0.
#[derive(Debug, Clone)]
pub(crate) enum Values<B: Burn> {
    Float(FloatTensor<B>),
    Int(IntTensor<B>),
    Bool(BoolTensor<B>),
    /// What the device cannot hold.
    Host(HostTensor),
    /// No elements, and no tensor: not all backends know empty ones.
    Empty,
}

impl<B: Burn> Buffer<B> {
    pub(crate) fn new(ty: TensorType, values: Values<B>) -> Self {
        Self { ty, values, bounds: Bounds::default(), indices: Arc::default() }
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.ty.shape
    }

    pub(crate) fn dtype(&self) -> DType {
        self.ty.dtype
    }
}

/// The shape in which a backend holds an array.
pub(crate) fn physical(shape: &Shape) -> BurnShape {
    if shape.rank() == 0 { BurnShape::from(vec![1]) } else { BurnShape::from(shape.to_vec()) }
}

/// Applies the one of three functions that is for the kind of a tensor.
macro_rules! each_kind {
    ($values:expr, $t:ident => $float:expr, $int:expr, $bool:expr) => {
        match $values {
            $crate::buffer::Values::Float($t) => $crate::buffer::Values::Float($float),
            $crate::buffer::Values::Int($t) => $crate::buffer::Values::Int($int),
            $crate::buffer::Values::Bool($t) => $crate::buffer::Values::Bool($bool),
            // Without a tensor: an operation on what lives on the host never comes this far.
            other @ ($crate::buffer::Values::Host(_) | $crate::buffer::Values::Empty) => other,
        }
    };
}
pub(crate) use each_kind;

impl<B: Burn> Values<B> {
    pub(crate) fn reshape(self, shape: impl Into<BurnShape>) -> Self {
        let shape = shape.into();
        each_kind!(self, t => B::float_reshape(t, shape), B::int_reshape(t, shape), B::bool_reshape(t, shape))
    }
}
