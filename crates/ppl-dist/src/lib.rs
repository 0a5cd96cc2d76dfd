//! Distributions, the sets their values lie in, and bijections onto those sets.
//!
//! Constructors take anything that is a tensor (numbers, vectors, references) and never fail: parameters whose shapes
//! do not fit carry an error, which comes out of the distribution's methods and of
//! [`Distribution::validate`](ppl_core::Distribution::validate). Numbers are weak: a distribution of numbers alone draws
//! in the default float of its key's device.
//!
//! | values | distributions |
//! | --- | --- |
//! | real numbers | [`Normal`], [`Laplace`], [`Logistic`], [`Gumbel`], [`Cauchy`], [`StudentT`] |
//! | positive numbers | [`LogNormal`], [`Gamma`], [`InverseGamma`], [`Exponential`], [`Weibull`], [`HalfNormal`], [`HalfCauchy`], [`Pareto`] |
//! | an interval | [`Uniform`], [`Beta`] |
//! | truth values, categories | [`Bernoulli`], [`Categorical`], [`OneHotCategorical`] |
//! | counts | [`Binomial`], [`Poisson`], [`NegativeBinomial`], [`Geometric`], [`Multinomial`] |
//! | vectors | [`MultivariateNormal`], [`LowRankMultivariateNormal`], [`Dirichlet`] |
//! | matrices of correlations | [`LkjCholesky`] |
//! | one point | [`Delta`] |
//! | those of another | [`Independent`], [`Masked`], [`Expanded`], [`TransformedDistribution`] |
//!
//! Draws of all but the discrete ones are differentiable. Which sets there are, with bijections from the reals, is in
//! [`constraints`]; the bijections in [`transforms`]; divergences in closed form in [`KlRegistry`].
//!
//! ```
//! use ppl_core::Distribution;
//! use ppl_dist::{DistributionExt, Normal};
//! use ppl_tensor::{Key, Tensor};
//!
//! let prior = Normal::new(Tensor::zeros([8]), 10.0).to_event(1);
//! let draw = prior.sample(&Key::new(0));
//! assert_eq!(draw.shape(), [8].into());
//! assert_eq!(prior.log_prob(&draw).shape(), [].into());
//! # Ok::<(), ppl_core::Error>(())
//! ```

pub mod constraints;
mod continuous;
mod discrete;
mod family;
mod kl;
mod multivariate;
mod parameters;
mod reparam;
mod special;
pub mod transforms;
mod wrappers;

pub use continuous::{
    Beta, Cauchy, Exponential, Gamma, Gumbel, HalfCauchy, HalfNormal, InverseGamma, Laplace, LogNormal,
    Logistic, Normal, Pareto, StudentT, Uniform, Weibull,
};
pub use discrete::{
    Bernoulli, Binomial, Categorical, Delta, Geometric, Multinomial, NegativeBinomial, OneHotCategorical,
    Poisson,
};
pub use kl::{KlRegistry, kl_divergence};
pub use multivariate::{Dirichlet, LkjCholesky, LowRankMultivariateNormal, MultivariateNormal};
pub use reparam::{LocScaleReparam, TransformReparam};
pub use wrappers::{DistributionExt, Expanded, Independent, Masked, TransformedDistribution};
