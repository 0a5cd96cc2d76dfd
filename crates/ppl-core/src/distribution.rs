//! What a distribution is to a program.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use ppl_tensor::{Key, Shape, Tensor};

use crate::constraint::{Constraint, offending};
use crate::{Config, Error, Result};

/// A parameter of a distribution, for validation and listings.
pub struct Parameter<'a> {
    /// Its name, as in the constructor.
    pub name: &'static str,
    /// Its value.
    pub value: &'a Tensor,
    /// What it must satisfy.
    pub constraint: Arc<dyn Constraint>,
}

/// A member of a location-scale family.
pub struct LocationScale {
    /// Location, which broadcasts to draws.
    pub loc: Tensor,
    /// Scale, positive, which broadcasts to draws.
    pub scale: Tensor,
    /// The member of the family with another location and scale.
    pub with: Box<dyn Fn(Tensor, Tensor) -> Arc<dyn Distribution> + Send + Sync>,
}

/// A probability distribution over tensors, or a batch of independent ones.
///
/// Shapes are `batch_shape + event_shape`: one draw fills the event, batch elements are independent. Errors of the
/// parameters' tensors are carried by what the methods return.
pub trait Distribution: Any + Debug + Send + Sync {
    /// Name: "Normal".
    fn name(&self) -> &'static str;

    /// The parameters with their constraints.
    fn parameters(&self) -> Vec<Parameter<'_>>;

    /// Shape of the batch of independent distributions.
    fn batch_shape(&self) -> Shape;

    /// Shape of one draw.
    fn event_shape(&self) -> Shape {
        Shape::scalar()
    }

    /// The set on which the density is positive.
    fn support(&self) -> Arc<dyn Constraint>;

    /// Whether gradients flow through draws to the parameters (pathwise: reparameterised or implicit).
    fn has_rsample(&self) -> bool {
        false
    }

    /// One draw for each batch element, of shape `batch_shape + event_shape`; differentiable if
    /// [`Distribution::has_rsample`].
    fn sample(&self, key: &Key) -> Tensor;

    /// Log density (or log mass) of a value, of the batch's shape.
    fn log_prob(&self, value: &Tensor) -> Tensor;

    /// The same distribution with a batch shape that its own broadcasts to. Elements that were one become independent.
    ///
    /// # Errors
    /// If it does not broadcast.
    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>>;

    /// Location and scale, for a family of `location + scale · standard`: both broadcast to draws.
    fn loc_scale(&self) -> Option<LocationScale> {
        None
    }

    /// Mean, of shape `batch_shape + event_shape`.
    fn mean(&self) -> Tensor {
        unavailable("mean", self.name())
    }

    /// Variance of each entry, of shape `batch_shape + event_shape`.
    fn variance(&self) -> Tensor {
        unavailable("variance", self.name())
    }

    /// Differential (or Shannon) entropy in nats, of the batch's shape.
    fn entropy(&self) -> Tensor {
        unavailable("entropy", self.name())
    }

    /// Cumulative distribution function.
    fn cdf(&self, _value: &Tensor) -> Tensor {
        unavailable("cdf", self.name())
    }

    /// Checks every parameter against its constraint. Parameters of traced programs cannot be read and pass.
    ///
    /// # Errors
    /// If a parameter failed or is outside its constraint; the message names it and a value.
    fn validate(&self) -> Result<()> {
        for parameter in self.parameters() {
            if let Some(value) = offending(&*parameter.constraint, parameter.value)? {
                return Err(Error::InvalidParameter {
                    distribution: self.name().to_owned(),
                    parameter: parameter.name.to_owned(),
                    constraint: parameter.constraint.name(),
                    value,
                });
            }
        }
        Ok(())
    }

    /// `n` independent draws, of shape `[n] + batch_shape + event_shape`.
    fn sample_n(&self, key: &Key, n: usize) -> Tensor {
        let axis = ppl_tensor::Axis::fresh(n);
        self.sample(&key.fold_in(Tensor::rows_of(axis))).to_positional(axis)
    }
}

fn unavailable(what: &str, name: &str) -> Tensor {
    Tensor::failure(ppl_tensor::Error::argument(what, format!("not available for {name}")))
}

/// What can stand as a distribution in a statement: a distribution, or a shared one.
pub trait IntoDistribution {
    /// The shared distribution.
    fn into_distribution(self) -> Arc<dyn Distribution>;

    /// Settings for the statement.
    fn config(&self) -> Config {
        Config::new()
    }
}

impl<D: Distribution> IntoDistribution for D {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        Arc::new(self)
    }
}

impl IntoDistribution for Arc<dyn Distribution> {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        self
    }
}

impl IntoDistribution for &Arc<dyn Distribution> {
    fn into_distribution(self) -> Arc<dyn Distribution> {
        self.clone()
    }
}
