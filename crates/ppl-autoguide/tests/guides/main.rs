//! Automatic guides against exact posteriors, their starts, their shapes in plates, and what they refuse.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod densities;
mod laplace;
mod list;
mod marginals;
mod models;
mod plates;
mod posteriors;
mod scans;
mod starts;
