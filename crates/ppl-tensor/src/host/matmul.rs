//! Matrix products.

use std::sync::Arc;

use super::nest::Nest;
use super::number::Float;
use super::{arity, refused};
use crate::{Error, HostData, HostTensor, Op, Result, Shape};

/// Products of at most this many multiplications are plain loops: a call of `gemm` costs as much.
const TINY: usize = 8 * 8 * 8;

/// One product: `[rows, inner] · [inner, columns]`.
#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    inner: usize,
    columns: usize,
}

impl Sizes {
    fn check<T>(self, op: &Op, a: &[T], b: &[T], out: &[T]) -> Result<()> {
        let Self { rows, inner, columns } = self;
        let fits = |values: &[T], m: usize, n: usize| m.checked_mul(n) == Some(values.len());
        if fits(a, rows, inner) && fits(b, inner, columns) && fits(out, rows, columns) {
            return Ok(());
        }
        Err(Error::backend("host", op.name(), "the sizes of the factors do not fit their elements"))
    }
}

pub(super) fn matmul(op: &Op, inputs: &[&HostTensor], target: &Shape) -> Result<HostTensor> {
    let [x, y] = arity(op, inputs)?;
    let data = match (x.data(), y.data()) {
        (HostData::F64(a), HostData::F64(b)) => products(op, (a, x.shape()), (b, y.shape()), target)?,
        (HostData::F32(a), HostData::F32(b)) => products(op, (a, x.shape()), (b, y.shape()), target)?,
        _ => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(target, data)
}

fn products<T: Float>(
    op: &Op,
    (a, left): (&[T], &Shape),
    (b, right): (&[T], &Shape),
    target: &Shape,
) -> Result<HostData> {
    let (Some((left, &[rows, inner])), Some((right, &[_, columns]))) =
        (left.split_last_chunk(), right.split_last_chunk())
    else {
        return Err(Error::shape(op.name(), [left, right], "needs at least two dimensions"));
    };
    let batch = &target[..target.rank() - 2];
    let mut out = vec![T::ZERO; target.elements()];
    if !out.is_empty() && inner > 0 {
        if right.iter().all(|&size| size == 1) {
            // One right factor: the rows of all left factors are those of one matrix.
            let rows = out.len() / columns;
            product(op, Sizes { rows, inner, columns }, a, b, &mut out)?;
        } else {
            let sizes = Sizes { rows, inner, columns };
            let mut places = out.chunks_exact_mut(rows * columns);
            let mut result = Ok(());
            Nest::new(batch, [left, right]).turns(|[i, j]| {
                let (a, b) =
                    (&a[i * rows * inner..][..rows * inner], &b[j * inner * columns..][..inner * columns]);
                if let (Ok(()), Some(place)) = (&result, places.next()) {
                    result = product(op, sizes, a, b, place);
                }
            });
            result?;
        }
    }
    Ok(T::wrap(Arc::new(out)))
}

/// `out = a · b` for row-major matrices in slices: `[rows, inner]`, `[inner, columns]` and `[rows, columns]`, or the transpose
/// of a factor where a flag says so. What the host backend computes, without an array of its own.
///
/// # Errors
/// If a slice has another number of elements.
pub fn matmul_f64(out: &mut [f64], sizes: [usize; 3], a: (&[f64], bool), b: (&[f64], bool)) -> Result<()> {
    product_in_place(out, sizes, a, b)
}

/// [`matmul_f64`] in single precision.
///
/// # Errors
/// As there.
pub fn matmul_f32(out: &mut [f32], sizes: [usize; 3], a: (&[f32], bool), b: (&[f32], bool)) -> Result<()> {
    product_in_place(out, sizes, a, b)
}

fn product_in_place<T: Float>(
    out: &mut [T],
    [rows, inner, columns]: [usize; 3],
    (a, a_transposed): (&[T], bool),
    (b, b_transposed): (&[T], bool),
) -> Result<()> {
    let sizes = Sizes { rows, inner, columns };
    sizes.check(&Op::Matmul, a, b, out)?;
    if out.is_empty() {
        return Ok(());
    }
    if a_transposed || b_transposed {
        let steps = |transposed: bool, m: usize, n: usize| if transposed { (1, m) } else { (n, 1) };
        return large_product(
            &Op::Matmul,
            sizes,
            (a, steps(a_transposed, rows, inner)),
            (b, steps(b_transposed, inner, columns)),
            out,
        );
    }
    out.fill(T::ZERO);
    if inner == 0 {
        return Ok(());
    }
    product(&Op::Matmul, sizes, a, b, out)
}

/// `out = a · b`; `out` is zero.
fn product<T: Float>(op: &Op, sizes: Sizes, a: &[T], b: &[T], out: &mut [T]) -> Result<()> {
    let Sizes { rows, inner, columns } = sizes;
    if columns == 1 {
        for (row, sum) in a.chunks_exact(inner).zip(out) {
            *sum = dot(row, b);
        }
    } else if rows == 1 || rows * inner * columns <= TINY {
        for (row, sums) in a.chunks_exact(inner).zip(out.chunks_exact_mut(columns)) {
            for (&x, line) in row.iter().zip(b.chunks_exact(columns)) {
                for (sum, &y) in sums.iter_mut().zip(line) {
                    *sum = sum.plus(x.times(y));
                }
            }
        }
    } else {
        return large_product(op, sizes, (a, (inner, 1)), (b, (columns, 1)), out);
    }
    Ok(())
}

/// Sum of products, in eight running sums for the processor to work on at once.
pub(super) fn dot<T: Float>(x: &[T], y: &[T]) -> T {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<8>(), y.as_chunks::<8>());
    let mut lanes = [T::ZERO; 8];
    for (x, y) in x.iter().zip(y) {
        for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
            *lane = lane.plus(x.times(y));
        }
    }
    let rest = x_rest.iter().zip(y_rest).fold(T::ZERO, |sum, (&x, &y)| sum.plus(x.times(y)));
    let [a, b, c, d, e, f, g, h] = lanes;
    let (left, right) = (a.plus(b).plus(c.plus(d)), e.plus(f).plus(g.plus(h)));
    left.plus(right).plus(rest)
}

/// `out = a · b` by the `gemm` crate. Factors have distances of their rows and columns: those of row-major matrices or of
/// transposes of such.
#[allow(unsafe_code)]
fn large_product<T: Float>(
    op: &Op,
    sizes: Sizes,
    (a, (a_row, a_column)): (&[T], (usize, usize)),
    (b, (b_row, b_column)): (&[T], (usize, usize)),
    out: &mut [T],
) -> Result<()> {
    let Sizes { rows, inner, columns } = sizes;
    sizes.check(op, a, b, out)?;
    let reaches = |values: &[T], (m, row): (usize, usize), (n, column): (usize, usize)| {
        values.is_empty() || (m - 1) * row + (n - 1) * column < values.len()
    };
    if !(reaches(a, (rows, a_row), (inner, a_column)) && reaches(b, (inner, b_row), (columns, b_column))) {
        return Err(Error::backend(
            "host",
            op.name(),
            "the distances of the factors do not fit their elements",
        ));
    }
    // SAFETY: the three slices have as many elements as matrices of the sizes passed (checked above), of which the last is
    // within them at the distances passed (so these also fit `isize`), `out` is borrowed mutably and thus overlaps neither factor, and `T` is `f32` or `f64`, the
    // only implementations of the private trait `Float`, both of which `gemm` accepts.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            columns as isize,
            false,
            a.as_ptr(),
            a_column as isize,
            a_row as isize,
            b.as_ptr(),
            b_column as isize,
            b_row as isize,
            T::ZERO,
            T::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, counting, f64s, run, scattered};
    use crate::{DType, HostTensor, Op};

    /// The product by its definition, one scalar at a time.
    fn reference(x: &HostTensor, y: &HostTensor, out: &HostTensor) -> Vec<f64> {
        let (a, b) = (x.to_f64(), y.to_f64());
        let (Some((left, &[m, k])), Some((right, &[_, n]))) =
            (x.shape().split_last_chunk(), y.shape().split_last_chunk())
        else {
            panic!("not matrices")
        };
        let batch = &out.shape()[..out.shape().rank() - 2];
        let place = |own: &[usize], index: usize| {
            let (mut index, mut at, mut step) = (index, 0, 1);
            for (d, &size) in batch.iter().enumerate().rev() {
                let missing = batch.len() - own.len();
                let own_size = if d >= missing { own[d - missing] } else { 1 };
                at += if own_size == 1 { 0 } else { index % size * step };
                step *= own_size;
                index /= size;
            }
            at
        };
        (0..out.shape().elements())
            .map(|i| {
                let (matrix, row, column) = (i / (m * n), i / n % m, i % n);
                let (a, b) = (&a[place(left, matrix) * m * k..], &b[place(right, matrix) * k * n..]);
                (0..k).map(|j| a[row * k + j] * b[j * n + column]).sum()
            })
            .collect()
    }

    #[test]
    fn products_in_slices_are_those_of_arrays() {
        for (m, k, n) in [(1, 1, 1), (2, 3, 4), (3, 0, 2), (0, 3, 2), (1, 40, 50), (50, 40, 1), (33, 20, 17)]
        {
            let (x, y) = (scattered([m, k], 1), scattered([k, n], 2));
            let expected = run(Op::Matmul, &[&x, &y]).to_f64();
            let turned = |x: &HostTensor| run(Op::Permute([1, 0].into_iter().collect()), &[x]).to_f64();
            for (a, b) in [(false, false), (true, false), (false, true), (true, true)] {
                let left = if a { turned(&x) } else { x.to_f64() };
                let right = if b { turned(&y) } else { y.to_f64() };
                let mut out = vec![f64::NAN; m * n];
                super::matmul_f64(&mut out, [m, k, n], (&left, a), (&right, b)).unwrap();
                assert_close(&out, &expected, 1e-14);
            }
        }
        let refused = super::matmul_f64(&mut [0.0; 4], [2, 3, 2], (&[0.0; 5], false), (&[0.0; 6], false));
        assert!(refused.unwrap_err().to_string().contains("matmul"));
    }

    #[test]
    fn products_of_all_sizes() {
        for (m, k, n) in [
            (1, 1, 1),
            (2, 3, 4),
            (1, 40, 50),
            (50, 40, 1),
            (1, 9, 1),
            (17, 16, 16),
            (33, 70, 41),
            (300, 2, 9),
        ] {
            let (x, y) = (scattered([m, k], 5), scattered([k, n], 6));
            let z = run(Op::Matmul, &[&x, &y]);
            assert_close(&z.to_f64(), &reference(&x, &y, &z), 1e-13);
            let (x, y) = (run(Op::Cast(DType::F32), &[&x]), run(Op::Cast(DType::F32), &[&y]));
            let z = run(Op::Matmul, &[&x, &y]);
            assert_close(&z.to_f64(), &reference(&x, &y, &z), 1e-5);
        }
    }

    #[test]
    fn leading_dimensions_broadcast() {
        let cases: [(&[usize], &[usize]); 8] = [
            (&[5, 2, 3], &[3, 4]),
            (&[2, 3], &[5, 3, 4]),
            (&[5, 2, 3], &[5, 3, 4]),
            (&[2, 1, 2, 3], &[5, 3, 4]),
            (&[2, 5, 2, 3], &[2, 1, 3, 4]),
            (&[6, 20, 30], &[6, 30, 40]),
            (&[6, 20, 30], &[1, 30, 40]),
            (&[3, 1, 20, 30], &[1, 2, 30, 40]),
        ];
        for (left, right) in cases {
            let (x, y) = (scattered(left, 7), scattered(right, 8));
            let z = run(Op::Matmul, &[&x, &y]);
            assert_close(&z.to_f64(), &reference(&x, &y, &z), 1e-13);
        }
    }

    #[test]
    fn empty_dimensions() {
        let product = |left: &[usize], right: &[usize]| run(Op::Matmul, &[&counting(left), &counting(right)]);
        assert_eq!(product(&[2, 0], &[0, 3]), f64s([2, 3], &[0.0; 6]));
        assert_eq!(product(&[0, 2], &[2, 3]), f64s([0, 3], &[]));
        assert_eq!(product(&[2, 2], &[2, 0]), f64s([2, 0], &[]));
        assert_eq!(product(&[0, 2, 2], &[2, 3]), f64s([0, 2, 3], &[]));
        assert_eq!(product(&[2, 2], &[0, 2, 3]), f64s([0, 2, 3], &[]));
        assert_eq!(product(&[4, 2, 0], &[4, 0, 3]), f64s([4, 2, 3], &[0.0; 24]));
    }

    #[test]
    fn infinities_times_zero_are_nan() {
        let x = f64s([2, 2], &[f64::INFINITY, 1.0, 0.0, 1.0]);
        let z = run(Op::Matmul, &[&x, &f64s([2, 2], &[0.0, 1.0, 1.0, 1.0])]);
        assert_close(&z.to_f64(), &[f64::NAN, f64::INFINITY, 1.0, 1.0], 0.0);
    }
}
