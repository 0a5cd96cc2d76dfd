//! The native CPU compiler of traced programs.
//!
//! [`compile`] takes what [`trace`](ppl_tensor::trace) recorded on the CPU, simplifies it, and makes a
//! [`Program`] that runs without asking a backend for each operation.

mod exec;
mod ir;
mod passes;

use ppl_tensor::{Program, Result, Traced};

/// Compiles a recorded function: on the CPU by this compiler, elsewhere by the device's own.
///
/// # Errors
/// If the graph is not legal, or the device cannot compile it.
pub fn compile<O>(traced: Traced<O>) -> Result<Program<O>> {
    if !traced.graph().device().same_as(&ppl_tensor::Device::cpu()) {
        return ppl_tensor::compile(traced);
    }
    let ir = passes::simplify(ir::Ir::from_graph(traced.graph())?)?;
    Program::on_host(traced, Box::new(exec::host::HostProgram::new(ir)))
}
