//! Everything about chains in one file.

mod html;
mod sections;

use std::path::{Path, PathBuf};

use ppl_core::Result;
use ppl_infer::Draws;
use ppl_mcmc::Chains;
use ppl_tensor::Tensor;

use crate::figure::{Figure, write};
use crate::plots::Plots;

/// A report on chains, being described: one HTML file that needs no other and no network, for light and dark screens.
///
/// It has the settings and times of the run, what should worry in words, the summary, chains that failed, estimates of
/// predictive accuracy if log likelihoods are given, and the figures of [`Plots`].
#[derive(Debug, Clone)]
#[must_use = "a report is nothing until it is written"]
pub struct Report<'a> {
    chains: &'a Chains,
    title: String,
    plots: Plots<'a>,
    log_likelihood: Vec<(String, Tensor)>,
    figures: Vec<Figure>,
}

impl<'a> Report<'a> {
    /// On these chains, with figures of all sites.
    pub fn new(chains: &'a Chains) -> Self {
        Self {
            chains,
            title: "Markov chains".to_owned(),
            plots: Plots::new(chains),
            log_likelihood: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// With another title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// With figures of these numbers: other sites, or more.
    pub fn plots(mut self, plots: Plots<'a>) -> Self {
        self.plots = plots;
        self
    }

    /// With leave-one-out cross-validation and WAIC from the log likelihoods of observed sites at the draws
    /// ([`Predictive::log_likelihood`](ppl_infer::Predictive::log_likelihood)).
    pub fn log_likelihood(mut self, draws: &Draws) -> Self {
        self.log_likelihood.extend(draws.iter().map(|(name, values)| (name.clone(), values.clone())));
        self
    }

    /// With a figure of one's own, after the others.
    pub fn figure(mut self, figure: Figure) -> Self {
        self.figures.push(figure);
        self
    }

    /// The report as the text of an HTML file, which is well-formed XML, too.
    ///
    /// # Errors
    /// If there is no draw, and why ([`Chains::nonempty`]); if draws cannot be read, a figure cannot be drawn, or there is no
    /// estimate from a log likelihood ([`ppl_mcmc::loo`]), or it is not of all draws.
    pub fn to_html(&self) -> Result<String> {
        sections::page(self)
    }

    /// Writes the report to a file, and gives its path back. Makes the folder if it is missing.
    ///
    /// # Errors
    /// As [`Report::to_html`], or if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        write(path.as_ref(), &self.to_html()?)
    }
}
