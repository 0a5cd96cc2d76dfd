//! The estimate of the mass matrix during a warm-up.

use ppl_core::Result;

use super::gradients::{self, GradientScales};
use super::{Schedule, Welford};
use crate::hamiltonian::{MassMatrix, Metric, Phase};
use crate::record::{Plain, Reader, Record};

/// What is known of the mass matrix so far.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Estimator {
    Fixed,
    Windows { schedule: Schedule, next: usize, moments: Welford },
    Gradients(Box<GradientScales>),
}

impl Plain for Estimator {
    fn put(&self, to: &mut Record) {
        match self {
            Self::Fixed => 0_usize.put(to),
            Self::Windows { schedule, next, moments } => {
                1_usize.put(to);
                schedule.put(to);
                next.put(to);
                moments.put(to);
            }
            Self::Gradients(scales) => {
                2_usize.put(to);
                scales.put(to);
            }
        }
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(match usize::take(from)? {
            0 => Self::Fixed,
            1 => Self::Windows {
                schedule: Plain::take(from)?,
                next: Plain::take(from)?,
                moments: Plain::take(from)?,
            },
            2 => Self::Gradients(Box::new(Plain::take(from)?)),
            _ => return None,
        })
    }
}

impl Estimator {
    /// Before the first transition, at a point, with the mass matrix to begin with.
    pub(crate) fn new(kind: MassMatrix, warmup: usize, start: &Phase) -> Result<(Self, Metric)> {
        let d = start.position.len();
        let windows = |dense| Self::Windows {
            schedule: Schedule::stan(warmup),
            next: 0,
            moments: Welford::new(d, dense),
        };
        Ok(match kind {
            MassMatrix::Identity => (Self::Fixed, Metric::identity(d)),
            MassMatrix::Diagonal => (windows(false), Metric::identity(d)),
            MassMatrix::Dense => (windows(true), Metric::dense(identity(d))?),
            MassMatrix::Gradients if warmup == 0 => (Self::Fixed, Metric::identity(d)),
            MassMatrix::Gradients => {
                let metric = Metric::diagonal(gradients::first(&start.gradient))?;
                (Self::Gradients(Box::new(GradientScales::new(d))), metric)
            }
        })
    }

    /// Whether it is of positions of `d` numbers.
    pub(crate) fn is_of(&self, dimension: usize) -> bool {
        match self {
            Self::Fixed => true,
            Self::Windows { moments, .. } => moments.is_of(dimension),
            Self::Gradients(scales) => scales.is_of(dimension),
        }
    }

    /// Whether the transition number `taken` of a warm-up is one of the last, in which the step size settles. Stan has no
    /// such transitions.
    pub(crate) fn settles(&self, taken: usize, warmup: usize) -> bool {
        !matches!(self, Self::Windows { .. }) && gradients::is_last(taken, warmup)
    }

    /// Learns from the point after the transition number `taken` of a warm-up, and changes the mass matrix if that says so.
    /// Whether the step size is to be found anew.
    pub(crate) fn learn(
        &mut self,
        taken: usize,
        warmup: usize,
        at: &Phase,
        metric: &mut Metric,
    ) -> Result<bool> {
        match self {
            Self::Fixed => Ok(false),
            Self::Gradients(_) if gradients::is_last(taken, warmup) => Ok(false),
            Self::Gradients(scales) => {
                let fresh = scales.add(taken, warmup, &at.position, &at.gradient);
                scales.variances().map_or(Ok(()), |variances| metric.set_variances(variances))?;
                Ok(fresh)
            }
            Self::Windows { schedule, next, moments } => {
                let Some(&end) = schedule.ends.get(*next).filter(|_| taken >= schedule.begin) else {
                    return Ok(false);
                };
                moments.add(&at.position);
                if taken < end {
                    return Ok(false);
                }
                *next += 1;
                let covariance = moments.regularised();
                moments.clear();
                let diagonal = covariance.len() == at.position.len();
                *metric = if diagonal { Metric::diagonal(covariance)? } else { Metric::dense(covariance)? };
                Ok(true)
            }
        }
    }
}

fn identity(d: usize) -> Vec<f64> {
    let mut identity = vec![0.0; d * d];
    identity.iter_mut().step_by(d + 1).for_each(|x| *x = 1.0);
    identity
}
