//! A mapped function is a loop: for every operation and every choice of mapped inputs.

use ppl_suite::{Case, Family, Outcome, Tolerance, family_tests, for_each_case, laws};
use ppl_tensor::{DType, Device, HostBackend};

const CASES: u32 = 40;

fn check(family: Family, law: fn(&Case, &Device, Tolerance) -> Outcome) {
    let device = Device::new(HostBackend, DType::F64);
    for_each_case(family, CASES, |case| law(case, &device, Tolerance::of(&device)));
}

fn a_map_is_a_loop(family: Family) {
    check(family, laws::same_as_loop);
}

fn nested_maps_are_nested_loops(family: Family) {
    check(family, laws::same_as_nested_loops);
}

fn gradients_in_a_map_are_those_in_a_loop(family: Family) {
    check(family, laws::gradients_in_a_map);
}

fn gradients_of_a_map_are_those_of_a_loop(family: Family) {
    check(family, laws::gradients_of_a_map);
}

family_tests!(
    a_map_is_a_loop,
    nested_maps_are_nested_loops,
    gradients_in_a_map_are_those_in_a_loop,
    gradients_of_a_map_are_those_of_a_loop,
);
