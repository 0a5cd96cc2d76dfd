//! Functions of elements that compile to loops of vector instructions.
//!
//! Each is straight-line code, without branches, tables or calls, generic in the float and in the [target](Arch), so
//! that a loop over it vectorises when it is inlined into a function compiled for that target.

mod circular;
mod dispatch;
mod error_function;
mod exponential;
mod float;
mod gamma;
mod logarithm;
mod power;
mod simple;
mod table;

pub(crate) use circular::{box_muller, cos, sin};
pub(crate) use dispatch::{BinaryLoop, Target, UnaryLoop};
pub(crate) use error_function::{erf, erfc};
pub(crate) use exponential::{cosh, exp, expm1, sigmoid, sinh, tanh};
pub(crate) use float::{Arch, Avx2, Float, Portable};
pub(crate) use gamma::{digamma, lgamma, trigamma};
pub(crate) use logarithm::{log, log1p, logaddexp, softplus};
pub(crate) use power::pow;
pub(crate) use simple::{floor, maximum, minimum, sign};
pub(crate) use table::{binary, binary_for, unary, unary_for};
#[cfg(test)]
mod tests;
