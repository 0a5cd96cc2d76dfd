//! Eigenvalues and eigenvectors of symmetric matrices.

use std::sync::Arc;

use super::{MISFIT, arity, refused};
use crate::{Error, HostData, HostTensor, Op, Result, Shape};

pub(super) fn symmetric_eigen(op: &Op, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let Some(&[n, _]) = x.shape().last_chunk() else {
        return Err(Error::shape(op.name(), [x.shape()], "needs at least two dimensions"));
    };
    let data = match x.data() {
        HostData::F64(values) => HostData::F64(Arc::new(decompositions(values, n, target)?)),
        HostData::F32(values) => {
            let wide: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
            let packed = decompositions(&wide, n, target)?;
            HostData::F32(Arc::new(packed.into_iter().map(|x| x as f32).collect()))
        }
        HostData::I64(_) | HostData::Bool(_) => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(target, data)
}

fn decompositions(matrices: &[f64], n: usize, target: &Shape) -> Result<Vec<f64>> {
    let (mut packed, mut scratch) = (vec![0.0; target.elements()], vec![0.0; 2 * n * n]);
    symmetric_eigen_f64(&mut packed, matrices, n, &mut scratch)?;
    Ok(packed)
}

/// What [`Op::SymmetricEigen`] gives of row-major `[n, n]` matrices: for each a row of eigenvalues and the matrix of
/// eigenvectors. `scratch` has room for two matrices; what is in it does not matter.
///
/// # Errors
/// If a slice has another number of elements.
pub fn symmetric_eigen_f64(out: &mut [f64], matrices: &[f64], n: usize, scratch: &mut [f64]) -> Result<()> {
    if n == 0 && matrices.is_empty() && out.is_empty() {
        return Ok(());
    }
    let count = matrices.len() / n.saturating_mul(n).max(1);
    let fits = n > 0 && matrices.len() == count * n * n && out.len() == count * (n + 1) * n;
    if !fits || scratch.len() != 2 * n * n {
        return Err(Error::backend("host", "eigh", MISFIT));
    }
    let (a, vectors) = scratch.split_at_mut(n * n);
    for (matrix, packed) in matrices.chunks_exact(n * n).zip(out.chunks_exact_mut((n + 1) * n)) {
        a.copy_from_slice(matrix);
        decompose(a, vectors, n, packed);
    }
    Ok(())
}

/// Of the matrix `a`, which is lost; `vectors` is another.
fn decompose(a: &mut [f64], vectors: &mut [f64], n: usize, packed: &mut [f64]) {
    let lower = (0..n).flat_map(|row| (0..=row).map(move |column| row * n + column));
    let largest =
        lower.map(|place| a[place].abs()).fold(0.0, |most: f64, x| if x <= most { most } else { x });
    if !largest.is_finite() {
        packed.fill(f64::NAN);
        return;
    }
    // By a power of two, which changes no digit, so that squares neither overflow nor vanish.
    let exponent = if largest > 0.0 { largest.log2().clamp(-1000.0, 1000.0) as i32 } else { 0 };
    let scale = f64::powi(2.0, exponent);
    for row in 0..n {
        for column in 0..=row {
            a[row * n + column] /= scale;
            a[column * n + row] = a[row * n + column];
        }
    }
    vectors.fill(0.0);
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    diagonalise(a, vectors, n);

    let (values, columns) = packed.split_at_mut(n);
    for i in 0..n {
        let value = a[i * n + i];
        let is_before = |&j: &usize| a[j * n + j].total_cmp(&value).then(j.cmp(&i)).is_lt();
        let place = (0..n).filter(is_before).count();
        let sign = sign(vectors[i..].iter().step_by(n));
        values[place] = value * scale;
        for (x, row) in columns[place..].iter_mut().step_by(n).zip(vectors.chunks_exact(n)) {
            *x = sign * row[i];
        }
    }
}

/// The sign of the first of the entries that are largest, to rounding.
fn sign<'a>(entries: impl Iterator<Item = &'a f64> + Clone) -> f64 {
    let largest = entries.clone().fold(0.0, |most: f64, x| most.max(x.abs()));
    let first = entries.into_iter().find(|x| x.abs() >= (1.0 - 1e-9) * largest);
    first.map_or(1.0, |x| x.signum())
}

/// Jacobi's method (Golub and Van Loan, Matrix Computations, section 8.5): rotates planes, the rows and columns `p` and
/// `q`, so that entry `(p, q)` vanishes, until none is left; what remains of others shrinks quadratically.
fn diagonalise(a: &mut [f64], vectors: &mut [f64], n: usize) {
    /// Sweeps after which no matrix is known to need another.
    const SWEEPS: usize = 50;
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                let (off, low, high) = (a[p * n + q], a[p * n + p], a[q * n + q]);
                // The largest entry is about 1: so small a one changes no digit of any result.
                if off.abs() < 1e-30 {
                    (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
                    continue;
                }
                rotated = true;
                let ratio = (high - low) / (2.0 * off);
                let tangent = 1.0_f64.copysign(ratio) / (ratio.abs() + ratio.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let sine = tangent * cosine;
                for k in 0..n {
                    rotate(a, k * n + p, k * n + q, cosine, sine);
                    rotate(vectors, k * n + p, k * n + q, cosine, sine);
                }
                for k in 0..n {
                    rotate(a, p * n + k, q * n + k, cosine, sine);
                }
                (a[p * n + q], a[q * n + p]) = (0.0, 0.0);
            }
        }
        if !rotated {
            return;
        }
    }
}

fn rotate(entries: &mut [f64], i: usize, j: usize, cosine: f64, sine: f64) {
    let (x, y) = (entries[i], entries[j]);
    (entries[i], entries[j]) = (cosine * x - sine * y, sine * x + cosine * y);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, f64s, run, scattered};
    use crate::{DType, HostTensor, Op};

    /// Eigenvalues, and eigenvectors by columns.
    fn eigen(x: &HostTensor) -> (Vec<f64>, Vec<f64>) {
        let n = x.shape()[0];
        let packed = run(Op::SymmetricEigen, &[x]).to_f64();
        (packed[..n].to_vec(), packed[n..].to_vec())
    }

    /// Asserts that the vectors are orthonormal and that the matrix is theirs.
    #[track_caller]
    fn check(x: &HostTensor, scale: f64) {
        let (n, a) = (x.shape()[0], x.to_f64());
        let (values, v) = eigen(x);
        assert!(values.is_sorted(), "{values:?}");
        for i in 0..n {
            for j in 0..=i {
                let rows = (0..n).map(|k| v[i * n + k] * (values[k] / scale) * v[j * n + k]).sum::<f64>();
                assert!((rows - a[i * n + j] / scale).abs() < 1e-14 * n as f64, "{i}, {j}");
                let columns: f64 = (0..n).map(|k| v[k * n + i] * v[k * n + j]).sum();
                assert!((columns - f64::from(u8::from(i == j))).abs() < 1e-14 * n as f64, "{i}, {j}");
            }
        }
        for j in 0..n {
            let column: Vec<f64> = (0..n).map(|k| v[k * n + j]).collect();
            let largest = column.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            assert!(column.iter().any(|x| *x >= (1.0 - 1e-8) * largest), "{column:?}");
        }
    }

    #[test]
    fn matrices_are_recomposed() {
        for n in [1, 2, 3, 5, 17, 40] {
            check(&scattered([n, n], n as u64), 1.0);
        }
        for scale in [1e-300, 1e300, 5e-324] {
            let entries = [2.0, 9.0, 1.0, 2.0].map(|x: f64| x * scale);
            check(&f64s([2, 2], &entries), scale.max(1e-320));
        }
        // Equal eigenvalues, a graded matrix, one of rank 1.
        check(&f64s([3, 3], &[2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0]), 1.0);
        check(&f64s([3, 3], &[0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]), 1.0);
        check(&f64s([2, 2], &[1e16, 0.0, 1.0, 1e-16]), 1e16);
        check(&f64s([3, 3], &[1.0; 9]), 1.0);
        check(&f64s([2, 2], &[0.0; 4]), 1.0);
    }

    #[test]
    fn values_of_known_matrices() {
        let (values, vectors) = eigen(&f64s([2, 2], &[2.0, f64::NAN, 1.0, 2.0]));
        assert_close(&values, &[1.0, 3.0], 1e-15);
        let half = 0.5f64.sqrt();
        assert_close(&vectors, &[half, half, -half, half], 1e-15);
        // The second difference of n points: 2 - 2 cos(π k / (n + 1)).
        let n = 12;
        let entry = |i: usize| match (i / n).abs_diff(i % n) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        };
        let (values, _) = eigen(&f64s([n, n], &(0..n * n).map(entry).collect::<Vec<_>>()));
        let known = |k: usize| 2.0 - 2.0 * (std::f64::consts::PI * k as f64 / (n + 1) as f64).cos();
        assert_close(&values, &(1..=n).map(known).collect::<Vec<_>>(), 1e-14);
    }

    #[test]
    fn batches_and_what_has_no_values() {
        let x = f64s([2, 2, 2], &[1.0, 0.0, 0.0, 0.5, f64::INFINITY, 0.0, 0.0, 1.0]);
        let packed = run(Op::SymmetricEigen, &[&x]);
        assert_eq!(packed.shape()[..], [2, 3, 2]);
        assert_eq!(packed.to_f64()[..6], [0.5, 1.0, 0.0, 1.0, 1.0, 0.0]);
        assert!(packed.to_f64()[6..].iter().all(|x| x.is_nan()));
        assert_eq!(run(Op::SymmetricEigen, &[&f64s([2, 0, 0], &[])]).shape()[..], [2, 1, 0]);
        assert_eq!(run(Op::SymmetricEigen, &[&f64s([0, 2, 2], &[])]).shape()[..], [0, 3, 2]);
        let single = run(Op::Cast(DType::F32), &[&scattered([4, 4], 3)]);
        let double = run(Op::Cast(DType::F64), &[&single]);
        let rounded = run(Op::Cast(DType::F32), &[&run(Op::SymmetricEigen, &[&double])]);
        assert_eq!(run(Op::SymmetricEigen, &[&single]), rounded);
    }
}
