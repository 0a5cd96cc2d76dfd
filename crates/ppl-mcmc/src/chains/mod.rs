//! Chains: how they are run, and what they leave.

mod draws;
mod lockstep;
mod mcmc;
mod progress;
mod run;
mod sampler;
mod start;
mod store;

pub use draws::{Chains, SiteDraws};
pub use mcmc::Mcmc;
pub use run::ChainRun;
pub use sampler::{ChainContext, Sampler};
