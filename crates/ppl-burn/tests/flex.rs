//! burn's CPU backend agrees with the host in every operation, and with itself in maps, gradients and traces.

use ppl_suite::{Family, Outcome, Tolerance, compare, for_each, for_each_case, invalid, laws};
use ppl_tensor::{DType, Device, HostTensor, Result, Tensor};

const CASES: u32 = 32;

/// Both floats: the device, the processor, and how near they must be.
fn pairs() -> [(Device, Device, Tolerance); 2] {
    [DType::F64, DType::F32].map(|float| {
        let device = ppl_burn::flex().float(float);
        let tolerance = Tolerance::of(&device);
        (device, Device::cpu().float(float), tolerance)
    })
}

/// An attempt that may not fit works on both devices, or fails with the same words. (A panic of burn, caught, has
/// other words.)
fn same_outcome(attempt: &invalid::Attempt, device: &Device, cpu: &Device) -> Outcome {
    let run = |on: &Device| -> Result<HostTensor> {
        let inputs = attempt.inputs.iter().map(|x| on.upload(x.clone())).collect::<Result<Vec<Tensor>>>()?;
        Tensor::apply(attempt.op.clone(), &inputs.iter().collect::<Vec<_>>()).to_host()
    };
    match (run(device), run(cpu)) {
        (Ok(actual), Ok(expected)) => compare(&actual, &expected, Tolerance::of(device)),
        (Err(actual), Err(expected)) if actual.kind().to_string() == expected.kind().to_string() => Ok(()),
        (actual, expected) => Err(format!("{actual:?} instead of {expected:?}")),
    }
}

macro_rules! families {
    ($($name:ident => $family:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn operations_and_gradients_are_the_processors() {
                for (device, cpu, tolerance) in pairs() {
                    for_each_case(Family::$family, CASES, |case| laws::same_on(case, &device, &cpu, tolerance));
                }
            }

            #[test]
            fn gradients_are_slopes() {
                let device = ppl_burn::flex();
                for_each_case(Family::$family, CASES, |case| laws::gradient_is_slope(case, &device));
            }

            #[test]
            fn maps_are_loops() {
                for (device, _, tolerance) in pairs() {
                    for_each_case(Family::$family, CASES, |case| {
                        laws::same_as_loop(case, &device, tolerance)?;
                        laws::gradients_of_a_map(case, &device, tolerance)
                    });
                }
            }

            #[test]
            fn traces_are_calls() {
                for (device, _, _) in pairs() {
                    for_each_case(Family::$family, CASES, |case| {
                        laws::same_as_eager(case, &device, Tolerance::EXACT)?;
                        laws::gradients_in_a_trace(case, &device, Tolerance::EXACT)
                    });
                }
            }

            #[test]
            fn errors_are_the_processors() {
                let (device, cpu) = (ppl_burn::flex(), Device::cpu());
                let attempts = invalid::attempts(Family::$family);
                for_each(&attempts, 4 * CASES, |attempt| same_outcome(attempt, &device, &cpu)).unwrap();
            }
        }
    )*};
}

families! {
    unary => Unary;
    binary => Binary;
    choice => Choice;
    layout => Layout;
    index => Index;
    reduction => Reduction;
    linear => Linear;
    random => Random;
    custom => Custom;
}
