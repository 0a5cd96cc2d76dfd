//! Draws as files that other systems read.

mod arviz;
mod stan;
mod zarr;

pub use arviz::InferenceData;
