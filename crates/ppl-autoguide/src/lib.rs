//! Guides made from a model: each runs the model to see its latent sites, then is a program of its own. The sites, their
//! shapes and the sizes of their plates are those of the guide's first run. A site in a scan has numbers of its own in every
//! step, drawn without the steps before but where the guide's distribution is joint.
//!
//! | guide | distribution of the unconstrained numbers |
//! | --- | --- |
//! | [`AutoDelta`] | a point in each site's support: maximum a posteriori |
//! | [`AutoNormal`] | independent normal, site by site; rows of subsampled plates have their own |
//! | [`AutoDiagonalNormal`] | independent normal, in one vector |
//! | [`AutoLowRankMultivariateNormal`] | normal with covariance of low rank plus diagonal |
//! | [`AutoMultivariateNormal`] | normal with any covariance |
//! | [`AutoLaplace`] | normal around the mode, with the curvature there |
//! | [`AutoGuideList`] | a guide for each part of the model, [`AutoCallable`] among them |
//!
//! A guide is used wherever a program is: in variational inference, under handlers, in
//! [`Predictive::posterior`](ppl_infer::Predictive::posterior), which gives draws on the constrained scale. What a fitted one
//! says of each site without draws is asked through [`Marginals`]; how well it fits, of
//! [`ImportanceWeights`](ppl_infer::ImportanceWeights). Where a fit starts is an [`Init`](ppl_infer::Init),
//! [`Init::Feasible`](ppl_infer::Init::Feasible) unless another is given. A family of joint distributions of one's own is a
//! [`Family`].

mod callable;
mod continuous;
mod delta;
mod diagonal;
mod laplace;
mod latent;
mod list;
mod low_rank;
mod marginal;
mod multivariate;
mod normal;

pub use callable::AutoCallable;
pub use continuous::{AutoContinuous, Family};
pub use delta::AutoDelta;
pub use diagonal::{AutoDiagonalNormal, Diagonal};
pub use laplace::{AutoLaplace, Gaussian, LaplaceApproximation, Point};
pub use latent::Values;
pub use list::{AutoGuideList, PartOf};
pub use low_rank::{AutoLowRankMultivariateNormal, LowRank};
pub use marginal::{Marginal, Marginals};
pub use multivariate::{AutoMultivariateNormal, FullRank};
pub use normal::AutoNormal;
