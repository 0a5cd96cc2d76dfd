//! Every operation of the table, compiled alone: it gives what the interpreter gives, and runs on the program's memory.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeSet;

use ppl_jit::Compiler;
use ppl_suite::graphs::agrees;
use ppl_suite::{Case, Family, family_tests, for_each_case};
use ppl_tensor::op::{RandomKind, Unary};
use ppl_tensor::{DType, Device, Error, Key, Op, Result, Tensor, scan, trace};

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

/// Numbers without pattern, many of them equal.
fn scattered(dtype: DType, shape: &[usize], seed: usize) -> Tensor {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|i| ((i * 7919 + seed * 104_729) % 211) as f64 / 53.0 - 1.5).collect();
    Tensor::new(shape, values).unwrap().cast(dtype)
}

/// Of what was recorded with one key and one array, for others: arrays that are not stored in the order in which they are read,
/// larger than those of cases, and parts of a loop.
#[test]
fn views_long_lines_and_turns_give_the_bits_of_the_operations() {
    let f = |args: &Vec<Tensor>| {
        let (x, dtype) = (&args[0], args[0].dtype());
        let keys = Key::from_tensor(args[1].clone());
        let one = Key::from_tensor(args[1].select_index(0, 0));
        let (rates, part) = (x.abs() * 9.0, Tensor::from([[0.25], [0.5], [1.0]]).cast(dtype));
        let integers = (x * 7.0).cast(DType::I64);
        let polygamma = Op::Unary(Unary::Polygamma(6));
        let (last, path) = scan(4, x, &(), |rows, ()| {
            let order = rows.t().argsort(0);
            let turn = one.fold_in(order.select_index(0, 1).select_index(0, 2));
            let next = rows.select_index(0, 0).at(order.select_index(1, 3).slice(0, 0..30) % 30_i64);
            let drawn = turn.log_gamma([40, 30], &(next.abs() + 1.0));
            let chosen = turn.subsample(1 << 33, 3);
            Ok::<_, Error>((
                drawn.clone(),
                (chosen, drawn.argmax(1), drawn.slice(0, 0..30).tril(0).cholesky()),
            ))
        })?;
        let (chosen, largest, factors) = path;
        Ok(vec![
            x.argsort(0),
            x.t().argsort(1),
            x.flatten().argsort(0),
            x.slice_by(1, 1..30, 3).argmax(0),
            integers.t().argsort(0),
            integers.argmax(1),
            integers.t().cumsum(1),
            integers.slice(1, 3..20).flip(0).cumsum(0),
            integers.linear_recurrence(&(&integers + 1_i64), 1),
            &integers % (integers.t().reshape([40, 30]) - 2_i64),
            integers.pow(&integers),
            keys.log_gamma([30], &x.slice(0, 3..6).abs()),
            keys.log_gamma([4], &part),
            one.poisson([30, 40], &rates.t()),
            keys.binomial([5], &Tensor::from(20.0).cast(dtype), &part),
            keys.subsample(1000, 20),
            keys.subsample(30, 20),
            keys.subsample(1 << 50, 1),
            Tensor::apply(polygamma, &[&(x.t() + 2.0)]),
            Tensor::apply(Op::SymmetricEigen, &[&x.slice(0, 0..30).t()]),
            last,
            chosen,
            largest,
            factors.is_finite(),
        ])
    };
    for (float, machine_code) in FLOATS.into_iter().flat_map(|float| [(float, true), (float, false)]) {
        let device = Device::cpu().float(float);
        let args = |seed: i64| {
            let keys = Tensor::from([seed, 5 - seed, i64::MIN + seed]);
            vec![scattered(float, &[40, 30], seed as usize), keys]
        };
        let compiler = Compiler::new().machine_code(machine_code);
        let program = compiler.compile(trace(&device, f, &args(1)).unwrap()).unwrap();
        assert!(!program.explain().contains("by the host backend"), "{}", program.explain());
        for seed in [1, 2] {
            let (found, wanted) = (program.run(&args(seed)).unwrap(), f(&args(seed)).unwrap());
            for (number, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
                assert_eq!(found.dtype(), wanted.dtype());
                assert!(bits(found) == bits(wanted), "{float} {number}: {found:?} instead of {wanted:?}");
            }
        }
    }
}
