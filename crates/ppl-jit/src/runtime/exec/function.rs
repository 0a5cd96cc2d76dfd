//! Compiled functions on slices.

use std::fmt;
use std::sync::Arc;

use ppl_tensor::{DType, Device, Error, Program, Result, Traced};

use super::{Native, machine::Machine};
use crate::Compiler;

/// A function of vectors of floats, compiled for the CPU: what a sampler calls a million times. It has memory of its own, so
/// that a call allocates nothing; a clone shares the program and may run on another thread.
pub struct Function {
    native: Arc<Native>,
    machine: Machine,
    inputs: Vec<(DType, usize)>,
    outputs: Vec<(DType, usize)>,
}

impl Function {
    /// A recorded function whose arguments and results are floats of any shape, as this and as a program.
    pub(crate) fn compile<O>(compiler: &Compiler, traced: Traced<O>) -> Result<(Self, Program<O>)> {
        let graph = traced.graph();
        if !graph.device().same_as(&Device::cpu()) {
            let reason = format!(
                "functions on slices run on the CPU, this one was recorded on {}",
                graph.device().name()
            );
            return Err(Error::argument("compile", reason));
        }
        let mut inputs = vec![(DType::F64, 0); graph.inputs()];
        for node in graph.nodes() {
            if let ppl_tensor::NodeKind::Input(number) = &node.kind {
                inputs[*number] = (node.ty.dtype, node.ty.shape.elements());
            }
        }
        let ty = |output: &ppl_tensor::NodeId| &graph.nodes()[output.index()].ty;
        let outputs: Vec<_> =
            graph.outputs().iter().map(|id| (ty(id).dtype, ty(id).shape.elements())).collect();
        if let Some((dtype, _)) = inputs.iter().chain(&outputs).find(|(dtype, _)| !dtype.is_float()) {
            let reason = format!("functions on slices are of floats, this one has {dtype} as well");
            return Err(Error::argument("compile", reason));
        }
        let native = Arc::new(super::compiled(compiler, graph, graph.inputs())?);
        let machine = Machine::new(native.code.clone());
        let program = Program::on_host(traced, Box::new(native.clone()))?;
        Ok((Self { native, machine, inputs, outputs }, program))
    }

    /// One call: row-major elements of each argument, and where those of each result are written.
    ///
    /// # Errors
    /// If a number of slices or elements is not that of the function, or an operation fails.
    #[inline]
    pub fn call(&mut self, inputs: &[&[f64]], outputs: &mut [&mut [f64]]) -> Result<()> {
        let given = inputs.iter().zip(&self.inputs).all(|(x, (_, n))| x.len() == *n);
        let room = outputs.iter().zip(&self.outputs).all(|(x, (_, n))| x.len() == *n);
        if !(given && room && inputs.len() == self.inputs.len() && outputs.len() == self.outputs.len()) {
            return Err(self.misfit(inputs, outputs));
        }
        // SAFETY: the lengths are those of the arguments and results.
        if unsafe { self.machine.run_only(inputs, outputs) } {
            return Ok(());
        }
        for (number, (values, &(dtype, _))) in inputs.iter().zip(&self.inputs).enumerate() {
            // SAFETY: each slice has as many elements as its argument, and outlives the run.
            unsafe { self.machine.lend(number, dtype, values) };
        }
        self.machine.run()?;
        for (number, values) in outputs.iter_mut().enumerate() {
            self.machine.read(number, values);
        }
        Ok(())
    }

    /// What does not fit.
    #[cold]
    fn misfit(&self, inputs: &[&[f64]], outputs: &[&mut [f64]]) -> Error {
        let lengths = |slices: &[(DType, usize)]| slices.iter().map(|(_, n)| *n).collect::<Vec<_>>();
        let (found, wanted): (Vec<usize>, _) =
            (inputs.iter().map(|x| x.len()).collect(), lengths(&self.inputs));
        if found != wanted {
            return Error::argument("program", format!("takes {wanted:?} numbers, {found:?} were given"));
        }
        let found: Vec<usize> = outputs.iter().map(|x| x.len()).collect();
        let wanted = lengths(&self.outputs);
        Error::argument("program", format!("gives {wanted:?} numbers, there is room for {found:?}"))
    }
}

impl Clone for Function {
    fn clone(&self) -> Self {
        let machine = Machine::new(self.native.code.clone());
        Self {
            native: self.native.clone(),
            machine,
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("inputs", &self.inputs).field("outputs", &self.outputs).finish()
    }
}
