//! Operations with parameters and inputs that do not fit are errors, the same ones under a map, and never panics.

use ppl_suite::invalid::attempts;
use ppl_suite::{Family, Tolerance, for_each, laws};
use ppl_tensor::{DType, Device, HostBackend};

const ATTEMPTS: u32 = 1000;

fn device() -> Device {
    Device::new(HostBackend, DType::F64)
}

macro_rules! families {
    ($($name:ident => $family:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn what_does_not_fit_is_carried() {
                let device = device();
                for_each(&attempts(Family::$family), ATTEMPTS, |attempt| laws::invalid_is_carried(attempt, &device)).unwrap();
            }

            #[test]
            fn what_does_not_fit_alone_does_not_fit_in_a_map() {
                let device = device();
                let tolerance = Tolerance::of(&device);
                for_each(&attempts(Family::$family), ATTEMPTS, |attempt| {
                    laws::invalid_alike_in_a_map(attempt, &device, tolerance)
                })
                .unwrap();
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
