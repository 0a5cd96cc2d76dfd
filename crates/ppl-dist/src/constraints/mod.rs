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
mod real;
mod simplex;

pub use independent::{independent, real_vector};
pub use integer::{boolean, integers_below, nonnegative_integer};
pub use interval::{greater_than, interval, nonnegative, positive, unit_interval};
pub use matrix::{lower_cholesky, positive_definite};
pub use real::{extended_real, real};
pub use simplex::simplex;

use ppl_tensor::Tensor;

/// A bound as messages show it: its value if it is one number that can be read.
fn describe(bound: &Tensor, otherwise: &str) -> String {
    bound.detach().to_scalar().map_or_else(|_| otherwise.to_owned(), |bound| bound.to_string())
}
