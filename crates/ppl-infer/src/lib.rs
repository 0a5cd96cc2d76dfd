//! Variational inference: objectives, optimisers, the loop that joins them, and predictive draws.
//!
//! An [`Objective`] turns the traces of a model and of a guide into a loss and a surrogate whose gradient is an unbiased
//! estimate of the loss's: a new estimator is one short file. An [`Optimizer`] is a function from state to state. [`Svi`]
//! owns the parameters and iterates; [`Fit`] is the loop with callbacks, validation and checkpoints.

mod draws;
mod importance;
mod init;
mod objective;
mod optim;
mod potential;
mod predictive;
mod psis;
mod svi;
mod tracing;

pub use draws::Draws;
pub use importance::ImportanceWeights;
pub use init::{Init, Start};
pub use objective::{
    Baseline, BaselineFunction, Estimate, Estimators, GradientEstimator, GradientMoments, GradientProbe,
    GradientReport, Jit, Objective, ObjectiveState, Origin, PARTICLES, RenyiElbo, Runs, Term, TraceElbo,
    TraceGraphElbo, TraceMeanFieldElbo, differentiable_loss, estimate, estimate_from,
};
pub use optim::{
    Adagrad, AdagradOptions, AdagradRmsProp, AdagradRmsPropOptions, Adam, AdamOptions, AdamW, AdamWOptions,
    Clipped, ClippedAdam, ClippedAdamOptions, Clock, Lbfgs, LbfgsStop, Minimum, Optimizer, OptimizerState,
    PerParameter, RmsProp, RmsPropOptions, Schedule, Sgd, SgdOptions, UpdateRule, Updated,
};
pub use potential::{Potential, PotentialSite, Quantity, VectorizedPotential, compile_potential};
pub use ppl_jit::{Compile, Compiler};
pub use predictive::Predictive;
pub use psis::{SmoothedWeights, log_sum_exp, psis};
pub use svi::{Execute, Fit, FitReport, Progress, Stop, Svi, SviParts};
