//! Optimisers: functions from parameters, their gradients and a state to the next parameters and state.
//!
//! An [`Optimizer`] never changes; what is remembered is in an [`OptimizerState`], as plain tensors. Most optimisers are
//! an [`UpdateRule`], whose options may be a function of the parameter's name ([`PerParameter`]).

mod adam;
mod adaptive;
mod clip;
mod clock;
mod lbfgs;
mod per_parameter;
mod schedule;
mod sgd;
mod state;

pub use adam::{Adam, AdamOptions, AdamW, AdamWOptions, ClippedAdam, ClippedAdamOptions};
pub use adaptive::{Adagrad, AdagradOptions, AdagradRmsProp, AdagradRmsPropOptions, RmsProp, RmsPropOptions};
pub use clip::Clipped;
pub use clock::Clock;
pub use lbfgs::{Lbfgs, LbfgsStop, Minimum};
pub use per_parameter::{PerParameter, UpdateRule, Updated};
pub use schedule::Schedule;
pub use sgd::{Sgd, SgdOptions};
pub use state::OptimizerState;

pub(crate) use state::not_finite;

use ppl_core::Result;
use ppl_tensor::Tensor;

/// Updates unconstrained parameters by the gradients of a loss. What it remembers is plain tensors kept by whoever
/// iterates ([`OptimizerState`]), so that saving, resuming and compiling a step need nothing of the optimiser.
pub trait Optimizer {
    /// Its name in messages and files: a saved state is refused by an optimiser of another name.
    fn name(&self) -> &str;

    /// The state before the first update of a parameter. Counts of steps need no place in it: they are the [`Clock`]'s.
    fn init(&self, name: &str, value: &Tensor) -> Vec<Tensor>;

    /// The next value and state of a parameter, from the gradient of the loss with respect to it.
    ///
    /// # Errors
    /// If an option for this parameter is out of range; the message names both.
    fn update(
        &self,
        clock: &Clock,
        name: &str,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Result<Updated>;

    /// Changes the gradients of all parameters of a step before their updates, as clipping by a common norm does; one
    /// for each, in the same order.
    ///
    /// # Errors
    /// If an option is out of range.
    fn transform(&self, grads: Vec<Tensor>) -> Result<Vec<Tensor>> {
        Ok(grads)
    }

    /// The same optimiser with every element of every gradient moved into `[-limit, limit]`, `limit` positive.
    fn clip_value(self, limit: f64) -> Clipped<Self>
    where
        Self: Sized,
    {
        Clipped::by_value(self, limit)
    }

    /// The same optimiser with the gradients of all parameters of a step scaled by one factor to a common Euclidean norm of at
    /// most `limit`, positive (Pascanu, Mikolov and Bengio 2013).
    fn clip_norm(self, limit: f64) -> Clipped<Self>
    where
        Self: Sized,
    {
        Clipped::by_norm(self, limit)
    }
}

impl<O: Optimizer + ?Sized> Optimizer for Box<O> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn init(&self, name: &str, value: &Tensor) -> Vec<Tensor> {
        (**self).init(name, value)
    }

    fn update(
        &self,
        clock: &Clock,
        name: &str,
        value: &Tensor,
        grad: &Tensor,
        state: &[Tensor],
    ) -> Result<Updated> {
        (**self).update(clock, name, value, grad, state)
    }

    fn transform(&self, grads: Vec<Tensor>) -> Result<Vec<Tensor>> {
        (**self).transform(grads)
    }
}
