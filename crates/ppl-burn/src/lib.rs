//! The operation table of [`ppl_tensor`] on any [burn](https://burn.dev) backend.
//!
//! burn takes minutes to compile, so this crate is empty unless a feature asks for a backend:
//!
//! - `flex`: [`flex()`], burn's portable CPU backend;
//! - `burn`: [`BurnBackend`] alone, for any other [`burn_backend::Backend`].
//!
#![cfg_attr(
    feature = "flex",
    doc = r"
```
use ppl_tensor::HostTensor;

let device = ppl_burn::flex();
let x = device.upload(HostTensor::new([3], vec![1.0, 2.0, 3.0])?)?;
assert_eq!((x.exp().log() * 2.0).to_vec::<f64>()?, [2.0, 4.0, 6.0]);
# Ok::<(), ppl_tensor::Error>(())
```
"
)]
//!
//! # What runs where
//!
//! [`runs_natively`] says it for each operation. Most run as burn operations. On the host, with copies there and back
//! and a note in the log (once an operation), run
//!
//! - what burn has no function for, or one that loses digits: `lgamma`, `polygamma`, `erfc`, `erfinv`, `logaddexp`,
//!   inverse hyperbolic functions, slopes of gamma draws, Cholesky factors, triangular systems, eigenvalues, linear
//!   recurrences, stable sorting with NaN last;
//! - keys and random numbers, so that a seed gives the same draws on every device;
//! - 64-bit integer arithmetic, which must wrap around where burn may panic (comparisons, extremes, selection and
//!   indices are native);
//! - [custom operations](ppl_tensor::CustomOp), which are defined there.
#![cfg_attr(not(feature = "burn"), allow(rustdoc::broken_intra_doc_links))]

#[cfg(feature = "burn")]
mod backend;
#[cfg(feature = "burn")]
mod buffer;
#[cfg(feature = "burn")]
mod elementwise;
#[cfg(feature = "burn")]
mod host;
#[cfg(feature = "burn")]
mod index;
#[cfg(feature = "burn")]
mod layout;
#[cfg(feature = "burn")]
mod linalg;
#[cfg(feature = "burn")]
mod native;
#[cfg(feature = "burn")]
mod reduce;

#[cfg(feature = "burn")]
pub use backend::BurnBackend;
#[cfg(feature = "burn")]
pub use buffer::Buffer;
#[cfg(feature = "burn")]
pub use native::runs_natively;

/// burn's portable CPU backend, with `F64` as its default float (`flex().float(DType::F32)` for the other). Every call
/// gives the same device.
#[cfg(feature = "flex")]
pub fn flex() -> ppl_tensor::Device {
    use std::sync::OnceLock;

    use ppl_tensor::{DType, Device};

    static FLEX: OnceLock<Device> = OnceLock::new();
    let make = || Device::new(BurnBackend::<burn_flex::Flex>::new(burn_flex::FlexDevice), DType::F64);
    FLEX.get_or_init(make).clone()
}
