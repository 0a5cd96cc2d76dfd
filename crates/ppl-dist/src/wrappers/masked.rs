//! Distributions of which some batch elements do not count.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, IntoDistribution, Parameter, Result};
use ppl_tensor::{DType, Key, Shape, Tensor};

use crate::parameters::{float, misfit};

/// A distribution whose log density is 0 in the batch elements where a mask does not hold: whatever their values are,
/// NaN for a missing one included, they change neither densities nor gradients.
#[derive(Debug, Clone)]
pub struct Masked {
    base: Arc<dyn Distribution>,
    /// Carries the error if it does not fit the base.
    mask: Tensor,
    batch_shape: Shape,
}

impl Masked {
    /// The base where the mask, of truth values, holds. The mask broadcasts with the base's batch.
    #[track_caller]
    pub fn new(base: impl IntoDistribution, mask: impl Into<Tensor>) -> Self {
        let (base, mask) = (base.into_distribution(), mask.into());
        match fit(&base, &mask) {
            Ok((base, batch_shape)) => Self { base, mask, batch_shape },
            Err(reason) => {
                let failure = match mask.error() {
                    Some(error) => Tensor::failure(error.clone()),
                    None => misfit("mask", &[mask.shape(), base.batch_shape()], reason),
                };
                Self { base, mask: failure, batch_shape: Shape::scalar() }
            }
        }
    }

    /// The distribution inside, of the whole batch shape.
    pub fn base(&self) -> &Arc<dyn Distribution> {
        &self.base
    }

    /// Where it counts.
    pub fn mask(&self) -> &Tensor {
        &self.mask
    }

    /// A number that is inside the support and not at its end, or outside.
    fn harmless(&self, value: &Tensor) -> Tensor {
        let support = self.base.support();
        let like = float(value);
        match support.bijection() {
            Ok(onto) => {
                let shape = self.base.batch_shape().concat(&self.base.event_shape());
                let somewhere =
                    onto.inverse_shape(&shape).map(|shape| like.scalar_like(0.0).broadcast_to(shape));
                somewhere.map_or_else(|_| like.scalar_like(0.0), |x| onto.forward(&x))
            }
            // No distribution of this crate counts below 0.
            Err(_) => like.scalar_like(-1.0),
        }
    }
}

/// The base with all batch elements that the mask has, or why the two do not fit.
fn fit(
    base: &Arc<dyn Distribution>,
    mask: &Tensor,
) -> std::result::Result<(Arc<dyn Distribution>, Shape), String> {
    if mask.dtype() != DType::Bool {
        return Err(format!("a mask is of truth values, not {}", mask.dtype()));
    }
    let batch = base.batch_shape();
    let misfit = || format!("the mask does not fit the batch of {}", base.name());
    let shape = mask.shape().broadcast(&batch).ok_or_else(misfit)?;
    let base = if shape == batch { base.clone() } else { base.expand(&shape).map_err(|e| e.to_string())? };
    Ok((base, shape))
}

impl Distribution for Masked {
    /// The base's name.
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

    fn sample(&self, key: &Key) -> Tensor {
        match self.mask.error() {
            Some(_) => self.mask.clone(),
            None => self.base.sample(key),
        }
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        let per_entry =
            (0..self.base.event_shape().rank()).fold(self.mask.clone(), |mask, _| mask.unsqueeze(-1));
        let harmless = self.harmless(value).cast(value.dtype());
        self.mask.select(self.base.log_prob(&per_entry.select(value, harmless)), 0.0)
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        self.mask.check()?;
        let base = self.base.expand(batch_shape)?;
        Ok(Arc::new(Self { base, mask: self.mask.clone(), batch_shape: batch_shape.clone() }))
    }

    fn mean(&self) -> Tensor {
        self.base.mean()
    }

    fn variance(&self) -> Tensor {
        self.base.variance()
    }

    /// 0 where the mask does not hold.
    fn entropy(&self) -> Tensor {
        self.mask.select(self.base.entropy(), 0.0)
    }

    fn cdf(&self, value: &Tensor) -> Tensor {
        self.base.cdf(value)
    }

    fn validate(&self) -> Result<()> {
        self.mask.check()?;
        self.base.validate()
    }
}
