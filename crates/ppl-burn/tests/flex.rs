//! burn's CPU backend is held to every law of the suite, in both floats, and fails as the processor does.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::invalid::{Attempt, attempts};
use ppl_suite::{Family, Outcome, Tolerance, compare, family_tests, for_each, for_each_case, laws};
use ppl_tensor::{DType, Device, HostTensor, Result, Tensor};

const CASES: u32 = 8;

fn every_law_in_double_precision(family: Family) {
    let device = ppl_burn::flex();
    for_each_case(family, CASES, |case| laws::all(case, &device, Tolerance::of(&device)));
}

fn every_law_in_single_precision(family: Family) {
    let device = ppl_burn::flex().float(DType::F32);
    for_each_case(family, CASES, |case| laws::all(case, &device, Tolerance::of(&device)));
}

/// What may not fit works on both devices, or fails with the same words. A panic of burn, caught, has other words.
fn errors_are_the_processors(family: Family) {
    let (device, cpu) = (ppl_burn::flex(), Device::cpu());
    for_each(&attempts(family), 20 * CASES, |attempt| same_outcome(attempt, &device, &cpu)).unwrap();
}

fn same_outcome(attempt: &Attempt, device: &Device, cpu: &Device) -> Outcome {
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

family_tests!(every_law_in_double_precision, every_law_in_single_precision, errors_are_the_processors);
