//! How a potential's value and gradient are computed on its device.

use std::sync::Arc;

use ppl_core::Result;
use ppl_jit::{Compile, Compiler, Function};
use ppl_tensor::{Device, Program, Shape, Tensor, Traced};

/// A compiled log density with its gradient, at one point or at several.
#[derive(Clone)]
pub(super) struct Density {
    /// On the CPU, without a copy of anything but the numbers.
    slices: Option<Box<Function>>,
    program: Arc<Program<(Tensor, Tensor)>>,
    device: Device,
    /// Of the argument.
    shape: Shape,
}

impl Density {
    pub(super) fn compile(
        compiler: &Compiler,
        traced: Traced<(Tensor, Tensor)>,
        device: &Device,
        shape: Shape,
    ) -> Result<Self> {
        let (slices, program) = if device.same_as(&Device::cpu()) {
            let (function, program) = compiler.compile_function(traced)?;
            (Some(Box::new(function)), program)
        } else {
            (None, compiler.compile(traced)?)
        };
        Ok(Self { slices, program: Arc::new(program), device: device.clone(), shape })
    }

    /// The values at `x`, and the gradients there, of the shape of the argument.
    #[inline]
    pub(super) fn at(&mut self, x: &[f64], values: &mut [f64], gradients: &mut [f64]) -> Result<()> {
        match &mut self.slices {
            Some(function) => function.call(&[x], &mut [values, gradients])?,
            None => {
                let x = Tensor::new(self.shape.clone(), x.to_vec())?;
                let (value, slope) = self.program.run(&self.device.place(&x)?)?;
                values.copy_from_slice(&value.to_f64()?);
                gradients.copy_from_slice(&slope.to_f64()?);
            }
        }
        Ok(())
    }

    pub(super) fn explain(&self) -> String {
        self.program.explain()
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
            let (function, program) = Compiler::new().compile_function(traced)?;
            (Some(Box::new(function)), program)
        } else {
            (None, device.compile(traced)?)
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
