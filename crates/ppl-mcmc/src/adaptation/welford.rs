//! Running means and covariances.

use crate::record::plain;

/// Mean and sum of squared deviations of vectors that come one by one (Welford 1962, "Note on a method for calculating
/// corrected sums of squares and products").
#[derive(Debug, Clone, PartialEq)]
pub struct Welford {
    count: f64,
    mean: Vec<f64>,
    /// `[d]`, or `[d, d]` of which the lower triangle is kept.
    squares: Vec<f64>,
    deviation: Vec<f64>,
}

plain!(Welford { count, mean, squares, deviation });

impl Welford {
    /// Whether it is of vectors of `d` numbers.
    pub(crate) fn is_of(&self, dimension: usize) -> bool {
        let squares = [dimension, dimension * dimension].contains(&self.squares.len());
        squares && self.mean.len() == dimension && self.deviation.len() == dimension
    }

    /// Of no vector yet, each of `d` numbers; `dense` keeps covariances, not only variances.
    pub fn new(dimension: usize, dense: bool) -> Self {
        let zeros = || vec![0.0; dimension];
        let squares = vec![0.0; if dense { dimension * dimension } else { dimension }];
        Self { count: 0.0, mean: zeros(), squares, deviation: zeros() }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.count = 0.0;
        self.mean.fill(0.0);
        self.squares.fill(0.0);
    }

    /// The number of vectors.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// One more vector.
    pub fn add(&mut self, x: &[f64]) {
        let d = self.mean.len();
        self.count += 1.0;
        let share = self.count.recip();
        for ((deviation, mean), x) in self.deviation.iter_mut().zip(&mut self.mean).zip(x) {
            *deviation = x - *mean;
            *mean += share * *deviation;
        }
        if self.squares.len() == d {
            for (((squares, deviation), x), mean) in
                self.squares.iter_mut().zip(&self.deviation).zip(x).zip(&self.mean)
            {
                *squares += deviation * (x - mean);
            }
            return;
        }
        for (i, row) in self.squares.chunks_exact_mut(d.max(1)).enumerate() {
            let left = x[i] - self.mean[i];
            row[..=i].iter_mut().zip(&self.deviation).for_each(|(squares, right)| *squares += left * right);
        }
    }

    /// The variances with divisor `n - 1`, of one that keeps no covariances.
    pub(crate) fn variances(&self) -> impl Iterator<Item = f64> {
        let share = (self.count - 1.0).recip();
        self.squares.iter().map(move |squares| share * squares)
    }

    /// The covariances with divisor `n - 1`: `[d]`, or `[d, d]` with both triangles.
    pub fn covariance(&self) -> Vec<f64> {
        let d = self.mean.len();
        let mut covariance: Vec<f64> = self.squares.iter().map(|s| s / (self.count - 1.0)).collect();
        if covariance.len() != d {
            for i in 0..d {
                for j in 0..i {
                    covariance[j * d + i] = covariance[i * d + j];
                }
            }
        }
        covariance
    }

    /// As Stan takes them for a mass matrix: shrunk towards 10⁻³ times the unit matrix as if by five vectors more.
    pub fn regularised(&self) -> Vec<f64> {
        let d = self.mean.len();
        let (share, ridge) = (self.count / (self.count + 5.0), 1e-3 * 5.0 / (self.count + 5.0));
        let mut covariance = self.covariance();
        covariance.iter_mut().for_each(|c| *c *= share);
        let step = if covariance.len() == d { 1 } else { d + 1 };
        covariance.iter_mut().step_by(step).for_each(|c| *c += ridge);
        covariance
    }
}
