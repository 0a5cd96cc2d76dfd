//! Right samplers pass the tests of samplers, and wrong ones do not.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod geweke;
mod simulations;
mod wrong;
