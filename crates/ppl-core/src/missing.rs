//! Data of which some entries are missing: the missing ones are drawn.

use std::sync::Arc;

use ppl_tensor::{DType, Key, Shape, Tensor};

use crate::constraint::positional;
use crate::plate::{Frame, enter_frames};
use crate::{Constraint, Distribution, Error, Parameter, Result};

/// The distribution of the missing entries of data from another distribution.
///
/// A draw has the shape of the data. Its entries where data are present mean nothing to the model: they have a density of
/// their own, standard normal on unconstrained space (for discrete values: that of the data's distribution), whose
/// integral is one whatever the parameters are. So inference over the whole draw is inference over its missing entries.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    data: Arc<dyn Distribution>,
    /// `Bool`, of the batch shape: where data are present.
    present: Tensor,
}

impl Missing {
    /// The missing entries of data from `data`, those where `present` does not hold.
    pub(crate) fn new(data: Arc<dyn Distribution>, present: Tensor, frames: &[Frame]) -> Result<Self> {
        let batch = data.batch_shape();
        let present = enter_frames(&present, frames, batch.rank())?;
        if present.dtype() != DType::Bool {
            let dtype = present.dtype();
            return Err(Error::Shape(format!("which data are present must be truth values, found {dtype}")));
        }
        let found = present.shape();
        let present = present.broadcast_to(&batch);
        if present.error().is_some() {
            let name = data.name();
            return Err(Error::Shape(format!(
                "which data are present has shape {found}, the batch of the {name} distribution {batch}"
            )));
        }
        Ok(Self { data, present })
    }

    pub(crate) fn present(&self) -> &Tensor {
        &self.present
    }

    /// Where data are present, entry by entry of a draw.
    pub(crate) fn entries(&self) -> Tensor {
        (0..self.data.event_shape().rank()).fold(self.present.clone(), |entries, _| entries.unsqueeze(-1))
    }

    /// Whether it is known that no entry is missing.
    pub(crate) fn is_nowhere(&self) -> Result<bool> {
        Ok(!self.present.is_traced() && positional(&self.present).all_all().to_scalar()? != 0.0)
    }

    /// The density of the entries that are present, and a draw of it.
    fn reference(&self) -> Result<Reference> {
        let bijection = self.data.support().bijection()?;
        let shape = self.data.batch_shape().concat(&self.data.event_shape());
        let point = bijection.inverse_shape(&shape)?;
        Ok(Reference { bijection, point })
    }
}

struct Reference {
    bijection: Arc<dyn crate::Transform>,
    /// Shape of a draw on unconstrained space.
    point: Shape,
}

impl Reference {
    fn sample(&self, key: &Key, dtype: DType) -> Tensor {
        self.bijection.forward(&key.normal(&self.point, dtype))
    }

    /// Log density, of the shape of a batch of this rank.
    fn log_prob(&self, value: &Tensor, batch_rank: usize) -> Tensor {
        let x = self.bijection.inverse(value);
        let sum_to_batch =
            |density: Tensor| (batch_rank..density.rank()).fold(density, |density, _| density.sum(-1));
        let normal = x.square() * -0.5 - 0.5 * std::f64::consts::TAU.ln();
        sum_to_batch(normal) - sum_to_batch(self.bijection.log_abs_det_forward(&x, value))
    }
}

impl Distribution for Missing {
    fn name(&self) -> &'static str {
        self.data.name()
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        self.data.parameters()
    }

    fn batch_shape(&self) -> Shape {
        self.data.batch_shape()
    }

    fn event_shape(&self) -> Shape {
        self.data.event_shape()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        self.data.support()
    }

    fn has_rsample(&self) -> bool {
        self.data.has_rsample()
    }

    fn sample(&self, key: &Key) -> Tensor {
        let draw = self.data.sample(key);
        match self.reference() {
            Ok(reference) => {
                let here = reference.sample(&key.fold_in_name("present"), draw.dtype());
                self.entries().select(here, draw)
            }
            Err(_) => draw,
        }
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let density = self.data.log_prob(value);
        match self.reference() {
            Ok(reference) => {
                let here = reference.log_prob(value, self.data.batch_shape().rank());
                self.present.select(here, density)
            }
            Err(_) => density,
        }
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let present = self.present.broadcast_to(batch_shape);
        present.check()?;
        Ok(Arc::new(Self { data: self.data.expand(batch_shape)?, present }))
    }

    fn validate(&self) -> Result<()> {
        self.data.validate()
    }
}
