//! Operations that run on the host: copied there, and their results back.

use std::sync::PoisonError;

use burn_backend::Backend as Burn;
use ppl_tensor::{Backend, HostBackend, HostTensor, Op, Result, TensorType};

use crate::BurnBackend;
use crate::buffer::Buffer;

impl<B: Burn> BurnBackend<B> {
    pub(crate) fn run_on_host(
        &self,
        op: &Op,
        inputs: &[&Buffer<B>],
        output: &TensorType,
    ) -> Result<Buffer<B>> {
        let copies = inputs.iter().map(|x| self.download(x)).collect::<Result<Vec<HostTensor>>>()?;
        let result = self.upload(HostBackend.run(op, &copies.iter().collect::<Vec<_>>(), output)?)?;
        self.note(op, inputs);
        Ok(result)
    }

    /// Tells the log that this ran, once for each operation and dtypes.
    fn note(&self, op: &Op, inputs: &[&Buffer<B>]) {
        let dtypes: Vec<String> = inputs.iter().map(|x| x.dtype().to_string()).collect();
        let what = format!("`{}` of {}", op.name(), dtypes.join(", "));
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if !noted.contains(&what) {
            log::info!("{what} runs on the host: {} has no such operation", self.name());
            noted.insert(what);
        }
    }
}
