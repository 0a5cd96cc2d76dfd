//! The density that is the same everywhere.

use std::sync::Arc;

use ppl::core::{Constraint, Distribution, IntoDistribution, Parameter, Result};
use ppl::dist::Expanded;
use ppl::tensor::{DType, Key, Shape, Tensor};

/// The density 1 on a set, which need not have a finite integral. Draws, of which inference needs one to start from, are
/// images of uniform ones from `(-2, 2)` on unconstrained space.
#[derive(Debug, Clone)]
pub struct Flat {
    support: Arc<dyn Constraint>,
    event_shape: Shape,
}

impl Flat {
    /// The density 1 on the values in `support`, of a shape.
    pub fn new(support: Arc<dyn Constraint>, event_shape: impl Into<Shape>) -> Self {
        Self { support, event_shape: event_shape.into() }
    }

    fn draw(&self, key: &Key) -> Result<Tensor> {
        let bijection = self.support.bijection()?;
        let unit = key.uniform(bijection.inverse_shape(&self.event_shape)?, DType::F64);
        Ok(bijection.forward(&((unit * 4.0) - 2.0)))
    }
}

impl Distribution for Flat {
    fn name(&self) -> &'static str {
        "Flat"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        Vec::new()
    }

    fn batch_shape(&self) -> Shape {
        Shape::scalar()
    }

    fn event_shape(&self) -> Shape {
        self.event_shape.clone()
    }

    fn support(&self) -> Arc<dyn Constraint> {
        self.support.clone()
    }

    fn sample(&self, key: &Key) -> Tensor {
        let failed = |error: ppl::core::Error| {
            Tensor::failure(ppl::tensor::Error::argument("Flat", error.to_string()))
        };
        self.draw(key).unwrap_or_else(failed)
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        value.zeros_like().sum_all()
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        Ok(Expanded::new(self.clone(), batch_shape)?.into_distribution())
    }
}
