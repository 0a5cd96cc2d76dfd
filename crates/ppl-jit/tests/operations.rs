//! Every operation of the table, compiled alone: it gives what the interpreter gives, and runs on the program's memory.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;

use ppl_jit::Compiler;
use ppl_suite::graphs::agrees;
use ppl_suite::{Case, Family, family_tests, for_each_case};
use ppl_tensor::op::{RandomKind, Unary};
use ppl_tensor::{DType, Device, Op, Result, Tensor, trace};

const FLOATS: [DType; 2] = [DType::F64, DType::F32];

/// The operation as a function of all its inputs.
fn function(case: &Case, float: DType) -> impl Fn(&Vec<Tensor>) -> Result<Vec<Tensor>> {
    let op = case.op(float);
    move |args| Ok(vec![Tensor::apply(op.clone(), &args.iter().collect::<Vec<_>>())])
}

/// Whether a compiled operation gives the bits of the operation itself: it moves elements, or is the same function.
fn is_exact(op: &Op, result: DType) -> bool {
    match op {
        Op::Unary(kind) => matches!(kind, Unary::Polygamma(3..)),
        Op::Random { kind, .. } => !matches!(kind, RandomKind::Uniform(_) | RandomKind::Normal(_)),
        Op::SymmetricEigen => true,
        _ => !result.is_float(),
    }
}

fn bits(x: &Tensor) -> Vec<u64> {
    // Which NaN it is says nothing.
    x.to_f64().unwrap().into_iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
}

fn gives_what_the_interpreter_gives(family: Family) {
    for_each_case(family, 25, |case| {
        for (float, machine_code) in FLOATS.into_iter().flat_map(|float| [(float, true), (float, false)]) {
            let device = Device::cpu().float(float);
            let [first, second] = [0, 1].map(|set| case.upload(set, &device).unwrap());
            let compiler = Compiler::new().machine_code(machine_code);
            let f = function(case, float);
            agrees(&device, &f, &first, &second, &|traced, args| {
                let found = compiler.compile(traced)?.run(args)?;
                let wanted = f(args)?;
                if is_exact(&case.op(float), wanted[0].dtype()) {
                    assert_eq!(bits(&found[0]), bits(&wanted[0]), "{case:?}");
                }
                Ok(found)
            })?;
        }
        Ok(())
    });
}

family_tests!(gives_what_the_interpreter_gives);

/// What runs on the host backend, which makes arrays: what users define, by functions of theirs that take and give arrays.
#[test]
fn nothing_is_left_to_the_host_backend_but_what_users_define() {
    let found = RefCell::new(BTreeSet::new());
    for &family in Family::ALL {
        for_each_case(family, 40, |case| {
            for float in FLOATS {
                let device = Device::cpu().float(float);
                let args = case.upload(0, &device).map_err(|error| error.to_string())?;
                let traced =
                    trace(&device, function(case, float), &args).map_err(|error| error.to_string())?;
                let program = Compiler::new().machine_code(false).compile(traced);
                let plan = program.map_err(|error| error.to_string())?.explain();
                if plan.contains("by the host backend") {
                    found.borrow_mut().insert(case.op(float).name().into_owned());
                }
            }
            Ok(())
        });
    }
    assert_eq!(found.into_inner().into_iter().collect::<Vec<_>>(), ["hypotenuse", "inner"]);
}
