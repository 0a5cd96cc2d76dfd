//! Functions of elements that compile to loops of vector instructions.
//!
//! Each is straight-line code, without branches, tables or calls, generic in the float and in the [target](Arch), so
//! that a loop over it vectorises when it is inlined into a function compiled for that target. [`unary`] and [`binary`]
//! give such loops for this processor; they are right for all arguments: where straight-line code is not, for a few
//! rare ones, they ask the operation's definition, [`Unary::evaluate_f64`](ppl_tensor::op::Unary::evaluate_f64).
//! A program that inlines an element function itself has to keep to its range.
//!
//! Largest errors, in units in the last place, with the half unit of the last rounding:
//!
//! | function | `f64` | `f32` | range of the element function |
//! | --- | --- | --- | --- |
//! | [`exp`], [`expm1`], [`log`], [`log1p`] | 1 | 1 | |
//! | [`sin`], [`cos`] | 1 | 1 | <code>&#124;x&#124; ≤ 10⁶</code> |
//! | [`sinh`], [`cosh`], [`tanh`], [`asinh`], [`acosh`], [`atanh`] | 1 | 1 | |
//! | [`sigmoid`], [`softplus`] | 1 | 1 | |
//! | [`softplus_and_sigmoid`] | 2 | 2 | |
//! | [`erf`], [`erfc`] | 1 | 1 | |
//! | [`lgamma`], [`digamma`], [`trigamma`], [`tetragamma`] | 1 | 1 | `x ≥ 0` |
//! | [`pow`] | 1 | 1 | finite, and `x ≠ 0` |
//! | [`logaddexp`] | 1 | 1 | units of the value or of 1, if that is larger |
//!
//! These are also near the roots of `lgamma` and digamma units of the value. Of loops over the definition that of `erfinv` errs
//! by 2 units, and those of the gamma functions below 0 by what [`Unary`](ppl_tensor::op::Unary) says.
//!
//! In single precision sines, powers, inverse hyperbolic functions, error functions and those of the gamma function are computed
//! in double precision with shorter polynomials. Negation,
//! absolute values, signs, roundings, arithmetic and square roots are those of the processor. Other operations are loops
//! over the definition.
//!
//! Special values, NaN and signs of zeros are the definition's. Subnormal numbers are kept.

mod circular;
mod compensated;
mod dispatch;
mod error_function;
mod exponential;
mod float;
mod gamma;
mod inverse_hyperbolic;
mod logarithm;
mod polygamma;
mod power;
mod products;
mod simple;
mod table;

pub(crate) use circular::{box_muller, cos, sin};
pub(crate) use dispatch::{BinaryLoop, One, Two, UnaryLoop};
pub(crate) use error_function::{erf, erfc};
pub(crate) use exponential::{cosh, exp, expm1, sigmoid, sigmoid_of_both, sinh, tanh};
pub(crate) use float::{Arch, Avx2, Float, Portable, mul_add};
pub(crate) use gamma::lgamma;
pub(crate) use inverse_hyperbolic::{acosh, asinh, atanh};
pub(crate) use logarithm::{log, log1p, logaddexp, softplus, softplus_and_sigmoid};
pub(crate) use polygamma::{digamma, tetragamma, trigamma};
pub(crate) use power::pow;
pub(crate) use products::{sum_of_logs, sum_of_softplus};
pub(crate) use simple::{floor, maximum, minimum, sign};
pub(crate) use table::{binary, one, two, unary};
#[cfg(test)]
use {
    dispatch::Target,
    table::{binary_for, unary_for},
};
#[cfg(test)]
mod tests;
