//! Kernels, against targets whose moments are known.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

mod adaptation;
mod balance;
mod gaussians;
mod integrator;
mod laws;
mod options;
mod shapes;
mod targets;
