//! Adam and its variants.

use ppl_tensor::Tensor;

use super::per_parameter::{decay, not_negative, positive, rule};
use super::{PerParameter, UpdateRule, Updated};

/// Adam (Kingma and Ba 2015).
pub type Adam = PerParameter<AdamOptions>;

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
pub type AdamW = PerParameter<AdamWOptions>;

/// Adam with every element of a gradient clipped and a learning rate that decays geometrically, as Pyro has it.
pub type ClippedAdam = PerParameter<ClippedAdamOptions>;

/// Options of [`Adam`].
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

/// Options of [`AdamW`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWOptions {
    /// Step size, positive.
    pub learning_rate: f64,
    /// Decay rates of the running means of the gradient and of its square, each in [0, 1).
    pub betas: (f64, f64),
    /// Added to the root of the mean square, positive.
    pub epsilon: f64,
    /// Each step first shrinks the unconstrained value by this times the learning rate; at least 0.
    pub weight_decay: f64,
}

impl Default for AdamWOptions {
    /// Those of [`AdamOptions`], weight decay 0.01.
    fn default() -> Self {
        let AdamOptions { learning_rate, betas, epsilon } = AdamOptions::default();
        Self { learning_rate, betas, epsilon, weight_decay: 0.01 }
    }
}

/// Options of [`ClippedAdam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClippedAdamOptions {
    /// Step size, positive.
    pub learning_rate: f64,
    /// Decay rates of the running means of the gradient and of its square, each in [0, 1).
    pub betas: (f64, f64),
    /// Added to the root of the mean square before its bias is corrected, positive.
    pub epsilon: f64,
    /// Elements of a gradient are moved into `[-clip, clip]`; positive.
    pub clip: f64,
    /// The learning rate is multiplied by this at every update, the first included; in (0, 1].
    pub learning_rate_decay: f64,
}

impl Default for ClippedAdamOptions {
    /// Those of [`AdamOptions`], clip 10, no decay (1).
    fn default() -> Self {
        let AdamOptions { learning_rate, betas, epsilon } = AdamOptions::default();
        Self { learning_rate, betas, epsilon, clip: 10.0, learning_rate_decay: 1.0 }
    }
}

fn check(learning_rate: f64, (beta1, beta2): (f64, f64), epsilon: f64) -> std::result::Result<(), String> {
    positive("learning_rate", learning_rate)?;
    decay("the first beta", beta1)?;
    decay("the second beta", beta2)?;
    positive("epsilon", epsilon)
}

/// The step size, and what is added to the root of the mean square.
type AdamScalars = (Tensor, Tensor);

/// Bias corrections `1 - βᵗ` of both means, exact for β near 1 in single precision too; of the second one the root.
fn corrections((beta1, beta2): (f64, f64), updates: &Tensor) -> (Tensor, Tensor) {
    let correction = |beta: f64| -(updates * beta.ln()).expm1();
    (correction(beta1), correction(beta2).sqrt())
}

/// Algorithm 1 of Kingma and Ba in the order that the end of their section 2 recommends: the corrections go into the two
/// scalars.
fn step(
    (beta1, beta2): (f64, f64),
    (rate, shift): &AdamScalars,
    value: &Tensor,
    grad: &Tensor,
    state: &[Tensor],
) -> Option<Updated> {
    let [mean, square] = state else { return None };
    let mean = mean * beta1 + grad * (1.0 - beta1);
    let square = square * beta2 + grad.square() * (1.0 - beta2);
    let next = value - &mean * rate / (square.sqrt() + shift);
    Some((next, vec![mean, square]))
}

fn init(value: &Tensor) -> Vec<Tensor> {
    vec![value.zeros_like(), value.zeros_like()]
}

impl UpdateRule for AdamOptions {
    const NAME: &'static str = "Adam";
    type Scalars = (Tensor, Tensor);

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        check(self.learning_rate, self.betas, self.epsilon)
    }

    fn init(&self, value: &Tensor) -> Vec<Tensor> {
        init(value)
    }

    fn scalars(&self, rate: Tensor, updates: &Tensor) -> AdamScalars {
        let (first, root_second) = corrections(self.betas, updates);
        (rate * &root_second / first, root_second * self.epsilon)
    }

    fn update(
        &self,
        scalars: &AdamScalars,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Option<Updated> {
        step(self.betas, scalars, value, grad, state)
    }
}

impl UpdateRule for AdamWOptions {
    const NAME: &'static str = "AdamW";
    /// Those of Adam, and what is left of a value after its decay.
    type Scalars = ((Tensor, Tensor), Tensor);

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        check(self.learning_rate, self.betas, self.epsilon)?;
        not_negative("weight_decay", self.weight_decay)
    }

    fn init(&self, value: &Tensor) -> Vec<Tensor> {
        init(value)
    }

    fn scalars(&self, rate: Tensor, updates: &Tensor) -> Self::Scalars {
        let Self { learning_rate, betas, epsilon, .. } = *self;
        let left = 1.0 - &rate * self.weight_decay;
        (AdamOptions { learning_rate, betas, epsilon }.scalars(rate, updates), left)
    }

    fn update(
        &self,
        (scalars, left): &Self::Scalars,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Option<Updated> {
        step(self.betas, scalars, &(value * left), grad, state)
    }
}

impl UpdateRule for ClippedAdamOptions {
    const NAME: &'static str = "ClippedAdam";
    type Scalars = (Tensor, Tensor);

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        check(self.learning_rate, self.betas, self.epsilon)?;
        positive("clip", self.clip)?;
        let factor = self.learning_rate_decay;
        rule("learning_rate_decay", factor, factor > 0.0 && factor <= 1.0, "in (0, 1]")
    }

    fn init(&self, value: &Tensor) -> Vec<Tensor> {
        init(value)
    }

    fn scalars(&self, rate: Tensor, updates: &Tensor) -> AdamScalars {
        let (first, root_second) = corrections(self.betas, updates);
        let decayed = rate * (updates * self.learning_rate_decay.ln()).exp();
        (decayed * root_second / first, Tensor::from(self.epsilon))
    }

    fn update(
        &self,
        scalars: &AdamScalars,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Option<Updated> {
        let clipped = grad.minimum(self.clip).maximum(-self.clip);
        step(self.betas, scalars, value, &clipped, state)
    }
}
