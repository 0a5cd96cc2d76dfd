//! Where inference starts: values of a model's latent sites, by a strategy.

mod start;

pub use start::Start;

use std::collections::HashMap;

use ppl_core::{Distribution, Error, Frame, Result, Transform};
use ppl_tensor::{Axis, Key, Shape, Tensor};

/// How the values at which inference starts are chosen.
///
/// A site's value is chosen when the program reaches it, so that distributions of later sites already depend on it.
/// Discrete sites are drawn from their distribution, unless their value is given.
#[derive(Debug, Clone, Default)]
pub enum Init {
    /// The image of 0 on unconstrained space: some point in the support, without draws.
    #[default]
    Feasible,
    /// The distribution's mean; in rows where it has none inside the support, the median of 15 draws.
    Mean,
    /// The image of the median of each unconstrained number over draws from the distribution: of a single number the
    /// median of the draws. Where that is not finite, as [`Init::Feasible`].
    Median {
        /// Number of draws, at least 1.
        samples: usize,
    },
    /// A draw from the distribution.
    Sample,
    /// The image of uniform draws from `(-radius, radius)` on unconstrained space.
    Uniform {
        /// Half the length of the interval, positive; 2 is usual.
        radius: f64,
    },
    /// These values, by site; see [`Init::values`].
    Values {
        /// Values on the constrained scale, inside the support: with one leading dimension for each plate and scan
        /// around the site (of all its rows, subsampled or not), or without them to be the same in every row.
        values: HashMap<String, Tensor>,
        /// How all other sites start.
        otherwise: Box<Init>,
    },
}

/// Draws of [`Init::Mean`] where there is no mean.
const FALLBACK_SAMPLES: usize = 15;

impl Init {
    /// Values on the constrained scale, by site; all other sites start as with [`Init::Feasible`].
    pub fn values<K: Into<String>, V: Into<Tensor>>(values: impl IntoIterator<Item = (K, V)>) -> Self {
        let values = values.into_iter().map(|(site, value)| (site.into(), value.into())).collect();
        Init::Values { values, otherwise: Box::default() }
    }

    /// The value given for a site.
    fn given(&self, site: &str) -> Option<&Tensor> {
        match self {
            Init::Values { values, otherwise } => values.get(site).or_else(|| otherwise.given(site)),
            _ => None,
        }
    }

    /// The sites whose values are given.
    fn given_sites(&self) -> Vec<&String> {
        match self {
            Init::Values { values, otherwise } => values.keys().chain(otherwise.given_sites()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether another key may give other values.
    fn draws(&self) -> bool {
        match self {
            Init::Feasible | Init::Mean => false,
            Init::Median { .. } | Init::Sample | Init::Uniform { .. } => true,
            Init::Values { otherwise, .. } => otherwise.draws(),
        }
    }

    fn validate(&self) -> Result<()> {
        match self {
            Init::Median { samples: 0 } => Err(Error::argument("Init::Median needs at least one sample")),
            Init::Uniform { radius } if !(radius.is_finite() && *radius > 0.0) => {
                Err(Error::argument(format!("the radius of Init::Uniform is {radius}, must be positive")))
            }
            Init::Values { otherwise, .. } => otherwise.validate(),
            _ => Ok(()),
        }
    }

    /// The value of a site as seen inside its plates; `None` if it is to be drawn like any other.
    fn value(
        &self,
        site: &str,
        distribution: &dyn Distribution,
        frames: &[Frame],
        key: &Key,
    ) -> Result<Option<Tensor>> {
        if let Some(given) = self.given(site) {
            check_shape(given, distribution, frames)?;
            return Ok(Some(given.clone()));
        }
        if let Init::Values { otherwise, .. } = self {
            return otherwise.value(site, distribution, frames, key);
        }
        if distribution.support().is_discrete() {
            return Ok(None);
        }
        // A key of its own for each row, so that rows start apart.
        let key = frames.iter().fold(key.fold_in_name(site), |key, frame| key.fold_in(frame.rows()));
        let space = Space::of(distribution)?;
        let value = match self {
            Init::Mean => space.mean(distribution, &key),
            Init::Median { samples } => space.median(distribution, &key, *samples),
            Init::Sample => distribution.sample(&key),
            Init::Uniform { radius } => {
                let unit = key.uniform(&space.shape, key.tensor().device().default_float());
                space.bijection.forward(&((unit * 2.0 - 1.0) * *radius))
            }
            Init::Feasible | Init::Values { .. } => space.middle(&key),
        };
        Ok(Some(value.detach()))
    }
}

/// A value given is of one row, the same in all, or of all rows.
fn check_shape(given: &Tensor, distribution: &dyn Distribution, frames: &[Frame]) -> Result<()> {
    given.check()?;
    let (row, shape) = (distribution.batch_shape().concat(&distribution.event_shape()), given.shape());
    let plates = frames.iter().filter(|frame| frame.has_rows()).count();
    let own = match shape.split_at_checked(plates) {
        Some((_, own)) if shape.rank() == plates + row.rank() => Shape::from(own),
        _ => shape.clone(),
    };
    if own.broadcasts_to(&row) {
        return Ok(());
    }
    let name = distribution.name();
    Err(Error::Shape(format!("the start has shape {shape}, a draw of the {name} distribution {row}")))
}

/// The unconstrained space of one site.
struct Space {
    bijection: std::sync::Arc<dyn Transform>,
    shape: Shape,
}

impl Space {
    fn of(distribution: &dyn Distribution) -> Result<Self> {
        let bijection = distribution.support().bijection()?;
        let value = distribution.batch_shape().concat(&distribution.event_shape());
        Ok(Self { shape: bijection.inverse_shape(&value)?, bijection })
    }

    fn middle(&self, key: &Key) -> Tensor {
        self.bijection.forward(&Tensor::zeros(&self.shape).to_device(key.tensor().device()))
    }

    /// The mean; in rows where it has no place on unconstrained space, the median of draws.
    fn mean(&self, distribution: &dyn Distribution, key: &Key) -> Tensor {
        let mean = distribution.mean();
        let inside = distribution.support().check(&mean).all_all();
        let inside = inside.and(self.bijection.inverse(&mean).is_finite().all_all());
        let otherwise = || self.median(distribution, key, FALLBACK_SAMPLES);
        // A support may not see that there is no mean.
        if mean.error().is_some() || inside.error().is_some() {
            return otherwise();
        }
        if holds(&inside) { mean } else { inside.select(mean, otherwise()) }
    }

    /// The image of the medians of draws on unconstrained space, and of 0 where these are not finite.
    fn median(&self, distribution: &dyn Distribution, key: &Key, samples: usize) -> Tensor {
        let axis = Axis::fresh(samples);
        let draws = distribution.sample(&key.fold_in(Tensor::rows_of(axis)));
        let middle = self.bijection.inverse(&draws).to_positional(axis).median(0);
        self.bijection.forward(&middle.is_finite().select(&middle, 0.0))
    }
}

/// Whether a truth value is known to hold in every row: not that of a traced program, or of a step of a scan.
fn holds(truth: &Tensor) -> bool {
    let all = truth.axes().clone().iter().fold(truth.clone(), |all, &axis| all.to_positional(axis)).all_all();
    !truth.is_traced() && all.to_scalar().is_ok_and(|all| all != 0.0)
}
