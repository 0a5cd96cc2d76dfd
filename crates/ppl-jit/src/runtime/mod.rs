//! What runs while a program runs: its steps and threads, the loops over elements, machine code, random numbers.
//!
//! All that is `unsafe` is here, and the compiler beside it (`passes`, `plan`) has none: it decides where each value lies, and
//! checks the types by which that is right; what is here reads and writes there by address. The contracts are stated where
//! they are relied on: of loops in [`kernels`], of memory and threads in [`exec`], of functions in [`native`].

#![allow(unsafe_code)]

pub(crate) mod exec;
pub(crate) mod kernels;
pub(crate) mod math;
pub(crate) mod native;
mod philox;
