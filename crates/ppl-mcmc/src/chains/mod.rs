//! Chains: how they are run, and what they leave.

mod draws;
mod mcmc;
mod progress;
mod run;
mod start;
mod store;

pub use draws::{Chains, RunSettings, RunTimes, SiteDraws};
pub use mcmc::Mcmc;
pub use run::ChainRun;
