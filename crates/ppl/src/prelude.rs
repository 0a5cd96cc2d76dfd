//! What a program that writes and fits models needs: `use ppl::prelude::*`.

pub use ppl_autoguide::{AutoMultivariateNormal, AutoNormal};
pub use ppl_core::{
    Constraint, Ctx, Distribution, Error, Handler, Message, Model, ParamStore, Result, Statement,
    SubsampleExt, Trace, Transform, block, condition, replay, seed, substitute, trace,
};
pub use ppl_dist::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Delta, Dirichlet, DistributionExt, Exponential, Gamma,
    Geometric, Gumbel, HalfCauchy, HalfNormal, Independent, InverseGamma, Laplace, LkjCholesky, LogNormal,
    Logistic, LowRankMultivariateNormal, Multinomial, MultivariateNormal, NegativeBinomial, Normal,
    OneHotCategorical, Pareto, Poisson, StudentT, TransformedDistribution, Uniform, Weibull, constraints,
};
pub use ppl_infer::{Adam, AdamOptions, Draws, Objective, Optimizer, Predictive, Svi, TraceElbo};
pub use ppl_tensor::{DType, Device, Key, Shape, Tensor, TensorTree, grad, no_grad, vmap};
