//! Bijections one after another.

use std::sync::Arc;

use ppl_core::{Constraint, Result, Transform};
use ppl_tensor::{Shape, Tensor};

use crate::constraints::{independent, real};
use crate::parameters::sum_last;

/// Transforms one after another, the first applied first; without any, the identity.
#[derive(Debug, Clone)]
pub struct Compose {
    parts: Vec<Arc<dyn Transform>>,
}

impl Compose {
    /// The composition of `parts`.
    pub fn new(parts: Vec<Arc<dyn Transform>>) -> Self {
        Self { parts }
    }

    /// The transforms, the first applied first.
    pub fn parts(&self) -> &[Arc<dyn Transform>] {
        &self.parts
    }

    /// The point whose image is `y`, and the log determinant of the forward map there, each part inverted once.
    pub(crate) fn inverse_with_log_abs_det(&self, y: &Tensor) -> (Tensor, Tensor) {
        let mut points = vec![y.clone()];
        for part in self.parts.iter().rev() {
            points.push(part.inverse(&points[points.len() - 1]));
        }
        points.reverse();
        (points[0].clone(), self.sum_of_log_abs_dets(&points))
    }

    /// The sum over all parts, each between its own two points, of the shape without one value's dimensions.
    fn sum_of_log_abs_dets(&self, points: &[Tensor]) -> Tensor {
        let mut event_dim = self.domain_event_dim();
        let mut sum: Option<Tensor> = None;
        for (part, pair) in self.parts.iter().zip(points.windows(2)) {
            let outer = event_dim - part.domain_event_dim();
            let term = sum_last(&part.log_abs_det_forward(&pair[0], &pair[1]), outer);
            sum = Some(sum.map_or_else(|| term.clone(), |sum| sum + &term));
            event_dim = outer + part.codomain_event_dim();
        }
        sum.unwrap_or_else(|| points[0].zeros_like())
    }
}

impl Transform for Compose {
    fn name(&self) -> String {
        let names: Vec<String> = self.parts.iter().map(|part| part.name()).collect();
        if names.is_empty() { "Identity".into() } else { names.join(" then ") }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        self.parts.iter().fold(x.clone(), |x, part| part.forward(&x))
    }

    fn inverse(&self, y: &Tensor) -> Tensor {
        self.parts.iter().rev().fold(y.clone(), |y, part| part.inverse(&y))
    }

    fn log_abs_det_forward(&self, x: &Tensor, y: &Tensor) -> Tensor {
        let mut points = vec![x.clone()];
        let inner = self.parts.len().saturating_sub(1);
        for part in &self.parts[..inner] {
            points.push(part.forward(&points[points.len() - 1]));
        }
        points.push(y.clone());
        self.sum_of_log_abs_dets(&points)
    }

    /// The most dimensions any part needs, counted before the first.
    fn domain_event_dim(&self) -> usize {
        let needed_before = |after: usize, part: &Arc<dyn Transform>| {
            part.domain_event_dim() + after.saturating_sub(part.codomain_event_dim())
        };
        self.parts.iter().rev().fold(0, needed_before)
    }

    fn codomain_event_dim(&self) -> usize {
        let left_after = |before: usize, part: &Arc<dyn Transform>| {
            part.codomain_event_dim() + before.saturating_sub(part.domain_event_dim())
        };
        self.parts.iter().fold(0, left_after)
    }

    fn codomain(&self) -> Arc<dyn Constraint> {
        let last = self.parts.last().map_or_else(real, |part| part.codomain());
        let outer = self.codomain_event_dim().saturating_sub(last.event_dim());
        independent(last, outer)
    }

    fn forward_shape(&self, shape: &Shape) -> Result<Shape> {
        self.parts.iter().try_fold(shape.clone(), |shape, part| part.forward_shape(&shape))
    }

    fn inverse_shape(&self, shape: &Shape) -> Result<Shape> {
        self.parts.iter().rev().try_fold(shape.clone(), |shape, part| part.inverse_shape(&shape))
    }
}
