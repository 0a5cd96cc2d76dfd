//! A chain's log density as nuts-rs wants it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use nuts_rs::{CpuLogpFunc, CpuMathError, HasDims, LogpError, rand};
use ppl_core::Error;
use ppl_mcmc::ChainContext;

/// The chain that is being made, of which nuts-rs holds the density while it makes transitions.
pub(crate) struct Shared<'a, 'b> {
    chain: RefCell<&'a mut ChainContext<'b>>,
    dimension: usize,
    failure: RefCell<Option<Error>>,
}

impl<'a, 'b> Shared<'a, 'b> {
    pub(crate) fn new(chain: &'a mut ChainContext<'b>) -> Self {
        let dimension = chain.density().dimension();
        Self { chain: RefCell::new(chain), dimension, failure: RefCell::default() }
    }

    /// What the chain says.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut ChainContext<'b>) -> T) -> T {
        f(&mut self.chain.borrow_mut())
    }

    /// The density's own error, if that is why nuts-rs ended.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.borrow_mut().take()
    }
}

/// The log density of the chain.
#[derive(Clone, Copy)]
pub(crate) struct Density<'s, 'a, 'b>(pub(crate) &'s Shared<'a, 'b>);

/// The density failed, which ends the chain: [`Shared::failure`] says why.
#[derive(Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log density cannot be computed")
    }
}

impl std::error::Error for Failed {}

impl LogpError for Failed {
    fn is_recoverable(&self) -> bool {
        false
    }
}

impl HasDims for Density<'_, '_, '_> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), self.0.dimension as u64)])
    }
}

impl CpuLogpFunc for Density<'_, '_, '_> {
    type LogpError = Failed;
    type FlowParameters = ();
    /// What is kept of a draw the chain knows itself.
    type ExpandedVector = ();

    fn dim(&self) -> usize {
        self.0.dimension
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, Failed> {
        let found = self.0.with(|chain| chain.density().value_and_gradient(position, gradient));
        found.map_err(|error| {
            *self.0.failure.borrow_mut() = Some(error);
            Failed
        })
    }

    fn expand_vector<R: rand::Rng + ?Sized>(&mut self, _: &mut R, _: &[f64]) -> Result<(), CpuMathError> {
        Ok(())
    }
}
