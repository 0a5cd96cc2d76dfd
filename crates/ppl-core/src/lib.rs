//! Probabilistic programs and what runs them.
//!
//! A program is a function of a [`Ctx`] with statements: [`Ctx::sample`], [`Ctx::observe`], [`Ctx::param`],
//! [`Ctx::deterministic`], [`Ctx::factor`], [`Ctx::plate`] and [`Ctx::scan`]. Each statement is one [`Message`], which passes through
//! the [`Handler`]s that wrap the program, from the innermost outwards and back. Handlers
//!
//! - record statements: [`trace`];
//! - decide values: [`replay`], [`condition`], [`substitute`], [`do_`], and undo that: [`uncondition`];
//! - choose randomness: [`seed`];
//! - change log densities: [`mask`], [`scale`];
//! - change what is random, and in which coordinates: [`lift`], [`reparam`];
//! - name, hide and configure statements: [`scope`], [`block`], [`infer_config`].
//!
//! [`render_model`] draws a program: sites, plates, and which value enters which statement.
//!
//! Distributions, constraints and transforms are traits here; concrete ones live in `ppl-dist`.

mod config;
mod constraint;
mod ctx;
mod distribution;
mod error;
mod filter;
mod handler;
mod handlers;
mod message;
mod missing;
mod model;
mod param;
mod plate;
pub mod render;
mod scan;
mod tensor_file;
mod trace;

pub use config::{Config, ConfigureExt, Configured};
pub use constraint::{Constraint, Transform};
pub use ctx::{Ctx, Observation};
pub use distribution::{Distribution, IntoDistribution, LocationScale, Parameter};
pub use error::{Error, Result};
pub use filter::{AllBut, SiteFilter, SiteKind};
pub use handler::Handler;
pub use handlers::{
    Block, Condition, InferConfig, Intervene, Lift, Mask, Record, Reparam, Reparameterize, Replay, Scale,
    Scope, Seed, Substitute, Uncondition, block, condition, do_, infer_config, lift, mask, reparam, replay,
    scale, scope, seed, substitute, uncondition,
};
pub use message::{Message, Statement};
pub use model::{Model, trace};
pub use param::ParamStore;
pub use plate::{Frame, FrameKind, Rows, Selection, Subsample, SubsampleExt};
pub use render::{ModelGraph, render_model};
pub use tensor_file::TensorFile;
pub use trace::{Site, Trace};
