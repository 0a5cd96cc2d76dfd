//! GPUs, and software that does as they do.

use std::sync::OnceLock;

use burn_backend::cubecl::Device as CubeDevice;
use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, Wgpu, WgpuDevice, WgpuInitError, try_init_setup};
use ppl_tensor::{DType, Device, Error, Result};

use crate::{BurnBackend, Profile};

/// The device, and what it says it is.
struct Adapter {
    device: Device,
    name: String,
}

/// The first GPU that the system's graphics driver offers, or else its software; floats are `F32`. Every call gives the
/// same device.
///
/// # Errors
/// If there is no driver, or it refuses: the same error every time.
pub fn wgpu() -> Result<Device> {
    adapter().map(|adapter| adapter.device.clone())
}

/// Name of the adapter that [`wgpu`] is, and the interface it is used through: `llvmpipe (LLVM 15.0.6, 256 bits), vulkan`.
///
/// # Errors
/// As [`wgpu`].
pub fn wgpu_adapter() -> Result<String> {
    adapter().map(|adapter| adapter.name.clone())
}

fn adapter() -> Result<&'static Adapter> {
    static ADAPTER: OnceLock<Result<Adapter>> = OnceLock::new();
    ADAPTER.get_or_init(open).as_ref().map_err(Error::clone)
}

fn open() -> Result<Adapter> {
    let failed = |error: WgpuInitError| Error::backend("burn-wgpu", "open", error.to_string());
    let selector = WgpuDevice::default();
    let options = RuntimeOptions::try_default().map_err(failed)?;
    let setup = try_init_setup::<AutoGraphicsApi>(&selector, options).map_err(failed)?;
    let info = setup.adapter.get_info();
    let name = format!("{}, {}", info.name, info.backend);
    log::info!("burn-wgpu runs on {name}");
    let backend = BurnBackend::<Wgpu>::new(CubeDevice::Wgpu(selector), Profile::WGPU);
    Ok(Adapter { device: Device::new(backend, DType::F32), name })
}
