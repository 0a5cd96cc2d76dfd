//! Kullback–Leibler divergences in closed form.

mod continuous;
mod discrete;
mod multivariate;
mod wrappers;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use ppl_core::{Distribution, Error, Result};
use ppl_tensor::{Shape, Tensor};

use crate::{
    Bernoulli, Beta, Binomial, Categorical, Cauchy, Dirichlet, Exponential, Gamma, Geometric, HalfNormal,
    InverseGamma, Laplace, LogNormal, LowRankMultivariateNormal, Multinomial, MultivariateNormal, Normal,
    OneHotCategorical, Poisson, Uniform,
};

/// `KL(p ‖ q) = E_p[ln p(x) - ln q(x)]` in nats, of the broadcast batch shape, by the formulas of
/// [`KlRegistry::default`].
///
/// ```
/// use ppl_dist::{Normal, kl_divergence};
///
/// let kl = kl_divergence(&Normal::new(1.0, 1.0), &Normal::new(0.0, 1.0))?;
/// assert_eq!(kl.to_scalar()?, 0.5);
/// # Ok::<(), ppl_core::Error>(())
/// ```
///
/// # Errors
/// If there is no formula for the pair (the message names both), or a parameter failed.
pub fn kl_divergence(p: &dyn Distribution, q: &dyn Distribution) -> Result<Tensor> {
    let unknown = || Error::Unsupported {
        what: "a Kullback–Leibler divergence in closed form".into(),
        of: format!("{} and {}", p.name(), q.name()),
    };
    let divergence = KlRegistry::default().divergence(p, q);
    match divergence.as_ref().map(Tensor::check) {
        Some(Ok(divergence)) => Ok(divergence.clone()),
        Some(Err(error)) => Err(misfit(p, q).unwrap_or_else(|| error.clone().into())),
        None => Err(misfit(p, q).unwrap_or_else(unknown)),
    }
}

/// Why there is no divergence between distributions of such shapes, unless a parameter failed.
fn misfit(p: &dyn Distribution, q: &dyn Distribution) -> Option<Error> {
    let failed = |of: &dyn Distribution| of.parameters().iter().any(|p| p.value.error().is_some());
    if failed(p) || failed(q) {
        return None;
    }
    let differ = |what: &str, of_p: Shape, of_q: Shape| {
        Some(Error::Shape(format!(
            "{what} {} have shape {of_p}, those of {} {of_q}: they have no divergence",
            p.name(),
            q.name()
        )))
    };
    let (of_p, of_q) = (p.event_shape(), q.event_shape());
    if of_p != of_q {
        return differ("draws of", of_p, of_q);
    }
    let (of_p, of_q) = (p.batch_shape(), q.batch_shape());
    if of_p.broadcast(&of_q).is_none() { differ("batches of", of_p, of_q) } else { None }
}

/// Formulas for Kullback–Leibler divergences by the types of the pair: those of this crate, and any that are added.
///
/// The default has formulas for two distributions of one family: normal, log-normal, half-normal, uniform, exponential,
/// gamma, inverse gamma, beta, Laplace, Cauchy, Bernoulli, binomial (of one number of trials), categorical, one-hot
/// categorical, multinomial (of one number of draws), geometric, Poisson, Dirichlet; for exponentials and gammas; for
/// normals of vectors, low-rank or not; for a point mass and anything. Wrapped distributions are taken apart: batches
/// made one draw ([`Independent`](crate::Independent)), copies ([`Expanded`](crate::Expanded)), two with masks
/// ([`Masked`](crate::Masked)), and two under the same transforms
/// ([`TransformedDistribution`](crate::TransformedDistribution)).
///
/// ```
/// use ppl_dist::{Exponential, HalfNormal, KlRegistry};
///
/// let (p, q) = (Exponential::new(2.0), HalfNormal::new(1.0));
/// assert!(KlRegistry::default().divergence(&p, &q).is_none());
/// // E_p[ln p - ln q] with E x² = 2 / rate².
/// let registry = KlRegistry::default().with(|p: &Exponential, q: &HalfNormal| {
///     let normaliser = q.scale().log() + 0.5 * std::f64::consts::FRAC_PI_2.ln();
///     p.rate().log() - 1.0 + normaliser + (p.rate() * q.scale()).square().reciprocal()
/// });
/// let kl = registry.divergence(&p, &q).expect("a formula was added");
/// assert!((kl.to_scalar()? - 0.168939).abs() < 1e-6);
/// # Ok::<(), ppl_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct KlRegistry {
    /// The latest first.
    added: Vec<Arc<AddedFormula>>,
}

/// As [`Formula`], of a user.
type AddedFormula = dyn Fn(&dyn Distribution, &dyn Distribution) -> Option<Tensor> + Send + Sync;

impl KlRegistry {
    /// The registry with a formula for `KL(p ‖ q)` of two types added, which goes before those for the same types.
    ///
    /// The formula gives the divergence of each batch element, in nats.
    #[must_use]
    pub fn with<P, Q>(mut self, formula: impl Fn(&P, &Q) -> Tensor + Send + Sync + 'static) -> Self
    where
        P: Distribution,
        Q: Distribution,
    {
        let erased = move |p: &dyn Distribution, q: &dyn Distribution| {
            Some(formula(downcast::<P>(p)?, downcast::<Q>(q)?))
        };
        self.added.insert(0, Arc::new(erased));
        self
    }

    /// `KL(p ‖ q)` of the broadcast batch shape, or none if there is no formula for the pair. Errors of parameters are
    /// carried by the tensor.
    pub fn divergence(&self, p: &dyn Distribution, q: &dyn Distribution) -> Option<Tensor> {
        let added = self.added.iter().find_map(|formula| formula(p, q));
        added
            .or_else(|| wrappers::divergence(self, p, q))
            .or_else(|| FORMULAS.iter().find_map(|formula| formula(p, q)))
    }
}

impl fmt::Debug for KlRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KlRegistry({} formulas, {} added)", FORMULAS.len(), self.added.len())
    }
}

/// The divergence of a pair of distributions, if it is one of the pair's types.
type Formula = fn(&dyn Distribution, &dyn Distribution) -> Option<Tensor>;

const FORMULAS: [Formula; 24] = [
    |p, q| Some(continuous::normal(downcast::<Normal>(p)?, downcast(q)?)),
    |p, q| Some(continuous::normal(downcast::<LogNormal>(p)?.log(), downcast::<LogNormal>(q)?.log())),
    |p, q| Some(continuous::half_normal(downcast::<HalfNormal>(p)?, downcast(q)?)),
    |p, q| Some(continuous::uniform(downcast::<Uniform>(p)?, downcast(q)?)),
    |p, q| Some(continuous::gamma(downcast::<Gamma>(p)?, downcast(q)?)),
    |p, q| Some(continuous::gamma(&downcast::<Exponential>(p)?.gamma(), downcast(q)?)),
    |p, q| Some(continuous::gamma(downcast(p)?, &downcast::<Exponential>(q)?.gamma())),
    |p, q| Some(continuous::exponential(downcast::<Exponential>(p)?, downcast(q)?)),
    // The same change of variables on both sides changes nothing.
    |p, q| {
        let (p, q) = (downcast::<InverseGamma>(p)?, downcast::<InverseGamma>(q)?);
        Some(continuous::gamma(&p.reciprocal(), &q.reciprocal()))
    },
    |p, q| Some(continuous::beta(downcast::<Beta>(p)?, downcast(q)?)),
    |p, q| Some(continuous::laplace(downcast::<Laplace>(p)?, downcast(q)?)),
    |p, q| Some(continuous::cauchy(downcast::<Cauchy>(p)?, downcast(q)?)),
    |p, q| Some(discrete::bernoulli(downcast::<Bernoulli>(p)?, downcast(q)?)),
    |p, q| discrete::binomial(downcast::<Binomial>(p)?, downcast(q)?),
    |p, q| Some(discrete::categorical(downcast::<Categorical>(p)?, downcast(q)?)),
    |p, q| {
        let (p, q) = (downcast::<OneHotCategorical>(p)?, downcast::<OneHotCategorical>(q)?);
        Some(discrete::categorical(p.place(), q.place()))
    },
    |p, q| discrete::multinomial(downcast::<Multinomial>(p)?, downcast(q)?),
    |p, q| Some(discrete::geometric(downcast::<Geometric>(p)?, downcast(q)?)),
    |p, q| Some(discrete::poisson(downcast::<Poisson>(p)?, downcast(q)?)),
    |p, q| Some(multivariate::dirichlet(downcast::<Dirichlet>(p)?, downcast(q)?)),
    |p, q| Some(multivariate::normal::<MultivariateNormal, MultivariateNormal>(downcast(p)?, downcast(q)?)),
    |p, q| {
        Some(multivariate::normal::<MultivariateNormal, LowRankMultivariateNormal>(
            downcast(p)?,
            downcast(q)?,
        ))
    },
    |p, q| {
        Some(multivariate::normal::<LowRankMultivariateNormal, MultivariateNormal>(
            downcast(p)?,
            downcast(q)?,
        ))
    },
    |p, q| {
        Some(multivariate::normal::<LowRankMultivariateNormal, LowRankMultivariateNormal>(
            downcast(p)?,
            downcast(q)?,
        ))
    },
];

fn downcast<D: Distribution>(distribution: &dyn Distribution) -> Option<&D> {
    (distribution as &dyn Any).downcast_ref()
}
