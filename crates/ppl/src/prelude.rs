//! What a program that writes and fits models needs: `use ppl::prelude::*`.

pub use ppl_autoguide::{
    AutoCallable, AutoDelta, AutoDiagonalNormal, AutoGuideList, AutoLaplace, AutoLowRankMultivariateNormal,
    AutoMultivariateNormal, AutoNormal, Marginals,
};
pub use ppl_core::{
    Constraint, Ctx, Distribution, Error, Handler, Message, Model, ParamStore, Result, Statement,
    SubsampleExt, Trace, Transform, block, condition, replay, seed, substitute, trace,
};
pub use ppl_dist::{
    Bernoulli, Beta, Categorical, Delta, DistributionExt, Gamma, Independent, LogNormal, MultivariateNormal,
    Normal, TransformedDistribution, Uniform, constraints,
};
pub use ppl_infer::{Adam, AdamOptions, Draws, Objective, Optimizer, Predictive, Svi, TraceElbo};
pub use ppl_infer::{ImportanceWeights, Init};
pub use ppl_tensor::{DType, Device, Key, Shape, Tensor, TensorTree, grad, no_grad, vmap};
