//! Posteriors whose log densities all systems evaluate: the models as a user would write them, and their data.
//!
//! Latent sites come in the order of the parameters of the Stan programs, so that one list of numbers is the same point
//! everywhere. Bijections are Stan's.

mod garch;
mod logistic;
mod regressions;

pub use ppl_posteriors::Data;
pub(crate) use regressions::{linreg_json, rugged_json};

use std::path::Path;

use ppl::core::{Error, Result};

use crate::potential::LogDensity;

/// A latent site, and the number of its unconstrained numbers.
pub type Site = (String, usize);

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
    Entry { name: "eight_schools", load: |_| posteriordb("eight_schools_noncentered") },
    Entry { name: "logistic", load: logistic::load },
    Entry { name: "diamonds", load: |_| posteriordb("diamonds") },
    Entry { name: "garch", load: garch::load },
    Entry { name: "gp_regr", load: |_| posteriordb("gp_regr") },
    Entry { name: "arK", load: |_| posteriordb("arK") },
    Entry { name: "gauss_mix", load: |_| posteriordb("low_dim_gauss_mix") },
];

/// A posterior of posteriordb.
fn posteriordb(name: &str) -> Result<Posterior> {
    let entry = ppl_posteriors::find(name);
    let entry = entry.ok_or_else(|| Error::argument(format!("there is no posterior `{name}`")))?;
    let posterior = (entry.load)()?;
    let mut potential = posterior.potential()?;
    let sites = potential.sites().iter().map(|site| (site.name.clone(), site.range.len())).collect();
    let log_density = move |at: &[f64], gradient: &mut [f64]| potential.value_and_gradient(at, gradient);
    Ok(Posterior { sites, data: posterior.data, log_density: Box::new(log_density), by_hand: None })
}

#[cfg(test)]
mod tests;
