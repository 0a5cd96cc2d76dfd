//! What plots show, as numbers: for plots of one's own.

mod bandwidth;
mod density;
mod growth;
mod intervals;
mod ranks;

pub use bandwidth::bandwidth;
pub use density::{Density, density, kernel_density};
pub use growth::{EssPoint, ess_growth};
pub use intervals::{eti, hdi};
pub use ranks::{rank_band, rank_counts};
