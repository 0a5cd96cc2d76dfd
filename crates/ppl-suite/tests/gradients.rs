//! Gradients are slopes: for every operation, for inputs used several times, and for gradients of gradients.

use ppl_suite::{Family, family_tests, for_each_case, laws};
use ppl_tensor::{DType, Device, HostBackend};

const CASES: u32 = 64;

/// A device of its own, so that a rule which makes constants on `Device::cpu()` fails.
fn device() -> Device {
    Device::new(HostBackend, DType::F64)
}

fn gradients_are_slopes(family: Family) {
    let device = device();
    for_each_case(family, CASES, |case| laws::gradient_is_slope(case, &device));
}

fn shared_inputs_add_up(family: Family) {
    let device = device();
    for_each_case(family, CASES, |case| laws::shared_inputs_add_up(case, &device));
}

fn second_derivatives_are_slopes(family: Family) {
    let device = device();
    for_each_case(family, CASES, |case| laws::second_derivatives_are_slopes(case, &device));
}

family_tests!(gradients_are_slopes, shared_inputs_add_up, second_derivatives_are_slopes);
