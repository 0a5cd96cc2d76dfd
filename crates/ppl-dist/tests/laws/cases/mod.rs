//! The table: distributions with arguments, and what each supports.

mod continuous;
mod discrete;
mod several;

use std::sync::Arc;

use ppl_core::Distribution;
use ppl_tensor::Tensor;

/// Distribution function of a value under parameters.
pub(crate) type Cdf = fn(&[f64], f64) -> f64;

/// Makes a distribution of parameters.
pub(crate) type Make = fn(&[Tensor]) -> Arc<dyn Distribution>;

/// What the values of a distribution are.
pub(crate) enum Values {
    /// Single real numbers, with the distribution function (of statrs, unless it is elementary).
    Continuous(Cdf),
    /// These, one a row, but for some of a probability below 1e-8 together.
    Discrete(Tensor),
    /// Tensors of several numbers, each free to move.
    Several,
    /// Tensors of several numbers, none of which can move alone.
    Tied,
    /// One point.
    Point,
}

/// What is known of mean and variance.
#[derive(PartialEq)]
pub(crate) enum Moments {
    Finite,
    /// Infinite or NaN.
    None,
    /// Not offered.
    Unknown,
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) make: Make,
    pub(crate) parameters: Vec<Tensor>,
    /// How many parameters, the first of them, are counts or points: nothing to differentiate by.
    pub(crate) fixed: usize,
    /// Values inside the support.
    pub(crate) points: Vec<Tensor>,
    pub(crate) values: Values,
    pub(crate) moments: Moments,
    /// Whether draws carry gradients.
    pub(crate) has_rsample: bool,
    /// Whether a draw stays at its quantile when parameters change: not if it is made of several.
    pub(crate) keeps_quantile: bool,
}

impl Case {
    pub(crate) fn distribution(&self) -> Arc<dyn Distribution> {
        (self.make)(&self.parameters)
    }

    /// Parameters of three rows, different and valid.
    pub(crate) fn rows(&self) -> Vec<Vec<Tensor>> {
        let row = |i: i32| self.parameters.iter().map(|p| p * (1.0 + 0.1 * f64::from(i))).collect();
        (0..3).map(row).collect()
    }

    /// The three rows of each parameter as one tensor.
    pub(crate) fn stacked_rows(&self) -> Vec<Tensor> {
        let rows = self.rows();
        (0..self.parameters.len())
            .map(|p| Tensor::stack(&rows.iter().map(|row| &row[p]).collect::<Vec<_>>(), 0))
            .collect()
    }

    pub(crate) fn is_continuous(&self) -> bool {
        matches!(self.values, Values::Continuous(_) | Values::Several | Values::Tied)
    }

    /// One value for each row.
    pub(crate) fn three_points(&self) -> Tensor {
        let points: Vec<&Tensor> = self.points.iter().cycle().take(3).collect();
        Tensor::stack(&points, 0)
    }

    fn without_moments(self) -> Self {
        Self { moments: Moments::Unknown, ..self }
    }
}

/// A strong scalar: numbers alone would be weak.
pub(crate) fn strong(x: f64) -> Tensor {
    Tensor::from([x]).reshape([])
}

fn scalars(values: &[f64]) -> Vec<Tensor> {
    values.iter().map(|&x| strong(x)).collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = continuous::cases();
    cases.extend(discrete::cases());
    cases.extend(several::cases());
    cases
}
