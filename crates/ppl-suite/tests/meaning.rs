//! Operations mean what their definitions say, in both floats.

use ppl_suite::{Family, Tolerance, family_tests, for_each_case, laws};
use ppl_tensor::{DType, Device};

const CASES: u32 = 64;

fn check(family: Family, float: DType) {
    let device = Device::cpu().float(float);
    let tolerance = Tolerance::rounding(float);
    // Functions of single elements are accurate in each; sums are in proportion to their largest terms.
    let tolerance = match family {
        Family::Unary | Family::Binary | Family::Choice | Family::Layout | Family::Index => {
            tolerance.of_each()
        }
        Family::Reduction | Family::Linear | Family::Loop | Family::Random | Family::Custom => tolerance,
    };
    for_each_case(family, CASES, |case| laws::same_as_definition(case, &device, tolerance));
}

fn in_double_precision(family: Family) {
    check(family, DType::F64);
}

fn in_single_precision(family: Family) {
    check(family, DType::F32);
}

family_tests!(in_double_precision, in_single_precision);
