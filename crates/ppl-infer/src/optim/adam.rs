//! Adam (Kingma and Ba 2015).

use std::fmt;
use std::sync::Arc;

use ppl_core::{Error, Result};
use ppl_tensor::Tensor;

use super::Optimizer;

/// Settings of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamOptions {
    /// Step size, positive.
    pub learning_rate: f64,
    /// Decay rates of the running means of the gradient and of its square, each in [0, 1).
    pub betas: (f64, f64),
    /// Added to the root of the mean square, positive.
    pub epsilon: f64,
}

impl Default for AdamOptions {
    /// Learning rate 0.001, betas (0.9, 0.999), epsilon 1e-8.
    fn default() -> Self {
        Self { learning_rate: 0.001, betas: (0.9, 0.999), epsilon: 1e-8 }
    }
}

impl AdamOptions {
    fn check(&self, name: &str) -> Result<()> {
        let Self { learning_rate, betas: (beta1, beta2), epsilon } = *self;
        let fault = |what: &str, value: f64, rule: &str| {
            Err(Error::argument(format!("Adam for parameter `{name}`: {what} is {value}, must be {rule}")))
        };
        match () {
            () if !(learning_rate > 0.0 && learning_rate.is_finite()) => {
                fault("learning_rate", learning_rate, "positive")
            }
            () if !(0.0..1.0).contains(&beta1) => fault("the first beta", beta1, "in [0, 1)"),
            () if !(0.0..1.0).contains(&beta2) => fault("the second beta", beta2, "in [0, 1)"),
            () if epsilon.is_nan() || epsilon <= 0.0 => fault("epsilon", epsilon, "positive"),
            () => Ok(()),
        }
    }
}

/// Adam, with one setting or one for each parameter's name.
#[derive(Clone)]
pub struct Adam {
    options: Arc<dyn Fn(&str) -> AdamOptions + Send + Sync>,
}

impl Adam {
    /// Adam with a learning rate, and the other settings at their defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self::with(AdamOptions { learning_rate, ..AdamOptions::default() })
    }

    /// Adam with these settings.
    pub fn with(options: AdamOptions) -> Self {
        Self::by_name(move |_| options)
    }

    /// Adam with settings that are a function of the parameter's name.
    pub fn by_name(options: impl Fn(&str) -> AdamOptions + Send + Sync + 'static) -> Self {
        Self { options: Arc::new(options) }
    }
}

impl fmt::Debug for Adam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Adam")
    }
}

impl Optimizer for Adam {
    fn init(&self, _name: &str, value: &Tensor) -> Vec<Tensor> {
        vec![value.zeros_like(), value.zeros_like(), value.scalar_like(0.0)]
    }

    fn update(
        &self,
        name: &str,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let options = (self.options)(name);
        options.check(name)?;
        let [mean, square, steps] = state else {
            return Err(Error::argument(format!(
                "Adam for parameter `{name}`: the state is of another optimiser"
            )));
        };
        let (beta1, beta2) = options.betas;
        let steps = steps + 1.0;
        let mean = mean * beta1 + grad * (1.0 - beta1);
        let square = square * beta2 + grad.square() * (1.0 - beta2);
        // Algorithm 1 of the paper; the corrections are scalars, so the step size is computed before it meets the arrays.
        let correction1 = 1.0 - Tensor::from(beta1).pow(&steps);
        let correction2 = 1.0 - Tensor::from(beta2).pow(&steps);
        let step = options.learning_rate / correction1;
        let root = (&square / &correction2).sqrt() + options.epsilon;
        let next = value - &mean * step / root;
        Ok((next.check()?.clone(), vec![mean, square, steps]))
    }
}
