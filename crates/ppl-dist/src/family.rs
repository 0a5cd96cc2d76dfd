//! What families of single numbers have in common: a few float parameters that broadcast to the batch.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, LocationScale, Parameter, Result};
use ppl_tensor::{DType, Key, Shape, Tensor};

use crate::parameters::{broadcast, draw_dtype, expand, float, float_like, strong};

/// A member of a location-scale family, of which `with` makes the others.
pub(crate) fn location_scale<D: Distribution>(
    loc: &Tensor,
    scale: &Tensor,
    with: impl Fn(Tensor, Tensor) -> D + Send + Sync + 'static,
) -> Option<LocationScale> {
    let with = move |loc, scale| -> Arc<dyn Distribution> { Arc::new(with(loc, scale)) };
    Some(LocationScale { loc: loc.clone(), scale: scale.clone(), with: Box::new(with) })
}

/// The parameters of a family, with what distributions do with them all.
#[derive(Debug, Clone)]
pub(crate) struct Parameters<const N: usize> {
    family: &'static str,
    names: [&'static str; N],
    values: [Tensor; N],
    batch_shape: Shape,
}

impl<const N: usize> Parameters<N> {
    /// The values as floats; all of them carry the error if they do not broadcast.
    #[track_caller]
    pub(crate) fn new(family: &'static str, names: [&'static str; N], values: [Tensor; N]) -> Self {
        let (batch_shape, values) = broadcast(family, names, values.map(|value| float(value)));
        Self { family, names, values, batch_shape }
    }

    pub(crate) fn family(&self) -> &'static str {
        self.family
    }

    /// The values, as given.
    pub(crate) fn values(&self) -> &[Tensor; N] {
        &self.values
    }

    /// For validation: each with its constraint.
    pub(crate) fn list(&self, constraints: [Arc<dyn Constraint>; N]) -> Vec<Parameter<'_>> {
        let named = self.names.iter().zip(&self.values).zip(constraints);
        named.map(|((name, value), constraint)| Parameter { name, value, constraint }).collect()
    }

    pub(crate) fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    /// The same parameters for a larger batch.
    pub(crate) fn expand(&self, to: &Shape) -> Result<Self> {
        let mut expanded = self.clone();
        // One parameter is enough.
        expanded.values[0] = expand(self.family, &self.batch_shape, to, &[], &self.values[0])?;
        expanded.batch_shape = to.clone();
        Ok(expanded)
    }

    /// A value as a float of the dtype that the parameters have.
    pub(crate) fn float_like(&self, value: &Tensor) -> Tensor {
        float_like(value, &self.values.each_ref())
    }

    /// The dtype of draws.
    pub(crate) fn draw_dtype(&self, key: &Key) -> DType {
        draw_dtype(key, &self.values.each_ref())
    }

    /// The values as draws need them: numbers as floats of the draws' dtype, on the key's device.
    pub(crate) fn for_draws(&self, key: &Key) -> [Tensor; N] {
        let dtype = self.draw_dtype(key);
        self.values.each_ref().map(|value| strong(value, key.tensor().device(), dtype))
    }

    /// What was computed of some parameters, for the whole batch.
    pub(crate) fn over_batch(&self, statistic: &Tensor) -> Tensor {
        statistic.broadcast_to(&self.batch_shape)
    }
}

impl Parameters<2> {
    /// `(value - loc) / scale`, the parameters being a location and a scale.
    pub(crate) fn standardise(&self, value: &Tensor) -> Tensor {
        let [loc, scale] = &self.values;
        (self.float_like(value) - loc) / scale
    }
}

/// The methods of [`Distribution`](ppl_core::Distribution) that follow from a distribution's only field, its
/// [`Parameters`], given their constraints; which may refer to the distribution by a name.
macro_rules! from_parameters {
    ($distribution:ident => $($constraint:expr),+) => {
        fn name(&self) -> &'static str {
            self.0.family()
        }

        fn parameters(&self) -> Vec<ppl_core::Parameter<'_>> {
            let $distribution = self;
            self.0.list([$($constraint),+])
        }

        fn batch_shape(&self) -> ppl_tensor::Shape {
            self.0.batch_shape()
        }

        fn expand(
            &self,
            batch_shape: &ppl_tensor::Shape,
        ) -> ppl_core::Result<std::sync::Arc<dyn ppl_core::Distribution>> {
            Ok(std::sync::Arc::new(Self(self.0.expand(batch_shape)?)))
        }
    };
    ($($constraint:expr),+) => {
        $crate::family::from_parameters!(_distribution => $($constraint),+);
    };
}

pub(crate) use from_parameters;
