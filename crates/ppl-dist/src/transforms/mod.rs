//! Differentiable bijections.
//!
//! `log_abs_det_forward` is always `ln |det ∂y/∂x|` of the forward map, never of the inverse: a density of `y` is that of
//! `x` minus it.
//!
//! ```
//! use ppl_core::Transform;
//! use ppl_dist::transforms::Exp;
//! use ppl_tensor::Tensor;
//!
//! let x = Tensor::from([0.0, 2.0]);
//! let y = Exp.forward(&x);
//! assert_eq!(Exp.log_abs_det_forward(&x, &y).to_vec::<f64>()?, [0.0, 2.0]);
//! # Ok::<(), ppl_core::Error>(())
//! ```

mod compose;
mod correlation;
mod elementwise;
mod from_cholesky;
mod half_line;
mod independent;
mod inverse;
mod matrix;
mod ordered;
mod stick_breaking;

pub use compose::Compose;
pub use correlation::CorrCholesky;
pub use elementwise::{Affine, Exp, Identity, Sigmoid, Softplus};
pub use from_cholesky::{CorrelationFromCholesky, CovarianceFromCholesky};
pub use half_line::{ExpAbove, ExpBelow};
pub use independent::Independent;
pub use inverse::Inverse;
pub use matrix::LowerCholesky;
pub use ordered::Ordered;
pub use stick_breaking::StickBreaking;

use ppl_core::{Error, Result};
use ppl_tensor::{Shape, Tensor};

use crate::parameters::split_last;

/// A shape without its last `n` dimensions, and those.
fn split(transform: &str, shape: &Shape, n: usize) -> Result<(Shape, Shape)> {
    let short = || Error::Shape(format!("{transform} needs {n} dimensions, the shape is {shape}"));
    split_last(shape, n).ok_or_else(short)
}

/// The batch dimensions of `x` in front of others.
fn behind_batch(x: &Tensor, value_dims: usize, sizes: &[usize]) -> Shape {
    let shape = x.shape();
    Shape::from(&shape[..shape.rank().saturating_sub(value_dims)]).concat(sizes)
}
