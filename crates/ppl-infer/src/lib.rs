//! Variational inference: objectives, optimisers, the loop that joins them, and predictive draws.
//!
//! An [`Objective`] turns the traces of a model and of a guide into a loss and a surrogate whose gradient is an unbiased
//! estimate of the loss's: a new estimator is one short file. An [`Optimizer`] is a function from state to state. [`Svi`]
//! owns the parameters and iterates.

mod draws;
mod importance;
mod init;
mod objective;
mod optim;
mod predictive;
mod psis;
mod svi;

pub use draws::Draws;
pub use importance::ImportanceWeights;
pub use init::{Init, Start};
pub use objective::{Estimate, Objective, PARTICLES, TraceElbo, estimate};
pub use optim::{Adam, AdamOptions, Optimizer};
pub use predictive::Predictive;
pub use psis::{SmoothedWeights, psis};
pub use svi::Svi;
