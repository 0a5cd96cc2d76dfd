//! Parameters as one vector of numbers.

use ppl_core::{Error, ParamStore, Result};
use ppl_tensor::{DType, Device, HostTensor, Shape, Tensor};

/// Which elements of a vector are which parameter's.
pub(crate) struct Position {
    parts: Vec<Part>,
    start: Vec<f64>,
}

struct Part {
    name: String,
    shape: Shape,
    dtype: DType,
    device: Device,
}

impl Position {
    /// The unconstrained values of some parameters.
    pub(crate) fn of(params: &ParamStore, names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Err(Error::argument("there is no parameter: there is nothing to fit"));
        }
        let part = |name: &String| -> Result<Part> {
            let value = params.unconstrained(name)?;
            let (shape, dtype, device) = (value.shape(), value.dtype(), value.device().clone());
            Ok(Part { name: name.clone(), shape, dtype, device })
        };
        let parts = names.iter().map(part).collect::<Result<_>>()?;
        let values =
            names.iter().map(|name| params.unconstrained(name).cloned()).collect::<Result<Vec<_>>>()?;
        Ok(Self { parts, start: Self::flatten(&values)? })
    }

    /// The vector of the values it was made of.
    pub(crate) fn start(&self) -> Vec<f64> {
        self.start.clone()
    }

    /// A few rounding errors of the narrowest parameter, relative to 1.
    pub(crate) fn rounding(&self) -> f64 {
        let narrow = self.parts.iter().any(|part| part.dtype == DType::F32);
        4.0 * if narrow { f64::from(f32::EPSILON) } else { f64::EPSILON }
    }

    /// The elements of several tensors.
    pub(crate) fn flatten(tensors: &[Tensor]) -> Result<Vec<f64>> {
        let mut flat = Vec::new();
        for tensor in tensors {
            flat.extend(tensor.detach().to_f64()?);
        }
        Ok(flat)
    }

    /// The parameters at a point, not tracked.
    pub(crate) fn at(&self, params: &ParamStore, x: &[f64]) -> Result<ParamStore> {
        let mut params = params.clone();
        params.track(false);
        let mut rest = x;
        for Part { name, shape, dtype, device } in &self.parts {
            let (own, others) = rest.split_at_checked(shape.elements()).unwrap_or((rest, &[]));
            rest = others;
            let data = match dtype {
                DType::F32 => HostTensor::new(shape, own.iter().map(|&x| x as f32).collect::<Vec<f32>>())?,
                _ => HostTensor::new(shape, own.to_vec())?,
            };
            params.set_unconstrained(name, device.upload(data)?)?;
        }
        Ok(params)
    }
}
