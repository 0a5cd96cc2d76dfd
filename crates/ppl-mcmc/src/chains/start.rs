//! Where chains start.

use ppl_core::{Ctx, Error, Model, ParamStore, Result};
use ppl_infer::{Init, Potential};
use ppl_tensor::{Device, Key};

/// Starts that are tried where the strategy draws.
const TRIES: usize = 100;

/// A point at which the log density and its gradient are finite.
pub(super) fn start<A: ?Sized, M: Model<A>>(
    init: &Init,
    potential: &mut Potential,
    (model, args): (&M, &A),
    params: &ParamStore,
    key: &Key,
) -> Result<Vec<f64>> {
    let mut gradient = vec![0.0; potential.dimension()];
    let mut last: Option<Vec<f64>> = None;
    for attempt in 0..TRIES {
        let ctx = Ctx::with_key(&Device::cpu(), key.fold_in(attempt)).with_params(params.clone());
        let x = potential.unconstrain(init.start(model, &ctx, args)?.values())?;
        let value = potential.value_and_gradient(&x, &mut gradient)?;
        if value.is_finite() && gradient.iter().all(|slope| slope.is_finite()) {
            return Ok(x);
        }
        // A strategy that gives the same point again has no other.
        if last.as_ref() == Some(&x) {
            break;
        }
        last = Some(x);
    }
    let slope = |range: &std::ops::Range<usize>| gradient[range.clone()].iter().any(|g| !g.is_finite());
    let site = potential.sites().iter().find(|site| slope(&site.range));
    let reason = "the log density or its gradient is not finite on unconstrained space wherever a chain tried to start: \
                  give initial values, or another strategy";
    let error = Error::argument(reason);
    Err(site.map_or(error.clone(), |site| error.at_site(&site.name)))
}
