//! The distribution of a transformed draw.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Error, IntoDistribution, Parameter, Result, Transform};
use ppl_tensor::{Key, Shape, Tensor};

use super::Independent;
use crate::constraints::independent;
use crate::parameters::{float, split_last, sum_last};
use crate::transforms::Compose;

/// The distribution of `y = f(x)` for a draw `x` of a base distribution and a bijection `f`:
/// `ln p(y) = ln p(x) - ln |det ∂y/∂x|` at `x = f⁻¹(y)`.
#[derive(Debug, Clone)]
pub struct TransformedDistribution {
    base: Arc<dyn Distribution>,
    transform: Compose,
    batch_shape: Shape,
    event_shape: Shape,
    /// Carries the error if draws of the base do not fit the transforms.
    failure: Option<Tensor>,
}

impl TransformedDistribution {
    /// The distribution of draws of `base` under transforms, of which the first is applied first.
    ///
    /// Batch dimensions of the base that a transform mixes become dimensions of one draw.
    #[track_caller]
    pub fn new(base: impl IntoDistribution, transforms: Vec<Arc<dyn Transform>>) -> Self {
        let (base, transform) = (base.into_distribution(), Compose::new(transforms));
        match fit(&base, &transform) {
            Ok((base, batch_shape, event_shape)) => {
                Self { base, transform, batch_shape, event_shape, failure: None }
            }
            Err(error) => {
                let reason = format!("draws of {} do not fit the transforms: {error}", base.name());
                let failure = Tensor::failure(ppl_tensor::Error::argument("TransformedDistribution", reason));
                let (batch_shape, event_shape) = (Shape::scalar(), Shape::scalar());
                Self { base, transform, batch_shape, event_shape, failure: Some(failure) }
            }
        }
    }

    /// The distribution before the transforms.
    pub fn base(&self) -> &Arc<dyn Distribution> {
        &self.base
    }

    /// The transforms as one.
    pub fn transform(&self) -> &Compose {
        &self.transform
    }

    /// What carries the error, if there is one.
    pub(crate) fn failure(&self) -> Option<&Tensor> {
        self.failure.as_ref()
    }

    fn validate_shape(&self) -> Result<()> {
        if let Some(failure) = &self.failure {
            failure.check()?;
        }
        Ok(())
    }

    /// Log density of a value in the support.
    fn log_prob_inside(&self, value: &Tensor) -> Tensor {
        let (x, log_abs_det) = self.transform.inverse_with_log_abs_det(value);
        self.base.log_prob(&x) - sum_last(&log_abs_det, self.outer_dims())
    }

    /// Dimensions of a draw of the base that a transform does not mix.
    fn outer_dims(&self) -> usize {
        self.base.event_shape().rank() - self.transform.domain_event_dim()
    }
}

/// The base, made to draw all that the transforms need, with batch and event shape of what comes out.
fn fit(base: &Arc<dyn Distribution>, transform: &Compose) -> Result<(Arc<dyn Distribution>, Shape, Shape)> {
    // Parameters of a transform may broadcast the draws, which are then independent.
    let image = transform.forward_shape(&base.batch_shape().concat(&base.event_shape()))?;
    let point = transform.inverse_shape(&image)?;
    let (batch, _) = split_last(&point, base.event_shape().rank()).unwrap_or_default();
    let expanded = if batch == base.batch_shape() { base.clone() } else { base.expand(&batch)? };

    let needed = transform.domain_event_dim();
    let missing = needed.saturating_sub(base.event_shape().rank());
    if batch.rank() < missing {
        return Err(Error::Shape(format!("one draw needs {needed} dimensions, {point} has fewer")));
    }
    let base: Arc<dyn Distribution> =
        if missing > 0 { Arc::new(Independent::new(expanded, missing)) } else { expanded };
    let outer = base.event_shape().rank() - needed;
    let (batch, event) = split_last(&image, transform.codomain_event_dim() + outer).unwrap_or_default();
    Ok((base, batch, event))
}

impl Distribution for TransformedDistribution {
    fn name(&self) -> &'static str {
        "TransformedDistribution"
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
        let codomain = self.transform.codomain();
        let outer = self.event_shape.rank().saturating_sub(codomain.event_dim());
        independent(codomain, outer)
    }

    fn has_rsample(&self) -> bool {
        self.base.has_rsample()
    }

    fn sample(&self, key: &Key) -> Tensor {
        self.failure.clone().unwrap_or_else(|| self.transform.forward(&self.base.sample(key)))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        if let Some(failure) = &self.failure {
            return failure.clone();
        }
        let support = self.support();
        if support.is_unbounded() {
            return self.log_prob_inside(value);
        }
        let event_rank = self.event_shape.rank();
        let mask = support.check(value);
        // Outside, the density is taken at a point inside, so that gradients stay finite there.
        let per_entry = (0..event_rank).fold(mask.clone(), |mask, _| mask.unsqueeze(-1));
        let point = self.base.batch_shape().concat(&self.base.event_shape());
        let somewhere = float(value).scalar_like(0.0).broadcast_to(point);
        let inside = per_entry.select(value, self.transform.forward(&somewhere));
        let is_nan = (0..event_rank).fold(value.ne(value), |is_nan, _| is_nan.any(-1));
        is_nan.select(f64::NAN, mask.select(self.log_prob_inside(&inside), f64::NEG_INFINITY))
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        self.validate_shape()?;
        // Of the same rank or more: the dimensions in front are those that the base gets too.
        let base = self.base.expand(batch_shape)?;
        Ok(Arc::new(Self::new(base, self.transform.parts().to_vec())))
    }

    fn validate(&self) -> Result<()> {
        self.validate_shape()?;
        self.base.validate()
    }
}
