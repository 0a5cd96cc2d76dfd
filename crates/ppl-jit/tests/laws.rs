//! Every operation, its gradients and its maps over rows: compiled, they give what they give one after the other.

use ppl_jit::Compiler;
use ppl_suite::laws::{self, Compile};
use ppl_suite::{Case, Family, Outcome, Tolerance, family_tests, for_each_case};
use ppl_tensor::{DType, Device};

const CASES: u32 = 8;

fn check(family: Family, law: fn(&Case, &Device, Tolerance, Compile<'_>) -> Outcome) {
    for float in [DType::F64, DType::F32] {
        let device = Device::cpu().float(float);
        for machine_code in [true, false] {
            let compiler = Compiler::new().machine_code(machine_code);
            let law = |case: &Case| {
                law(case, &device, Tolerance::rounding(float), &|traced| compiler.compile(traced))
                    .map_err(|reason| format!("{float}, machine code {machine_code}: {reason}"))
            };
            for_each_case(family, CASES, law);
        }
    }
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
