//! Points of phase space and the integrator.

use ppl_core::{Error, Result};

use super::metric::{Metric, dot};
use crate::LogDensity;
use crate::record::plain;

/// A point of phase space with what is known there. All vectors have `d` numbers.
///
/// Momenta are in the coordinates in which the mass matrix is the unit matrix: `Lᵀ p`, of a momentum `p` and the factor `L`
/// of `M⁻¹ = L Lᵀ`. There a momentum is its velocity, and standard normal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Phase {
    /// The position.
    pub position: Vec<f64>,
    /// The momentum, in the coordinates of the mass matrix.
    pub momentum: Vec<f64>,
    /// The gradient of the log density at the position.
    pub gradient: Vec<f64>,
    /// That gradient in the coordinates of the mass matrix: what changes the momentum.
    pub force: Vec<f64>,
    /// The log density there, in nats.
    pub log_density: f64,
}

plain!(Phase { position, momentum, gradient, force, log_density });

impl Phase {
    /// The point at the origin, where nothing is computed yet.
    pub fn zeros(dimension: usize) -> Self {
        let zeros = || vec![0.0; dimension];
        Self { position: zeros(), momentum: zeros(), gradient: zeros(), force: zeros(), log_density: 0.0 }
    }

    /// The point at a position `[d]`, with momentum and force 0: where a chain starts.
    ///
    /// # Errors
    /// If the position has another length than the density's dimension, the density cannot be computed, or it or its
    /// gradient is not finite there.
    pub fn at_rest(density: &mut dyn LogDensity, position: &[f64]) -> Result<Self> {
        let (d, found) = (density.dimension(), position.len());
        if found != d {
            return Err(Error::Shape(format!("the start has {found} numbers, the log density {d}")));
        }
        let mut phase = Self::zeros(d);
        phase.position.copy_from_slice(position);
        phase.log_density = density.value_and_gradient(position, &mut phase.gradient)?;
        if !phase.log_density.is_finite() {
            return Err(Error::argument(format!("the log density at the start is {}", phase.log_density)));
        }
        if let Some(at) = phase.gradient.iter().position(|g| !g.is_finite()) {
            let slope = phase.gradient[at];
            return Err(Error::argument(format!("number {at} of the gradient at the start is {slope}")));
        }
        Ok(phase)
    }

    /// The Hamiltonian: `½ pᵀ M⁻¹ p − log density`, in nats; infinite where that is not a number.
    #[inline]
    pub fn energy(&self) -> f64 {
        energy(&self.momentum, self.log_density)
    }

    /// One leapfrog step of so long a time, which may be negative (Neal 2011, "MCMC using Hamiltonian dynamics",
    /// section 2.3): reversible, and volume preserving. The force must be that of this mass matrix ([`Metric::force`]).
    ///
    /// # Errors
    /// If the density cannot be computed.
    #[inline]
    pub fn leapfrog(&mut self, density: &mut dyn LogDensity, metric: &Metric, time: f64) -> Result<()> {
        let Self { position, momentum, gradient, force, log_density } = self;
        // The gradient is not read until it is written.
        gradient.copy_from_slice(position);
        metric.advance(time, force, gradient, momentum, position);
        *log_density = density.value_and_gradient(position, gradient)?;
        metric.kick(time, gradient, force, momentum);
        Ok(())
    }

    /// Takes the values of another point, without an allocation.
    #[inline]
    pub(crate) fn copy_from(&mut self, other: &Phase) {
        self.position.copy_from_slice(&other.position);
        self.momentum.copy_from_slice(&other.momentum);
        self.gradient.copy_from_slice(&other.gradient);
        self.force.copy_from_slice(&other.force);
        self.log_density = other.log_density;
    }
}

/// As [`Phase::energy`].
#[inline]
pub(crate) fn energy(momentum: &[f64], log_density: f64) -> f64 {
    let energy = 0.5 * dot(momentum, momentum) - log_density;
    if energy.is_nan() { f64::INFINITY } else { energy }
}
