//! A device without 64-bit floats, as most GPUs are.

use ppl_tensor::{Backend, DType, Error, HostBackend, HostTensor, Op, Result, TensorType};

/// The host backend, refusing `F64`: shows where a rule, a constant or a program sends one to a device that cannot
/// hold it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Narrow;

impl Narrow {
    fn refuse(&self, op: &str, dtype: DType) -> Result<()> {
        match dtype {
            DType::F64 => Err(Error::backend(self.name(), op, "this device has no f64")),
            DType::F32 | DType::I64 | DType::Bool => Ok(()),
        }
    }
}

impl Backend for Narrow {
    type Buffer = <HostBackend as Backend>::Buffer;

    fn name(&self) -> &str {
        "narrow"
    }

    fn upload(&self, data: HostTensor) -> Result<Self::Buffer> {
        self.refuse("upload", data.dtype())?;
        HostBackend.upload(data)
    }

    fn download(&self, buffer: &Self::Buffer) -> Result<HostTensor> {
        HostBackend.download(buffer)
    }

    fn run(&self, op: &Op, inputs: &[&Self::Buffer], output: &TensorType) -> Result<Self::Buffer> {
        self.refuse(&op.name(), output.dtype)?;
        HostBackend.run(op, inputs, output)
    }
}
