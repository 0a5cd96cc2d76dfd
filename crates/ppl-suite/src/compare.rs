//! Equality of arrays, exact or to rounding.

use ppl_tensor::{DType, Device, HostData, HostTensor};

use crate::runner::{Outcome, require};

/// How far floats may differ: `|a - b| ≤ bound · max(1, largest |b|)`. Integers and truth values never may.
///
/// The bound is relative to the largest entry, not to each, because sums (products of matrices, reductions,
/// gradients of broadcast inputs) lose digits in proportion to their largest terms; but see [`Tolerance::of_each`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    bound: f64,
    each: bool,
}

impl Tolerance {
    /// The same bits, but that any NaN equals any other.
    pub const EXACT: Tolerance = Tolerance { bound: 0.0, each: true };

    /// To rounding: the cases have at most a hundred terms and condition numbers of at most a hundred, so that
    /// thousands of roundings (2e-16 in `F64`) or a hundred (1e-7 in `F32`) are more than can add up.
    pub fn rounding(dtype: DType) -> Tolerance {
        Self::bound(if dtype == DType::F32 { 1e-5 } else { 1e-12 })
    }

    /// [`Tolerance::rounding`] in the device's default float.
    pub fn of(device: &Device) -> Tolerance {
        Self::rounding(device.default_float())
    }

    /// A bound of one's own.
    pub fn bound(bound: f64) -> Tolerance {
        Tolerance { bound, each: false }
    }

    /// The same bound relative to each entry, `|a - b| ≤ bound · max(1, |b|)`: for functions of single elements.
    #[must_use]
    pub fn of_each(self) -> Tolerance {
        Tolerance { each: true, ..self }
    }
}

/// Compares two arrays: dtype, shape and elements.
///
/// # Errors
/// The first difference.
pub fn compare(actual: &HostTensor, expected: &HostTensor, tolerance: Tolerance) -> Outcome {
    let (found, wanted) = (actual.tensor_type(), expected.tensor_type());
    require(found == wanted, || format!("{found:?} instead of {wanted:?}"))?;
    let exact = match (actual.data(), expected.data()) {
        (HostData::F64(a), HostData::F64(b)) => {
            same_floats(a.iter().zip(b.iter()), |x| x.to_bits(), |x| x.is_nan())
        }
        (HostData::F32(a), HostData::F32(b)) => {
            same_floats(a.iter().zip(b.iter()), |x| x.to_bits(), |x| x.is_nan())
        }
        (a, b) => a == b,
    };
    if exact {
        return Ok(());
    }
    // To find the entry and show it: great integers that differ may be the same float.
    let (a, b) = (actual.to_f64(), expected.to_f64());
    let largest = b.iter().filter(|x| x.is_finite()).fold(1.0_f64, |most, x| most.max(x.abs()));
    let allowed = |b: f64| match (wanted.dtype.is_float(), tolerance.each) {
        (false, _) => 0.0,
        (true, true) => tolerance.bound * b.abs().max(1.0),
        (true, false) => tolerance.bound * largest,
    };
    let apart = |a: f64, b: f64| {
        !(a == b || a.is_nan() && b.is_nan() || a.is_finite() && b.is_finite() && (a - b).abs() <= allowed(b))
    };
    let strict = tolerance == Tolerance::EXACT;
    match (0..a.len()).find(|&i| if strict { a[i].to_bits() != b[i].to_bits() } else { apart(a[i], b[i]) }) {
        Some(i) => {
            let allowed = allowed(b[i]);
            Err(format!(
                "entry {i}: {:?} instead of {:?} (allowed {allowed:.1e})\n  {a:?}\n  {b:?}",
                a[i], b[i]
            ))
        }
        None if wanted.dtype.is_float() => Ok(()),
        None => Err(format!("{:?} instead of {:?}", actual.data(), expected.data())),
    }
}

fn same_floats<'a, T: 'a, B: PartialEq>(
    mut pairs: impl Iterator<Item = (&'a T, &'a T)>,
    bits: impl Fn(&T) -> B,
    is_nan: impl Fn(&T) -> bool,
) -> bool {
    pairs.all(|(a, b)| bits(a) == bits(b) || is_nan(a) && is_nan(b))
}

/// Compares lists of arrays, one by one.
///
/// # Errors
/// The first difference, and the place in the list.
pub fn compare_all(actual: &[HostTensor], expected: &[HostTensor], tolerance: Tolerance) -> Outcome {
    require(actual.len() == expected.len(), || {
        format!("{} arrays instead of {}", actual.len(), expected.len())
    })?;
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        compare(actual, expected, tolerance).map_err(|reason| format!("array {i}: {reason}"))?;
    }
    Ok(())
}
