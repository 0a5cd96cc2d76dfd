//! A compiled program is the function it was traced from: for every operation, bit for bit.

use ppl_suite::{Family, Tolerance, for_each_case, laws};
use ppl_tensor::{DType, Device, HostBackend};

const CASES: u32 = 48;

fn device() -> Device {
    Device::new(HostBackend, DType::F64)
}

macro_rules! families {
    ($($name:ident => $family:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn a_program_is_its_function() {
                let device = device();
                for_each_case(Family::$family, CASES, |case| laws::same_as_eager(case, &device, Tolerance::EXACT));
            }

            #[test]
            fn gradients_in_a_program_are_those_outside() {
                let device = device();
                for_each_case(Family::$family, CASES, |case| laws::gradients_in_a_trace(case, &device, Tolerance::EXACT));
            }

            #[test]
            fn maps_in_a_program_are_those_outside() {
                let device = device();
                for_each_case(Family::$family, CASES, |case| laws::maps_in_a_trace(case, &device, Tolerance::EXACT));
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
