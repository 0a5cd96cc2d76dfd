//! Steps divided by the root of past squared gradients, without a mean of the gradient itself.

use ppl_tensor::Tensor;

use super::per_parameter::{decay, not_negative, positive, rule};
use super::{PerParameter, UpdateRule, Updated};

/// RMSprop (Tieleman and Hinton 2012), centred as Graves (2013) has it and with momentum if asked.
pub type RmsProp = PerParameter<RmsPropOptions>;

/// Adagrad (Duchi, Hazan and Singer 2011).
pub type Adagrad = PerParameter<AdagradOptions>;

/// The step sizes of automatic differentiation variational inference: a mixture of Adagrad's and RMSprop's (Kucukelbir
/// et al. 2017, equations 10 and 11).
pub type AdagradRmsProp = PerParameter<AdagradRmsPropOptions>;

/// Options of [`RmsProp`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsPropOptions {
    /// Step size, positive.
    pub learning_rate: f64,
    /// Decay rate of the running mean of squared gradients, in [0, 1).
    pub decay: f64,
    /// Added to the root of the mean square, positive.
    pub epsilon: f64,
    /// Share of the last step's velocity that is kept, in [0, 1).
    pub momentum: f64,
    /// Whether to divide by the running standard deviation instead of the root mean square.
    pub centered: bool,
}

impl Default for RmsPropOptions {
    /// Learning rate 0.01, decay 0.99, epsilon 1e-8, no momentum, not centred.
    fn default() -> Self {
        Self { learning_rate: 0.01, decay: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false }
    }
}

impl UpdateRule for RmsPropOptions {
    const NAME: &'static str = "RmsProp";
    type Scalars = Tensor;

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        positive("learning_rate", self.learning_rate)?;
        decay("decay", self.decay)?;
        positive("epsilon", self.epsilon)?;
        decay("momentum", self.momentum)
    }

    fn init(&self, value: &Tensor) -> Vec<Tensor> {
        let means = 1 + usize::from(self.centered) + usize::from(self.momentum > 0.0);
        vec![value.zeros_like(); means]
    }

    fn scalars(&self, rate: Tensor, _updates: &Tensor) -> Tensor {
        rate
    }

    fn update(&self, rate: &Tensor, value: &Tensor, grad: &Tensor, state: &[Tensor]) -> Option<Updated> {
        let running = |mean: &Tensor, x: &Tensor| mean * self.decay + x * (1.0 - self.decay);
        let mut old = state.iter();
        let square = running(old.next()?, &grad.square());
        let mut state = vec![square.clone()];
        let mut spread = square;
        if self.centered {
            let mean = running(old.next()?, grad);
            spread = spread - mean.square();
            state.push(mean);
        }
        let mut direction = grad / (spread.sqrt() + self.epsilon);
        if self.momentum > 0.0 {
            direction = old.next()? * self.momentum + direction;
            state.push(direction.clone());
        }
        old.next().is_none().then(|| (value - direction * rate, state))
    }
}

/// Options of [`Adagrad`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdagradOptions {
    /// Step size, positive.
    pub learning_rate: f64,
    /// Added to the root of the sum of squares, positive.
    pub epsilon: f64,
    /// Where the sum of squares starts; at least 0.
    pub initial_sum: f64,
}

impl Default for AdagradOptions {
    /// Learning rate 0.01, epsilon 1e-10, a sum that starts at 0.
    fn default() -> Self {
        Self { learning_rate: 0.01, epsilon: 1e-10, initial_sum: 0.0 }
    }
}

impl UpdateRule for AdagradOptions {
    const NAME: &'static str = "Adagrad";
    type Scalars = Tensor;

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        positive("learning_rate", self.learning_rate)?;
        positive("epsilon", self.epsilon)?;
        not_negative("initial_sum", self.initial_sum)
    }

    fn init(&self, value: &Tensor) -> Vec<Tensor> {
        vec![value.zeros_like() + self.initial_sum]
    }

    fn scalars(&self, rate: Tensor, _updates: &Tensor) -> Tensor {
        rate
    }

    fn update(&self, rate: &Tensor, value: &Tensor, grad: &Tensor, state: &[Tensor]) -> Option<Updated> {
        let [sum] = state else { return None };
        let sum = sum + grad.square();
        Some((value - grad * rate / (sum.sqrt() + self.epsilon), vec![sum]))
    }
}

/// Options of [`AdagradRmsProp`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdagradRmsPropOptions {
    /// Scale `η` of the step sizes, positive.
    pub learning_rate: f64,
    /// Step `i` is multiplied by `i^(-1/2 + δ)`; `delta` in [0, 1/2].
    pub delta: f64,
    /// Weight of the newest squared gradient in the running mean, in (0, 1].
    pub weight: f64,
}

impl Default for AdagradRmsPropOptions {
    /// Scale 1, delta 1e-16, weight 0.1.
    fn default() -> Self {
        Self { learning_rate: 1.0, delta: 1e-16, weight: 0.1 }
    }
}

impl UpdateRule for AdagradRmsPropOptions {
    const NAME: &'static str = "AdagradRmsProp";
    /// The step size, and the weight of the newest squared gradient, which is all there is at first.
    type Scalars = (Tensor, Tensor);

    fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn check(&self) -> std::result::Result<(), String> {
        positive("learning_rate", self.learning_rate)?;
        rule("delta", self.delta, (0.0..=0.5).contains(&self.delta), "in [0, 1/2]")?;
        rule("weight", self.weight, self.weight > 0.0 && self.weight <= 1.0, "in (0, 1]")
    }

    fn init(&self, value: &Tensor) -> Vec<Tensor> {
        vec![value.zeros_like()]
    }

    fn scalars(&self, rate: Tensor, updates: &Tensor) -> Self::Scalars {
        let first = updates.le(1.0);
        let weight = first.select(updates.scalar_like(1.0), updates.scalar_like(self.weight));
        (rate * updates.pow(self.delta - 0.5), weight)
    }

    fn update(
        &self,
        (rate, weight): &Self::Scalars,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Option<Updated> {
        let [square] = state else { return None };
        let square = square * (1.0 - weight) + grad.square() * weight;
        Some((value - grad * rate / (square.sqrt() + 1.0), vec![square]))
    }
}
