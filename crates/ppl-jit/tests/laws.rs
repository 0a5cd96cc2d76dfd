//! Every operation, its gradients and its maps over rows: compiled, they give what they give one after the other.

use ppl_jit::Compiler;
use ppl_suite::laws::TraceLaw;
use ppl_suite::{Case, Family, Tolerance, for_each_case};
use ppl_tensor::{DType, Device};

const CASES: u32 = 8;

fn check(family: Family, law: TraceLaw) {
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

ppl_suite::trace_tests!(check);
