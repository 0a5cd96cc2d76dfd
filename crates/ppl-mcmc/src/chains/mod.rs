//! Chains: how they are run, and what they leave.

mod clock;
mod collect;
mod draws;
mod layout;
mod lockstep;
mod mcmc;
mod numbers;
mod progress;
mod run;
mod sampler;
mod start;
mod store;

pub use draws::{Chains, RunSettings, RunTimes, SiteDraws};
pub use mcmc::Mcmc;
pub use numbers::NumberDraws;
pub use sampler::{ChainContext, Sampler};
