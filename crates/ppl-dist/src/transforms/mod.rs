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
mod elementwise;
mod independent;
mod inverse;
mod matrix;
mod stick_breaking;

pub use compose::Compose;
pub use elementwise::{Affine, Exp, ExpAbove, Identity, Sigmoid, Softplus};
pub use independent::Independent;
pub use inverse::Inverse;
pub use matrix::{CovarianceFromCholesky, LowerCholesky};
pub use stick_breaking::StickBreaking;

use ppl_core::{Error, Result};
use ppl_tensor::Shape;

use crate::parameters::split_last;

/// A shape without its last `n` dimensions, and those.
fn split(transform: &str, shape: &Shape, n: usize) -> Result<(Shape, Shape)> {
    let short = || Error::Shape(format!("{transform} needs {n} dimensions, the shape is {shape}"));
    split_last(shape, n).ok_or_else(short)
}
