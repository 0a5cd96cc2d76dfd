//! The first GPU that is found, or software in its place, is held to every law of the suite, and fails as the processor
//! does.

// Helpers of tests end them as tests do.
#![allow(clippy::unwrap_used)]

use ppl_suite::invalid::attempts;
use ppl_suite::{Family, Tolerance, family_tests, for_each, for_each_case, laws};
use ppl_tensor::{DType, Device, HostTensor};

/// Few beside the fixed ones: every result is read back, and every operation on another shape is another kernel.
const CASES: u32 = 2;

fn every_law(family: Family) {
    let device = ppl_burn::wgpu().unwrap();
    for_each_case(family, CASES, |case| laws::all(case, &device, Tolerance::of(&device)));
}

/// A panic of burn, caught, has other words.
fn errors_are_the_processors(family: Family) {
    let device = ppl_burn::wgpu().unwrap();
    let law = |attempt: &_| laws::invalid_alike_on(attempt, &device, Tolerance::of(&device));
    for_each(&attempts(family), 20 * CASES, law).unwrap();
}

family_tests!(every_law, errors_are_the_processors);

#[test]
fn one_device_without_64_bit_floats() {
    let device = ppl_burn::wgpu().unwrap();
    assert!(device.same_as(&ppl_burn::wgpu().unwrap()));
    assert_eq!((device.name(), device.default_float()), ("burn-wgpu", DType::F32));
    let error = device.upload(HostTensor::scalar(1.0_f64)).unwrap_err().to_string();
    assert_eq!(error, "upload: backend `burn-wgpu` failed: this device has no f64");
    let cast = device.upload(HostTensor::scalar(1.0_f32)).unwrap().cast(DType::F64);
    let error = cast.to_host().unwrap_err().to_string();
    assert!(error.contains("cast_f64: backend `burn-wgpu` failed: this device has no f64"), "{error}");
    // A literal is of the device's float.
    assert_eq!((device.upload(HostTensor::scalar(1.0_f32)).unwrap() * 2.5).to_scalar().unwrap(), 2.5);
    assert!(!ppl_burn::wgpu_adapter().unwrap().is_empty());
}

/// Numbers that 32 bits, or the fraction of a 64-bit float, cannot hold.
#[test]
fn integers_are_exact() {
    let device: Device = ppl_burn::wgpu().unwrap();
    let key = (1_i64 << 53) + 1;
    let x = device.upload(HostTensor::new([2], vec![key, i64::MIN + 1]).unwrap()).unwrap();
    let moved = x.reshape([2, 1]).broadcast_to([2, 3]).slice(1, 0..2).to_vec::<i64>().unwrap();
    assert_eq!(moved, [key, key, i64::MIN + 1, i64::MIN + 1]);
    assert_eq!((&x * 3).to_vec::<i64>().unwrap(), [3 * key, (i64::MIN + 1).wrapping_mul(3)]);
}
