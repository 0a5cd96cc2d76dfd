//! Floats at which functions tend to go wrong.

use ppl_tensor::HostTensor;

/// Zeros, infinities, NaN, extremes, ties and values around thresholds of the usual algorithms.
pub(super) const SPECIAL: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    2.5,
    -2.5,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e-300,
    -1e-300,
    1e300,
    -1e300,
    5e-324,
    1e-10,
    -1e-10,
    1e-5,
    36.0,
    -36.0,
    40.0,
    -40.0,
    709.0,
    -709.0,
    720.0,
    -746.0,
    0.84375,
    1.25,
    6.0,
    -6.0,
    12.0,
    1e5,
    -1e5,
    1e16,
    0.999_999_999,
    1.000_000_001,
    3.0,
    4.0,
    7.0,
    20.0,
];

/// Those of them that `fit`, as a vector.
pub(super) fn vector(fit: fn(f64) -> bool) -> HostTensor {
    let values: Vec<f64> = SPECIAL.iter().copied().filter(|&x| fit(x)).collect();
    HostTensor::new([values.len()], values).expect("a vector")
}

/// All of them, as a row or a column, to meet each other.
pub(super) fn row_and_column() -> Vec<HostTensor> {
    let n = SPECIAL.len();
    let shaped = |shape: [usize; 2]| HostTensor::new(shape, SPECIAL.to_vec()).expect("a matrix");
    vec![shaped([n, 1]), shaped([1, n])]
}
