//! Conjugate families under every objective and every estimator that applies: unbiased gradients, exact posteriors.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;
mod exact;
mod families;
mod fits;
mod unbiased;
