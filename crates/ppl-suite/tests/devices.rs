//! Devices agree: 32-bit floats with 64-bit floats, and a device that has no 64-bit floats with the processor.

use ppl_suite::{Family, Narrow, Tolerance, for_each_case, laws};
use ppl_tensor::{DType, Device, HostBackend};

const CASES: u32 = 48;

macro_rules! families {
    ($($name:ident => $family:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn single_precision_is_double_precision_rounded() {
                let (single, double) = (Device::cpu().float(DType::F32), Device::cpu());
                let tolerance = Tolerance::rounding(DType::F32);
                for_each_case(Family::$family, CASES, |case| laws::same_on(case, &single, &double, tolerance));
            }

            #[test]
            fn another_device_is_the_processor() {
                let (other, cpu) = (Device::new(HostBackend, DType::F64), Device::cpu());
                for_each_case(Family::$family, CASES, |case| laws::same_on(case, &other, &cpu, Tolerance::EXACT));
            }

            #[test]
            fn nothing_needs_double_precision() {
                let (narrow, single) = (Device::new(Narrow, DType::F32), Device::cpu().float(DType::F32));
                let tolerance = Tolerance::of(&narrow);
                for_each_case(Family::$family, CASES, |case| {
                    laws::same_on(case, &narrow, &single, Tolerance::EXACT)?;
                    laws::same_as_loop(case, &narrow, tolerance)?;
                    laws::gradients_of_a_map(case, &narrow, tolerance)?;
                    laws::gradients_in_a_trace(case, &narrow, Tolerance::EXACT)
                });
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
