//! The suite every backend must pass: one table of cases for every operation ([`cases`]), and the laws that tie
//! operations, gradients, batching, traces and devices together ([`laws`]).
//!
//! A backend's tests are a few lines: make its device once, and hold it to all laws, family by family
//! ([`family_tests`]).
//!
//! ```
//! use ppl_suite::{Family, Tolerance, for_each_case, laws};
//! use ppl_tensor::{DType, Device, HostBackend};
//!
//! let device = Device::new(HostBackend, DType::F32);
//! for_each_case(Family::Layout, 4, |case| laws::all(case, &device, Tolerance::of(&device)));
//! ```
//!
//! What is probabilistic has laws too: [`programs`] holds any system of statements and handlers to those of programs.
//!
//! Tests that write files do so at a [`TemporaryPath`].
//!
//! Everything is seeded: a failure repeats. Floats of a case take the device's default float.

// A law that does not hold ends a test: unwinding with a message is what this crate is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod cases;
mod compare;
mod definition;
mod families;
pub mod graphs;
pub mod invalid;
pub mod laws;
mod narrow;
pub mod programs;
mod runner;
mod source;
mod temporary;

pub use cases::{Case, Family};
pub use compare::{Tolerance, compare, compare_all};
pub use narrow::Narrow;
pub use runner::{Outcome, for_each, for_each_case, require};
pub use source::Source;
pub use temporary::TemporaryPath;
