//! Importance sampling with a guide as proposal.

use std::cell::RefCell;
use std::fmt;

use ppl_core::{Ctx, Error, Model, Result, Site, Statement};
use ppl_tensor::no_grad;

use crate::draws::Draws;
use crate::objective::{Estimate, Objective, Runs, estimate};
use crate::psis::{SmoothedWeights, log_sum_exp, psis};

/// Draws of a guide, weighted by what the model says about them: how well the guide fits, and the evidence.
///
/// ```
/// use ppl_core::{Ctx, Result};
/// use ppl_dist::Normal;
/// use ppl_infer::ImportanceWeights;
///
/// fn model(ctx: &mut Ctx, y: &f64) -> Result<()> {
///     let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
///     ctx.observe("y", Normal::new(z, 1.0), *y).map(|_| ())
/// }
/// // Somewhat wider than the posterior, of mean 1 and variance 1/2.
/// let guide = |ctx: &mut Ctx, _: &f64| ctx.sample("z", Normal::new(1.0, 1.0));
///
/// let weights = ImportanceWeights::draw(Ctx::new(0), &model, &guide, 1000, &2.0)?;
/// // Normal(y | 0, √2) at 2.
/// let exact = -1.0 - 0.5 * (2.0 * std::f64::consts::TAU).ln();
/// assert!((weights.log_evidence() - exact).abs() < 4.0 * weights.log_evidence_error());
/// assert!(weights.pareto_k() < 0.5);
/// # Ok::<(), ppl_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImportanceWeights {
    log_weights: Vec<f64>,
    smoothed: SmoothedWeights,
    draws: Draws,
}

/// Above this Pareto k, estimates from the weights are not to be trusted.
const UNRELIABLE: f64 = 0.7;

impl ImportanceWeights {
    /// `n` draws of `guide` with their weights `p(x, z) / q(z)`, as one vectorised program. `ctx` has the key, the device
    /// and the parameters, those of a fit: `Ctx::new(0).with_params(svi.params().clone())`.
    ///
    /// # Errors
    /// If `n` is zero, a program fails, the two do not fit each other, a plate is subsampled (the weights then are of
    /// other rows), or no draw has a weight above 0.
    pub fn draw<A, M, G>(mut ctx: Ctx, model: &M, guide: &G, n: usize, args: &A) -> Result<Self>
    where
        A: ?Sized,
        M: Model<A>,
        G: Model<A>,
    {
        if n == 0 {
            return Err(Error::argument("zero draws were asked for"));
        }
        let weigh = Weigh { n, found: RefCell::default() };
        no_grad(|| estimate(&weigh, &mut ctx, model, guide, args))?;
        let (log_weights, draws) =
            weigh.found.take().ok_or_else(|| Error::argument("the programs were not run"))?;
        Ok(Self { smoothed: psis(&log_weights, 1.0)?, log_weights, draws })
    }

    /// `ln p(x, z) - ln q(z)` of each draw.
    pub fn log_weights(&self) -> &[f64] {
        &self.log_weights
    }

    /// Pareto smoothed weights, which sum to 1: with them, means over the draws estimate those of the posterior.
    pub fn smoothed(&self) -> Vec<f64> {
        self.smoothed.log_weights.iter().map(|weight| weight.exp()).collect()
    }

    /// The guide's draws by site.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }

    /// Number of draws of the posterior itself that would be worth as much: `(Σ w)² / Σ w²`, from 1 to the number of
    /// draws.
    pub fn ess(&self) -> f64 {
        let squares: Vec<f64> = self.log_weights.iter().map(|weight| 2.0 * weight).collect();
        (2.0 * log_sum_exp(&self.log_weights) - log_sum_exp(&squares)).exp()
    }

    /// Logarithm of the mean weight: an estimate of the log evidence `ln p(x)`, in nats.
    pub fn log_evidence(&self) -> f64 {
        log_sum_exp(&self.log_weights) - (self.log_weights.len() as f64).ln()
    }

    /// Standard error of [`ImportanceWeights::log_evidence`], as the relative one of the mean weight. NaN for one draw,
    /// and too small where [`ImportanceWeights::pareto_k`] is above 0.7.
    pub fn log_evidence_error(&self) -> f64 {
        let n = self.log_weights.len() as f64;
        // The weights' sample variance in units of their squared mean is n (n/ess - 1)/(n - 1). Rounding may take it
        // below 0.
        ((n / self.ess() - 1.0).max(0.0) / (n - 1.0)).sqrt()
    }

    /// Shape of the tail of the weights: see [`SmoothedWeights::pareto_k`].
    pub fn pareto_k(&self) -> f64 {
        self.smoothed.pareto_k
    }
}

impl fmt::Display for ImportanceWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, ess, k) = (self.log_weights.len(), self.ess(), self.pareto_k());
        let (evidence, error) = (self.log_evidence(), self.log_evidence_error());
        write!(f, "{n} draws worth {ess:.1}, log evidence {evidence:.3} ± {error:.3}, Pareto k {k:.2}")?;
        if k > UNRELIABLE {
            write!(
                f,
                "\nwarning: the guide misses part of the posterior (k is above {UNRELIABLE}): neither these weights nor \
                 the guide's own spread can be trusted"
            )?;
        }
        Ok(())
    }
}

/// Keeps the log weight of each particle. As an objective, minus the logarithm of the mean weight.
struct Weigh {
    n: usize,
    found: RefCell<Option<(Vec<f64>, Draws)>>,
}

impl Objective for Weigh {
    fn surrogate(&self, runs: &Runs) -> Result<Estimate> {
        let (model, guide) = (runs.model(), runs.guide());
        for site in model.sites().chain(guide.sites()) {
            if matches!(site.statement, Statement::Subsample { population, size } if size != population) {
                let reason = "is subsampled: importance weights need all rows".to_owned();
                return Err(Error::Plate { plate: site.name.clone(), reason });
            }
        }
        let weights = (model.log_prob_sum()? - guide.log_prob_sum()?).to_positional(runs.particles());
        let drawn = |site: &&Site| site.is_latent() && !site.is_auxiliary();
        let draws = guide.sites().filter(drawn).map(|site| {
            // A single particle has no axis.
            let value = site.positional_value();
            let value = if self.n == 1 { value.unsqueeze(0) } else { value };
            Ok((site.name.clone(), value.check()?.clone()))
        });
        self.found.replace(Some((weights.to_f64()?, draws.collect::<Result<Draws>>()?)));
        let loss = (self.n as f64).ln() - weights.logsumexp(0);
        Ok(Estimate::new(loss.clone(), loss))
    }

    fn particles(&self) -> usize {
        self.n
    }
}
