//! Derivatives of gradients.

use ppl_tensor::{DType, Device, HostTensor, Op, Result, Tensor, grad, grad_recorded};

use super::gradient::{STEP, moved};
use super::{apply, tracked, upload_all, weighted_sum, weights};
use crate::cases::Case;
use crate::compare::{Tolerance, compare};
use crate::runner::{Outcome, describe};

/// As for gradients, with one more derivative in the truncation error: ten times as much.
const SLOPE: f64 = 1e-7;

fn is_float(x: &&Tensor) -> bool {
    x.dtype().is_float()
}

/// The gradient at `inputs`, and its product with the matrix of second derivatives along `directions`.
fn gradient_and_product(
    op: &Op,
    inputs: &[HostTensor],
    directions: &[HostTensor],
    device: &Device,
) -> Result<(Vec<HostTensor>, Vec<HostTensor>)> {
    let inputs = tracked(&upload_all(device, inputs)?);
    let leaves: Vec<&Tensor> = inputs.iter().filter(is_float).collect();
    let gradient = grad_recorded(&weighted_sum(&apply(op, &inputs), device)?, &leaves)?;
    let mut along = device.upload(HostTensor::scalar(0.0))?;
    for (gradient, direction) in gradient.iter().zip(directions) {
        along = along + (gradient * device.upload(direction.clone())?).sum_all();
    }
    let product = grad(&along, &leaves)?;
    let host = |tensors: Vec<Tensor>| tensors.iter().map(Tensor::to_host).collect::<Result<Vec<_>>>();
    Ok((host(gradient)?, host(product)?))
}

/// The gradient of a recorded gradient along a direction is the slope of the gradient along it.
///
/// # Errors
/// The first second derivative that is not.
pub fn second_derivatives_are_slopes(case: &Case, device: &Device) -> Outcome {
    let (op, inputs) = (case.op(DType::F64), case.inputs(0, DType::F64));
    let floats: Vec<usize> = (0..inputs.len()).filter(|&i| inputs[i].dtype().is_float()).collect();
    let types: Vec<_> = inputs.iter().map(HostTensor::tensor_type).collect();
    let float = op.output_type(&types.iter().collect::<Vec<_>>()).is_ok_and(|ty| ty.dtype.is_float());
    if !case.is_smooth() || !case.has_gradient() || floats.is_empty() || !float {
        return Ok(());
    }
    let directions: Vec<HostTensor> = floats.iter().map(|&i| weights(inputs[i].shape())).collect();
    let (_, exact) =
        gradient_and_product(&op, &inputs, &directions, device).map_err(describe("second derivative"))?;
    let gradient_at = |t: f64| -> Result<Vec<HostTensor>> {
        let mut inputs = inputs.clone();
        for (&i, direction) in floats.iter().zip(&directions) {
            inputs[i] = moved(&inputs[i], &direction.to_f64(), t);
        }
        gradient_and_product(&op, &inputs, &directions, device).map(|(gradient, _)| gradient)
    };
    let [near, near_back, far, far_back] = [STEP, -STEP, 2.0 * STEP, -2.0 * STEP].map(gradient_at);
    let at = |gradients: Result<Vec<HostTensor>>| gradients.map_err(describe("gradient"));
    let (near, near_back, far, far_back) = (at(near)?, at(near_back)?, at(far)?, at(far_back)?);
    for (i, exact) in exact.iter().enumerate() {
        let [near, near_back, far, far_back] =
            [&near[i], &near_back[i], &far[i], &far_back[i]].map(HostTensor::to_f64);
        let numeric: Vec<f64> = (0..near.len())
            .map(|j| (8.0 * (near[j] - near_back[j]) - (far[j] - far_back[j])) / (12.0 * STEP))
            .collect();
        let numeric = HostTensor::new(exact.shape(), numeric).map_err(describe("differences"))?;
        compare(exact, &numeric, Tolerance::bound(SLOPE))
            .map_err(|reason| format!("second derivative {i}: {reason}"))?;
    }
    Ok(())
}
