//! What a random search seldom meets: NaN, infinities, both zeros, the ends of the integers, no elements, long sums.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use burn_flex::{Flex, FlexDevice};
use ppl_burn::{Buffer, BurnBackend, runs_natively};
use ppl_tensor::op::{Binary, Compare, Gather, Pad, Reduction, ScatterAdd, Slice, Unary};
use ppl_tensor::{Backend, DType, HostBackend, HostTensor, Op, Result, TensorType};

type Burn = BurnBackend<Flex>;

fn burn() -> Burn {
    BurnBackend::new(FlexDevice)
}

/// The result on a backend, of the type the rule says.
fn run_on<B: Backend>(backend: &B, op: &Op, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let types: Vec<TensorType> = inputs.iter().map(|x| x.tensor_type()).collect();
    let output = op.output_type(&types.iter().collect::<Vec<_>>())?;
    let buffers = inputs.iter().map(|&x| backend.upload(x.clone())).collect::<Result<Vec<_>>>()?;
    let result = backend.download(&backend.run(op, &buffers.iter().collect::<Vec<_>>(), &output)?)?;
    assert_eq!(result.tensor_type(), output, "{op:?}");
    Ok(result)
}

/// Every entry is the host's, to a few roundings of that entry; NaN only where the host has it.
#[track_caller]
fn agree(op: &Op, inputs: &[&HostTensor]) {
    let (actual, expected) =
        (run_on(&burn(), op, inputs).unwrap(), run_on(&HostBackend, op, inputs).unwrap());
    let rounding = if expected.dtype() == DType::F32 { 1e-6 } else { 1e-14 };
    for (i, (a, b)) in actual.to_f64().iter().zip(expected.to_f64()).enumerate() {
        let same = *a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= rounding * b.abs();
        assert!(same, "{op:?}, entry {i}: {a:e} instead of {b:e}");
    }
}

const SPECIAL: [f64; 17] = [
    f64::NAN,
    f64::NEG_INFINITY,
    -1e300,
    -740.0,
    -2.0,
    -1.5,
    -1e-30,
    -0.0,
    0.0,
    1e-30,
    0.5,
    1.0,
    2.0,
    3.0,
    740.0,
    1e300,
    f64::INFINITY,
];

const INTEGERS: [i64; 9] = [i64::MIN, i64::MIN + 1, -7, -1, 0, 1, 2, 7, i64::MAX];

fn vector(values: &[f64]) -> [HostTensor; 2] {
    let narrow = values.iter().map(|&x| x as f32).collect();
    [
        HostTensor::new([values.len()], values.to_vec()).unwrap(),
        HostTensor::new([values.len()], narrow).unwrap(),
    ]
}

/// Every pair of the entries of a vector.
fn pairs(x: &HostTensor) -> [HostTensor; 2] {
    let n = x.shape()[0];
    [x.reshaped([n, 1]).unwrap(), x.reshaped([1, n]).unwrap()]
}

fn integers(values: &[i64]) -> HostTensor {
    HostTensor::new([values.len()], values.to_vec()).unwrap()
}

fn truths(values: &[bool]) -> HostTensor {
    HostTensor::new([values.len()], values.to_vec()).unwrap()
}

const COMPARISONS: [Compare; 6] =
    [Compare::Eq, Compare::Ne, Compare::Lt, Compare::Le, Compare::Gt, Compare::Ge];

const ARITHMETIC: [Binary; 8] =
    [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Rem, Binary::Pow, Binary::Max, Binary::Min];

#[test]
fn special_floats() {
    let functions = [
        Unary::Neg,
        Unary::Abs,
        Unary::Sign,
        Unary::Floor,
        Unary::Reciprocal,
        Unary::Sqrt,
        Unary::Exp,
        Unary::Expm1,
        Unary::Log,
        Unary::Log1p,
        Unary::Sin,
        Unary::Cos,
        Unary::Asin,
        Unary::Acos,
        Unary::Atan,
        Unary::Sinh,
        Unary::Cosh,
        Unary::Tanh,
        Unary::Asinh,
        Unary::Acosh,
        Unary::Atanh,
        Unary::Sigmoid,
        Unary::Softplus,
        Unary::Erf,
        Unary::Erfc,
        Unary::Erfinv,
        Unary::LnGamma,
        Unary::Polygamma(0),
        Unary::Polygamma(1),
        Unary::IsFinite,
    ];
    for x in vector(&SPECIAL) {
        for kind in functions {
            agree(&Op::Unary(kind), &[&x]);
        }
        let [rows, columns] = pairs(&x);
        for kind in ARITHMETIC {
            agree(&Op::Binary(kind), &[&rows, &columns]);
        }
        for kind in COMPARISONS {
            agree(&Op::Compare(kind), &[&rows, &columns]);
        }
        for dtype in [DType::F64, DType::F32, DType::I64, DType::Bool] {
            agree(&Op::Cast(dtype), &[&x]);
        }
    }
}

#[test]
fn ends_of_the_integers() {
    let x = integers(&INTEGERS);
    for kind in [Unary::Neg, Unary::Abs, Unary::Sign] {
        agree(&Op::Unary(kind), &[&x]);
    }
    let [rows, columns] = pairs(&x);
    for kind in ARITHMETIC {
        agree(&Op::Binary(kind), &[&rows, &columns]);
    }
    for kind in COMPARISONS {
        agree(&Op::Compare(kind), &[&rows, &columns]);
    }
    for dtype in [DType::F64, DType::F32, DType::I64, DType::Bool] {
        agree(&Op::Cast(dtype), &[&x]);
        agree(&Op::Cast(dtype), &[&truths(&[true, false])]);
    }
    let ends = integers(&[i64::MAX, 1, i64::MAX]);
    agree(&Op::Reduce { kind: Reduction::Sum, axes: [0].into_iter().collect() }, &[&ends]);
    agree(&Op::CumulativeSum { axis: 0, reverse: true }, &[&ends]);
    let [rows, columns] = pairs(&truths(&[false, true]));
    for kind in COMPARISONS {
        agree(&Op::Compare(kind), &[&rows, &columns]);
    }
}

#[test]
fn extremes_ties_and_running_sums() {
    let nan = f64::NAN;
    for x in vector(&[1.0, 3.0, 3.0, nan, 5.0, nan, -0.0, 0.0, f64::INFINITY, 2.0, 2.0, f64::NEG_INFINITY]) {
        for shape in [[12, 1], [4, 3], [3, 4], [1, 12]] {
            let x = x.reshaped(shape).unwrap();
            for axis in 0..2 {
                agree(&Op::ArgMax { axis }, &[&x]);
                agree(&Op::CumulativeSum { axis, reverse: false }, &[&x]);
                agree(&Op::CumulativeSum { axis, reverse: true }, &[&x]);
                for kind in [Reduction::Max, Reduction::Min, Reduction::Sum] {
                    agree(&Op::Reduce { kind, axes: [axis].into_iter().collect() }, &[&x]);
                }
            }
        }
    }
    agree(&Op::ArgMax { axis: 0 }, &[&integers(&[1, 4, 4, 2])]);
}

#[test]
fn long_sums_are_as_accurate_as_the_hosts() {
    let count = 300_007;
    let values: Vec<f32> = (0..count).map(|i| 0.1 + (i % 7) as f32 * 1e-3).collect();
    let exact: f64 = values.iter().map(|&x| f64::from(x)).sum();
    let x = HostTensor::new([count], values).unwrap();
    let sum = Op::Reduce { kind: Reduction::Sum, axes: [0].into_iter().collect() };
    let found = run_on(&burn(), &sum, &[&x]).unwrap().to_f64()[0];
    assert!((found / exact - 1.0).abs() < 2e-6, "{found} instead of {exact}");
    // Along the first of two dimensions, with and without a rest.
    for rows in [256, 300, 1000] {
        let values: Vec<f64> = (0..rows * 3).map(|i| 1.5 + (i as f64).sin()).collect();
        agree(&sum, &[&HostTensor::new([rows, 3], values).unwrap()]);
    }
}

#[test]
fn nothing_to_work_on() {
    let none = |shape: &[usize]| HostTensor::full(shape, 1.0_f64);
    let falsehoods = HostTensor::full([0, 2], false);
    agree(&Op::Unary(Unary::Exp), &[&none(&[0, 2])]);
    agree(&Op::Binary(Binary::Add), &[&none(&[0, 2]), &none(&[1, 1])]);
    agree(&Op::Matmul, &[&none(&[2, 0]), &none(&[0, 3])]);
    agree(&Op::Matmul, &[&none(&[0, 2]), &none(&[2, 3])]);
    agree(&Op::Concat { axis: 0 }, &[&none(&[0, 2]), &none(&[1, 2]), &none(&[0, 2])]);
    agree(&Op::Pad(Pad { axis: 0, before: 1, after: 2, interior: 3 }), &[&none(&[0, 2])]);
    agree(&Op::Slice(Slice { axis: 0, start: 1, end: 1, step: 1 }), &[&none(&[2, 2])]);
    agree(&Op::Slice(Slice { axis: 0, start: 0, end: 2, step: usize::MAX }), &[&none(&[2, 2])]);
    for (kind, x) in
        [(Reduction::Sum, none(&[0, 2])), (Reduction::All, falsehoods.clone()), (Reduction::Any, falsehoods)]
    {
        agree(&Op::Reduce { kind, axes: [0].into_iter().collect() }, &[&x]);
        agree(&Op::Reduce { kind, axes: [0, 1].into_iter().collect() }, &[&x]);
        agree(&Op::Reduce { kind, axes: [1].into_iter().collect() }, &[&x]);
    }
    agree(&Op::ArgMax { axis: 1 }, &[&none(&[0, 2])]);
    agree(&Op::CumulativeSum { axis: 0, reverse: true }, &[&none(&[0, 2])]);
    agree(&Op::Gather(Gather { axis: 0, batch: 0 }), &[&none(&[2, 2]), &integers(&[])]);
    agree(&Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 3 }), &[&none(&[0, 2]), &integers(&[])]);
}

#[test]
fn scalars_keep_their_rank() {
    let (x, y) = (HostTensor::scalar(2.0), HostTensor::new([1, 1], vec![3.0]).unwrap());
    agree(&Op::Unary(Unary::Exp), &[&x]);
    agree(&Op::Binary(Binary::Mul), &[&x, &x]);
    agree(&Op::Binary(Binary::Mul), &[&x, &y]);
    agree(&Op::Select, &[&HostTensor::scalar(true), &x, &y]);
    agree(&Op::Broadcast([2, 3].into()), &[&x]);
    agree(&Op::Broadcast([0].into()), &[&x]);
    agree(&Op::Reshape([1, 1].into()), &[&x]);
    agree(&Op::Reshape([0_usize; 0].into()), &[&y]);
    agree(&Op::Permute(Default::default()), &[&x]);
    agree(&Op::Reduce { kind: Reduction::Sum, axes: [0, 1].into_iter().collect() }, &[&y]);
    agree(&Op::Gather(Gather { axis: 0, batch: 0 }), &[&integers(&[4, 5]), &HostTensor::scalar(1_i64)]);
}

#[test]
fn indices_are_checked() {
    let x = HostTensor::full([5, 2], 1.0_f64);
    let gather = Op::Gather(Gather { axis: 0, batch: 0 });
    let error = |op: &Op, inputs: &[&HostTensor]| run_on(&burn(), op, inputs).unwrap_err().to_string();
    assert_eq!(error(&gather, &[&x, &integers(&[4, 7, 9])]), "gather: index 7 is outside 0..5");
    assert_eq!(error(&gather, &[&x, &integers(&[-1])]), "gather: index -1 is outside 0..5");
    assert_eq!(
        error(&gather, &[&HostTensor::full([0, 2], 1.0_f64), &integers(&[0])]),
        "gather: index 0 is outside 0..0"
    );
    let scatter = Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 3 });
    assert_eq!(
        error(&scatter, &[&HostTensor::full([1], 1.0_f64), &integers(&[3])]),
        "scatter_add: index 3 is outside 0..3"
    );

    // Known to fit one array, the indices are still checked against another; a reshaped copy shares the knowledge.
    let backend = burn();
    let [long, short] = [5, 4].map(|size| backend.upload(HostTensor::full([size], 1.0_f64)).unwrap());
    let indices = backend.upload(integers(&[4, 0])).unwrap();
    let taken = TensorType::new(DType::F64, [2]);
    let table = TensorType::new(DType::I64, [2, 1]);
    for _ in 0..2 {
        backend.run(&gather, &[&long, &indices], &taken).unwrap();
        assert!(backend.run(&gather, &[&short, &indices], &taken).is_err());
        let indices = backend.run(&Op::Reshape(table.shape.clone()), &[&indices], &table).unwrap();
        let taken = TensorType::new(DType::F64, [2, 1]);
        backend.run(&gather, &[&long, &indices], &taken).unwrap();
        assert!(backend.run(&gather, &[&short, &indices], &taken).is_err());
    }
}

#[test]
fn what_the_rule_refuses_never_reaches_burn() {
    let backend = burn();
    let upload =
        |shape: &[usize]| -> Buffer<Flex> { backend.upload(HostTensor::full(shape, 1.0_f64)).unwrap() };
    let (x, y) = (upload(&[2, 3, 4]), upload(&[5, 4, 3]));
    let promised = TensorType::new(DType::F64, [5, 3, 3]);
    assert!(backend.run(&Op::Matmul, &[&x, &y], &promised).is_err());
    let error = backend.run(&Op::Unary(Unary::Exp), &[&x], &promised).unwrap_err();
    let expected = "exp: backend `burn-flex` failed: gives f64 [2, 3, 4] where f64 [5, 3, 3] was promised";
    assert_eq!(error.to_string(), expected);
    assert!(backend.run(&Op::Unary(Unary::Exp), &[], &promised).is_err());
}

/// Keeps what was logged.
struct Notes(Mutex<Vec<String>>);

impl log::Log for Notes {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn the_log_names_what_runs_on_the_host_once() {
    static NOTES: Notes = Notes(Mutex::new(Vec::new()));
    log::set_logger(&NOTES).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let (backend, ty) = (burn(), TensorType::new(DType::F64, [1]));
    let x = backend.upload(HostTensor::full([1], 2.5_f64)).unwrap();
    // No other test asks for this function.
    let (host, native) = (Op::Unary(Unary::Polygamma(5)), Op::Unary(Unary::Exp));
    assert!(!runs_natively(&host, DType::F64) && runs_natively(&native, DType::F64));
    for op in [&host, &native, &host] {
        backend.run(op, &[&x], &ty).unwrap();
    }
    let notes = NOTES.0.lock().unwrap();
    let found: Vec<&String> =
        notes.iter().filter(|note| note.contains("polygamma_5") || note.contains("exp")).collect();
    assert_eq!(found, ["`polygamma_5` runs on the host: burn-flex has no such operation"]);
}
