//! Points of phase space and the integrator.

use ppl_core::{Error, Result};

use super::metric::{Metric, dot};
use crate::LogDensity;
use crate::record::plain;

/// A point of phase space with what is known there. All vectors have `d` numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Phase {
    /// The position.
    pub position: Vec<f64>,
    /// The momentum.
    pub momentum: Vec<f64>,
    /// The velocity `M⁻¹ p` of that momentum.
    pub velocity: Vec<f64>,
    /// The gradient of the log density at the position.
    pub gradient: Vec<f64>,
    /// The log density there, in nats.
    pub log_density: f64,
}

plain!(Phase { position, momentum, velocity, gradient, log_density });

impl Phase {
    /// The point at the origin, where nothing is computed yet.
    pub fn zeros(dimension: usize) -> Self {
        let zeros = || vec![0.0; dimension];
        Self { position: zeros(), momentum: zeros(), velocity: zeros(), gradient: zeros(), log_density: 0.0 }
    }

    /// The point at a position `[d]`, with momentum 0: where a chain starts.
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
        let energy = 0.5 * dot(&self.momentum, &self.velocity) - self.log_density;
        if energy.is_nan() { f64::INFINITY } else { energy }
    }

    /// One leapfrog step of so long a time, which may be negative (Neal 2011, "MCMC using Hamiltonian dynamics",
    /// section 2.3): reversible, and volume preserving.
    ///
    /// # Errors
    /// If the density cannot be computed.
    #[inline]
    pub fn leapfrog(&mut self, density: &mut dyn LogDensity, metric: &Metric, time: f64) -> Result<()> {
        self.drift(metric, time);
        self.log_density = density.value_and_gradient(&self.position, &mut self.gradient)?;
        self.kick(0.5 * time);
        metric.velocity(&self.momentum, &mut self.velocity);
        Ok(())
    }

    /// Half a step of the momentum, and one of the position.
    #[inline]
    fn drift(&mut self, metric: &Metric, time: f64) {
        if let Metric::Diagonal { variance, .. } = metric {
            let momenta = self.momentum.iter_mut().zip(&self.gradient).zip(variance);
            for (q, ((p, g), variance)) in self.position.iter_mut().zip(momenta) {
                *p += 0.5 * time * g;
                *q += time * variance * *p;
            }
            return;
        }
        self.kick(0.5 * time);
        metric.velocity(&self.momentum, &mut self.velocity);
        self.position.iter_mut().zip(&self.velocity).for_each(|(q, v)| *q += time * v);
    }

    #[inline]
    fn kick(&mut self, time: f64) {
        self.momentum.iter_mut().zip(&self.gradient).for_each(|(p, g)| *p += time * g);
    }

    /// Takes the values of another point, without an allocation.
    #[inline]
    pub(crate) fn copy_from(&mut self, other: &Phase) {
        self.position.copy_from_slice(&other.position);
        self.momentum.copy_from_slice(&other.momentum);
        self.velocity.copy_from_slice(&other.velocity);
        self.gradient.copy_from_slice(&other.gradient);
        self.log_density = other.log_density;
    }
}
