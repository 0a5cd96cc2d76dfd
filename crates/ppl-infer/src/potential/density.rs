//! How a potential's value and gradient are computed on its device.

use std::sync::Arc;

use ppl_core::Result;
use ppl_jit::Function;
use ppl_tensor::{Device, Program, Tensor, Traced};

/// A compiled log density with its gradient.
#[derive(Clone)]
pub(super) enum Density {
    /// On the CPU, without a copy of anything but the numbers.
    Slices(Box<Function>, Arc<Program<(Tensor, Tensor)>>),
    /// On another device.
    Tensors(Arc<Program<(Tensor, Tensor)>>, Device),
}

impl Density {
    pub(super) fn compile(traced: Traced<(Tensor, Tensor)>, device: &Device) -> Result<Self> {
        if device.same_as(&Device::cpu()) {
            let (function, program) = Function::compile(traced)?;
            return Ok(Self::Slices(Box::new(function), Arc::new(program)));
        }
        Ok(Self::Tensors(Arc::new(ppl_jit::compile(traced)?), device.clone()))
    }

    /// The value at `x`, of which the gradient is written to `gradient`.
    pub(super) fn at(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        match self {
            Self::Slices(function, _) => {
                let mut value = [0.0];
                function.call(&[x], &mut [&mut value, gradient])?;
                Ok(value[0])
            }
            Self::Tensors(program, device) => {
                let (value, slope) = program.run(&device.place(&Tensor::from(x))?)?;
                gradient.copy_from_slice(&slope.to_f64()?);
                Ok(value.to_scalar()?)
            }
        }
    }

    pub(super) fn explain(&self) -> String {
        match self {
            Self::Slices(_, program) | Self::Tensors(program, _) => program.explain(),
        }
    }
}

/// The compiled map from a point to a flat vector of values.
#[derive(Clone)]
pub(super) struct Forward {
    /// On the CPU, without a copy of anything but the numbers.
    slices: Option<Box<Function>>,
    program: Arc<Program<Tensor>>,
    device: Device,
}

impl Forward {
    pub(super) fn compile(traced: Traced<Tensor>, device: &Device) -> Result<Self> {
        let (slices, program) = if device.same_as(&Device::cpu()) {
            let (function, program) = Function::compile(traced)?;
            (Some(Box::new(function)), program)
        } else {
            (None, ppl_tensor::compile(traced)?)
        };
        Ok(Self { slices, program: Arc::new(program), device: device.clone() })
    }

    /// The values at a point on the device.
    pub(super) fn run(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.program.run(x)?)
    }

    /// The values at `x`, written to `values`.
    pub(super) fn at(&mut self, x: &[f64], values: &mut [f64]) -> Result<()> {
        match &mut self.slices {
            Some(function) => function.call(&[x], &mut [values])?,
            None => values.copy_from_slice(&self.run(&self.device.place(&Tensor::from(x))?)?.to_f64()?),
        }
        Ok(())
    }
}
