//! Whether there is anything that feature `wgpu` can compute on.

use crate::Result;
use crate::command::{cargo, output};

const MISSING: &str = "\
there is no device for wgpu: a GPU with its driver, or software in its place (Debian: `apt-get install mesa-vulkan-drivers`;
VK_DRIVER_FILES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json chooses it where there are others)";

/// The adapter's name.
pub(crate) fn adapter() -> Result<String> {
    // Without a device the example says why, below the command; what to do about it is said here.
    let build = ["build", "--quiet", "--package", "ppl-burn", "--features", "wgpu", "--example", "adapter"];
    output(cargo(&build))?;
    let run = ["run", "--quiet", "--package", "ppl-burn", "--features", "wgpu", "--example", "adapter"];
    output(cargo(&run)).map(|name| name.trim().to_owned()).map_err(|_| MISSING.to_owned())
}
