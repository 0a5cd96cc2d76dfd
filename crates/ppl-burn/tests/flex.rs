//! burn's CPU backend is held to every law of the suite, in both floats and with what a GPU lacks, and fails as the
//! processor does.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use burn_flex::{Flex, FlexDevice};
use ppl_burn::{BurnBackend, Profile};
use ppl_suite::invalid::attempts;
use ppl_suite::{Family, Tolerance, family_tests, for_each, for_each_case, laws};
use ppl_tensor::{DType, Device};

const CASES: u32 = 8;

fn every_law_in_double_precision(family: Family) {
    let device = ppl_burn::flex();
    for_each_case(family, CASES, |case| laws::all(case, &device, Tolerance::of(&device)));
}

fn every_law_in_single_precision(family: Family) {
    let device = ppl_burn::flex().float(DType::F32);
    for_each_case(family, CASES, |case| laws::all(case, &device, Tolerance::of(&device)));
}

/// Integers live on the host.
fn every_law_as_on_a_gpu(family: Family) {
    let device = Device::new(BurnBackend::<Flex>::new(FlexDevice, Profile::WGPU), DType::F32);
    for_each_case(family, CASES, |case| laws::all(case, &device, Tolerance::of(&device)));
}

/// A panic of burn, caught, has other words.
fn errors_are_the_processors(family: Family) {
    let device = ppl_burn::flex();
    let law = |attempt: &_| laws::invalid_alike_on(attempt, &device, Tolerance::of(&device));
    for_each(&attempts(family), 20 * CASES, law).unwrap();
}

family_tests!(
    every_law_in_double_precision,
    every_law_in_single_precision,
    every_law_as_on_a_gpu,
    errors_are_the_processors,
);
