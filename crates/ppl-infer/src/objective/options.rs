//! What objectives have in common: particles, chunks, estimators.

use super::Estimators;

/// Options of an objective.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) particles: usize,
    pub(super) chunk_size: Option<usize>,
    pub(super) estimators: Estimators,
}

impl Default for Options {
    fn default() -> Self {
        Self { particles: 1, chunk_size: None, estimators: Estimators::default() }
    }
}

/// Methods that set the options of an objective, which it holds in its field `options`.
macro_rules! options {
    ($objective:ident) => {
        impl $objective {
            /// The same objective with `n` particles that run as one vectorised program.
            #[must_use]
            pub fn particles(mut self, n: usize) -> Self {
                self.options.particles = n;
                self
            }

            /// The same objective with gradients estimated in this way at all sites that do not say themselves.
            #[must_use]
            pub fn estimator(mut self, estimator: GradientEstimator) -> Self {
                self.options.estimators = estimator.into();
                self
            }

            /// The same objective with gradients estimated as a function of a guide's statement says, at sites that do
            /// not say themselves.
            #[must_use]
            pub fn estimator_by_site(
                mut self,
                choose: impl Fn(&Message) -> GradientEstimator + Send + Sync + 'static,
            ) -> Self {
                self.options.estimators = Estimators::by_site(choose);
                self
            }
        }
    };
}

/// As [`options`], for objectives that are means over particles.
macro_rules! options_with_chunks {
    ($objective:ident) => {
        options!($objective);

        impl $objective {
            /// The same objective with at most `n` particles running at once, when memory asks for it: loss and gradient
            /// are those of all particles together, to rounding. Gradients cannot be differentiated again.
            #[must_use]
            pub fn chunk_size(mut self, n: usize) -> Self {
                self.options.chunk_size = Some(n);
                self
            }
        }
    };
}

/// What an objective tells of how it is run, by its field `options`.
macro_rules! runs_by_options {
    () => {
        fn particles(&self) -> usize {
            self.options.particles
        }

        fn chunk_size(&self) -> usize {
            self.options.chunk_size.unwrap_or(self.options.particles)
        }

        fn estimators(&self) -> Estimators {
            self.options.estimators.clone()
        }
    };
}

pub(super) use {options, options_with_chunks, runs_by_options};
