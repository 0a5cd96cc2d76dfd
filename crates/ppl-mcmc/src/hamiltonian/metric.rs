//! Mass matrices.

use ppl_core::{Error, Result};
use ppl_tensor::KeyStream;

use crate::record::{Plain, Reader, Record};

/// The inverse of a mass matrix: an estimate of the covariance of the target.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// Diagonal: a variance for each number.
    Diagonal {
        /// `[d]`, positive.
        variance: Vec<f64>,
        /// The roots of the inverse variances: standard deviations of the momentum.
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

/// Whether `Σ fᵢ(aᵢ + bᵢ)` and `Σ lᵢ(aᵢ + bᵢ)` are positive.
#[inline]
pub(crate) fn both_along(first: &[f64], last: &[f64], a: &[f64], b: &[f64]) -> bool {
    let ((f, f_rest), (l, l_rest)) = (first.as_chunks::<LANES>(), last.as_chunks::<LANES>());
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let (mut firsts, mut lasts) = ([0.0; LANES], [0.0; LANES]);
    for (((f, l), a), b) in f.iter().zip(l).zip(a).zip(b) {
        for lane in 0..LANES {
            let sum = a[lane] + b[lane];
            firsts[lane] += f[lane] * sum;
            lasts[lane] += l[lane] * sum;
        }
    }
    let (mut first, mut last): (f64, f64) = (firsts.iter().sum(), lasts.iter().sum());
    for (((f, l), a), b) in f_rest.iter().zip(l_rest).zip(a_rest).zip(b_rest) {
        first += f * (a + b);
        last += l * (a + b);
    }
    first > 0.0 && last > 0.0
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
        if let Some(bad) = variance.iter().find(|v| !(**v > 0.0 && v.is_finite())) {
            return Err(Error::argument(format!("a variance of the mass matrix is {bad}, must be positive")));
        }
        let scale = variance.iter().map(|v| v.sqrt().recip()).collect();
        Ok(Self::Diagonal { variance, scale })
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

    /// The velocity `M⁻¹ p` of a momentum, written to `velocity`.
    #[inline]
    pub fn velocity(&self, momentum: &[f64], velocity: &mut [f64]) {
        match self {
            Self::Diagonal { variance, .. } => {
                for ((velocity, momentum), variance) in velocity.iter_mut().zip(momentum).zip(variance) {
                    *velocity = variance * momentum;
                }
            }
            Self::Dense { covariance, .. } => {
                for (velocity, row) in velocity.iter_mut().zip(covariance.chunks_exact(momentum.len())) {
                    *velocity = dot(row, momentum);
                }
            }
        }
    }

    /// A draw of the momentum: normal with mean 0 and covariance `M`.
    pub fn draw(&self, stream: &mut KeyStream, momentum: &mut [f64]) {
        match self {
            Self::Diagonal { scale, .. } => {
                momentum.iter_mut().zip(scale).for_each(|(p, scale)| *p = scale * stream.normal());
            }
            Self::Dense { factor, .. } => {
                // Lᵀ p = z, from the last row up: then p has the covariance (L Lᵀ)⁻¹.
                let d = momentum.len();
                for i in (0..d).rev() {
                    let known: f64 = (i + 1..d).map(|k| factor[k * d + i] * momentum[k]).sum();
                    momentum[i] = (stream.normal() - known) / factor[i * d + i];
                }
            }
        }
    }
}
