//! What a device must be able to do, and the erasure that keeps its type out of [`Tensor`](crate::Tensor).

use std::any::Any;
use std::sync::Arc;

use crate::graph::{Graph, Interpreter, LoopPlan};
use crate::{Error, HostTensor, Op, Result, TensorType};

/// An implementation of the operation table on some hardware.
///
/// A backend sees plain arrays: implicit axes are resolved, inputs are of the types the operation accepts, and `output`
/// is what [`Op::output_type`] says. Implementing `run` for the operations is enough for everything: gradients, traces,
/// vectorisation and programs follow.
pub trait Backend: Send + Sync + 'static {
    /// An array in the backend's memory. Immutable, cheap to clone.
    type Buffer: Clone + Send + Sync + 'static;

    /// Name, as messages show it.
    fn name(&self) -> &str;

    /// Copies an array to the backend.
    ///
    /// # Errors
    /// If the backend cannot hold it.
    fn upload(&self, data: HostTensor) -> Result<Self::Buffer>;

    /// Copies an array back.
    ///
    /// # Errors
    /// If the backend fails.
    fn download(&self, buffer: &Self::Buffer) -> Result<HostTensor>;

    /// Runs one operation. Never [`Op::Scan`]: loops are run above, step by step.
    ///
    /// # Errors
    /// If the backend fails, or an index is out of range.
    fn run(&self, op: &Op, inputs: &[&Self::Buffer], output: &TensorType) -> Result<Self::Buffer>;

    /// Turns a graph into something that runs it. The default interprets it with [`Backend::run`] and frees each buffer
    /// at its last use.
    ///
    /// # Errors
    /// If the graph has a constant of another device.
    fn compile(self: Arc<Self>, graph: &Graph) -> Result<Box<dyn Executable<Self::Buffer>>>
    where
        Self: Sized,
    {
        Ok(Box::new(Interpreter::new(self, graph)?))
    }
}

/// A compiled graph.
pub trait Executable<Buffer>: Send + Sync {
    /// Runs the graph on one buffer an input, and returns one an output.
    ///
    /// # Errors
    /// If an operation fails.
    fn run(&self, inputs: &[Buffer]) -> Result<Vec<Buffer>>;

    /// What it does, for people to read.
    fn explain(&self) -> String {
        "interpreted, one operation after the other".to_owned()
    }

    /// Iterates a graph whose first `carried` outputs are the next values of its first inputs. After each step `accept`
    /// is given the other outputs, which are scalars, as `read` has them: if it refuses, the step is undone and the last.
    /// Returns the number of accepted steps; `inputs` are then those of the next one.
    ///
    /// # Errors
    /// If an operation fails; `inputs` are then those of the step that failed.
    fn iterate(
        &self,
        inputs: &mut [Buffer],
        carried: usize,
        steps: usize,
        read: &dyn Fn(&Buffer) -> Result<f64>,
        accept: &mut dyn FnMut(&[f64]) -> bool,
    ) -> Result<usize> {
        for step in 0..steps {
            let mut outputs = self.run(inputs)?;
            let results = outputs.split_off(carried).iter().map(read).collect::<Result<Vec<f64>>>()?;
            if !accept(&results) {
                return Ok(step);
            }
            for (input, output) in inputs.iter_mut().zip(outputs) {
                *input = output;
            }
        }
        Ok(steps)
    }
}

/// A buffer of some backend.
pub(crate) type AnyBuffer = Arc<dyn Any + Send + Sync>;

/// [`Backend`] without its buffer type.
pub(crate) trait AnyBackend: Send + Sync {
    fn name(&self) -> &str;
    fn upload(&self, data: HostTensor) -> Result<AnyBuffer>;
    fn download(&self, buffer: &AnyBuffer) -> Result<HostTensor>;
    fn run(&self, op: &Op, inputs: &[&AnyBuffer], output: &TensorType) -> Result<AnyBuffer>;
    fn compile(&self, graph: &Graph) -> Result<Box<dyn Executable<AnyBuffer>>>;
}

/// A backend behind [`AnyBackend`].
pub(crate) struct Erased<B>(pub(crate) Arc<B>);

/// The typed buffer inside an erased one.
fn typed<'a, B: Backend>(backend: &B, buffer: &'a AnyBuffer) -> Result<&'a B::Buffer> {
    let foreign = || Error::backend(backend.name(), "run", "a buffer of another backend was passed");
    buffer.downcast_ref().ok_or_else(foreign)
}

impl<B: Backend> AnyBackend for Erased<B> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn upload(&self, data: HostTensor) -> Result<AnyBuffer> {
        Ok(Arc::new(self.0.upload(data)?))
    }

    fn download(&self, buffer: &AnyBuffer) -> Result<HostTensor> {
        self.0.download(typed(&*self.0, buffer)?)
    }

    fn run(&self, op: &Op, inputs: &[&AnyBuffer], output: &TensorType) -> Result<AnyBuffer> {
        let backend = &*self.0;
        let of = |buffer| typed(backend, buffer);
        if let Op::Scan(scan) = op {
            let inputs = inputs.iter().map(|buffer| of(buffer)).collect::<Result<Vec<_>>>()?;
            return Ok(Arc::new(LoopPlan::new(&self.0, scan)?.run(&inputs)?));
        }
        // Without a vector for the usual numbers of inputs: this runs once an operation.
        let result = match inputs {
            [x] => backend.run(op, &[of(x)?], output),
            [x, y] => backend.run(op, &[of(x)?, of(y)?], output),
            _ => {
                backend.run(op, &inputs.iter().map(|buffer| of(buffer)).collect::<Result<Vec<_>>>()?, output)
            }
        };
        Ok(Arc::new(result?))
    }

    fn compile(&self, graph: &Graph) -> Result<Box<dyn Executable<AnyBuffer>>> {
        let executable = self.0.clone().compile(graph)?;
        Ok(Box::new(ErasedExecutable { backend: self.0.clone(), executable }))
    }
}

/// A compiled graph behind [`Executable`] of erased buffers.
pub(crate) struct ErasedExecutable<B: Backend> {
    pub(crate) backend: Arc<B>,
    pub(crate) executable: Box<dyn Executable<B::Buffer>>,
}

impl<B: Backend> ErasedExecutable<B> {
    fn typed(&self, buffers: &[AnyBuffer]) -> Result<Vec<B::Buffer>> {
        buffers.iter().map(|buffer| typed(&*self.backend, buffer).cloned()).collect()
    }
}

impl<B: Backend> Executable<AnyBuffer> for ErasedExecutable<B> {
    fn explain(&self) -> String {
        self.executable.explain()
    }

    fn run(&self, inputs: &[AnyBuffer]) -> Result<Vec<AnyBuffer>> {
        let outputs = self.executable.run(&self.typed(inputs)?)?;
        Ok(outputs.into_iter().map(|buffer| Arc::new(buffer) as AnyBuffer).collect())
    }

    fn iterate(
        &self,
        inputs: &mut [AnyBuffer],
        carried: usize,
        steps: usize,
        read: &dyn Fn(&AnyBuffer) -> Result<f64>,
        accept: &mut dyn FnMut(&[f64]) -> bool,
    ) -> Result<usize> {
        let mut own = self.typed(inputs)?;
        let read = |buffer: &B::Buffer| read(&(Arc::new(buffer.clone()) as AnyBuffer));
        let result = self.executable.iterate(&mut own, carried, steps, &read, accept);
        for (input, own) in inputs.iter_mut().zip(own).take(carried) {
            *input = Arc::new(own);
        }
        result
    }
}
