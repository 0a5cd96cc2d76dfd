//! The work of the inference benchmarks as loops written by hand: what a compiler of programs could at best reach.

/// Rows that are processed together, so that each sum is as many independent sums: registers full of them.
const LANES: usize = 8;

/// Data of a linear regression on `P` columns, laid out for [`Regression::potential`].
#[derive(Debug, Clone)]
pub struct Regression<const P: usize> {
    /// One block for `LANES` rows; rows that fill up the last are marked by weight 0.
    blocks: Vec<Block<P>>,
    rows: usize,
}

#[derive(Debug, Clone, Copy)]
struct Block<const P: usize> {
    columns: [[f64; LANES]; P],
    outcomes: [f64; LANES],
    weights: [f64; LANES],
}

/// A point in the space of a regression's parameters, or a gradient there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point<const P: usize> {
    /// The intercept.
    pub intercept: f64,
    /// The slopes.
    pub slopes: [f64; P],
    /// Logarithm of the standard deviation of the noise.
    pub log_noise: f64,
}

impl<const P: usize> Regression<P> {
    /// The regression of `outcomes` on `columns`, each of as many rows.
    pub fn new(columns: &[Vec<f64>; P], outcomes: &[f64]) -> Self {
        let block = |start: usize| {
            let lane = |of: &[f64]| std::array::from_fn(|lane| of.get(start + lane).copied().unwrap_or(0.0));
            Block {
                columns: std::array::from_fn(|column| lane(&columns[column])),
                outcomes: lane(outcomes),
                weights: std::array::from_fn(|lane| f64::from(u8::from(start + lane < outcomes.len()))),
            }
        };
        Self { blocks: (0..outcomes.len()).step_by(LANES).map(block).collect(), rows: outcomes.len() }
    }

    /// Minus the log likelihood, without its constant, and its gradient: one pass over the data.
    pub fn potential(&self, at: &Point<P>) -> (f64, Point<P>) {
        // Compiled for the widest registers this processor has, where the rest of the program is for any.
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || self.sums(at),
        )
    }

    #[inline(always)]
    fn sums(&self, at: &Point<P>) -> (f64, Point<P>) {
        let mut squares = [0.0; LANES];
        let mut intercepts = [0.0; LANES];
        let mut slopes = [[0.0; LANES]; P];
        for block in &self.blocks {
            let mut residuals = block.outcomes.map(|outcome| outcome - at.intercept);
            for (column, slope) in block.columns.iter().zip(at.slopes) {
                for (residual, x) in residuals.iter_mut().zip(column) {
                    *residual -= slope * x;
                }
            }
            for (lane, (residual, weight)) in residuals.iter_mut().zip(&block.weights).enumerate() {
                *residual *= weight;
                squares[lane] += *residual * *residual;
                intercepts[lane] += *residual;
            }
            for (sums, column) in slopes.iter_mut().zip(&block.columns) {
                for ((sum, residual), x) in sums.iter_mut().zip(&residuals).zip(column) {
                    *sum += residual * x;
                }
            }
        }
        let precision = (-2.0 * at.log_noise).exp();
        let total = |sums: &[f64; LANES]| sums.iter().sum::<f64>();
        let (squares, rows) = (total(&squares) * precision, self.rows as f64);
        let gradient = Point {
            intercept: -total(&intercepts) * precision,
            slopes: std::array::from_fn(|column| -total(&slopes[column]) * precision),
            log_noise: rows - squares,
        };
        (0.5 * squares + rows * at.log_noise, gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::{Point, Regression};

    #[test]
    fn the_gradient_is_that_of_the_value() {
        let column = |phase: f64| (0..37).map(|row| (f64::from(row) + phase).sin()).collect::<Vec<f64>>();
        let data = Regression::new(&[column(0.0), column(1.0)], &column(2.0));
        let at = Point { intercept: 0.3, slopes: [-0.4, 0.7], log_noise: -0.2 };
        let (value, gradient) = data.potential(&at);
        let noise = at.log_noise.exp();
        let by_definition: f64 = (0..37)
            .map(|row| {
                let [x, z, y] = [0.0, 1.0, 2.0].map(|phase| (f64::from(row) + phase).sin());
                0.5 * ((y - 0.3 + 0.4 * x - 0.7 * z) / noise).powi(2) + at.log_noise
            })
            .sum();
        assert!((value - by_definition).abs() < 1e-12 * value.abs());

        let step = 1e-6;
        let moved = |by: f64| {
            [
                Point { intercept: at.intercept + by, ..at },
                Point { slopes: [at.slopes[0] + by, at.slopes[1]], ..at },
                Point { slopes: [at.slopes[0], at.slopes[1] + by], ..at },
                Point { log_noise: at.log_noise + by, ..at },
            ]
        };
        let slopes = [gradient.intercept, gradient.slopes[0], gradient.slopes[1], gradient.log_noise];
        for ((after, before), slope) in moved(step).iter().zip(moved(-step)).zip(slopes) {
            let difference = (data.potential(after).0 - data.potential(&before).0) / (2.0 * step);
            assert!((difference - slope).abs() < 1e-7 * (1.0 + slope.abs()), "{difference} for {slope}");
        }
    }
}
