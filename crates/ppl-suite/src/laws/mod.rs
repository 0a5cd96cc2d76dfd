//! The laws, each a function of one case and a device; [`all`] of them.
//!
//! - [`same_as_definition`]: operations mean what a plain loop over their elements says.
//! - [`gradient_is_slope`], [`shared_inputs_add_up`], [`second_derivatives_are_slopes`]: gradients are what central
//!   differences of the operation itself say (in `F64`: differences of 32-bit floats say nothing).
//! - [`same_as_loop`], [`same_as_nested_loops`], [`gradients_in_a_map`], [`gradients_of_a_map`]: mapping a function over
//!   rows is the same as calling it for each row, for every choice of mapped inputs.
//! - [`same_as_eager`], [`gradients_in_a_trace`], [`maps_in_a_trace`]: recording, compiling and running a function is the
//!   same as calling it.
//! - [`same_on`]: two devices agree.
//! - [`invalid_is_carried`], [`invalid_alike_in_a_map`], [`invalid_alike_on`]: what does not fit is an error, the same one everywhere, and
//!   never a panic.

mod batch;
mod device;
mod errors;
mod gradient;
mod meaning;
mod second;
mod trace;

pub use batch::{gradients_in_a_map, gradients_of_a_map, same_as_loop, same_as_nested_loops};
pub use device::same_on;
pub use errors::{invalid_alike_in_a_map, invalid_alike_on, invalid_is_carried};
pub use gradient::{gradient_is_slope, shared_inputs_add_up};
pub use meaning::same_as_definition;
pub use second::second_derivatives_are_slopes;
pub use trace::{Compile, TraceLaw, gradients_in_a_trace, maps_in_a_trace, same_as_eager};

use ppl_tensor::{
    DType, Device, Element, HostData, HostTensor, Op, Result, Tensor, TensorType, compile, grad,
};

use crate::cases::{Case, in_float};
use crate::compare::Tolerance;
use crate::runner::Outcome;

/// Every law of an operation on valid inputs, against the processor as the reference; the laws about slopes on devices
/// of 64-bit floats.
///
/// # Errors
/// The name of the first law that does not hold, and how.
pub fn all(case: &Case, device: &Device, tolerance: Tolerance) -> Outcome {
    let cpu = Device::cpu().float(device.default_float());
    let named = |law: &'static str| move |reason: String| format!("{law}: {reason}");
    same_as_definition(case, device, tolerance).map_err(named("same_as_definition"))?;
    same_on(case, device, &cpu, tolerance).map_err(named("same_on"))?;
    same_as_loop(case, device, tolerance).map_err(named("same_as_loop"))?;
    same_as_nested_loops(case, device, tolerance).map_err(named("same_as_nested_loops"))?;
    gradients_in_a_map(case, device, tolerance).map_err(named("gradients_in_a_map"))?;
    gradients_of_a_map(case, device, tolerance).map_err(named("gradients_of_a_map"))?;
    same_as_eager(case, device, tolerance, &compile).map_err(named("same_as_eager"))?;
    gradients_in_a_trace(case, device, tolerance, &compile).map_err(named("gradients_in_a_trace"))?;
    maps_in_a_trace(case, device, tolerance, &compile).map_err(named("maps_in_a_trace"))?;
    if device.default_float() == DType::F64 {
        gradient_is_slope(case, device).map_err(named("gradient_is_slope"))?;
        shared_inputs_add_up(case, device).map_err(named("shared_inputs_add_up"))?;
        second_derivatives_are_slopes(case, device).map_err(named("second_derivatives_are_slopes"))?;
    }
    Ok(())
}

/// Weights of outputs, and directions of inputs: a fixed sequence of moderate numbers of both signs, none near zero.
fn weights(shape: &[usize]) -> HostTensor {
    let weight = |i: usize| {
        let magnitude = 0.3 + ((i * 7 + 3) % 11) as f64 / 8.0;
        if i % 3 == 1 { -magnitude } else { magnitude }
    };
    let count = shape.iter().product();
    HostTensor::new(shape, (0..count).map(weight).collect::<Vec<f64>>()).expect("as many as the shape has")
}

/// `Σ weight · y` for a float tensor.
fn weighted_sum(y: &Tensor, device: &Device) -> Result<Tensor> {
    y.check()?;
    let weights = device.upload(in_float(&weights(&y.shape()), y.dtype()))?;
    Ok((y * weights).sum_all())
}

fn upload_all(device: &Device, arrays: &[HostTensor]) -> Result<Vec<Tensor>> {
    arrays.iter().map(|x| device.upload(x.clone())).collect()
}

fn download_all(tensors: &[Tensor]) -> Result<Vec<HostTensor>> {
    tensors.iter().map(Tensor::to_host).collect()
}

fn apply(op: &Op, inputs: &[Tensor]) -> Tensor {
    Tensor::apply(op.clone(), &inputs.iter().collect::<Vec<_>>())
}

/// The inputs, floats marked for gradients.
fn tracked(inputs: &[Tensor]) -> Vec<Tensor> {
    inputs.iter().map(|x| if x.dtype().is_float() { x.tracked() } else { x.clone() }).collect()
}

/// Gradients of the weighted sum of an operation's result with respect to its float inputs; none if the result is not
/// a float.
fn gradients(op: &Op, inputs: &[Tensor], device: &Device) -> Result<Vec<Tensor>> {
    let inputs = tracked(inputs);
    let y = apply(op, &inputs);
    if !y.check()?.dtype().is_float() {
        return Ok(Vec::new());
    }
    let leaves: Vec<&Tensor> = inputs.iter().filter(|x| x.dtype().is_float()).collect();
    grad(&weighted_sum(&y, device)?, &leaves)
}

/// Arrays of one type along a new first dimension.
fn stack(rows: &[HostTensor], ty: &TensorType) -> HostTensor {
    fn joined<T: Element>(rows: &[HostTensor]) -> HostData {
        let values = rows.iter().flat_map(|row| row.as_slice::<T>().expect("rows of one dtype").to_vec());
        T::wrap(std::sync::Arc::new(values.collect()))
    }
    let data = match ty.dtype {
        DType::F64 => joined::<f64>(rows),
        DType::F32 => joined::<f32>(rows),
        DType::I64 => joined::<i64>(rows),
        DType::Bool => joined::<bool>(rows),
    };
    let shape: Vec<usize> = std::iter::once(rows.len()).chain(ty.shape.iter().copied()).collect();
    HostTensor::from_data(shape, data).expect("rows of one shape")
}

/// Whether member `place` belongs to the subset numbered `subset`.
fn contains(subset: usize, place: usize) -> bool {
    subset >> place & 1 == 1
}

/// The members of a list that belong to a subset.
fn members<T: Clone>(list: &[T], subset: usize) -> Vec<T> {
    list.iter().enumerate().filter(|(place, _)| contains(subset, *place)).map(|(_, x)| x.clone()).collect()
}

/// A list with the members of a subset replaced, in order.
fn replaced<T: Clone>(list: &[T], subset: usize, members: &[T]) -> Vec<T> {
    let mut members = members.iter();
    let pick = |(place, x): (usize, &T)| {
        if contains(subset, place) { members.next().unwrap_or(x) } else { x }.clone()
    };
    list.iter().enumerate().map(pick).collect()
}
