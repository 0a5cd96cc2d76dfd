//! The native CPU compiler of traced programs.
//!
//! [`device.compile`](Compile::compile) takes what [`trace`](ppl_tensor::trace) recorded on the CPU, simplifies it, and makes
//! a [`Program`] that runs without asking a backend for each operation, in memory that was planned when it was made: a run allocates
//! nothing but its results, and `gemm` what it packs of large products. [`Function`] and steps of an iteration write results where
//! they belong. Only operations that users define run on the host backend, on arrays; [`Program::explain`] names them.
//!
//! ```
//! use ppl_jit::Compile;
//! use ppl_tensor::{Device, Tensor, grad, trace};
//!
//! let device = Device::cpu();
//! let value_and_gradient = |x: &Tensor| {
//!     let x = x.tracked();
//!     let value = (x.square() * 0.5).sum_all();
//!     let gradient = grad(&value, &[&x])?.swap_remove(0);
//!     Ok((value, gradient))
//! };
//! let program = device.compile(trace(&device, value_and_gradient, &Tensor::from([1.0, 2.0]))?)?;
//! let (value, gradient) = program.run(&Tensor::from([3.0, 4.0]))?;
//! assert_eq!((value.to_scalar()?, gradient.to_vec::<f64>()?), (12.5, vec![3.0, 4.0]));
//! # Ok::<(), ppl_tensor::Error>(())
//! ```
//!
//! [`Compiler`] has options. On other devices than the CPU programs are what the device makes of them.

mod code;
mod explain;
mod ir;
mod passes;
mod plan;
mod runtime;

pub use runtime::exec::Function;

use ppl_tensor::{Device, Error, Program, Result, TensorTree, Traced};

/// How programs are made.
#[derive(Debug, Clone)]
pub struct Compiler {
    machine_code: bool,
    sufficient_statistics: bool,
}

impl Default for Compiler {
    fn default() -> Self {
        Self { machine_code: true, sufficient_statistics: true }
    }
}

impl Compiler {
    /// The usual one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether what is done with few elements becomes machine code: yes, unless told otherwise. Kernels do it where memory
    /// may not be made executable, and on other processors than x86-64 and AArch64.
    pub fn machine_code(self, machine_code: bool) -> Self {
        Self { machine_code, ..self }
    }

    /// Whether known data that enter by products of their columns alone, as those of linear regressions with normal errors
    /// do, are replaced by what suffices of them, so that a run does not read each row: yes, unless told otherwise. Sums over
    /// rows are then right to rounding of the lengths of the columns in them, not of each product.
    pub fn sufficient_statistics(self, sufficient_statistics: bool) -> Self {
        Self { sufficient_statistics, ..self }
    }

    /// [`Compiler::compile`] for a function whose arguments and results are floats, which is then also to be called on
    /// slices.
    ///
    /// # Errors
    /// If it was recorded on another device than the CPU, an argument or result is not of floats, or the graph is not
    /// legal.
    pub fn compile_function<O>(&self, traced: Traced<O>) -> Result<(Function, Program<O>)> {
        Function::compile(self, traced)
    }

    /// Compiles a recorded function: on the CPU by this compiler, elsewhere by the device's own.
    ///
    /// # Errors
    /// If the graph is not legal, or the device cannot compile it.
    pub fn compile<O>(&self, traced: Traced<O>) -> Result<Program<O>> {
        let arguments = traced.graph().inputs();
        self.compile_iterated(traced, arguments)
    }

    /// Compiles a recorded step `(state, args) -> (state, results)` that is to be iterated ([`Program::run_state`]): what
    /// depends on the arguments alone is computed once in a call, and constants and arguments are laid out for the loops
    /// that read them.
    ///
    /// # Errors
    /// As [`Compiler::compile`].
    pub fn compile_step<S: TensorTree, R>(&self, traced: Traced<(S, R)>) -> Result<Program<(S, R)>> {
        let mut carried = 0;
        traced.output().0.visit(&mut |_| {
            carried += 1;
            Ok(())
        })?;
        self.compile_iterated(traced, carried)
    }

    /// Of the arguments the first `carried` change from run to run.
    fn compile_iterated<O>(&self, traced: Traced<O>, carried: usize) -> Result<Program<O>> {
        if !traced.graph().device().same_as(&Device::cpu()) {
            return ppl_tensor::compile(traced);
        }
        let native = runtime::exec::compiled(self, traced.graph(), carried)?;
        Program::on_host(traced, Box::new(native))
    }
}

/// `device.compile(traced)`: programs of the usual [`Compiler`], for the device that is asked.
pub trait Compile {
    /// Compiles a function that was recorded on this device, as [`Compiler::compile`] does.
    ///
    /// # Errors
    /// If it was recorded on another device, and as there.
    fn compile<O>(&self, traced: Traced<O>) -> Result<Program<O>>;

    /// Compiles a step that was recorded on this device, to be iterated, as [`Compiler::compile_step`] does.
    ///
    /// # Errors
    /// If it was recorded on another device, and as there.
    fn compile_step<S: TensorTree, R>(&self, traced: Traced<(S, R)>) -> Result<Program<(S, R)>>;
}

impl Compile for Device {
    fn compile<O>(&self, traced: Traced<O>) -> Result<Program<O>> {
        recorded_on(self, &traced)?;
        Compiler::new().compile(traced)
    }

    fn compile_step<S: TensorTree, R>(&self, traced: Traced<(S, R)>) -> Result<Program<(S, R)>> {
        recorded_on(self, &traced)?;
        Compiler::new().compile_step(traced)
    }
}

fn recorded_on<O>(device: &Device, traced: &Traced<O>) -> Result<()> {
    let other = traced.graph().device();
    if other.same_as(device) {
        return Ok(());
    }
    Err(Error::argument(
        "compile",
        format!(
            "the function was recorded on another device ({}) than the one that is to compile it ({})",
            other.name(),
            device.name()
        ),
    ))
}
