//! A compiled program is the function it was traced from: for every operation, bit for bit.

use ppl_suite::laws::TraceLaw;
use ppl_suite::{Family, Tolerance, for_each_case};
use ppl_tensor::{DType, Device, HostBackend, compile};

const CASES: u32 = 40;

fn check(family: Family, law: TraceLaw) {
    let device = Device::new(HostBackend, DType::F64);
    for_each_case(family, CASES, |case| law(case, &device, Tolerance::EXACT, &compile));
}

ppl_suite::trace_tests!(check);
