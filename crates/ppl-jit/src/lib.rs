//! The native CPU compiler of traced programs.
//!
//! [`compile`] takes what [`trace`](ppl_tensor::trace) recorded on the CPU, simplifies it, and makes a
//! [`Program`] that runs without asking a backend for each operation. [`Function`] is the same on slices.

mod code;
mod exec;
mod explain;
mod ir;
mod kernels;
mod math;
mod native;
mod passes;
mod philox;
mod plan;

pub use exec::Function;

use ppl_tensor::{Program, Result, TensorTree, Traced};

/// Compiles a recorded function: on the CPU by this compiler, elsewhere by the device's own.
///
/// # Errors
/// If the graph is not legal, or the device cannot compile it.
pub fn compile<O>(traced: Traced<O>) -> Result<Program<O>> {
    if !traced.graph().device().same_as(&ppl_tensor::Device::cpu()) {
        return ppl_tensor::compile(traced);
    }
    let native = exec::native(traced.graph(), traced.graph().inputs())?;
    Program::on_host(traced, Box::new(native))
}

/// Compiles a recorded step `(state, args) -> (state, results)` that is to be iterated ([`Program::run_state`]): what depends
/// on the arguments alone is computed once in a call, and constants and arguments are laid out for the loops that read them.
///
/// # Errors
/// As [`compile`].
pub fn compile_step<S: TensorTree, R>(traced: Traced<(S, R)>) -> Result<Program<(S, R)>> {
    if !traced.graph().device().same_as(&ppl_tensor::Device::cpu()) {
        return ppl_tensor::compile(traced);
    }
    let mut carried = 0;
    traced.output().0.visit(&mut |_| {
        carried += 1;
        Ok(())
    })?;
    let native = exec::native(traced.graph(), carried)?;
    Program::on_host(traced, Box::new(native))
}
