//! A mapped function is a loop: for every operation and every choice of mapped inputs.

use ppl_suite::{Family, Tolerance, for_each_case, laws};
use ppl_tensor::{DType, Device, HostBackend};

const CASES: u32 = 48;

fn device() -> (Device, Tolerance) {
    let device = Device::new(HostBackend, DType::F64);
    let tolerance = Tolerance::of(&device);
    (device, tolerance)
}

macro_rules! families {
    ($($name:ident => $family:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn a_map_is_a_loop() {
                let (device, tolerance) = device();
                for_each_case(Family::$family, CASES, |case| laws::same_as_loop(case, &device, tolerance));
            }

            #[test]
            fn nested_maps_are_nested_loops() {
                let (device, tolerance) = device();
                for_each_case(Family::$family, CASES, |case| laws::same_as_nested_loops(case, &device, tolerance));
            }

            #[test]
            fn gradients_in_a_map_are_those_in_a_loop() {
                let (device, tolerance) = device();
                for_each_case(Family::$family, CASES, |case| laws::gradients_in_a_map(case, &device, tolerance));
            }

            #[test]
            fn gradients_of_a_map_are_those_of_a_loop() {
                let (device, tolerance) = device();
                for_each_case(Family::$family, CASES, |case| laws::gradients_of_a_map(case, &device, tolerance));
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
