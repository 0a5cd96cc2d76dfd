//! Distributions of vectors and matrices.

mod multivariate_normal;

pub use multivariate_normal::MultivariateNormal;
