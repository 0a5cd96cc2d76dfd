//! Distributions of one real number.

mod beta;
mod gamma;
mod log_normal;
mod normal;
mod uniform;

pub use beta::Beta;
pub use gamma::Gamma;
pub use log_normal::LogNormal;
pub use normal::Normal;
pub use uniform::Uniform;
