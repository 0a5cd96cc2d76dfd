//! Two devices agree.

use ppl_tensor::op::RandomKind;
use ppl_tensor::{DType, Device, HostTensor, Op, Result};

use super::{apply, download_all, gradients, upload_all};
use crate::cases::{Case, in_float};
use crate::compare::{Tolerance, compare_all};
use crate::runner::{Outcome, describe};

/// An operation and its gradients give on `device` what they give on `reference`, which may compute in a wider float.
///
/// Both compute with numbers that both can hold. Draws of different floats are different draws: they are compared on
/// devices of the same default float only.
///
/// # Errors
/// The first difference.
pub fn same_on(case: &Case, device: &Device, reference: &Device, tolerance: Tolerance) -> Outcome {
    let (float, wide) = (device.default_float(), reference.default_float());
    let draws = matches!(
        case.op_for(device),
        Op::Random { kind: RandomKind::Uniform(_) | RandomKind::Normal(_) | RandomKind::LogGamma, shape: _ }
    );
    if float != wide && draws {
        return Ok(());
    }
    let packed = |float: DType| match case.op(float) {
        Op::Scan(scan) => {
            Some(scan.input_types().iter().chain(scan.stacked_types()).any(|ty| ty.dtype == DType::I64))
        }
        _ => None,
    };
    if float != wide && packed(float) == Some(true) {
        // An integer takes more entries among narrow floats.
        return Ok(());
    }
    let narrowest = if float == wide { float } else { DType::F32 };
    let run = |on: &Device| -> Result<Vec<HostTensor>> {
        let inputs: Vec<HostTensor> =
            case.inputs(0, narrowest).iter().map(|x| widened(x, on.default_float())).collect();
        let (op, inputs) = (case.op_for(on), upload_all(on, &inputs)?);
        let mut results = vec![apply(&op, &inputs)];
        if case.has_gradient() {
            results.extend(gradients(&op, &inputs, on)?);
        }
        download_all(&results)
    };
    let actual = run(device).map_err(describe("the device"))?;
    let expected = run(reference).map_err(describe("the reference"))?;
    let expected: Vec<HostTensor> = expected.iter().map(|x| in_float(x, float)).collect();
    compare_all(&actual, &expected, tolerance)
}

fn widened(x: &HostTensor, float: DType) -> HostTensor {
    match (x.dtype(), float) {
        (DType::F32, DType::F64) => HostTensor::new(x.shape(), x.to_f64()).expect("as many values as before"),
        _ => x.clone(),
    }
}
