//! Guides made from a model: each runs the model once to see its latent sites, then is a program of its own.
//!
//! A guide is used wherever a program is: in variational inference, in predictive draws, under handlers.

mod latent;
mod multivariate;
mod normal;

pub use multivariate::AutoMultivariateNormal;
pub use normal::AutoNormal;
