//! Figures of Markov chains, and a report in one HTML file.
//!
//! [`Plots`] draws what tells whether chains can be trusted, and what they say; [`Report`] puts all of it with the
//! summary into one file. A [`Figure`] of one's own is made of [`Panel`]s, and the numbers behind the plots are in
//! [`quantities`].
//!
//! ```
//! use ppl_core::{Ctx, Result};
//! use ppl_dist::{Exponential, Normal};
//! use ppl_infer::Predictive;
//! use ppl_mcmc::{Mcmc, Nuts};
//! use ppl_plot::{Plots, Report};
//! use ppl_tensor::Tensor;
//!
//! fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
//!     let mean = ctx.sample("mean", Normal::new(0.0, 10.0))?;
//!     let sd = ctx.sample("sd", Exponential::new(1.0))?;
//!     ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, &sd), y).map(|_| ()))
//! }
//! let y = Tensor::from([1.2, 0.4, 2.2, 1.9, 0.7]);
//! let chains = Mcmc::new(Nuts::new()).warmup(300).draws(200).seed(1).run(&model, &y)?;
//! # let folder = std::env::temp_dir().join(format!("ppl-plot-{}", std::process::id()));
//! Plots::new(&chains).sites(["sd"]).trace()?.save(folder.join("trace.svg"))?;
//! let scores = Predictive::new(model).log_likelihood(&chains.draws(), &y)?;
//! Report::new(&chains).title("Five numbers").log_likelihood(&scores).write(folder.join("report.html"))?;
//! # std::fs::remove_dir_all(folder).ok();
//! # Ok::<(), ppl_core::Error>(())
//! ```

mod figure;
mod plots;
pub mod quantities;
mod report;

pub use figure::{AMBER, BLACK, BLUE, Corner, Figure, GREEN, GREY, ORANGE, PURPLE, Panel, Rgb, SKY};
pub use plots::{Interval, Plots};
pub use report::Report;
