//! Expected log predictive densities of new data, from draws.

use std::fmt;

use ppl_core::{Error, Result};
use ppl_infer::{log_sum_exp, psis};
use ppl_tensor::Tensor;

use super::ess_mean;
use crate::Chains;

/// Above this the Pareto estimate of an observation cannot be trusted.
const LARGEST_K: f64 = 0.7;

/// Above this an observation's variance says that WAIC cannot be trusted.
const LARGEST_VARIANCE: f64 = 0.4;

/// An estimate of the expected log pointwise predictive density, in nats: larger is better.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ElpdEstimate {
    /// The estimate: the sum over observations.
    pub elpd: f64,
    /// Its standard error, of a sum over observations that differ: with divisor `n`, as ArviZ has it.
    pub se: f64,
    /// The effective number of parameters.
    pub p: f64,
    /// The part of each observation.
    pub pointwise: Vec<f64>,
    /// What tells whether an observation's part can be trusted: its Pareto shape, or for WAIC the variance of its log
    /// likelihood.
    pub diagnostic: Vec<f64>,
    method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Method {
    Loo,
    Waic,
}

impl Chains {
    /// Leave-one-out cross-validation ([`loo`]), given the log likelihood of each observation at each draw of all chains one
    /// after the other ([`Predictive::log_likelihood`](ppl_infer::Predictive::log_likelihood)): `[chain · draw, …]`, in nats.
    /// Takes into account what the draws are worth ([`Chains::relative_efficiency`]), as ArviZ does.
    ///
    /// # Errors
    /// If it is not of all draws, there is no draw or observation, or a log likelihood is not finite.
    pub fn loo(&self, log_likelihood: &Tensor) -> Result<ElpdEstimate> {
        let (shape, draws) = (log_likelihood.check()?.shape(), self.len());
        if shape.first() != Some(&draws) {
            let reason = format!(
                "the log likelihood has shape {shape}, must be [{draws}, …], of all draws of the chains"
            );
            return Err(Error::Shape(reason));
        }
        leave_one_out(log_likelihood, self.relative_efficiency()?)
    }

    /// How many independent draws each draw is worth: the effective sample size for the mean over the number of draws,
    /// averaged over all numbers of all sites of which it is known; 1 of one chain, and if it is known of none.
    ///
    /// # Errors
    /// If draws cannot be read.
    pub fn relative_efficiency(&self) -> Result<f64> {
        if self.chain_count() < 2 {
            return Ok(1.0);
        }
        let mut known = Vec::new();
        for (name, site) in self.sites() {
            known.extend(site.numbers(name)?.map(|number| ess_mean(&number.chains())));
        }
        known.retain(|ess: &f64| ess.is_finite());
        if known.is_empty() { Ok(1.0) } else { Ok(super::mean(&known) / self.len() as f64) }
    }
}

/// Leave-one-out cross-validation by Pareto smoothed importance sampling (Vehtari, Gelman and Gabry 2017), given the log
/// likelihood of each observation at each of independent draws: `[draw, …]`, in nats. [`Chains::loo`] is for those of chains.
///
/// # Errors
/// If there is no draw or observation, or a log likelihood is not finite.
pub fn loo(log_likelihood: &Tensor) -> Result<ElpdEstimate> {
    leave_one_out(log_likelihood, 1.0)
}

fn leave_one_out(log_likelihood: &Tensor, relative_efficiency: f64) -> Result<ElpdEstimate> {
    estimate(log_likelihood, Method::Loo, |values| {
        let ratios: Vec<f64> = values.iter().map(|value| -value).collect();
        let weights = psis(&ratios, relative_efficiency)?;
        let terms: Vec<f64> =
            weights.log_weights.iter().zip(values).map(|(weight, value)| weight + value).collect();
        let part = log_sum_exp(&terms);
        Ok((part, log_mean_exp(values) - part, weights.pareto_k))
    })
}

/// The widely applicable information criterion (Watanabe 2010), as an expected log predictive density, given the log
/// likelihood of each observation at each draw: `[draw, …]`, in nats. [`loo`] is better behaved and no slower.
///
/// # Errors
/// If there is no draw or observation, or a log likelihood is not finite.
pub fn waic(log_likelihood: &Tensor) -> Result<ElpdEstimate> {
    estimate(log_likelihood, Method::Waic, |values| {
        let variance = super::variance(values);
        Ok((log_mean_exp(values) - variance, variance, variance))
    })
}

fn estimate(
    log_likelihood: &Tensor,
    method: Method,
    part: impl Fn(&[f64]) -> Result<(f64, f64, f64)>,
) -> Result<ElpdEstimate> {
    let all = log_likelihood.check()?.to_f64()?;
    let draws = *log_likelihood.shape().first().unwrap_or(&0);
    if draws < 2 || all.is_empty() {
        let shape = log_likelihood.shape();
        return Err(Error::Shape(format!(
            "the log likelihood has shape {shape}, must be [draw, …], two draws or more"
        )));
    }
    if let Some(bad) = all.iter().find(|value| !value.is_finite()) {
        return Err(Error::argument(format!("a log likelihood is {bad}: there is no estimate")));
    }
    let n = all.len() / draws;
    let (mut pointwise, mut diagnostic, mut p) = (Vec::with_capacity(n), Vec::with_capacity(n), 0.0);
    for observation in 0..n {
        let values: Vec<f64> = all[observation..].iter().step_by(n).copied().collect();
        let (value, parameters, trust) = part(&values)?;
        p += parameters;
        pointwise.push(value);
        diagnostic.push(trust);
    }
    let elpd = pointwise.iter().sum();
    let centre = super::mean(&pointwise);
    let se = (pointwise.iter().map(|part| (part - centre).powi(2)).sum::<f64>()).sqrt();
    Ok(ElpdEstimate { elpd, se, p, pointwise, diagnostic, method })
}

fn log_mean_exp(values: &[f64]) -> f64 {
    log_sum_exp(values) - (values.len() as f64).ln()
}

impl fmt::Display for ElpdEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, what, limit) = match self.method {
            Method::Loo => ("loo", "a Pareto shape", LARGEST_K),
            Method::Waic => ("waic", "a variance of its log likelihood", LARGEST_VARIANCE),
        };
        let Self { elpd, se, p, .. } = self;
        write!(f, "elpd_{name} {elpd:.2} ± {se:.2}, p_{name} {p:.2}")?;
        match self.diagnostic.iter().filter(|value| **value > limit).count() {
            0 => Ok(()),
            bad => {
                let n = self.pointwise.len();
                write!(
                    f,
                    "\nwarning: {bad} of {n} observations have {what} above {limit}: the estimate may be wrong"
                )
            }
        }
    }
}
