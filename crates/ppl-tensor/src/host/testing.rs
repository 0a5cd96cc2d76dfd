//! Short ways to build arrays and run operations in this backend's tests.

use crate::{Backend, HostBackend, HostTensor, Op, Result, Shape, TensorType};

/// Runs an operation on inputs that its type rule accepts, and checks that the result has the promised type.
pub(super) fn attempt(op: Op, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let types: Vec<TensorType> = inputs.iter().map(|x| x.tensor_type()).collect();
    let output = op.output_type(&types.iter().collect::<Vec<_>>())?;
    let result = HostBackend.run(&op, inputs, &output)?;
    assert_eq!(result.tensor_type(), output, "{op:?}");
    Ok(result)
}

pub(super) fn run(op: Op, inputs: &[&HostTensor]) -> HostTensor {
    attempt(op, inputs).unwrap()
}

pub(super) fn f64s(shape: impl Into<Shape>, values: &[f64]) -> HostTensor {
    HostTensor::new(shape, values.to_vec()).unwrap()
}

pub(super) fn f32s(shape: impl Into<Shape>, values: &[f32]) -> HostTensor {
    HostTensor::new(shape, values.to_vec()).unwrap()
}

pub(super) fn i64s(shape: impl Into<Shape>, values: &[i64]) -> HostTensor {
    HostTensor::new(shape, values.to_vec()).unwrap()
}

pub(super) fn bools(shape: impl Into<Shape>, values: &[bool]) -> HostTensor {
    HostTensor::new(shape, values.to_vec()).unwrap()
}

/// `0, 1, 2, …` in the given shape.
pub(super) fn counting(shape: impl Into<Shape>) -> HostTensor {
    let shape = shape.into();
    let values = (0..shape.elements()).map(|i| i as f64).collect();
    HostTensor::new(shape, values).unwrap()
}

/// Numbers without pattern in `[-1, 1)`, from a linear congruential generator.
pub(super) fn scattered(shape: impl Into<Shape>, seed: u64) -> HostTensor {
    let shape = shape.into();
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    let values = (0..shape.elements()).map(|_| next()).collect();
    HostTensor::new(shape, values).unwrap()
}

/// Asserts that values agree to a relative error, or an absolute one below 1. NaN and infinities must be the same.
#[track_caller]
pub(super) fn assert_close(got: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(got.len(), wanted.len());
    for (i, (&g, &w)) in got.iter().zip(wanted).enumerate() {
        let close = g == w || (g.is_nan() && w.is_nan()) || (g - w).abs() <= tolerance * w.abs().max(1.0);
        assert!(close, "entry {i} is {g}, not {w}");
    }
}
