//! Independent copies of a distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Error, IntoDistribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::parameters::misfit;

/// A distribution made of independent copies of another, for any distribution.
///
/// Those of this crate expand by broadcasting a parameter ([`Distribution::expand`]), which costs less; this wrapper is
/// what the same method of a distribution of one's own may return.
#[derive(Debug, Clone)]
pub struct Expanded {
    base: Arc<dyn Distribution>,
    batch_shape: Shape,
}

impl Expanded {
    /// Copies of the base that fill a batch shape which its own broadcasts to.
    ///
    /// # Errors
    /// If it does not broadcast.
    pub fn new(base: impl IntoDistribution, batch_shape: impl Into<Shape>) -> Result<Self> {
        let (base, batch_shape) = (base.into_distribution(), batch_shape.into());
        let from = base.batch_shape();
        if !from.broadcasts_to(&batch_shape) {
            let reason = format!("{} of batch shape {from} does not expand to {batch_shape}", base.name());
            return Err(Error::Shape(reason));
        }
        Ok(Self { base, batch_shape })
    }

    /// The distribution that is copied.
    pub fn base(&self) -> &Arc<dyn Distribution> {
        &self.base
    }

    fn over_batch(&self, statistic: &Tensor) -> Tensor {
        statistic.broadcast_to(self.batch_shape.concat(&self.event_shape()))
    }

    /// What was computed of values, at least once for each batch element.
    fn at_least_batch(&self, of_values: &Tensor) -> Tensor {
        if of_values.error().is_some() {
            return of_values.clone();
        }
        let shape = of_values.shape();
        match shape.broadcast(&self.batch_shape) {
            Some(both) => of_values.broadcast_to(both),
            None => {
                let reason = "the value does not broadcast to the batch";
                misfit(self.name(), &[shape, self.batch_shape.clone()], reason)
            }
        }
    }
}

impl Distribution for Expanded {
    /// The base's name: shapes show how many there are.
    fn name(&self) -> &'static str {
        self.base.name()
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        self.base.parameters()
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn event_shape(&self) -> Shape {
        self.base.event_shape()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        self.base.support()
    }

    fn has_rsample(&self) -> bool {
        self.base.has_rsample()
    }

    /// Draws of all copies come in front, and then move to the dimensions that they fill.
    fn sample(&self, key: &Key) -> Tensor {
        let (from, event) = (self.base.batch_shape(), self.base.event_shape());
        let (in_front, aligned) = self.batch_shape.split_at(self.batch_shape.rank() - from.rank());
        // Of each of the base's dimensions as many copies as it must be repeated.
        let repeats =
            aligned.iter().zip(from.iter()).map(|(&wanted, &size)| if size == wanted { 1 } else { wanted });
        let copies: Shape = in_front.iter().copied().chain(repeats).collect();
        let draws = self.base.sample_n(key, copies.elements()).reshape(copies.concat(&from).concat(&event));
        let (front, rank) = (in_front.len(), from.rank());
        let paired = (0..rank).flat_map(|dim| [front + dim, front + rank + dim]);
        let events = front + 2 * rank..front + 2 * rank + event.rank();
        let order: Vec<usize> = (0..front).chain(paired).chain(events).collect();
        draws.permute(&order).reshape(self.batch_shape.concat(&event))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        self.at_least_batch(&self.base.log_prob(value))
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        if !self.batch_shape.broadcasts_to(batch_shape) {
            let (name, from) = (self.name(), &self.batch_shape);
            let reason = format!("{name} of batch shape {from} does not expand to {batch_shape}");
            return Err(Error::Shape(reason));
        }
        Ok(Arc::new(Self::new(&self.base, batch_shape)?))
    }

    fn mean(&self) -> Tensor {
        self.over_batch(&self.base.mean())
    }

    fn variance(&self) -> Tensor {
        self.over_batch(&self.base.variance())
    }

    fn entropy(&self) -> Tensor {
        self.base.entropy().broadcast_to(&self.batch_shape)
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        self.at_least_batch(&self.base.cdf(value))
    }

    fn validate(&self) -> Result<()> {
        self.base.validate()
    }
}
