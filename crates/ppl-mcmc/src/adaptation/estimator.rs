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

/// What one more transition taught.
pub(crate) enum Learned {
    Nothing,
    /// A mass matrix that is much like the one before.
    Metric(Metric),
    /// A mass matrix for which the step size is to be found anew.
    Fresh(Metric),
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

    /// After the transition number `taken` of a warm-up, to this point.
    pub(crate) fn learn(&mut self, taken: usize, warmup: usize, at: &Phase) -> Result<Learned> {
        match self {
            Self::Fixed => Ok(Learned::Nothing),
            Self::Gradients(scales) => match scales.add(taken, warmup, &at.position, &at.gradient) {
                None => Ok(Learned::Nothing),
                Some((variance, true)) => Ok(Learned::Fresh(Metric::diagonal(variance)?)),
                Some((variance, false)) => Ok(Learned::Metric(Metric::diagonal(variance)?)),
            },
            Self::Windows { schedule, next, moments } => {
                let Some(&end) = schedule.ends.get(*next).filter(|_| taken >= schedule.begin) else {
                    return Ok(Learned::Nothing);
                };
                moments.add(&at.position);
                if taken < end {
                    return Ok(Learned::Nothing);
                }
                *next += 1;
                let covariance = moments.regularised();
                moments.clear();
                let diagonal = covariance.len() == at.position.len();
                let metric = if diagonal { Metric::diagonal(covariance) } else { Metric::dense(covariance) };
                Ok(Learned::Fresh(metric?))
            }
        }
    }
}

fn identity(d: usize) -> Vec<f64> {
    let mut identity = vec![0.0; d * d];
    identity.iter_mut().step_by(d + 1).for_each(|x| *x = 1.0);
    identity
}
