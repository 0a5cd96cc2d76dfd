//! Distributions made of other distributions.

mod expanded;
mod independent;
mod masked;
mod transformed;

pub use expanded::Expanded;
pub use independent::Independent;
pub use masked::Masked;
pub use transformed::TransformedDistribution;

use ppl_core::IntoDistribution;
use ppl_tensor::Tensor;

/// Adapters of distributions.
pub trait DistributionExt: IntoDistribution + Sized {
    /// The same distribution with its last `dims` batch dimensions counted as dimensions of one draw.
    #[track_caller]
    fn to_event(self, dims: usize) -> Independent {
        Independent::new(self, dims)
    }

    /// The same distribution, its log density 0 in the batch elements where the mask, of truth values, does not hold.
    #[track_caller]
    fn mask(self, mask: impl Into<Tensor>) -> Masked {
        Masked::new(self, mask)
    }
}

impl<D: IntoDistribution> DistributionExt for D {}
