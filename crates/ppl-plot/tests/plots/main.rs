//! Figures, the numbers behind them, and reports.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod figures;
mod models;
mod quantities;
mod reports;
