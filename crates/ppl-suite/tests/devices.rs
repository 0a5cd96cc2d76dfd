//! Devices agree: 32-bit floats with 64-bit floats, and a device that has no 64-bit floats with the processor.

use ppl_suite::{Family, Narrow, Tolerance, family_tests, for_each_case, laws};
use ppl_tensor::{DType, Device, HostBackend};

const CASES: u32 = 40;

fn single_precision_is_double_precision_rounded(family: Family) {
    let (single, double) = (Device::cpu().float(DType::F32), Device::cpu());
    let tolerance = Tolerance::rounding(DType::F32);
    for_each_case(family, CASES, |case| laws::same_on(case, &single, &double, tolerance));
}

fn another_device_is_the_processor(family: Family) {
    let (other, cpu) = (Device::new(HostBackend, DType::F64), Device::cpu());
    for_each_case(family, CASES, |case| laws::same_on(case, &other, &cpu, Tolerance::EXACT));
}

fn nothing_needs_double_precision(family: Family) {
    let narrow = Device::new(Narrow, DType::F32);
    for_each_case(family, CASES / 4, |case| laws::all(case, &narrow, Tolerance::of(&narrow)));
}

family_tests!(
    single_precision_is_double_precision_rounded,
    another_device_is_the_processor,
    nothing_needs_double_precision,
);
