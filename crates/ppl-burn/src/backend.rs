//! The backend: transfers, validation, and the choice between burn and the host.

use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use burn_backend::tensor::Device;
use burn_backend::{
    Backend as Burn, BoolDType, DataError, Element, Shape, TensorData, get_or_init_device_settings, read_sync,
};
use ppl_tensor::{Backend, DType, Error, HostData, HostTensor, Op, Result, TensorType};

use crate::buffer::{Buffer, Values, physical};
use crate::call::Call;
use crate::native::Profile;

/// The operation table on a burn backend. What its device lacks lives and runs on the host: [`Profile`] says what.
pub struct BurnBackend<B: Burn> {
    name: String,
    pub(crate) profile: Profile,
    pub(crate) device: Device<B>,
    /// How the device stores truth values.
    pub(crate) bool_dtype: BoolDType,
    /// Operations, and the dtypes of their inputs, that were run on the host and said so.
    pub(crate) noted: Mutex<HashSet<String>>,
}

impl<B: Burn> BurnBackend<B> {
    /// The backend on one of its devices. Of the dtypes that the profile promises, it has those that the device has.
    pub fn new(device: Device<B>, profile: Profile) -> Self {
        let supports = |dtype| B::supports_dtype(&device, dtype);
        Self {
            name: format!("burn-{}", profile.name),
            bool_dtype: get_or_init_device_settings::<B>(&device).bool_dtype,
            profile: Profile {
                f64: profile.f64 && supports(burn_backend::DType::F64),
                i64: profile.i64 && supports(burn_backend::DType::I64),
                ..profile
            },
            noted: Mutex::default(),
            device,
        }
    }

    fn require(&self, op: &str, dtype: DType) -> Result<()> {
        if self.profile.has(dtype) {
            Ok(())
        } else {
            Err(self.error(op, format!("this device has no {dtype}")))
        }
    }

    pub(crate) fn error(&self, op: &str, reason: impl Into<String>) -> Error {
        Error::backend(&self.name, op, reason)
    }

    /// Runs calls of burn, which has no other way to fail than a panic: the last line of defence behind validation.
    fn guarded<T>(&self, op: &str, calls: impl FnOnce() -> Result<T>) -> Result<T> {
        // Tensors are handles on immutable values, so none is left half changed.
        catch_unwind(AssertUnwindSafe(calls)).unwrap_or_else(|panic| Err(self.error(op, words(&*panic))))
    }

    /// Refuses what [`Op::output_type`] refuses: burn would panic or, for some shapes, read out of bounds.
    fn check(&self, op: &Op, inputs: &[&Buffer<B>], output: &TensorType) -> Result<()> {
        let types: Vec<&TensorType> = inputs.iter().map(|x| &x.ty).collect();
        let expected = op.output_type(&types)?;
        if expected == *output {
            return Ok(());
        }
        let [expected, promised] = [&expected, output].map(|ty| format!("{} {}", ty.dtype, ty.shape));
        Err(self.error(&op.name(), format!("gives {expected} where {promised} was promised")))
    }
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("burn panicked").to_owned()
}

/// Elements as burn takes them; moved, not copied, if nobody else holds them.
fn packed<T: Element>(elements: Arc<Vec<T>>, shape: Shape) -> TensorData {
    TensorData::new(Arc::unwrap_or_clone(elements), shape)
}

impl<B: Burn> Backend for BurnBackend<B> {
    type Buffer = Buffer<B>;

    fn name(&self) -> &str {
        &self.name
    }

    fn upload(&self, data: HostTensor) -> Result<Buffer<B>> {
        let (ty, elements) = (data.tensor_type(), data.data().clone());
        drop(data);
        self.require("upload", ty.dtype)?;
        if elements.is_empty() {
            return Ok(Buffer::new(ty, Values::Empty));
        }
        if !self.profile.holds(ty.dtype) {
            let data = HostTensor::from_data(&ty.shape, elements)?;
            return Ok(Buffer::new(ty, Values::Host(data)));
        }
        let values = self.guarded("upload", || {
            let (shape, device) = (physical(&ty.shape), &self.device);
            Ok(match elements {
                HostData::F64(v) => Values::Float(B::float_from_data(packed(v, shape), device)),
                HostData::F32(v) => Values::Float(B::float_from_data(packed(v, shape), device)),
                HostData::I64(v) => Values::Int(B::int_from_data(packed(v, shape), device)),
                HostData::Bool(v) => {
                    let data = packed(v, shape).try_cast(self.bool_dtype.into());
                    let data = data.map_err(|error| self.error("upload", error.to_string()))?;
                    Values::Bool(B::bool_from_data(data, device))
                }
            })
        })?;
        Ok(Buffer::new(ty, values))
    }

    fn download(&self, buffer: &Buffer<B>) -> Result<HostTensor> {
        let failed = |error: DataError| self.error("download", error.to_string());
        let TensorType { dtype, shape } = &buffer.ty;
        self.guarded("download", || {
            let data = match buffer.values.clone() {
                Values::Float(t) => read_sync(B::float_into_data(t)),
                Values::Int(t) => read_sync(B::int_into_data(t)),
                Values::Bool(t) => read_sync(B::bool_into_data(t)),
                Values::Host(data) => return Ok(data),
                Values::Empty => return Ok(HostTensor::full_as(*dtype, shape, 0.0)),
            };
            let data = data.map_err(|error| self.error("download", error.to_string()))?;
            match dtype {
                DType::F64 => HostTensor::new(shape, data.try_into_vec::<f64>().map_err(failed)?),
                DType::F32 => HostTensor::new(shape, data.try_into_vec::<f32>().map_err(failed)?),
                DType::I64 => HostTensor::new(shape, data.try_into_vec::<i64>().map_err(failed)?),
                // However the device stores them.
                DType::Bool => HostTensor::new(shape, data.try_into_vec_as::<bool>().map_err(failed)?),
            }
        })
    }

    fn run(&self, op: &Op, inputs: &[&Buffer<B>], output: &TensorType) -> Result<Buffer<B>> {
        self.require(&op.name(), output.dtype)?;
        let dtypes: Vec<DType> = inputs.iter().map(|x| x.dtype()).collect();
        if !self.profile.runs_natively(op, &dtypes, output.dtype) {
            return self.run_on_host(op, inputs, output);
        }
        self.check(op, inputs, output)?;
        self.check_indices(op, inputs)?;
        if output.shape.elements() == 0 {
            return Ok(Buffer::new(output.clone(), Values::Empty));
        }
        let values = self.guarded(&op.name(), || Call { backend: self, op, inputs, output }.run())?;
        let mut result = Buffer::new(output.clone(), values);
        if let (Op::Reshape(_) | Op::Permute(_) | Op::Broadcast(_), [x]) = (op, inputs) {
            // The same entries: what is known of their range is known for good.
            result.bounds = x.bounds.clone();
        }
        Ok(result)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn_flex::{Flex, FlexDevice};
    use ppl_tensor::Error;

    use super::BurnBackend;
    use crate::Profile;

    #[test]
    fn a_panic_of_burn_is_an_error() {
        let backend = BurnBackend::<Flex>::new(FlexDevice, Profile::FLEX);
        let fixed = backend.guarded::<()>("matmul", || panic!("inner dimensions must match"));
        let text = |result: Result<(), Error>| result.unwrap_err().to_string();
        assert_eq!(text(fixed), "matmul: backend `burn-flex` failed: inner dimensions must match");
        let made = backend.guarded::<()>("matmul", || panic!("{} and {}", 2, 3));
        assert_eq!(text(made), "matmul: backend `burn-flex` failed: 2 and 3");
    }
}
