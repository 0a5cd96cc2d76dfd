//! What kernels with a Hamiltonian share: mass matrices, the leapfrog integrator, the state of a chain.

mod leapfrog;
mod metric;
mod options;
mod state;

pub use leapfrog::Phase;
pub use metric::Metric;
pub use options::{HamiltonianOptions, MassMatrix};
pub use state::HamiltonianState;

pub(crate) use leapfrog::energy;
pub(crate) use options::{hamiltonian_options, jittered};

/// Error of the energy, in nats, beyond which a trajectory has diverged: Stan's.
pub(crate) const DIVERGENCE: f64 = 1000.0;
