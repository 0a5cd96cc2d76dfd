//! Variational inference: objectives, optimisers, the loop that joins them, and predictive draws.
//!
//! An [`Objective`] turns the traces of a model and of a guide into a loss and a surrogate whose gradient is an unbiased
//! estimate of the loss's: a new estimator is one short file. An [`Optimizer`] is a function from state to state. [`Svi`]
//! owns the parameters and iterates.

mod draws;
mod objective;
mod optim;
mod predictive;
mod svi;

pub use draws::Draws;
pub use objective::{
    Baseline, BaselineFunction, Estimate, Estimators, GradientEstimator, GradientMoments, GradientProbe,
    GradientReport, Objective, Origin, PARTICLES, RenyiElbo, Runs, State, Term, TraceElbo, TraceGraphElbo,
    TraceMeanFieldElbo, differentiable_loss, estimate, estimate_from,
};
pub use optim::{Adam, AdamOptions, Optimizer};
pub use predictive::Predictive;
pub use svi::Svi;
