//! Posteriors that all systems evaluate and sample: the models as a user would write them, and their data.
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
use ppl::infer::Potential;

/// A site, and how many numbers it has.
pub type Site = (String, usize);

/// A posterior, and what is compared with it.
pub struct Posterior {
    /// Model and data.
    pub program: ppl_posteriors::Posterior,
    /// Value and gradient of the likelihood at a fixed point, by a loop written by hand, where there is one.
    pub by_hand: Option<Box<dyn FnMut() -> Result<f64>>>,
    /// A latent site, and the deterministic one that stands for it in other systems' programs, where there are such.
    pub stands_for: Option<(&'static str, &'static str)>,
}

impl Posterior {
    fn new(program: ppl_posteriors::Posterior) -> Self {
        Self { program, by_hand: None, stands_for: None }
    }
}

/// What a posterior is called here and in the peers' tables of models, and how it is made. The folder is for data that
/// are made here.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Makes it.
    pub load: fn(&Path) -> Result<Posterior>,
}

impl Entry {
    /// The program that peers run: data of other sizes have names of their own.
    pub fn program(&self) -> &'static str {
        self.name.strip_suffix("_wide").unwrap_or(self.name)
    }
}

/// All posteriors. Gradients are timed of the first [`GRADIENTS`], chains of all from number [`CHAINS`] on.
pub const POSTERIORS: [Entry; 17] = [
    Entry { name: "logistic_wide", load: logistic::wide },
    Entry { name: "rugged", load: regressions::rugged },
    Entry { name: "linreg", load: regressions::linreg },
    Entry { name: "eight_schools", load: |_| posteriordb("eight_schools_noncentered") },
    Entry { name: "logistic", load: logistic::narrow },
    Entry { name: "diamonds", load: |_| posteriordb("diamonds") },
    Entry { name: "garch", load: garch::load },
    Entry { name: "gp_regr", load: |_| posteriordb("gp_regr") },
    Entry { name: "arK", load: |_| posteriordb("arK") },
    Entry { name: "gauss_mix", load: |_| posteriordb("low_dim_gauss_mix") },
    Entry { name: "blr", load: |_| posteriordb("blr") },
    Entry { name: "kidscore_momiq", load: |_| posteriordb("kidscore_momiq") },
    Entry { name: "kidscore_mom_work", load: |_| posteriordb("kidscore_mom_work") },
    Entry { name: "logearn_interaction", load: |_| posteriordb("logearn_interaction") },
    Entry { name: "logmesquite", load: |_| posteriordb("logmesquite") },
    Entry { name: "mesquite", load: |_| posteriordb("mesquite") },
    Entry { name: "nes", load: |_| posteriordb("nes") },
];

/// See [`POSTERIORS`].
pub const GRADIENTS: usize = 10;

/// See [`POSTERIORS`].
pub const CHAINS: usize = 1;

/// Whether a potential reads less than the data's rows, because something less suffices.
pub fn reads_less(potential: &Potential) -> bool {
    potential.explain().contains("rows stand for them")
}

/// A posterior of posteriordb.
fn posteriordb(name: &str) -> Result<Posterior> {
    let entry = ppl_posteriors::find(name);
    let entry = entry.ok_or_else(|| Error::argument(format!("there is no posterior `{name}`")))?;
    Ok(Posterior::new((entry.load)()?))
}

#[cfg(test)]
mod tests;
