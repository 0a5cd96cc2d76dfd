//! Operations mean what their definitions say.

use ppl_tensor::Device;

use super::{apply, upload_all};
use crate::cases::Case;
use crate::compare::{Tolerance, compare};
use crate::definition::evaluate;
use crate::runner::{Outcome, describe};

/// An operation gives what a plain loop over its elements gives.
///
/// # Errors
/// The first difference.
pub fn same_as_definition(case: &Case, device: &Device, tolerance: Tolerance) -> Outcome {
    let (op, inputs) = (case.op_for(device), case.inputs(0, device.default_float()));
    let Some(expected) = evaluate(&op, &inputs) else { return Ok(()) };
    let tensors = upload_all(device, &inputs).map_err(describe("upload"))?;
    let actual = apply(&op, &tensors).to_host().map_err(describe("the device"))?;
    compare(&actual, &expected, tolerance)
}
