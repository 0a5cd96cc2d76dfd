//! Operations with parameters and inputs that do not fit are errors, the same ones under a map, and never panics.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::invalid::attempts;
use ppl_suite::{Family, Tolerance, family_tests, for_each, laws};
use ppl_tensor::{DType, Device, HostBackend};

const ATTEMPTS: u32 = 1000;

fn what_does_not_fit_is_carried(family: Family) {
    let device = Device::new(HostBackend, DType::F64);
    for_each(&attempts(family), ATTEMPTS, |attempt| laws::invalid_is_carried(attempt, &device)).unwrap();
}

fn what_does_not_fit_alone_does_not_fit_in_a_map(family: Family) {
    let device = Device::new(HostBackend, DType::F64);
    let tolerance = Tolerance::of(&device);
    for_each(&attempts(family), ATTEMPTS, |attempt| {
        laws::invalid_alike_in_a_map(attempt, &device, tolerance)
    })
    .unwrap();
}

family_tests!(what_does_not_fit_is_carried, what_does_not_fit_alone_does_not_fit_in_a_map);
