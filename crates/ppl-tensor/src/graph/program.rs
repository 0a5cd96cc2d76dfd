//! Compiled functions of trees of tensors.

use std::sync::Arc;

use super::trace::{Argument, Traced};
use crate::array::Array;
use crate::axes::Axes;
use crate::backend::{AnyBuffer, ErasedExecutable, Executable};
use crate::provenance::Provenance;
use crate::tree::{TensorTree, TreePath};
use crate::{Device, Error, ErrorKind, HostBackend, HostTensor, Result, Tensor, TensorType};

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
    let executable = traced.graph().device().backend().compile(traced.graph())?;
    Ok(Program::new(traced, executable))
}

impl<O> Program<O> {
    /// The program of a function recorded on the host, run by something that was compiled from its graph elsewhere.
    ///
    /// # Errors
    /// If it was recorded on another device.
    pub fn on_host(traced: Traced<O>, executable: Box<dyn Executable<HostTensor>>) -> Result<Self> {
        let device = traced.graph().device();
        if !device.same_as(&Device::cpu()) {
            let (left, right) = (device.name().to_owned(), Device::cpu().name().to_owned());
            return Err(ErrorKind::Device { op: "compile".into(), left, right }.into());
        }
        let executable = ErasedExecutable { backend: Arc::new(HostBackend), executable };
        Ok(Self::new(traced, Box::new(executable)))
    }

    /// What the program does, for people to read: loops, memory and estimates of work where it was compiled.
    pub fn explain(&self) -> String {
        self.executable.explain()
    }

    fn new(traced: Traced<O>, executable: Box<dyn Executable<AnyBuffer>>) -> Self {
        let Traced { graph, arguments, output, output_axes } = traced;
        let output_types =
            graph.outputs().iter().map(|output| graph.nodes()[output.index()].ty.clone()).collect();
        let device = graph.device().clone();
        Self { executable, device, arguments, output, output_types, output_axes }
    }
}

impl<O: TensorTree> Program<O> {
    /// Runs the program on arguments of the structure, types and axes it was traced with.
    ///
    /// # Errors
    /// If an argument differs from the traced one (the message names it), or an operation fails.
    pub fn run<A: TensorTree>(&self, args: &A) -> Result<O> {
        let buffers = self.executable.run(&self.buffers(args)?)?;
        let mut leaves = buffers.into_iter();
        self.fill(&self.output, 0, self.provenance(args)?, &mut || leaves.next())
    }

    /// Sources of what the program makes of arguments.
    fn provenance<A: TensorTree>(&self, args: &A) -> Result<Provenance> {
        let mut provenance = Provenance::default();
        args.visit(&mut |leaf| {
            provenance = provenance.union(leaf.provenance());
            Ok(())
        })?;
        // Inside the program any row may have met any other.
        let mixed = self.arguments.iter().flat_map(|argument| &argument.axes);
        Ok(mixed.fold(provenance, |all, axis| all.mixed_over(axis.id)))
    }

    /// A tree of outputs, of which the first is number `first`.
    fn fill<T: TensorTree>(
        &self,
        tree: &T,
        first: usize,
        provenance: Provenance,
        next: &mut dyn FnMut() -> Option<AnyBuffer>,
    ) -> Result<T> {
        let mut types = self.output_types.iter().zip(&self.output_axes).skip(first);
        tree.try_map(&mut TreePath::root(), &mut |_, _| {
            let missing = || Error::argument("program", "an output is missing");
            let (buffer, (ty, axes)) = next().zip(types.next()).ok_or_else(missing)?;
            let array = Array::concrete(&self.device, buffer, ty.clone());
            Ok(Tensor::with_axes(array.with_provenance(provenance.clone()), axes.clone()))
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

impl<S: TensorTree, R: TensorTree> Program<(S, R)> {
    /// Iterates a step `(state, args) -> (state, results)` in place, at most `steps` times. `accept` is given the results of
    /// each step, which are scalars; if it refuses, that step is undone and no other is taken. Returns the number of
    /// accepted steps.
    ///
    /// The state is that of the last accepted step, also if one fails.
    ///
    /// # Errors
    /// As [`Program::run`], and if the next state has not the structure, types and axes of the state, or a result is not a
    /// scalar.
    pub fn run_state<A: TensorTree>(
        &self,
        state: &mut S,
        args: &A,
        steps: usize,
        mut accept: impl FnMut(&[f64]) -> bool,
    ) -> Result<usize> {
        let all = (state.clone(), args.clone());
        let mut buffers = self.buffers(&all)?;
        let carried = self.check_step(state)?;
        let backend = self.device.backend();
        let read =
            |buffer: &AnyBuffer| Ok(backend.download(buffer)?.to_f64().first().copied().unwrap_or(f64::NAN));
        let result = self.executable.iterate(&mut buffers, carried, steps, &read, &mut accept);
        let mut leaves = buffers.into_iter();
        *state = self.fill(&self.output.0, 0, self.provenance(&all)?, &mut || leaves.next())?;
        result
    }

    /// Checks that outputs can be inputs; returns the number of tensors in the state.
    fn check_step(&self, state: &S) -> Result<usize> {
        let mut carried = 0;
        state.visit(&mut |_| {
            carried += 1;
            Ok(())
        })?;
        let refuse = |reason: String| Err(Error::argument("program", reason));
        let mut next = 0;
        self.output.0.visit(&mut |_| {
            next += 1;
            Ok(())
        })?;
        if next != carried {
            return refuse(format!("a state of {carried} tensors becomes one of {next}"));
        }
        for (index, (ty, axes)) in self.output_types.iter().zip(&self.output_axes).enumerate() {
            match self.arguments.get(index).filter(|_| index < carried) {
                Some(before) if before.ty != *ty || before.axes != *axes => {
                    let (path, was) = (&before.path, &before.ty);
                    let reason =
                        format!("`{path}` of {} {} becomes {} {}", was.dtype, was.shape, ty.dtype, ty.shape);
                    return refuse(reason);
                }
                None if ty.shape.rank() > 0 || !axes.is_empty() => {
                    return refuse(format!(
                        "result {} of a step is no scalar: shape {}",
                        index - carried,
                        ty.shape
                    ));
                }
                _ => {}
            }
        }
        Ok(carried)
    }
}
