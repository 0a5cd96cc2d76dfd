//! Distributions made of other distributions.

mod independent;
mod transformed;

pub use independent::{DistributionExt, Independent};
pub use transformed::TransformedDistribution;
