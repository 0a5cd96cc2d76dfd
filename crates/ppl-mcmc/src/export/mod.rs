//! Draws as files that other systems read.

mod arviz;
mod labels;
mod stan;
mod zarr;

pub use arviz::InferenceData;
pub use labels::Labels;
