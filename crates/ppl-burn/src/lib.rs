//! The operation table of [`ppl_tensor`] on any [burn](https://burn.dev) backend.
//!
//! burn takes minutes to compile, so of this crate there is nothing but that list unless a feature asks for a backend:
//!
//! - `flex`: [`flex()`], burn's portable CPU backend;
//! - `wgpu`: [`wgpu()`], GPUs through Vulkan, Metal, DirectX 12 or WebGPU;
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
//! [`Profile::runs_natively`] says it for each operation, and `docs/backends.md` lists it. Most run as burn operations. On
//! the host, with copies there and back and a note in the log (once an operation), run
//!
//! - what burn has no function for, or one that loses digits: `lgamma`, `polygamma`, `erfc`, `erfinv`, `logaddexp`,
//!   inverse hyperbolic functions, slopes of gamma draws, Cholesky factors, triangular systems, eigenvalues, linear
//!   recurrences, stable sorting with NaN last;
//! - keys and random numbers, so that a seed gives the same draws on every device;
//! - 64-bit integer arithmetic, which must wrap around where burn may panic (where the device has 64-bit integers,
//!   comparisons, extremes, selection and indices are native);
//! - [custom operations](ppl_tensor::CustomOp), which are defined there.
//!
//! A [scan](ppl_tensor::scan) runs step by step, each operation of its body where it runs outside.
//!
//! A GPU lacks more. It has no 64-bit floats: a tensor of them is an error there. 64-bit integers live on the host, and
//! cost nothing but the trip of an index to the device. Trigonometric functions, remainders and powers, of which
//! shading languages promise little, run on the host.
#![cfg_attr(not(feature = "burn"), allow(rustdoc::broken_intra_doc_links))]

#[cfg(feature = "burn")]
mod accurate;
#[cfg(feature = "burn")]
mod backend;
#[cfg(feature = "burn")]
mod buffer;
#[cfg(feature = "burn")]
mod call;
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
mod native;
#[cfg(feature = "burn")]
mod reduce;
#[cfg(feature = "wgpu")]
mod wgpu;

#[cfg(feature = "burn")]
pub use backend::BurnBackend;
#[cfg(feature = "burn")]
pub use buffer::Buffer;
pub use native::Profile;
#[cfg(feature = "wgpu")]
pub use wgpu::{wgpu, wgpu_adapter};

/// burn's portable CPU backend, with `F64` as its default float (`flex().float(DType::F32)` for the other). Every call
/// gives the same device.
#[cfg(feature = "flex")]
pub fn flex() -> ppl_tensor::Device {
    use std::sync::OnceLock;

    use burn_flex::{Flex, FlexDevice};
    use ppl_tensor::{DType, Device};

    static FLEX: OnceLock<Device> = OnceLock::new();
    let make = || Device::new(BurnBackend::<Flex>::new(FlexDevice, Profile::FLEX), DType::F64);
    FLEX.get_or_init(make).clone()
}
