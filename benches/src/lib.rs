//! Times of operations, draws and inference steps, each beside a plain loop that does the same work in the same run.
//!
//! `cargo xtask bench` runs them and prints a table. A figure has no pass or fail: machines differ, and what else they
//! do differs from minute to minute. Ratios within a group are between neighbours of the same round, and carry over.

pub mod data;
pub mod draws;
pub mod harness;
pub mod inference;
pub mod ops;
pub mod peers;
pub mod posteriors;
pub mod potential;
pub mod reference;
pub mod report;
pub mod scan;

/// The examples of the README are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
