//! Posteriors whose log densities all systems evaluate: the models as a user would write them, and their data.
//!
//! Latent sites come in the order of the parameters of the Stan programs, so that one list of numbers is the same point
//! everywhere. Bijections are Stan's.

mod autoregression;
mod diamonds;
mod eight_schools;
mod flat;
mod garch;
mod gaussian_process;
mod logistic;
mod mixture;
mod regressions;
mod source;

pub(crate) use regressions::{linreg_json, rugged_json};
pub use source::Data;

use std::path::Path;

use ppl::core::Result;

use crate::potential::LogDensity;

/// A latent site, and the number of its unconstrained numbers.
pub type Site = (&'static str, usize);

/// A posterior, ready to be evaluated.
pub struct Posterior {
    /// Latent sites in order.
    pub sites: Vec<Site>,
    /// The data, for other systems.
    pub data: Data,
    /// The compiled log density.
    pub log_density: LogDensity,
    /// Value and gradient of the likelihood at a fixed point, by a loop written by hand, where there is one.
    pub by_hand: Option<Box<dyn FnMut() -> Result<f64>>>,
}

/// What a posterior is called here and in the peers' tables of models, and how it is made. The folder is for data that
/// are made here.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Makes it.
    pub load: fn(&Path) -> Result<Posterior>,
}

/// All posteriors.
pub const POSTERIORS: [Entry; 9] = [
    Entry { name: "rugged", load: regressions::rugged },
    Entry { name: "linreg", load: regressions::linreg },
    Entry { name: "eight_schools", load: eight_schools::load },
    Entry { name: "logistic", load: logistic::load },
    Entry { name: "diamonds", load: diamonds::load },
    Entry { name: "garch", load: garch::load },
    Entry { name: "gp_regr", load: gaussian_process::load },
    Entry { name: "arK", load: autoregression::load },
    Entry { name: "gauss_mix", load: mixture::load },
];

#[cfg(test)]
mod tests;
