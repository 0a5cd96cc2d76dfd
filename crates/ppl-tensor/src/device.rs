//! Devices: a backend chosen at run time, with a default float.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::array::Array;
use crate::backend::{AnyBackend, Erased};
use crate::host::HostBackend;
use crate::tree::{TensorTree, TreePath};
use crate::{Backend, DType, HostTensor, Result, Tensor};

/// Where tensors live and operations run.
#[derive(Clone)]
pub struct Device {
    backend: Arc<dyn AnyBackend>,
    float: DType,
}

impl Device {
    /// The processor this program runs on, with `F64` as its default float.
    pub fn cpu() -> Device {
        static CPU: OnceLock<Device> = OnceLock::new();
        CPU.get_or_init(|| Device::new(HostBackend, DType::F64)).clone()
    }

    /// A device over a backend, with the dtype of its literals and draws. Every call makes another device, and tensors
    /// of two devices do not mix: make it once.
    pub fn new<B: Backend>(backend: B, float: DType) -> Device {
        Device { backend: Arc::new(Erased(Arc::new(backend))), float }
    }

    /// The same device with another default float; tensors of both mix.
    pub fn float(&self, float: DType) -> Device {
        Device { backend: self.backend.clone(), float }
    }

    /// The dtype of literals and random draws that meet no other float: `F64` or `F32`.
    pub fn default_float(&self) -> DType {
        self.float
    }

    /// What a tensor of Rust numbers of some dtype becomes where it meets no other: `F64`, of which Rust's numbers are unless
    /// told otherwise, the default float; `F32`, which someone asked for, and integers as they are.
    pub fn dtype_of_weak(&self, dtype: DType) -> DType {
        if dtype == DType::F64 { self.float } else { dtype }
    }

    /// The backend's name.
    pub fn name(&self) -> &str {
        self.backend.name()
    }

    /// Copies an array to this device.
    ///
    /// # Errors
    /// If the backend cannot hold it.
    pub fn upload(&self, data: HostTensor) -> Result<Tensor> {
        Ok(Tensor::from_array(Array::upload(self, data)?))
    }

    /// Copies every tensor of a tree to this device, floats in its default float.
    ///
    /// # Errors
    /// If a value cannot be read or held.
    pub fn place<T: TensorTree>(&self, tree: &T) -> Result<T> {
        tree.try_map(&mut TreePath::root(), &mut |_, leaf| {
            // Converted on the host: a device may not hold 64-bit floats.
            let here = leaf.is_weak() || leaf.device().same_as(self);
            let array = if here { leaf.array().clone() } else { leaf.array().to_device(&Device::cpu()) };
            let array = if leaf.dtype().is_float() { array.cast(self.float) } else { array };
            let moved = Tensor::with_axes(array.strong(self).to_device(self), leaf.axes().clone());
            moved.check().cloned()
        })
    }

    pub(crate) fn backend(&self) -> &dyn AnyBackend {
        &*self.backend
    }

    /// Whether tensors of both may meet in one operation.
    pub fn same_as(&self, other: &Device) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.backend), Arc::as_ptr(&other.backend))
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.float)
    }
}
