//! Compiled functions of trees of tensors.

use super::trace::{Argument, Traced};
use crate::array::Array;
use crate::axes::Axes;
use crate::backend::{AnyBuffer, Executable};
use crate::provenance::Provenance;
use crate::tree::{TensorTree, TreePath};
use crate::{Device, Error, ErrorKind, Result, Tensor, TensorType};

/// A compiled function that gives an `O`.
pub struct Program<O> {
    executable: Box<dyn Executable<AnyBuffer>>,
    device: Device,
    arguments: Vec<Argument>,
    output: O,
    output_types: Vec<TensorType>,
    output_axes: Vec<Axes>,
}

/// Compiles a recorded function for the device it was recorded on.
///
/// # Errors
/// If the device cannot compile it.
pub fn compile<O>(traced: Traced<O>) -> Result<Program<O>> {
    let graph = traced.graph();
    let device = graph.device().clone();
    let executable = device.backend().compile(graph)?;
    let output_types =
        graph.outputs().iter().map(|output| graph.nodes()[output.index()].ty.clone()).collect();
    let Traced { arguments, output, output_axes, .. } = traced;
    Ok(Program { executable, device, arguments, output, output_types, output_axes })
}

impl<O: TensorTree> Program<O> {
    /// Runs the program on arguments of the structure, types and axes it was traced with.
    ///
    /// # Errors
    /// If an argument differs from the traced one (the message names it), or an operation fails.
    pub fn run<A: TensorTree>(&self, args: &A) -> Result<O> {
        let buffers = self.executable.run(&self.buffers(args)?)?;
        let mut provenance = Provenance::default();
        args.visit(&mut |leaf| {
            provenance = provenance.union(leaf.provenance());
            Ok(())
        })?;
        // Inside the program any row may have met any other.
        let mixed = self.arguments.iter().flat_map(|argument| &argument.axes);
        let mixed = mixed.fold(provenance, |all, axis| all.mixed_over(axis.id));
        let mut leaves = buffers.into_iter().zip(&self.output_types).zip(&self.output_axes);
        self.output.try_map(&mut TreePath::root(), &mut |_, _| {
            let ((buffer, ty), axes) =
                leaves.next().ok_or_else(|| Error::argument("program", "an output is missing"))?;
            let array = Array::concrete(&self.device, buffer, ty.clone());
            Ok(Tensor::with_axes(array.with_provenance(mixed.clone()), axes.clone()))
        })
    }

    fn buffers<A: TensorTree>(&self, args: &A) -> Result<Vec<AnyBuffer>> {
        let mut buffers = Vec::with_capacity(self.arguments.len());
        args.try_map(&mut TreePath::root(), &mut |path, leaf| {
            leaf.check()?;
            let array = leaf.array().strong(&self.device);
            let traced_with =
                |reason: String| Error::argument("program", format!("argument `{path}` {reason}"));
            let Some(argument) = self.arguments.get(buffers.len()) else {
                return Err(traced_with("was not there when the program was traced".into()));
            };
            if array.ty() != &argument.ty || leaf.axes() != &argument.axes {
                let ty = &argument.ty;
                let reason = format!(
                    "is {} {}, the program was traced with `{}` of {} {}",
                    array.dtype(),
                    array.shape(),
                    argument.path,
                    ty.dtype,
                    ty.shape
                );
                return Err(traced_with(reason));
            }
            let Some(buffer) = array.buffer() else {
                return Err(ErrorKind::TracedRead { op: "program".into() }.into());
            };
            buffers.push(buffer.clone());
            Ok(leaf.clone())
        })?;
        if buffers.len() != self.arguments.len() {
            let reason = format!("takes {} tensors, {} were given", self.arguments.len(), buffers.len());
            return Err(Error::argument("program", reason));
        }
        Ok(buffers)
    }
}

impl<S: TensorTree, L: TensorTree> Program<(S, L)> {
    /// Iterates a step `(state, args) -> (state, result)` in place, `steps` times, and returns the results.
    ///
    /// The state is that of the last completed step if a step fails.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_state<A: TensorTree>(&self, state: &mut S, args: &A, steps: usize) -> Result<Vec<L>> {
        let mut results = Vec::with_capacity(steps);
        for _ in 0..steps {
            let (next, result) = self.run(&(state.clone(), args.clone()))?;
            *state = next;
            results.push(result);
        }
        Ok(results)
    }
}
