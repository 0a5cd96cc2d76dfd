//! The native CPU compiler of traced programs.
//!
//! [`compile`] takes what [`trace`](ppl_tensor::trace) recorded on the CPU, simplifies it, and makes a
//! [`Program`] that runs without asking a backend for each operation.

mod code;
mod exec;
mod explain;
mod ir;
mod kernels;
#[allow(dead_code, unused_imports)] // Kernels of programs use it.
mod math;
mod passes;
mod philox;
mod plan;

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
    let native = exec::Native::new(plan::lower(&ir)?);
    Program::on_host(traced, Box::new(native))
}
