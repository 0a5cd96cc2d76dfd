//! What chains learn while they warm up: a step size, and the scales of the target.

mod dual_averaging;
mod estimator;
mod gradients;
mod schedule;
mod settling;
mod welford;

pub use dual_averaging::DualAveraging;
pub use schedule::Schedule;
pub use welford::Welford;

pub(crate) use estimator::Estimator;
pub(crate) use settling::Settling;
