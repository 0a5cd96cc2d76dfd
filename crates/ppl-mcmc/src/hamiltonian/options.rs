//! Options of kernels with a Hamiltonian.

use ppl_core::{Error, Result};
use ppl_tensor::KeyStream;

/// The form of the mass matrix, and how a warm-up estimates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MassMatrix {
    /// The unit matrix, always.
    Identity,
    /// Diagonal, from the variances of draws in Stan's windows.
    Diagonal,
    /// Dense, from the covariances of draws in Stan's windows: for strong correlations, at a cost that grows with the
    /// square of the dimension.
    Dense,
    /// Diagonal, from the variances of draws and of gradients in running windows.
    #[default]
    Gradients,
}

/// What kernels with a Hamiltonian have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HamiltonianOptions {
    /// Mean probability of acceptance at which the step size is set, in (0, 1): 0.8. More makes smaller steps, which go
    /// through narrower places.
    pub target_acceptance: f64,
    /// The form of the mass matrix.
    pub mass_matrix: MassMatrix,
    /// The step size to begin with, positive, which without a warm-up is the one used; `None` looks for one.
    pub step_size: Option<f64>,
    /// Each step size is multiplied by a uniform draw from `1 ± jitter`, in [0, 1): 0.
    pub jitter: f64,
}

impl Default for HamiltonianOptions {
    fn default() -> Self {
        Self { target_acceptance: 0.8, mass_matrix: MassMatrix::default(), step_size: None, jitter: 0.0 }
    }
}

impl HamiltonianOptions {
    /// The options in words.
    pub(crate) fn describe(&self) -> String {
        let matrix = match self.mass_matrix {
            MassMatrix::Identity => "unit mass matrix",
            MassMatrix::Diagonal => "diagonal mass matrix from draws",
            MassMatrix::Dense => "dense mass matrix from draws",
            MassMatrix::Gradients => "diagonal mass matrix from draws and gradients",
        };
        let mut words = format!("target acceptance {}, {matrix}", self.target_acceptance);
        if let Some(step) = self.step_size {
            words += &format!(", step size {step} at first");
        }
        if self.jitter > 0.0 {
            words += &format!(", jitter {}", self.jitter);
        }
        words
    }

    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: &str, value: f64, rule: &str| {
            Err(Error::argument(format!("the {what} is {value}, must be {rule}")))
        };
        let Self { target_acceptance: target, jitter, .. } = *self;
        if !(target > 0.0 && target < 1.0) {
            return wrong("target acceptance", target, "between 0 and 1");
        }
        if !(0.0..1.0).contains(&jitter) {
            return wrong("jitter of the step size", jitter, "at least 0 and below 1");
        }
        match self.step_size {
            Some(step) if !(step > 0.0 && step.is_finite()) => wrong("step size", step, "positive"),
            _ => Ok(()),
        }
    }
}

/// A uniform draw from `1 ± jitter`; none is made if it is 0.
pub(crate) fn jittered(jitter: f64, stream: &mut KeyStream) -> f64 {
    match jitter {
        0.0 => 1.0,
        _ => 1.0 + jitter * (2.0 * stream.uniform() - 1.0),
    }
}

/// Gives a kernel with a field `options` the methods that set these.
macro_rules! hamiltonian_options {
    ($kernel:ty) => {
        impl $kernel {
            /// Another mean probability of acceptance, in (0, 1).
            #[must_use]
            pub fn target_acceptance(mut self, target: f64) -> Self {
                self.options.target_acceptance = target;
                self
            }

            /// Another form of the mass matrix.
            #[must_use]
            pub fn mass_matrix(mut self, mass_matrix: MassMatrix) -> Self {
                self.options.mass_matrix = mass_matrix;
                self
            }

            /// A step size to begin with, positive; without a warm-up it is the one used.
            #[must_use]
            pub fn step_size(mut self, step_size: f64) -> Self {
                self.options.step_size = Some(step_size);
                self
            }

            /// Step sizes vary uniformly by this share, in [0, 1).
            #[must_use]
            pub fn jitter(mut self, jitter: f64) -> Self {
                self.options.jitter = jitter;
                self
            }
        }
    };
}

pub(crate) use hamiltonian_options;
