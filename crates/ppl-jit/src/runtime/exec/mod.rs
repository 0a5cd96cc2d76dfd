//! Programs that run.

mod function;
mod helpers;
mod index;
mod machine;
mod pass;
#[cfg(test)]
mod tests;

pub use function::Function;

use std::sync::{Arc, Mutex};

use ppl_tensor::{Error, Executable, Graph, HostTensor, Result};

use crate::Compiler;
use crate::code::Code;
use crate::explain::explain;
use crate::ir::Ir;
use crate::runtime::native;
use crate::{passes, plan};
use machine::Machine;

/// A graph, simplified and compiled. The first `carried` arguments differ in each step of an iteration.
pub(crate) fn compiled(compiler: &Compiler, graph: &Graph, carried: usize) -> Result<Native> {
    let mut ir = passes::simplify(Ir::from_graph(graph)?)?;
    let mut notes = Vec::new();
    if compiler.sufficient_statistics {
        (ir, notes) = passes::sufficient::statistics(ir)?;
    }
    let mut code = plan::lower(&ir, carried)?;
    code.notes = notes;
    // Where memory may not be made executable the kernels do all.
    if compiler.machine_code
        && let Ok(code) = native::with_functions(code.clone())
    {
        return Ok(Native::new(code));
    }
    plan::place(&mut code);
    Ok(Native::new(code))
}

/// A compiled graph: the program, and memory for each thread that runs it.
pub(crate) struct Native {
    code: Arc<Code>,
    idle: Mutex<Vec<Machine>>,
}

impl Native {
    fn new(code: Code) -> Self {
        Self { code: Arc::new(code), idle: Mutex::default() }
    }

    /// Runs `f` with a machine of its own.
    fn with<R>(&self, f: impl FnOnce(&mut Machine) -> Result<R>) -> Result<R> {
        // A machine is left alone by whatever panicked with it.
        let idle = || self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let machine = idle().pop();
        let mut machine = machine.unwrap_or_else(|| Machine::new(self.code.clone()));
        let result = f(&mut machine);
        idle().push(machine);
        result
    }

    fn check(&self, inputs: &[HostTensor]) -> Result<()> {
        let wanted = self.code.inputs.len();
        if inputs.len() != wanted {
            let reason = format!("takes {wanted} inputs, {} were given", inputs.len());
            return Err(Error::argument("program", reason));
        }
        for (number, (input, buffer)) in inputs.iter().zip(&self.code.inputs).enumerate() {
            let Some(buffer) = buffer.map(|buffer| &self.code.buffers[buffer]) else { continue };
            if input.dtype() != buffer.dtype || input.data().len() != buffer.elements {
                let reason = format!("input {number} is {} {}", input.dtype(), input.shape());
                return Err(Error::argument("program", reason));
            }
        }
        Ok(())
    }
}

impl Native {
    /// Checks that the first results can be the arguments of the same numbers.
    fn check_carried(&self, inputs: &[HostTensor], carried: usize) -> Result<()> {
        let pairs = inputs.iter().zip(&self.code.outputs).take(carried);
        let fit = pairs
            .filter(|(input, (view, ty))| input.dtype() == ty.dtype && input.data().len() == view.elements());
        let fit = fit.count();
        if fit == carried {
            return Ok(());
        }
        Err(Error::argument("program", format!("{carried} arguments are carried, {fit} results can be")))
    }
}

impl Executable<HostTensor> for Native {
    fn explain(&self) -> String {
        explain(&self.code)
    }

    fn run(&self, inputs: &[HostTensor]) -> Result<Vec<HostTensor>> {
        self.check(inputs)?;
        self.with(|machine| {
            for (number, input) in inputs.iter().enumerate() {
                machine.set_input(number, input);
            }
            machine.run()?;
            (0..self.code.outputs.len()).map(|number| machine.output(number)).collect()
        })
    }

    fn iterate(
        &self,
        inputs: &mut [HostTensor],
        carried: usize,
        steps: usize,
        _: &dyn Fn(&HostTensor) -> Result<f64>,
        accept: &mut dyn FnMut(&[f64]) -> bool,
    ) -> Result<usize> {
        self.check(inputs)?;
        self.check_carried(inputs, carried)?;
        self.with(|machine| {
            for (number, input) in inputs.iter().enumerate() {
                machine.set_input(number, input);
            }
            machine.hold(carried);
            if steps > 0 {
                machine.run_fixed()?;
            }
            let mut results = vec![0.0; self.code.outputs.len() - carried];
            let mut done = 0;
            let outcome = loop {
                if done == steps {
                    break Ok(());
                }
                if let Err(error) = machine.run_varying() {
                    break Err(error);
                }
                for (number, result) in results.iter_mut().enumerate() {
                    *result = machine.scalar(carried + number);
                }
                if !accept(&results) {
                    break Ok(());
                }
                machine.carry();
                done += 1;
            };
            if done > 0 {
                for (number, input) in inputs.iter_mut().enumerate().take(carried) {
                    *input = machine.carried(number)?;
                }
            }
            outcome.map(|()| done)
        })
    }
}
