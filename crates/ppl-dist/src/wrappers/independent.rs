//! Batch dimensions counted as dimensions of one draw.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, IntoDistribution, LocationScale, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::independent;
use crate::parameters::{misfit, split_last, sum_last};

/// A distribution whose last batch dimensions are dimensions of one draw: its log density is summed over them.
#[derive(Debug, Clone)]
pub struct Independent {
    base: Arc<dyn Distribution>,
    dims: usize,
    batch_shape: Shape,
    event_shape: Shape,
    /// Carries the error if the base has fewer batch dimensions.
    failure: Option<Tensor>,
}

impl Independent {
    /// The base with its last `dims` batch dimensions counted as dimensions of one draw.
    #[track_caller]
    pub fn new(base: impl IntoDistribution, dims: usize) -> Self {
        let base = base.into_distribution();
        let batch = base.batch_shape();
        match split_last(&batch, dims) {
            Some((batch_shape, event)) => {
                let event_shape = event.concat(&base.event_shape());
                Self { base, dims, batch_shape, event_shape, failure: None }
            }
            None => {
                let reason =
                    format!("{dims} batch dimensions of {} cannot be dimensions of a draw", base.name());
                let failure = Some(misfit("to_event", &[batch], reason));
                Self { base, dims, batch_shape: Shape::scalar(), event_shape: Shape::scalar(), failure }
            }
        }
    }

    /// The distribution inside.
    pub fn base(&self) -> &Arc<dyn Distribution> {
        &self.base
    }

    /// Number of batch dimensions of the base that are dimensions of a draw.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Whether the base has as many batch dimensions.
    pub(crate) fn validate_shape(&self) -> Result<()> {
        if let Some(failure) = &self.failure {
            failure.check()?;
        }
        Ok(())
    }

    /// What carries the error, if there is one.
    pub(crate) fn failure(&self) -> Option<&Tensor> {
        self.failure.as_ref()
    }

    fn unless_failed(&self, result: impl FnOnce() -> Tensor) -> Tensor {
        self.failure.clone().unwrap_or_else(result)
    }
}

impl Distribution for Independent {
    /// The base's name: shapes show what is counted as what.
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
        self.event_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        independent(self.base.support(), self.dims)
    }

    fn has_rsample(&self) -> bool {
        self.base.has_rsample()
    }

    fn sample(&self, key: &Key) -> Tensor {
        self.unless_failed(|| self.base.sample(key))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        self.unless_failed(|| sum_last(&self.base.log_prob(value), self.dims))
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        self.validate_shape()?;
        let counted = &self.event_shape[..self.dims];
        Ok(Arc::new(Self::new(self.base.expand(&batch_shape.concat(counted))?, self.dims)))
    }

    fn loc_scale(&self) -> Option<LocationScale> {
        let LocationScale { loc, scale, with } = self.base.loc_scale()?;
        let dims = self.dims;
        let with = Box::new(move |loc, scale| -> Arc<dyn Distribution> {
            Arc::new(Self::new(with(loc, scale), dims))
        });
        Some(LocationScale { loc, scale, with })
    }

    fn mean(&self) -> Tensor {
        self.unless_failed(|| self.base.mean())
    }

    fn variance(&self) -> Tensor {
        self.unless_failed(|| self.base.variance())
    }

    fn entropy(&self) -> Tensor {
        self.unless_failed(|| sum_last(&self.base.entropy(), self.dims))
    }

    fn validate(&self) -> Result<()> {
        self.validate_shape()?;
        self.base.validate()
    }
}
