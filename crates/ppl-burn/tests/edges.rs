//! What a random search seldom meets: NaN, infinities, both zeros, the ends of the integers, no elements, long sums.

#![cfg(any(feature = "flex", feature = "wgpu"))]
// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "flex")]
use burn_flex::{Flex, FlexDevice};
#[cfg(feature = "flex")]
use ppl_burn::{BurnBackend, Profile};
use ppl_suite::cases::{all_comparisons, all_unary};
use ppl_tensor::op::{Binary, Gather, Pad, Reduction, ScatterAdd, Slice, Unary};
use ppl_tensor::{DType, Device, HostTensor, Op, Result, Tensor};

/// The devices of the features, one for each of their floats.
fn devices() -> Vec<Device> {
    let all = [
        #[cfg(feature = "flex")]
        ppl_burn::flex(),
        #[cfg(feature = "flex")]
        ppl_burn::flex().float(DType::F32),
        // Without a GPU, what is done where one lacks something.
        #[cfg(feature = "flex")]
        Device::new(BurnBackend::<Flex>::new(FlexDevice, Profile::WGPU), DType::F32),
        #[cfg(feature = "wgpu")]
        ppl_burn::wgpu().unwrap(),
    ];
    all.into()
}

/// How far a function of floats may be from the host's, relative to its value: a few roundings. The least that Vulkan
/// demands of `log` is an error of 2⁻²¹ where the value is 0.22, and of `exp` three roundings and two for each unit of its
/// argument.
fn rounding(device: &Device) -> f64 {
    match (device.name(), device.default_float()) {
        ("burn-wgpu", _) => 5e-6,
        (_, DType::F32) => 1e-6,
        _ => 1e-14,
    }
}

fn run_on(device: &Device, op: &Op, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let inputs = inputs.iter().map(|&x| device.upload(x.clone())).collect::<Result<Vec<Tensor>>>()?;
    Tensor::apply(op.clone(), &inputs.iter().collect::<Vec<_>>()).to_host()
}

/// Every entry is the host's, to a few roundings of that entry; NaN only where the host has it.
#[track_caller]
fn agree(device: &Device, op: &Op, inputs: &[&HostTensor]) {
    let (actual, expected) =
        (run_on(device, op, inputs).unwrap(), run_on(&Device::cpu(), op, inputs).unwrap());
    assert_eq!(actual.tensor_type(), expected.tensor_type(), "{op:?} on {device:?}");
    for (i, (a, b)) in actual.to_f64().iter().zip(expected.to_f64()).enumerate() {
        let same = *a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= rounding(device) * b.abs();
        assert!(same, "{op:?} on {device:?}, entry {i}: {a:e} instead of {b:e}");
    }
}

/// Floats of a device.
fn floats(device: &Device, shape: &[usize], values: &[f64]) -> HostTensor {
    match device.default_float() {
        DType::F32 => HostTensor::new(shape, values.iter().map(|&x| x as f32).collect()).unwrap(),
        _ => HostTensor::new(shape, values.to_vec()).unwrap(),
    }
}

/// The dtypes of a device.
fn dtypes(device: &Device) -> Vec<DType> {
    let all = [DType::F64, DType::F32, DType::I64, DType::Bool];
    all.into_iter().filter(|&dtype| dtype != DType::F64 || device.name() != "burn-wgpu").collect()
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

/// On both sides of the bounds between formulas.
const MODERATE: [f64; 16] =
    [-4.0, -0.9, -0.51, -0.49, -0.26, -0.24, -0.1, -1e-3, -1e-6, 1e-6, 1e-3, 0.1, 0.24, 0.26, 0.49, 0.51];

const INTEGERS: [i64; 9] = [i64::MIN, i64::MIN + 1, -7, -1, 0, 1, 2, 7, i64::MAX];

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

const ARITHMETIC: [Binary; 8] =
    [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Rem, Binary::Pow, Binary::Max, Binary::Min];

#[test]
fn special_floats() {
    let functions = || all_unary().iter().filter(|&&kind| kind != Unary::Not);
    for device in &devices() {
        let x = floats(device, &[SPECIAL.len()], &SPECIAL);
        for &kind in functions() {
            agree(device, &Op::Unary(kind), &[&x]);
            agree(device, &Op::Unary(kind), &[&floats(device, &[MODERATE.len()], &MODERATE)]);
        }
        let [rows, columns] = pairs(&x);
        for kind in ARITHMETIC {
            agree(device, &Op::Binary(kind), &[&rows, &columns]);
        }
        for &kind in all_comparisons() {
            agree(device, &Op::Compare(kind), &[&rows, &columns]);
        }
        for dtype in dtypes(device) {
            agree(device, &Op::Cast(dtype), &[&x]);
        }
    }
}

#[test]
fn ends_of_the_integers() {
    for device in &devices() {
        let x = integers(&INTEGERS);
        for kind in [Unary::Neg, Unary::Abs, Unary::Sign] {
            agree(device, &Op::Unary(kind), &[&x]);
        }
        let [rows, columns] = pairs(&x);
        for kind in ARITHMETIC {
            agree(device, &Op::Binary(kind), &[&rows, &columns]);
        }
        for &kind in all_comparisons() {
            agree(device, &Op::Compare(kind), &[&rows, &columns]);
        }
        for dtype in dtypes(device) {
            agree(device, &Op::Cast(dtype), &[&x]);
            agree(device, &Op::Cast(dtype), &[&truths(&[true, false])]);
        }
        let ends = integers(&[i64::MAX, 1, i64::MAX]);
        agree(device, &Op::Reduce { kind: Reduction::Sum, axes: [0].into_iter().collect() }, &[&ends]);
        agree(device, &Op::CumulativeSum { axis: 0, reverse: true }, &[&ends]);
        let [rows, columns] = pairs(&truths(&[false, true]));
        for &kind in all_comparisons() {
            agree(device, &Op::Compare(kind), &[&rows, &columns]);
        }
    }
}

#[test]
fn extremes_ties_and_running_sums() {
    let nan = f64::NAN;
    let values = [1.0, 3.0, 3.0, nan, 5.0, nan, -0.0, 0.0, f64::INFINITY, 2.0, 2.0, f64::NEG_INFINITY];
    for device in &devices() {
        for shape in [[12, 1], [4, 3], [3, 4], [1, 12]] {
            let x = floats(device, &shape, &values);
            for axis in 0..2 {
                agree(device, &Op::ArgMax { axis }, &[&x]);
                agree(device, &Op::CumulativeSum { axis, reverse: false }, &[&x]);
                agree(device, &Op::CumulativeSum { axis, reverse: true }, &[&x]);
                for kind in [Reduction::Max, Reduction::Min, Reduction::Sum] {
                    agree(device, &Op::Reduce { kind, axes: [axis].into_iter().collect() }, &[&x]);
                }
            }
        }
        agree(device, &Op::ArgMax { axis: 0 }, &[&integers(&[1, 4, 4, 2])]);
    }
}

#[test]
fn long_sums_are_as_accurate_as_the_hosts() {
    let sum = Op::Reduce { kind: Reduction::Sum, axes: [0].into_iter().collect() };
    let count = 300_007;
    let values: Vec<f32> = (0..count).map(|i| 0.1 + (i % 7) as f32 * 1e-3).collect();
    let exact: f64 = values.iter().map(|&x| f64::from(x)).sum();
    let x = HostTensor::new([count], values).unwrap();
    for device in &devices() {
        let found = run_on(device, &sum, &[&x]).unwrap().to_f64()[0];
        assert!((found / exact - 1.0).abs() < 2e-6, "{found} instead of {exact} on {device:?}");
        // Along the first of two dimensions, with and without a rest.
        for rows in [256, 300, 1000] {
            let values: Vec<f64> = (0..rows * 3).map(|i| 1.5 + (i as f64).sin()).collect();
            agree(device, &sum, &[&floats(device, &[rows, 3], &values)]);
        }
    }
}

#[test]
fn nothing_to_work_on() {
    for device in &devices() {
        let none = |shape: &[usize]| HostTensor::full_as(device.default_float(), shape, 1.0);
        let falsehoods = HostTensor::full([0, 2], false);
        agree(device, &Op::Unary(Unary::Exp), &[&none(&[0, 2])]);
        agree(device, &Op::Binary(Binary::Add), &[&none(&[0, 2]), &none(&[1, 1])]);
        agree(device, &Op::Matmul, &[&none(&[2, 0]), &none(&[0, 3])]);
        agree(device, &Op::Matmul, &[&none(&[0, 2]), &none(&[2, 3])]);
        agree(device, &Op::Concat { axis: 0 }, &[&none(&[0, 2]), &none(&[1, 2]), &none(&[0, 2])]);
        agree(device, &Op::Pad(Pad { axis: 0, before: 1, after: 2, interior: 3 }), &[&none(&[0, 2])]);
        agree(device, &Op::Slice(Slice { axis: 0, start: 1, end: 1, step: 1 }), &[&none(&[2, 2])]);
        agree(device, &Op::Slice(Slice { axis: 0, start: 0, end: 2, step: usize::MAX }), &[&none(&[2, 2])]);
        for (kind, x) in [
            (Reduction::Sum, none(&[0, 2])),
            (Reduction::All, falsehoods.clone()),
            (Reduction::Any, falsehoods),
        ] {
            agree(device, &Op::Reduce { kind, axes: [0].into_iter().collect() }, &[&x]);
            agree(device, &Op::Reduce { kind, axes: [0, 1].into_iter().collect() }, &[&x]);
            agree(device, &Op::Reduce { kind, axes: [1].into_iter().collect() }, &[&x]);
        }
        agree(device, &Op::ArgMax { axis: 1 }, &[&none(&[0, 2])]);
        agree(device, &Op::CumulativeSum { axis: 0, reverse: true }, &[&none(&[0, 2])]);
        agree(device, &Op::Gather(Gather { axis: 0, batch: 0 }), &[&none(&[2, 2]), &integers(&[])]);
        agree(
            device,
            &Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 3 }),
            &[&none(&[0, 2]), &integers(&[])],
        );
    }
}

#[test]
fn scalars_keep_their_rank() {
    for device in &devices() {
        let (x, y) = (floats(device, &[], &[2.0]), floats(device, &[1, 1], &[3.0]));
        agree(device, &Op::Unary(Unary::Exp), &[&x]);
        agree(device, &Op::Binary(Binary::Mul), &[&x, &x]);
        agree(device, &Op::Binary(Binary::Mul), &[&x, &y]);
        agree(device, &Op::Select, &[&HostTensor::scalar(true), &x, &y]);
        agree(device, &Op::Broadcast([2, 3].into()), &[&x]);
        agree(device, &Op::Broadcast([0].into()), &[&x]);
        agree(device, &Op::Reshape([1, 1].into()), &[&x]);
        agree(device, &Op::Reshape([0_usize; 0].into()), &[&y]);
        agree(device, &Op::Permute(Default::default()), &[&x]);
        agree(device, &Op::Reduce { kind: Reduction::Sum, axes: [0, 1].into_iter().collect() }, &[&y]);
        agree(
            device,
            &Op::Gather(Gather { axis: 0, batch: 0 }),
            &[&integers(&[4, 5]), &HostTensor::scalar(1_i64)],
        );
    }
}

#[test]
fn indices_are_checked() {
    for device in &devices() {
        let x = HostTensor::full_as(device.default_float(), [5, 2], 1.0);
        let none = HostTensor::full_as(device.default_float(), [0, 2], 1.0);
        let gather = Op::Gather(Gather { axis: 0, batch: 0 });
        let error =
            |op: &Op, inputs: &[&HostTensor]| run_on(device, op, inputs).unwrap_err().kind().to_string();
        assert_eq!(error(&gather, &[&x, &integers(&[4, 7, 9])]), "gather: index 7 is outside 0..5");
        assert_eq!(error(&gather, &[&x, &integers(&[-1])]), "gather: index -1 is outside 0..5");
        assert_eq!(error(&gather, &[&none, &integers(&[0])]), "gather: index 0 is outside 0..0");
        let scatter = Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 3 });
        let updates = HostTensor::full_as(device.default_float(), [1], 1.0);
        assert_eq!(error(&scatter, &[&updates, &integers(&[3])]), "scatter_add: index 3 is outside 0..3");
    }
}
