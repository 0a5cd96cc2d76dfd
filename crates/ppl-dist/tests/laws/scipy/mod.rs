//! Reference values of distributions of single numbers, computed with SciPy 1.17.1 (`scipy.stats`): `mean`, `var`,
//! `entropy`, `logpdf` or `logpmf`, and `cdf`.
//!
//! Those of the newer tables are from the formulas in mpmath with 40 digits, which SciPy confirms where it is accurate.
//! NaN stands for an entropy or a distribution function that this crate does not offer, and for a moment that does not
//! exist.
#![allow(clippy::approx_constant)] // Values are what they are, not meant as constants.

mod classic;
mod counts;
mod positive;
mod real_line;

use crate::reference::Reference;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// All tables.
pub(crate) fn references() -> impl Iterator<Item = &'static Reference> {
    [classic::CLASSIC, positive::POSITIVE, real_line::REAL_LINE, counts::COUNTS].into_iter().flatten()
}
