//! Markov chain Monte Carlo: kernels, their adaptation, chains in parallel threads, draws by site, diagnostics.
//!
//! A [`Kernel`] makes transitions of a state, which is plain data, on a [`LogDensity`]: a model's compiled
//! [`Potential`](ppl_infer::Potential), or one written by hand. [`Mcmc`] runs chains and gives [`Chains`].

mod adaptation;
pub mod calibration;
mod chains;
mod density;
pub mod diagnostics;
mod export;
mod hamiltonian;
mod hmc;
mod kernel;
mod nuts;
mod panics;
mod random_walk;
mod record;
mod tree;

pub use adaptation::{DualAveraging, Schedule, Welford};
pub use calibration::{Calibration, Geweke};
pub use chains::{ChainContext, Chains, Mcmc, NumberDraws, RunSettings, RunTimes, Sampler, SiteDraws};
pub use density::LogDensity;
pub use diagnostics::{ElpdEstimate, Summary, SummaryRow, loo, waic};
pub use export::{InferenceData, Labels};
pub use hamiltonian::{HamiltonianOptions, HamiltonianState, MassMatrix, Metric, Phase};
pub use hmc::Hmc;
pub use kernel::{Adapted, Kernel, Transition};
pub use nuts::Nuts;
pub use random_walk::{RandomWalk, RandomWalkState};
