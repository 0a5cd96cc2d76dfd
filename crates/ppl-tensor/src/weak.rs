//! Arrays made from Rust numbers alone: how they take device and dtype of what they meet.

use crate::array::{Array, Inputs};
use crate::{DType, Device, ErrorKind, Op, Result, TensorType};

impl Array {
    /// Brings weak inputs to the device and dtype of the strong ones, and checks that those share a device.
    pub(crate) fn meet(op: &Op, inputs: &mut Inputs) -> Result<Device> {
        let pairs =
            matches!(op, Op::Binary(_) | Op::Compare(_) | Op::Select | Op::FoldIn | Op::Concat { .. });
        let first = inputs.iter().find(|x| !x.is_weak());
        if first.is_none() && !pairs {
            return Ok(if let Op::Scan(scan) = op { scan.device().clone() } else { Device::cpu() });
        }
        let device = first.map_or_else(Device::cpu, |x| x.device().clone());
        let mut strong_float = None;
        let mut strong_integer = false;
        let mut any_weak = false;
        for input in inputs.iter() {
            if input.is_weak() {
                any_weak = true;
                continue;
            }
            if !input.device().same_as(&device) {
                let (left, right) = (device.name().to_owned(), input.device().name().to_owned());
                return Err(ErrorKind::Device { op: op.name().into_owned(), left, right }.into());
            }
            if input.dtype().is_float() {
                strong_float = strong_float.or(Some(input.dtype()));
            }
            strong_integer |= input.dtype() == DType::I64;
        }
        if any_weak {
            let integers = pairs && strong_integer && strong_float.is_none();
            let floats = strong_float.is_some() || inputs.iter().any(|x| x.dtype().is_float());
            let float = strong_float.unwrap_or(device.default_float());
            for input in inputs.iter_mut().filter(|x| x.is_weak()) {
                let dtype = match input.dtype() {
                    dtype if dtype.is_float() && integers => DType::I64,
                    dtype if dtype.is_float() => float,
                    DType::I64 if pairs && floats && !integers => float,
                    dtype => dtype,
                };
                *input = input.strengthen(&op.name(), &device, dtype)?;
            }
        }
        Ok(device)
    }

    /// A weak array on a device, as a dtype.
    fn strengthen(&self, op: &str, device: &Device, dtype: DType) -> Result<Array> {
        if self.dtype() == dtype && self.device().same_as(device) {
            return Ok(self.clone());
        }
        let data = self.fetch(op)?;
        if dtype == DType::I64 && data.to_f64().iter().any(|x| x.fract() != 0.0) {
            let reason = "a fraction met an i64 tensor: use `cast`".into();
            return Err(ErrorKind::DType { op: op.into(), dtypes: vec![self.dtype(), dtype], reason }.into());
        }
        let cast = if data.dtype() == dtype {
            data
        } else {
            Device::cpu()
                .backend()
                .run(
                    &Op::Cast(dtype),
                    &[&Device::cpu().backend().upload(data)?],
                    &TensorType::new(dtype, self.shape()),
                )
                .and_then(|buffer| Device::cpu().backend().download(&buffer))?
        };
        Self::upload(device, cast)
    }

    /// The array without weakness, as a dtype if it was weak.
    pub(crate) fn strong_as(&self, op: &str, device: &Device, dtype: DType) -> Result<Array> {
        if !self.is_weak() {
            return Ok(self.clone());
        }
        Ok(self.strengthen(op, device, dtype)?.derived(None, false, self.provenance().clone()))
    }

    /// The array without weakness: on a device, floats in the device's default float, but those that were made `F32`.
    pub(crate) fn strong(&self, device: &Device) -> Array {
        if !self.is_weak() {
            return self.clone();
        }
        let dtype = device.dtype_of_weak(self.dtype());
        // Converted before it is moved: the device may not hold 64-bit floats.
        match self.cast(dtype).fetch("constant").and_then(|data| Self::upload(device, data)) {
            Ok(moved) => moved.with_provenance(self.provenance().clone()),
            Err(error) => Self::failure(device, error),
        }
    }
}
