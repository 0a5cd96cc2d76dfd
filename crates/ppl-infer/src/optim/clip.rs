//! Clipping of gradients.

use ppl_core::{Error, Result};
use ppl_tensor::Tensor;

use super::{Clock, Optimizer, Updated};

/// An optimiser that is given clipped gradients ([`Optimizer::clip_value`], [`Optimizer::clip_norm`]).
#[derive(Debug, Clone)]
pub struct Clipped<O> {
    optimizer: O,
    clip: Clip,
    limit: f64,
}

#[derive(Debug, Clone, Copy)]
enum Clip {
    Value,
    Norm,
}

impl<O> Clipped<O> {
    pub(super) fn by_value(optimizer: O, limit: f64) -> Self {
        Self { optimizer, clip: Clip::Value, limit }
    }

    pub(super) fn by_norm(optimizer: O, limit: f64) -> Self {
        Self { optimizer, clip: Clip::Norm, limit }
    }
}

impl<O: Optimizer> Optimizer for Clipped<O> {
    fn name(&self) -> &str {
        self.optimizer.name()
    }

    fn init(&self, name: &str, value: &Tensor) -> Vec<Tensor> {
        self.optimizer.init(name, value)
    }

    fn update(
        &self,
        clock: &Clock,
        name: &str,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Result<Updated> {
        self.optimizer.update(clock, name, value, grad, state)
    }

    fn transform(&self, grads: Vec<Tensor>) -> Result<Vec<Tensor>> {
        let limit = self.limit;
        if limit.is_nan() || limit <= 0.0 {
            let by = match self.clip {
                Clip::Value => "value",
                Clip::Norm => "norm",
            };
            let reason = format!("{} clipped by {by}: the limit is {limit}, must be positive", self.name());
            return Err(Error::argument(reason));
        }
        let clipped = match self.clip {
            Clip::Value => grads.iter().map(|grad| grad.minimum(limit).maximum(-limit)).collect(),
            Clip::Norm => scaled_to(&grads, limit),
        };
        self.optimizer.transform(clipped)
    }
}

fn scaled_to(grads: &[Tensor], limit: f64) -> Vec<Tensor> {
    let Some(dtype) = grads.first().map(Tensor::dtype) else { return vec![] };
    let squares = grads.iter().map(|grad| grad.square().sum_all().cast(dtype));
    let norm = squares.reduce(|sum, square| sum + square).unwrap_or_else(|| Tensor::from(0.0)).sqrt();
    // At norm 0 the quotient is infinite, and the factor 1.
    let factor = (limit / norm).minimum(1.0);
    grads.iter().map(|grad| grad * factor.cast(grad.dtype())).collect()
}
