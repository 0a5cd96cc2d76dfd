//! The Dirichlet distribution.

use std::sync::Arc;

use ppl_core::{Constraint, Distribution, Parameter, Result};
use ppl_tensor::{Key, Shape, Tensor};

use crate::constraints::{independent, positive, simplex};
use crate::parameters::{draw_dtype, expand, failed, float, float_like, misfit, split_last, strong};
use crate::special::{above_zero, lowest, xlogy};

/// The Dirichlet distribution of a vector of concentrations `aₖ > 0`, on vectors of probabilities:
/// `p(x) = Γ(Σ aₖ) Π xₖ^(aₖ-1) / Γ(aₖ)`, of mean `a / Σ aₖ`. The density is that of all entries but one.
///
/// The last dimension of the concentration is that of a draw. Draws are differentiable in it, implicitly (Figurnov,
/// Mohamed and Mnih 2018).
#[derive(Debug, Clone)]
pub struct Dirichlet {
    concentration: Tensor,
    batch_shape: Shape,
    size: usize,
}

impl Dirichlet {
    /// The distribution of concentrations.
    #[track_caller]
    pub fn new(concentration: impl Into<Tensor>) -> Self {
        let concentration = float(concentration);
        let shape = concentration.shape();
        match split_last(&shape, 1) {
            Some((batch_shape, last)) if last[0] > 0 => Self { concentration, batch_shape, size: last[0] },
            _ => {
                let reason = "the last dimension of `concentration` is that of a draw, and there must be one";
                let failed = concentration.error().is_some();
                let concentration =
                    if failed { concentration } else { misfit("Dirichlet", &[shape], reason) };
                Self { concentration, batch_shape: Shape::scalar(), size: 1 }
            }
        }
    }

    /// The concentrations, as given.
    pub fn concentration(&self) -> &Tensor {
        &self.concentration
    }

    fn total(&self) -> Tensor {
        self.concentration.sum(-1)
    }

    /// `ln (Π Γ(aₖ) / Γ(Σ aₖ))`.
    pub(crate) fn normaliser(&self) -> Tensor {
        self.concentration.lgamma().sum(-1) - self.total().lgamma()
    }
}

impl Distribution for Dirichlet {
    fn name(&self) -> &'static str {
        "Dirichlet"
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        let constraint = independent(positive(), 1);
        vec![Parameter { name: "concentration", value: &self.concentration, constraint }]
    }

    fn batch_shape(&self) -> Shape {
        self.batch_shape.clone()
    }

    fn event_shape(&self) -> Shape {
        Shape::from([self.size])
    }

    fn support(&self) -> Arc<dyn Constraint> {
        simplex()
    }

    fn has_rsample(&self) -> bool {
        true
    }

    fn sample(&self, key: &Key) -> Tensor {
        let dtype = draw_dtype(key, &[&self.concentration]);
        let concentration = strong(&self.concentration, key.tensor().device(), dtype);
        // Gamma variates over their sum, in units of the largest, where small concentrations do not underflow. The bound
        // keeps the differences of those that did from being NaN.
        let log_gammas = key.log_gamma(self.batch_shape.concat(&[self.size]), &concentration);
        let log_gammas = log_gammas.maximum(lowest(dtype));
        let largest = log_gammas.max(-1).detach();
        let gammas = (log_gammas - largest.unsqueeze(-1)).exp();
        above_zero(&(&gammas / gammas.sum(-1).unsqueeze(-1)))
    }

    fn log_prob(&self, value: &Tensor) -> Tensor {
        if let Some(failed) = failed(&[&self.concentration]) {
            return failed;
        }
        let value = float_like(value, &[&self.concentration]);
        let inside = simplex().check(&value);
        // Outside, the density is taken at the middle, so that its gradients stay finite.
        let point = inside.unsqueeze(-1).select(&value, 1.0 / self.size as f64);
        let log_prob = xlogy(&(&self.concentration - 1.0), &point).sum(-1) - self.normaliser();
        let is_nan = value.ne(&value).any(-1);
        is_nan.select(f64::NAN, inside.select(log_prob, f64::NEG_INFINITY))
    }

    fn expand(&self, batch_shape: &Shape) -> Result<Arc<dyn Distribution>> {
        let (from, event) = (&self.batch_shape, [self.size]);
        let concentration = expand(self.name(), from, batch_shape, &event, &self.concentration)?;
        Ok(Arc::new(Self { concentration, batch_shape: batch_shape.clone(), size: self.size }))
    }

    fn mean(&self) -> Tensor {
        &self.concentration / self.total().unsqueeze(-1)
    }

    fn variance(&self) -> Tensor {
        let mean = self.mean();
        &mean * (1.0 - &mean) / (self.total().unsqueeze(-1) + 1.0)
    }

    fn entropy(&self) -> Tensor {
        let (a, total) = (&self.concentration, self.total());
        let digammas = (&total - self.size as f64) * total.digamma() - ((a - 1.0) * a.digamma()).sum(-1);
        self.normaliser() + digammas
    }
}
