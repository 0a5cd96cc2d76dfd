//! What does not fit is an error that is carried, never a panic.

use ppl_tensor::{Device, HostTensor, Result, Tensor, TensorType, trace, vmap};

use super::{apply, contains, gradients, replaced, stack, upload_all};
use crate::cases::Case;
use crate::compare::{Tolerance, compare};
use crate::invalid::Attempt;
use crate::runner::{Outcome, describe, require};

/// An attempt either works, with the type that the operation's rule says, or gives a tensor that carries the rule's
/// error and this file's name, passes it through further operations unchanged, and refuses to be read, differentiated
/// or traced.
///
/// # Errors
/// What is not so.
pub fn invalid_is_carried(attempt: &Attempt, device: &Device) -> Outcome {
    let op = &attempt.op;
    let inputs = upload_all(device, &attempt.inputs).map_err(describe("upload"))?;
    let types: Vec<TensorType> = attempt.inputs.iter().map(HostTensor::tensor_type).collect();
    let ruled = op.output_type(&types.iter().collect::<Vec<_>>());
    let y = apply(op, &inputs);
    let traced = trace(device, |args: &Vec<Tensor>| Ok(apply(op, args)), &inputs);
    let gradients = gradients(op, &inputs, device);
    match (ruled, y.error()) {
        (Ok(ty), None) => {
            let found = y.to_host().map_err(describe("download"))?.tensor_type();
            require(found == ty, || format!("{found:?} instead of {ty:?}"))?;
            traced.map(drop).map_err(describe("trace"))
        }
        // An index out of range, which only its value shows.
        (Ok(_), Some(_)) => Ok(()),
        (Err(error), None) => Err(format!("worked, against the rule: {error}")),
        (Err(rule), Some(error)) => {
            let (rule, text) = (rule.to_string(), error.to_string());
            require(text.starts_with(&rule), || format!("`{text}` instead of `{rule}`"))?;
            let named = !inputs.is_empty();
            require(!named || text.contains("laws/mod.rs:"), || {
                format!("`{text}` does not name the caller's file")
            })?;
            require(text.contains(&*op.name()), || format!("`{text}` does not name {}", op.name()))?;
            let further = (y.exp() * 2.0 + &inputs.first().cloned().unwrap_or_else(|| 1.0.into())).sum_all();
            for result in [further.to_f64().map(drop), traced.map(drop), gradients.map(drop)] {
                let carried = result.err().map(|error| error.to_string());
                let same = carried.as_ref().is_some_and(|carried| *carried == text);
                require(same, || format!("{carried:?} instead of `{text}`"))?;
            }
            Ok(())
        }
    }
}

/// An attempt under `vmap` works if and only if it works for each row, and fails with the same words, which speak of
/// the shapes of one row.
///
/// # Errors
/// The first difference.
pub fn invalid_alike_in_a_map(attempt: &Attempt, device: &Device, tolerance: Tolerance) -> Outcome {
    let op = &attempt.op;
    let inputs = upload_all(device, &attempt.inputs).map_err(describe("upload"))?;
    let single = apply(op, &inputs);
    for subset in 1..1_usize << inputs.len().min(4) {
        let twice = |x: &HostTensor| device.upload(stack(&[x.clone(), x.clone()], &x.tensor_type()));
        let mapped: Result<Vec<Tensor>> =
            (0..inputs.len()).filter(|&i| contains(subset, i)).map(|i| twice(&attempt.inputs[i])).collect();
        let mapped = mapped.map_err(describe("upload"))?;
        let result = vmap(|row: &Vec<Tensor>| Ok(apply(op, &replaced(&inputs, subset, row))), &mapped);
        match (result, single.to_host()) {
            (Ok(y), Ok(row)) => {
                let y = y.to_host().map_err(describe("download"))?;
                let rows = stack(&[row.clone(), row.clone()], &row.tensor_type());
                compare(&y, &rows, tolerance).map_err(|reason| format!("rows of {subset:#b}: {reason}"))?;
            }
            (Err(mapped), Err(single)) => {
                let (mapped, single) = (mapped.kind().to_string(), single.kind().to_string());
                require(mapped == single, || {
                    format!("rows of {subset:#b}: `{mapped}` instead of `{single}`")
                })?;
            }
            (Ok(y), Err(error)) => return Err(format!("rows of {subset:#b} give {y:?}, alone: {error}")),
            (Err(error), Ok(_)) => return Err(format!("rows of {subset:#b}: {error}, alone it works")),
        }
    }
    Ok(())
}

/// An attempt, in the device's default float, works on a device as on the processor, or fails with the same words.
///
/// # Errors
/// The difference.
pub fn invalid_alike_on(attempt: &Attempt, device: &Device, tolerance: Tolerance) -> Outcome {
    let float = device.default_float();
    let case = Case::fixed(attempt.op.clone(), attempt.inputs.clone());
    let run = |on: &Device| apply(&case.op(float), &upload_all(on, &case.inputs(0, float))?).to_host();
    match (run(device), run(&Device::cpu())) {
        (Ok(actual), Ok(expected)) => compare(&actual, &expected, tolerance),
        (Err(actual), Err(expected)) if actual.kind().to_string() == expected.kind().to_string() => Ok(()),
        (actual, expected) => Err(format!("{actual:?} instead of {expected:?}")),
    }
}
