//! Gradients are slopes: for every operation, for inputs used several times, and for gradients of gradients.

use ppl_suite::{Family, for_each_case, laws};
use ppl_tensor::{DType, Device, HostBackend};

const CASES: u32 = 64;

/// A device of its own, so that a rule which makes constants on `Device::cpu()` fails.
fn device() -> Device {
    Device::new(HostBackend, DType::F64)
}

macro_rules! families {
    ($($name:ident => $family:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn gradients_are_slopes() {
                let device = device();
                for_each_case(Family::$family, CASES, |case| laws::gradient_is_slope(case, &device));
            }

            #[test]
            fn shared_inputs_add_up() {
                let device = device();
                for_each_case(Family::$family, CASES, |case| laws::shared_inputs_add_up(case, &device));
            }

            #[test]
            fn second_derivatives_are_slopes() {
                let device = device();
                for_each_case(Family::$family, CASES, |case| laws::second_derivatives_are_slopes(case, &device));
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
