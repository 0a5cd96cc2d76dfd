//! The samplers of [nuts-rs](https://docs.rs/nuts-rs), which [nutpie](https://github.com/pymc-devs/nutpie) runs, on the
//! compiled log density of a model: for comparison, and for their low-rank mass matrices.
//!
//! With the feature `nuts-rs`, off by default, there is `NutsRs`, a [`Sampler`](ppl_mcmc::Sampler): [`Mcmc`](ppl_mcmc::Mcmc)
//! runs its chains as it runs those of kernels. Without it this crate is empty.

#[cfg(feature = "nuts-rs")]
mod density;
#[cfg(feature = "nuts-rs")]
mod sampler;

#[cfg(feature = "nuts-rs")]
pub use sampler::NutsRs;
