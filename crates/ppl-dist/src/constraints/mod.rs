//! Sets of values: what parameters may be, and where draws lie.
//!
//! Each is made by a function here and used through [`Constraint`](ppl_core::Constraint). Sets of reals hold finite
//! numbers only, but for [`extended_real`].
//!
//! ```
//! use ppl_dist::constraints::positive;
//! use ppl_tensor::Tensor;
//!
//! let sigma = positive();
//! assert_eq!(sigma.name(), "positive");
//! assert_eq!(sigma.check(&Tensor::from([-1.0, 2.0])).to_vec::<bool>()?, [false, true]);
//! let y = sigma.bijection()?.forward(&Tensor::from(0.0));
//! assert_eq!(y.to_scalar()?, 1.0);
//! # Ok::<(), ppl_core::Error>(())
//! ```

mod independent;
mod integer;
mod interval;
mod matrix;
mod ordered;
mod real;
mod simplex;

pub use independent::{independent, real_vector};
pub use integer::{boolean, integer_interval, integers_below, multinomial, nonnegative_integer, one_hot};
pub use interval::{greater_than, interval, less_than, nonnegative, positive, unit_interval};
pub use matrix::{corr_cholesky, corr_matrix, lower_cholesky, positive_definite};
pub use ordered::{ordered_vector, positive_ordered_vector};
pub use real::{extended_real, real};
pub use simplex::simplex;

use ppl_tensor::{DType, Tensor};

/// What sums of numbers up to 1 may be off by rounding.
fn rounding(value: &Tensor) -> f64 {
    if value.dtype() == DType::F32 { 1e-5 } else { 1e-6 }
}

/// A bound as messages show it: its value if it is one number that can be read.
fn describe(bound: &Tensor, otherwise: &str) -> String {
    bound.detach().to_scalar().map_or_else(|_| otherwise.to_owned(), |bound| bound.to_string())
}
