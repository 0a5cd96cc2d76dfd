//! How the steps of a fit run: one operation after the other, or as compiled programs.

use ppl_core::{Model, Result};
use ppl_tensor::TensorTree;

use super::Svi;
use crate::objective::{Jit, Objective};
use crate::optim::Optimizer;

/// What [`Svi`] takes for an objective: any [`Objective`], whatever the arguments of the programs are, and a [`Jit`] where
/// these are trees of tensors.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an objective for programs with arguments of type `{A}`",
    note = "an objective implements `Objective`; one with `.jit()` needs arguments that are trees of tensors: use tensors, \
            tuples and vectors of them, or `#[derive(Clone, TensorTree)]` on your struct"
)]
pub trait Execute<A: ?Sized>: Sized {
    /// The objective.
    type Objective: Objective;

    /// The objective.
    fn estimator(&self) -> &Self::Objective;

    /// Takes so many steps; `seen` is given the loss of each. Steps before an error are kept.
    #[doc(hidden)]
    fn advance<M: Model<A>, G: Model<A>, O: Optimizer>(
        svi: &mut Svi<M, G, O, Self>,
        args: &A,
        steps: usize,
        seen: &mut dyn FnMut(f64),
    ) -> Result<()>;
}

impl<A: ?Sized, J: Objective> Execute<A> for J {
    type Objective = J;

    fn estimator(&self) -> &J {
        self
    }

    fn advance<M: Model<A>, G: Model<A>, O: Optimizer>(
        svi: &mut Svi<M, G, O, J>,
        args: &A,
        steps: usize,
        seen: &mut dyn FnMut(f64),
    ) -> Result<()> {
        for _ in 0..steps {
            seen(svi.step_eagerly(args)?);
        }
        Ok(())
    }
}

impl<A: TensorTree, J: Objective> Execute<A> for Jit<J> {
    type Objective = J;

    fn estimator(&self) -> &J {
        &self.0
    }

    fn advance<M: Model<A>, G: Model<A>, O: Optimizer>(
        svi: &mut Svi<M, G, O, Self>,
        args: &A,
        steps: usize,
        seen: &mut dyn FnMut(f64),
    ) -> Result<()> {
        let mut left = steps;
        while left > 0 {
            let (taken, failure) = svi.iterate(args, left, seen)?;
            left -= taken;
            if left > 0 {
                // The step that was refused or failed, or cannot be compiled yet.
                seen(svi.step_eagerly(args)?);
                left -= 1;
            }
            // It does not fail without the compiler.
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        Ok(())
    }
}
