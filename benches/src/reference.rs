//! The work of the inference benchmarks as loops written by hand: what a compiler of programs could at best reach.

use pulp::{Arch, Simd, WithSimd};

/// Columns are filled up to a multiple of this: of the numbers in the widest registers there are.
const LANES: usize = 8;

/// Data of a linear regression on `P` columns, laid out for [`Regression::potential`].
#[derive(Debug, Clone)]
pub struct Regression<const P: usize> {
    columns: [Vec<f64>; P],
    outcomes: Vec<f64>,
    /// 1 for each row, 0 for what fills the columns up.
    weights: Vec<f64>,
    rows: usize,
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
        let rows = outcomes.len();
        let filled = |column: &[f64]| {
            let mut column = column.to_vec();
            column.resize(rows.next_multiple_of(LANES), 0.0);
            column
        };
        Self {
            columns: std::array::from_fn(|column| filled(&columns[column])),
            outcomes: filled(outcomes),
            weights: filled(&vec![1.0; rows]),
            rows,
        }
    }

    /// Minus the log likelihood, without its constant, and its gradient: one pass over the data.
    pub fn potential(&self, at: &Point<P>) -> (f64, Point<P>) {
        let Sums { squares, residuals, products } = Arch::new().dispatch(Pass { data: self, at });
        let precision = (-2.0 * at.log_noise).exp();
        let (squares, rows) = (squares * precision, self.rows as f64);
        let gradient = Point {
            intercept: -residuals * precision,
            slopes: products.map(|product| -product * precision),
            log_noise: rows - squares,
        };
        (0.5 * squares + rows * at.log_noise, gradient)
    }
}

/// Sums over the rows: of squared residuals, of residuals, and of residuals times each column.
struct Sums<const P: usize> {
    squares: f64,
    residuals: f64,
    products: [f64; P],
}

/// The pass over the data, for the widest registers this processor has.
struct Pass<'a, const P: usize> {
    data: &'a Regression<P>,
    at: &'a Point<P>,
}

impl<const P: usize> WithSimd for Pass<'_, P> {
    type Output = Sums<P>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums<P> {
        let Pass { data, at } = self;
        let (outcomes, _) = S::as_simd_f64s(&data.outcomes);
        let (weights, _) = S::as_simd_f64s(&data.weights);
        let mut columns: [&[S::f64s]; P] = [&[]; P];
        for (lanes, column) in columns.iter_mut().zip(&data.columns) {
            *lanes = &S::as_simd_f64s(column).0[..outcomes.len()];
        }
        let zero = simd.splat_f64s(0.0);
        let mut slopes = [zero; P];
        for (lanes, slope) in slopes.iter_mut().zip(at.slopes) {
            *lanes = simd.splat_f64s(-slope);
        }
        let intercept = simd.splat_f64s(at.intercept);
        let (mut squares, mut residuals, mut products) = (zero, zero, [zero; P]);
        for (row, (&outcome, &weight)) in outcomes.iter().zip(weights).enumerate() {
            let mut residual = simd.sub_f64s(outcome, intercept);
            for (&slope, column) in slopes.iter().zip(&columns) {
                residual = simd.mul_add_e_f64s(slope, column[row], residual);
            }
            residual = simd.mul_f64s(residual, weight);
            squares = simd.mul_add_e_f64s(residual, residual, squares);
            residuals = simd.add_f64s(residuals, residual);
            for (product, column) in products.iter_mut().zip(&columns) {
                *product = simd.mul_add_e_f64s(residual, column[row], *product);
            }
        }
        let mut totals = [0.0; P];
        for (total, product) in totals.iter_mut().zip(products) {
            *total = simd.reduce_sum_f64s(product);
        }
        let (squares, residuals) = (simd.reduce_sum_f64s(squares), simd.reduce_sum_f64s(residuals));
        Sums { squares, residuals, products: totals }
    }
}

/// The sum of numbers, as fast as they can be read.
pub fn sum(numbers: &[f64]) -> f64 {
    Arch::new().dispatch(Total(numbers))
}

struct Total<'a>(&'a [f64]);

impl WithSimd for Total<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (lanes, rest) = S::as_simd_f64s(self.0);
        // Several sums at once, so that no addition waits for the one before.
        let (blocks, last) = lanes.as_chunks::<LANES>();
        let mut totals = [simd.splat_f64s(0.0); LANES];
        for block in blocks {
            for (total, &numbers) in totals.iter_mut().zip(block) {
                *total = simd.add_f64s(*total, numbers);
            }
        }
        let total = totals
            .into_iter()
            .chain(last.iter().copied())
            .fold(simd.splat_f64s(0.0), |a, b| simd.add_f64s(a, b));
        simd.reduce_sum_f64s(total) + rest.iter().sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Point, Regression, sum};

    #[test]
    fn a_sum_counts_every_number_once() {
        for count in [0, 1, 7, 8, 31, 64, 100, 1003] {
            let numbers: Vec<f64> = (0..count).map(f64::from).collect();
            assert_eq!(sum(&numbers), f64::from(count * (count - 1) / 2), "{count}");
        }
    }

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
