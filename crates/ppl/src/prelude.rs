//! What a program that writes and fits models needs: `use ppl::prelude::*`.

pub use ppl_autoguide::{
    AutoCallable, AutoDelta, AutoDiagonalNormal, AutoGuideList, AutoLaplace, AutoLowRankMultivariateNormal,
    AutoMultivariateNormal, AutoNormal, Marginals,
};
pub use ppl_core::{
    AllBut, Config, ConfigureExt, Constraint, Ctx, Distribution, Error, Handler, Message, Model, Observation,
    ParamStore, Result, SiteFilter, SiteKind, Statement, SubsampleExt, Trace, Transform, block, condition,
    do_, infer_config, lift, mask, render_model, reparam, replay, scale, scope, seed, substitute, trace,
    uncondition,
};
pub use ppl_dist::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Delta, Dirichlet, DistributionExt, Exponential, Gamma,
    Geometric, Gumbel, HalfCauchy, HalfNormal, Independent, InverseGamma, Laplace, LkjCholesky,
    LocScaleReparam, LogNormal, Logistic, LowRankMultivariateNormal, Multinomial, MultivariateNormal,
    NegativeBinomial, Normal, OneHotCategorical, Pareto, Poisson, StudentT, TransformReparam,
    TransformedDistribution, Uniform, Weibull, constraints, kl_divergence,
};
pub use ppl_infer::{
    Adagrad, AdagradRmsProp, Adam, AdamOptions, AdamW, Baseline, ClippedAdam, Compile, Draws, Estimate,
    Estimators, GradientEstimator, ImportanceWeights, Init, Jit, Lbfgs, Objective, Optimizer, OptimizerState,
    Origin, Potential, Predictive, RenyiElbo, RmsProp, Runs, Schedule, Sgd, SgdOptions, Stop, Svi, TraceElbo,
    TraceGraphElbo, TraceMeanFieldElbo, compile_potential, differentiable_loss,
};
pub use ppl_mcmc::{Chains, Hmc, InferenceData, Kernel, MassMatrix, Mcmc, Nuts, RandomWalk, loo, waic};
pub use ppl_tensor::{DType, Device, Key, Shape, Tensor, TensorTree, grad, integrate_ode, no_grad, vmap};
