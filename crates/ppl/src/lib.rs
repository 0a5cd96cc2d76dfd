//! Probabilistic programming: programs with `sample`, `observe`, `param` and `plate`, fitted to data.
//!
//! A model is a function that names what is random and what was seen. A guide is another one, with parameters: it
//! approximates what the model says about the latent values once the data are known. Inference fits the one to the other.
//!
//! ```
//! use ppl::prelude::*;
//!
//! // Ten tosses of a coin that is probably fair.
//! fn model(ctx: &mut Ctx, tosses: &Tensor) -> Result<()> {
//!     let fairness = ctx.sample("fairness", Beta::new(10.0, 10.0))?;
//!     ctx.plate("tosses", tosses, |ctx, heads| {
//!         ctx.observe("heads", Bernoulli::new(&fairness), heads)
//!     })?;
//!     Ok(())
//! }
//!
//! # fn main() -> Result<()> {
//! let tosses = Tensor::from([true, true, false, true, false, true, true, false, true, false]);
//! let mut svi = Svi::new(model, AutoNormal::new(model), Adam::new(0.02), TraceElbo::new().particles(8));
//! svi.run(500, &tosses)?;
//!
//! let posterior = Predictive::new(model).with_params(svi.params()).posterior(svi.guide(), 1000, &tosses)?;
//! let fairness = posterior.get("fairness")?.mean(0).to_scalar()?;
//! assert!((fairness - 16.0 / 30.0).abs() < 0.03, "the exact posterior is Beta(16, 14), found {fairness}");
//! # Ok(())
//! # }
//! ```
//!
//! [`prelude`] has what a model needs. The modules are the crates below this one: [`tensor`] (arrays, gradients,
//! programs), [`core`] (programs and handlers), [`dist`] (distributions), [`infer`] (variational inference),
//! [`autoguide`] (guides made from models) and [`mcmc`] (Markov chains). Figures of chains and reports are in `ppl-plot`,
//! which you add beside this crate: what only fits needs no plotting library.
//!
//! Everything runs on the processor, [`Device::cpu`](tensor::Device::cpu), unless an inference is told another device. The
//! features `flex` and `wgpu` bring [burn](https://burn.dev)'s: `ppl::wgpu()?` is the first GPU that the system has. The
//! feature `nuts-rs` brings `ppl::NutsRs`, the samplers of [nuts-rs](https://docs.rs/nuts-rs).

extern crate self as ppl;

pub mod prelude;

pub use ppl_autoguide as autoguide;
#[cfg(feature = "flex")]
pub use ppl_burn::flex;
#[cfg(feature = "wgpu")]
pub use ppl_burn::{wgpu, wgpu_adapter};
pub use ppl_core as core;
pub use ppl_dist as dist;
pub use ppl_infer as infer;
pub use ppl_mcmc as mcmc;
#[cfg(feature = "nuts-rs")]
pub use ppl_nuts_rs::NutsRs;
pub use ppl_tensor as tensor;
