//! Cholesky factors and triangular systems of small matrices.

use ppl_tensor::DType;
use ppl_tensor::op::TriangularSolve;

use super::{Immediate, Kernel, destination, instances, is_wide, of_floats, source};
use crate::math::{Arch, Avx2, Float, Portable, mul_add};

/// `row -= weight * other`, element by element.
#[inline(always)]
fn subtract<A: Arch, T: Float>(row: &mut [T], weight: T, other: &[T]) {
    for (x, &y) in row.iter_mut().zip(other) {
        *x = mul_add::<A, T>(-weight, y, *x);
    }
}

/// Cholesky factors of `[immediate[0], immediate[0]]` matrices, from their lower triangles.
///
/// The factor's transpose is made above the diagonal, row by row: what a row takes from those below it is then taken from
/// neighbours.
#[inline(always)]
unsafe fn factors<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    count: usize,
    immediate: &Immediate,
) {
    let n = immediate[0];
    // SAFETY: as the module says.
    let (dst, a) = unsafe { (destination::<T>(dst, count), source::<T>(a, count)) };
    for (d, a) in dst.chunks_exact_mut(n * n).zip(a.chunks_exact(n * n)) {
        for row in 0..n {
            for column in row..n {
                d[row * n + column] = a[column * n + row];
            }
        }
        let mut is_positive = true;
        for row in 0..n {
            let (above, below) = d.split_at_mut((row + 1) * n);
            let line = &mut above[row * n + row..];
            let pivot = line[0];
            // A pivot that is NaN is not positive either.
            is_positive &= pivot > T::ZERO;
            let root = pivot.sqrt();
            let scale = T::ONE / root;
            line[0] = root;
            for x in &mut line[1..] {
                *x = *x * scale;
            }
            for (i, other) in below.chunks_exact_mut(n).enumerate() {
                subtract::<A, T>(&mut other[row + 1 + i..], line[1 + i], &line[1 + i..]);
            }
        }
        for row in 0..n {
            for column in 0..row {
                d[row * n + column] = if is_positive { d[column * n + row] } else { T::NAN };
            }
            if !is_positive {
                d[row * n + row] = T::NAN;
            }
        }
        for row in 0..n {
            d[row * n + row + 1..(row + 1) * n].fill(T::ZERO);
        }
    }
}
instances!(factors as choose_factors<A: Arch, T: Float;>);

/// Which systems a kernel solves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Triangle {
    pub(crate) solve: TriangularSolve,
    /// Rows of a matrix, and columns of a right side.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Whether there is one matrix for all right sides.
    pub(crate) one_matrix: bool,
    /// Whether there is one right side for all matrices.
    pub(crate) one_side: bool,
}

impl Triangle {
    /// For the kernel.
    pub(crate) fn immediate(self) -> Immediate {
        let flag = |set: bool, place: usize| usize::from(set) << place;
        let TriangularSolve { upper, transpose } = self.solve;
        let flags = flag(upper, 0) | flag(transpose, 1) | flag(self.one_matrix, 2) | flag(self.one_side, 3);
        [self.rows, self.columns, flags, 0]
    }
}

/// Solutions of triangular systems, see [`Triangle`].
#[inline(always)]
unsafe fn solutions<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    count: usize,
    immediate: &Immediate,
) {
    let [n, m, flags, _] = *immediate;
    let flag = |place: usize| flags >> place & 1 == 1;
    let (upper, transpose, one_matrix, one_side) = (flag(0), flag(1), flag(2), flag(3));
    let systems = count / (n * m);
    let of = |one: bool| if one { 1 } else { systems };
    // SAFETY: as the module says; there are as many matrices and right sides as the flags say.
    let (dst, a, b) = unsafe {
        let a = source::<T>(a, of(one_matrix) * n * n);
        (destination::<T>(dst, count), a, source::<T>(b, of(one_side) * n * m))
    };
    for (system, x) in dst.chunks_exact_mut(n * m).enumerate() {
        let a = &a[if one_matrix { 0 } else { system * n * n }..][..n * n];
        x.copy_from_slice(&b[if one_side { 0 } else { system * n * m }..][..n * m]);
        // A transposed system is solved from the other end.
        let backwards = upper != transpose;
        for i in 0..n {
            let row = if backwards { n - 1 - i } else { i };
            let line = &a[row * n..][..n];
            let (before, rest) = x.split_at_mut(row * m);
            let (own, after) = rest.split_at_mut(m);
            if !transpose {
                let (weights, solved) =
                    if upper { (&line[row + 1..], &*after) } else { (&line[..row], &*before) };
                if m == 1 {
                    own[0] = own[0] - dot::<A, T>(weights, solved);
                } else {
                    for (&weight, solved) in weights.iter().zip(solved.chunks_exact(m)) {
                        subtract::<A, T>(own, weight, solved);
                    }
                }
            }
            for x in own.iter_mut() {
                *x = *x / line[row];
            }
            if transpose {
                let (weights, waiting) =
                    if upper { (&line[row + 1..], after) } else { (&line[..row], before) };
                if m == 1 {
                    subtract::<A, T>(waiting, own[0], weights);
                } else {
                    for (&weight, waiting) in weights.iter().zip(waiting.chunks_exact_mut(m)) {
                        subtract::<A, T>(waiting, weight, own);
                    }
                }
            }
        }
    }
}
instances!(solutions as choose_solutions<A: Arch, T: Float;>);

#[inline(always)]
fn dot<A: Arch, T: Float>(x: &[T], y: &[T]) -> T {
    let mut sums = [T::ZERO; 4];
    let ((xs, rest_x), (ys, rest_y)) = (x.as_chunks::<4>(), y.as_chunks::<4>());
    for (x, y) in xs.iter().zip(ys) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum = mul_add::<A, T>(x, y, *sum);
        }
    }
    let mut rest = T::ZERO;
    for (&x, &y) in rest_x.iter().zip(rest_y) {
        rest = mul_add::<A, T>(x, y, rest);
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// Cholesky factors; none in single precision, where the host factors in double precision.
pub(crate) fn cholesky(dtype: DType) -> Option<Kernel> {
    match dtype {
        DType::F64 if is_wide() => Some(choose_factors::<Avx2, f64>()),
        DType::F64 => Some(choose_factors::<Portable, f64>()),
        DType::F32 | DType::I64 | DType::Bool => None,
    }
}

/// Solutions of triangular systems.
pub(crate) fn triangular_solve(dtype: DType) -> Option<Kernel> {
    of_floats!(dtype, choose_solutions)
}
