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

    /// Moves a position `[d]` for so long a time with a momentum in the coordinates of the mass matrix: by `t L p`.
    #[inline]
    pub fn drift(&self, momentum: &[f64], time: f64, position: &mut [f64]) {
        match self {
            Self::Diagonal { scale, .. } => {
                for ((q, p), scale) in position.iter_mut().zip(momentum).zip(scale) {
                    *q += time * scale * p;
                }
            }
            Self::Dense { factor, .. } => {
                for (i, (q, row)) in position.iter_mut().zip(factor.chunks_exact(momentum.len())).enumerate()
                {
                    *q += time * dot(&row[..=i], &momentum[..=i]);
                }
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
                for (i, (slope, row)) in gradient.iter().zip(factor.chunks_exact(gradient.len())).enumerate()
                {
                    force[..=i].iter_mut().zip(row).for_each(|(force, l)| *force += slope * l);
                }
            }
        }
    }
}
