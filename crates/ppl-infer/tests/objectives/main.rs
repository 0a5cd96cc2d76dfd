//! Objectives: what each estimates, exactly where outcomes can be listed, and what it refuses.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dependence;
mod mean_field;
mod options;
mod refusals;
mod renyi;
mod support;
