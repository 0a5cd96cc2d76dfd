//! Laws that every distribution, constraint and transform obeys, driven by one table, and reference values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batching;
mod cases;
mod compiled;
mod density;
mod invalid;
mod kl;
mod lkj;
mod numerics;
mod pathwise;
mod reference;
mod sampling;
mod scipy;
mod transforms;
mod wrappers;
