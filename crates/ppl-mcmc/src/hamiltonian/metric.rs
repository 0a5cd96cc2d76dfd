//! Mass matrices.

use ppl_core::{Error, Result};

use crate::record::{Plain, Reader, Record};

/// The inverse of a mass matrix: an estimate of the covariance of the target.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// Diagonal: a variance for each number.
    Diagonal {
        /// `[d]`, positive.
        variance: Vec<f64>,
        /// Their roots `[d]`: the diagonal of the factor `L`.
        scale: Vec<f64>,
    },
    /// Dense.
    Dense {
        /// `[d, d]`, row-major, symmetric.
        covariance: Vec<f64>,
        /// Lower triangular `L` with `covariance = L Lᵀ`, row-major.
        factor: Vec<f64>,
    },
}

/// What is computed of the matrix is computed again, which gives the same bits.
impl Plain for Metric {
    fn put(&self, to: &mut Record) {
        let (kind, numbers) = match self {
            Self::Diagonal { variance, .. } => (0_usize, variance),
            Self::Dense { covariance, .. } => (1, covariance),
        };
        kind.put(to);
        numbers.put(to);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        match (usize::take(from)?, Vec::take(from)?) {
            (0, variance) => Self::diagonal(variance).ok(),
            (1, covariance) => Self::dense(covariance).ok(),
            _ => None,
        }
    }
}

/// Sums that run side by side: one alone waits for each addition.
const LANES: usize = 4;

/// `Σ aᵢbᵢ`.
#[inline]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

impl Metric {
    /// The unit matrix.
    pub fn identity(dimension: usize) -> Self {
        Self::Diagonal { variance: vec![1.0; dimension], scale: vec![1.0; dimension] }
    }

    /// The diagonal matrix of these variances `[d]`.
    ///
    /// # Errors
    /// If one is not positive and finite.
    pub fn diagonal(variance: Vec<f64>) -> Result<Self> {
        let mut metric = Self::identity(variance.len());
        metric.set_variances(variance.into_iter())?;
        Ok(metric)
    }

    /// Becomes the diagonal matrix of these variances, `d` numbers.
    pub(crate) fn set_variances(&mut self, variances: impl Iterator<Item = f64>) -> Result<()> {
        if let Self::Dense { .. } = self {
            *self = Self::identity(self.dimension());
        }
        let Self::Diagonal { variance, scale } = self else { return Ok(()) };
        for ((variance, scale), new) in variance.iter_mut().zip(scale).zip(variances) {
            if !(new > 0.0 && new.is_finite()) {
                let reason = format!("a variance of the mass matrix is {new}, must be positive");
                return Err(Error::argument(reason));
            }
            (*variance, *scale) = (new, new.sqrt());
        }
        Ok(())
    }

    /// The dense matrix of this covariance `[d, d]`, row-major, of which the lower triangle counts.
    ///
    /// # Errors
    /// If it is not square, or not positive definite.
    pub fn dense(mut covariance: Vec<f64>) -> Result<Self> {
        let d = covariance.len().isqrt();
        if d * d != covariance.len() {
            return Err(Error::argument(format!("{} numbers are no square matrix", covariance.len())));
        }
        let mut factor = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let rest = covariance[i * d + j] - dot(&factor[i * d..i * d + j], &factor[j * d..j * d + j]);
                if i == j && !(rest > 0.0 && rest.is_finite()) {
                    let reason = "the covariance of the mass matrix is not positive definite";
                    return Err(Error::argument(reason));
                }
                factor[i * d + j] = if i == j { rest.sqrt() } else { rest / factor[j * d + j] };
                covariance[j * d + i] = covariance[i * d + j];
            }
        }
        Ok(Self::Dense { covariance, factor })
    }

    /// The number of dimensions.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Diagonal { variance, .. } => variance.len(),
            Self::Dense { covariance, .. } => covariance.len().isqrt(),
        }
    }

    /// The first half of a leapfrog step of so long a time: a force `[d]` changes the momentum for half of it, and with that
    /// the position goes from `from` to `to`, by `t L p`.
    #[inline]
    pub(crate) fn advance(
        &self,
        time: f64,
        force: &[f64],
        from: &[f64],
        momentum: &mut [f64],
        to: &mut [f64],
    ) {
        match self {
            Self::Diagonal { scale, .. } => advance_diagonal(time, [force, scale, from], momentum, to),
            Self::Dense { factor, .. } => {
                momentum.iter_mut().zip(force).for_each(|(p, force)| *p += 0.5 * time * force);
                let rows = factor.chunks_exact(momentum.len().max(1));
                for (i, ((to, from), row)) in to.iter_mut().zip(from).zip(rows).enumerate() {
                    *to = from + time * dot(&row[..=i], &momentum[..=i]);
                }
            }
        }
    }

    /// The second half: the force of the gradient `[d]` at the new position, and what it changes of the momentum.
    #[inline]
    pub(crate) fn kick(&self, time: f64, gradient: &[f64], force: &mut [f64], momentum: &mut [f64]) {
        match self {
            Self::Diagonal { scale, .. } => kick_diagonal(time, [gradient, scale], force, momentum),
            Self::Dense { .. } => {
                self.force(gradient, force);
                momentum.iter_mut().zip(force).for_each(|(p, force)| *p += 0.5 * time * *force);
            }
        }
    }

    /// A gradient `[d]` in the coordinates of the mass matrix, `Lᵀ ∇`, written to `force`.
    #[inline]
    pub fn force(&self, gradient: &[f64], force: &mut [f64]) {
        match self {
            Self::Diagonal { scale, .. } => {
                for ((force, slope), scale) in force.iter_mut().zip(gradient).zip(scale) {
                    *force = scale * slope;
                }
            }
            Self::Dense { factor, .. } => {
                force.fill(0.0);
                for (i, (slope, row)) in
                    gradient.iter().zip(factor.chunks_exact(gradient.len().max(1))).enumerate()
                {
                    force[..=i].iter_mut().zip(row).for_each(|(force, l)| *force += slope * l);
                }
            }
        }
    }
}

/// As a function that is called its arguments are known to be apart, which in a loop of few turns costs more to find out
/// than the loop does.
#[inline(never)]
fn advance_diagonal(time: f64, [force, scale, from]: [&[f64]; 3], momentum: &mut [f64], to: &mut [f64]) {
    let given = force.iter().zip(scale).zip(from);
    for (((force, scale), from), (p, to)) in given.zip(momentum.iter_mut().zip(to)) {
        *p += 0.5 * time * force;
        *to = from + time * scale * *p;
    }
}

/// As [`advance_diagonal`].
#[inline(never)]
fn kick_diagonal(time: f64, [gradient, scale]: [&[f64]; 2], force: &mut [f64], momentum: &mut [f64]) {
    for ((slope, scale), (force, p)) in gradient.iter().zip(scale).zip(force.iter_mut().zip(momentum)) {
        *force = scale * slope;
        *p += 0.5 * time * *force;
    }
}
