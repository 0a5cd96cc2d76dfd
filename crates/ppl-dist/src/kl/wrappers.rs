//! Divergences of wrapped distributions, from those of what is inside.

use std::sync::Arc;

use ppl_core::{Distribution, Transform};
use ppl_tensor::Tensor;

use super::{KlRegistry, downcast};
use crate::parameters::sum_last;
use crate::{Delta, Expanded, Independent, Masked, TransformedDistribution};

/// The divergence of a pair in which a distribution is wrapped or a point mass, if one can be found.
pub(super) fn divergence(
    registry: &KlRegistry,
    p: &dyn Distribution,
    q: &dyn Distribution,
) -> Option<Tensor> {
    if let Some(point) = Point::of(p) {
        return Some(point.log_density - q.log_prob(&point.value));
    }
    if let Some(copies) = downcast::<Expanded>(p) {
        return expanded(registry.divergence(&**copies.base(), q)?, p, q);
    }
    if let Some(copies) = downcast::<Expanded>(q) {
        return expanded(registry.divergence(p, &**copies.base())?, p, q);
    }
    if let (Some(p), Some(q)) = (downcast::<Masked>(p), downcast::<Masked>(q)) {
        let divergence = registry.divergence(&**p.base(), &**q.base())?;
        return Some(p.mask().and(q.mask()).select(divergence, 0.0));
    }
    if let (Some(p), Some(q)) = (downcast::<Independent>(p), downcast::<Independent>(q)) {
        return independent(registry, p, q);
    }
    let (p, q) = (downcast::<TransformedDistribution>(p)?, downcast::<TransformedDistribution>(q)?);
    match p.failure().or(q.failure()) {
        Some(failure) => Some(failure.clone()),
        // A bijection of both changes nothing.
        None if same(p.transform().parts(), q.transform().parts()) => {
            registry.divergence(&**p.base(), &**q.base())
        }
        None => None,
    }
}

/// A point mass, with its log density as a draw of whatever shape.
struct Point {
    value: Tensor,
    log_density: Tensor,
}

impl Point {
    fn of(p: &dyn Distribution) -> Option<Self> {
        if let Some(delta) = downcast::<Delta>(p) {
            let log_density = delta.log_density().broadcast_to(delta.batch_shape());
            return Some(Self { value: delta.mean(), log_density });
        }
        let outer = downcast::<Independent>(p)?;
        let inner = Self::of(&**outer.base())?;
        let log_density = match outer.validate_shape() {
            Ok(()) => sum_last(&inner.log_density, outer.dims()),
            Err(_) => outer.log_prob(&inner.value),
        };
        Some(Self { value: inner.value, log_density })
    }
}

/// What was computed for fewer, for the common batch of both.
fn expanded(divergence: Tensor, p: &dyn Distribution, q: &dyn Distribution) -> Option<Tensor> {
    let shape = p.batch_shape().broadcast(&q.batch_shape())?;
    Some(if divergence.error().is_some() { divergence } else { divergence.broadcast_to(shape) })
}

/// Dimensions that both count as dimensions of a draw are summed; those that only one does are left to the pair inside.
fn independent(registry: &KlRegistry, p: &Independent, q: &Independent) -> Option<Tensor> {
    if let Some(failure) = p.failure().or(q.failure()) {
        return Some(failure.clone());
    }
    let shared = p.dims().min(q.dims());
    let rest = |of: &Independent| match of.dims() - shared {
        0 => of.base().clone(),
        more => Arc::new(Independent::new(of.base(), more)),
    };
    Some(sum_last(&registry.divergence(&*rest(p), &*rest(q))?, shared))
}

/// Whether two lists hold the same transforms: shared ones, or ones without parameters.
fn same(left: &[Arc<dyn Transform>], right: &[Arc<dyn Transform>]) -> bool {
    let equal = |(p, q): (&Arc<dyn Transform>, &Arc<dyn Transform>)| {
        let no_parameters = size_of_val(&**p) == 0 && size_of_val(&**q) == 0;
        Arc::ptr_eq(p, q) || no_parameters && format!("{p:?}") == format!("{q:?}") && p.name() == q.name()
    };
    left.len() == right.len() && left.iter().zip(right).all(equal)
}
