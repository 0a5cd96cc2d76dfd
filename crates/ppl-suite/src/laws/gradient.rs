//! Gradients are what central differences say.

use ppl_tensor::{DType, Device, HostTensor, Op, Result, Tensor, grad};

use super::{apply, tracked, upload_all, weighted_sum, weights};
use crate::cases::Case;
use crate::compare::{Tolerance, compare};
use crate::runner::{Outcome, describe, require};

/// The step of a fourth-order central difference: ε^(1/5), which balances its truncation error, h⁴ f⁽⁵⁾ / 30, and its
/// rounding error, 1.5 ε f / h. With f⁽⁵⁾ of up to 1e5 f' (0.3 away from a pole) both are below 1e-9 of the largest
/// slope or value.
pub(super) const STEP: f64 = 7.4e-4;

/// Ten times the sum of the errors explained at [`STEP`].
pub(super) const SLOPE: f64 = 1e-8;

/// The derivative at 0 of `Σ weight · f(t)`, the weights those of [`weights`].
pub(super) fn slope(f: impl Fn(f64) -> Result<HostTensor>, step: f64) -> Result<f64> {
    let at = |t: f64| f(t).map(|y| (weights(y.shape()).to_f64(), y.to_f64()));
    let ((weights, near), (_, near_back)) = (at(step)?, at(-step)?);
    let ((_, far), (_, far_back)) = (at(2.0 * step)?, at(-2.0 * step)?);
    // Differences before sums: what does not change cancels exactly.
    let changes = near.iter().zip(near_back).zip(far.iter().zip(far_back));
    let differences = changes.map(|((a, b), (c, d))| 8.0 * (a - b) - (c - d));
    Ok(weights.iter().zip(differences).map(|(w, d)| if d == 0.0 { 0.0 } else { w * d }).sum::<f64>()
        / (12.0 * step))
}

/// The array with `step · direction` added.
pub(super) fn moved(x: &HostTensor, direction: &[f64], step: f64) -> HostTensor {
    let values: Vec<f64> = x.to_f64().iter().zip(direction).map(|(x, d)| x + step * d).collect();
    HostTensor::new(x.shape(), values).expect("as many values as before")
}

/// Gradients of `Σ weight · f` with respect to each float input, by differences of each entry.
fn slopes(f: &dyn Fn(&[HostTensor]) -> Result<HostTensor>, inputs: &[HostTensor]) -> Result<Vec<HostTensor>> {
    let floats = (0..inputs.len()).filter(|&i| inputs[i].dtype().is_float());
    floats
        .map(|i| {
            let values = inputs[i].to_f64();
            let of_entry = |entry: usize| {
                let size = values[entry].abs().max(1.0);
                let step = if size.is_finite() { STEP * size } else { STEP };
                let unit: Vec<f64> = (0..values.len()).map(|j| f64::from(u8::from(j == entry))).collect();
                let moved = |t: f64| {
                    let mut inputs = inputs.to_vec();
                    inputs[i] = moved(&inputs[i], &unit, t);
                    f(&inputs)
                };
                slope(moved, step)
            };
            HostTensor::new(inputs[i].shape(), (0..values.len()).map(of_entry).collect::<Result<Vec<f64>>>()?)
        })
        .collect()
}

fn compare_with_slopes(f: &dyn Fn(&[Tensor]) -> Tensor, inputs: &[HostTensor], device: &Device) -> Outcome {
    let leaves = tracked(&upload_all(device, inputs).map_err(describe("upload"))?);
    let y = f(&leaves);
    y.check().map_err(describe("forward"))?;
    let floats: Vec<&Tensor> = leaves.iter().filter(|x| x.dtype().is_float()).collect();
    if !y.dtype().is_float() {
        return require(!y.is_tracked(), || "a result that is not a float is tracked".into());
    }
    let loss = weighted_sum(&y, device).map_err(describe("forward"))?;
    let exact = grad(&loss, &floats).map_err(describe("gradient"))?;
    let value = |inputs: &[HostTensor]| f(&upload_all(device, inputs)?).to_host();
    let numeric = slopes(&value, inputs).map_err(describe("differences"))?;
    for (i, (exact, numeric)) in exact.iter().zip(&numeric).enumerate() {
        let exact = exact.to_host().map_err(describe("gradient"))?;
        compare(&exact, numeric, Tolerance::bound(SLOPE))
            .map_err(|reason| format!("gradient {i}: {reason}"))?;
    }
    Ok(())
}

/// The gradient of a random weighted sum of the result, with respect to every float input, is its slope.
///
/// # Errors
/// The first gradient that is not.
pub fn gradient_is_slope(case: &Case, device: &Device) -> Outcome {
    if !case.is_smooth() || !case.has_gradient() {
        return Ok(());
    }
    let op = case.op(DType::F64);
    compare_with_slopes(&|inputs| apply(&op, inputs), &case.inputs(0, DType::F64), device)
}

/// As [`gradient_is_slope`], for a function that uses the operation three times, its result twice, and one tensor for
/// every float input.
///
/// # Errors
/// The first gradient that is not the slope.
pub fn shared_inputs_add_up(case: &Case, device: &Device) -> Outcome {
    // The remainder of x by x has a jump at every x.
    let jumps = matches!(case.op(DType::F64), Op::Binary(ppl_tensor::op::Binary::Rem));
    if !case.is_smooth() || !case.has_gradient() || jumps {
        return Ok(());
    }
    let (op, mut inputs) = (case.op(DType::F64), case.inputs(0, DType::F64));
    let Some(shared) = inputs.iter().position(|x| x.dtype().is_float()) else { return Ok(()) };
    if inputs[shared].to_f64().iter().any(|x| x.is_nan()) {
        // It stands where the first input is not read; another would read it.
        return Ok(());
    }
    for i in shared..inputs.len() {
        if inputs[i].dtype().is_float() {
            inputs[i] = inputs[shared].clone();
        }
    }
    let types: Vec<_> = inputs.iter().map(HostTensor::tensor_type).collect();
    match op.output_type(&types.iter().collect::<Vec<_>>()) {
        Ok(ty) if ty.dtype.is_float() => {}
        _ => return Ok(()),
    }
    let f = |inputs: &[Tensor]| {
        let x = inputs.iter().find(|x| x.dtype().is_float());
        let same = |y: &Tensor| x.filter(|_| y.dtype().is_float()).unwrap_or(y).clone();
        let inputs: Vec<Tensor> = inputs.iter().map(same).collect();
        let z = apply(&op, &inputs);
        apply(&op, &inputs) + &z * 0.5 + (apply(&op, &inputs) * 0.25).square() - &z
    };
    // Float inputs other than the first are ignored: their gradients must be zero.
    compare_with_slopes(&f, &inputs, device)
}
