//! Kullback–Leibler divergences in closed form.

mod continuous;
mod discrete;
mod multivariate;

use std::any::Any;

use ppl_core::{Distribution, Error, Result};
use ppl_tensor::Tensor;

use crate::parameters::sum_last;
use crate::{
    Bernoulli, Beta, Categorical, Gamma, Independent, LogNormal, MultivariateNormal, Normal, Uniform,
};

/// `KL(p ‖ q) = E_p[ln p(x) - ln q(x)]` in nats, of the broadcast batch shape.
///
/// There are formulas for two normals, log-normals, uniforms, gammas, betas, Bernoullis, categoricals and multivariate
/// normals, and for batches of these made one draw ([`Independent`]).
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
    let divergence = match (downcast::<Independent>(p), downcast::<Independent>(q)) {
        (Some(p), Some(q)) => independent(p, q)?,
        _ => FORMULAS.iter().find_map(|formula| formula(p, q)).ok_or_else(unknown)?,
    };
    Ok(divergence.check()?.clone())
}

/// The divergence of a pair of distributions, if it is one of the pair's types.
type Formula = fn(&dyn Distribution, &dyn Distribution) -> Option<Tensor>;

const FORMULAS: [Formula; 8] = [
    |p, q| Some(continuous::normal(downcast::<Normal>(p)?, downcast(q)?)),
    |p, q| Some(continuous::normal(downcast::<LogNormal>(p)?.log(), downcast::<LogNormal>(q)?.log())),
    |p, q| Some(continuous::uniform(downcast::<Uniform>(p)?, downcast(q)?)),
    |p, q| Some(continuous::gamma(downcast::<Gamma>(p)?, downcast(q)?)),
    |p, q| Some(continuous::beta(downcast::<Beta>(p)?, downcast(q)?)),
    |p, q| Some(discrete::bernoulli(downcast::<Bernoulli>(p)?, downcast(q)?)),
    |p, q| Some(discrete::categorical(downcast::<Categorical>(p)?, downcast(q)?)),
    |p, q| Some(multivariate::normal(downcast::<MultivariateNormal>(p)?, downcast(q)?)),
];

fn downcast<D: Distribution>(distribution: &dyn Distribution) -> Option<&D> {
    (distribution as &dyn Any).downcast_ref()
}

/// Dimensions that both count as dimensions of a draw are summed; those that only one does are left to the pair inside.
fn independent(p: &Independent, q: &Independent) -> Result<Tensor> {
    p.validate_shape()?;
    q.validate_shape()?;
    let shared = p.dims().min(q.dims());
    let rest = |of: &Independent| match of.dims() - shared {
        0 => of.base().clone(),
        more => std::sync::Arc::new(Independent::new(of.base(), more)),
    };
    Ok(sum_last(&kl_divergence(&*rest(p), &*rest(q))?, shared))
}
