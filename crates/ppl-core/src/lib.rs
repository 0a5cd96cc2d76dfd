//! Probabilistic programs and what runs them.
//!
//! A program is a function of a [`Ctx`] with statements: [`Ctx::sample`], [`Ctx::observe`], [`Ctx::param`],
//! [`Ctx::deterministic`], [`Ctx::factor`] and [`Ctx::plate`]. Each statement is one [`Message`], which passes through
//! the [`Handler`]s that wrap the program, from the innermost outwards and back. Handlers record it ([`trace`]), decide
//! its value ([`replay`], [`condition`], [`substitute`]), hide it ([`block`]) or choose its randomness ([`seed`]).
//!
//! Distributions, constraints and transforms are traits here; concrete ones live in `ppl-dist`.

mod constraint;
mod ctx;
mod distribution;
mod error;
mod handler;
mod handlers;
mod message;
mod model;
mod param;
mod plate;
mod tensor_file;
mod trace;

pub use constraint::{Constraint, Transform};
pub use ctx::{Ctx, Observation};
pub use distribution::{Distribution, IntoDistribution, Parameter};
pub use error::{Error, Result};
pub use handler::Handler;
pub use handlers::{
    Block, Condition, Record, Replay, Seed, Substitute, block, condition, replay, seed, substitute,
};
pub use message::{Message, Statement};
pub use model::{Model, trace};
pub use param::ParamStore;
pub use plate::{Frame, FrameKind, Rows, Selection, Subsample, SubsampleExt};
pub use tensor_file::TensorFile;
pub use trace::{Site, Trace};
