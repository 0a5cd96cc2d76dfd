//! A compiled program is the function it was traced from: for every operation, bit for bit.

use ppl_suite::laws::{self, Compile};
use ppl_suite::{Case, Family, Outcome, Tolerance, family_tests, for_each_case};
use ppl_tensor::{DType, Device, HostBackend, compile};

const CASES: u32 = 40;

fn check(family: Family, law: fn(&Case, &Device, Tolerance, Compile<'_>) -> Outcome) {
    let device = Device::new(HostBackend, DType::F64);
    for_each_case(family, CASES, |case| law(case, &device, Tolerance::EXACT, &compile));
}

fn a_program_is_its_function(family: Family) {
    check(family, laws::same_as_eager);
}

fn gradients_in_a_program_are_those_outside(family: Family) {
    check(family, laws::gradients_in_a_trace);
}

fn maps_in_a_program_are_those_outside(family: Family) {
    check(family, laws::maps_in_a_trace);
}

family_tests!(
    a_program_is_its_function,
    gradients_in_a_program_are_those_outside,
    maps_in_a_program_are_those_outside,
);
