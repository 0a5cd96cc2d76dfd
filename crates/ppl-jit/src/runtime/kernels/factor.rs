//! Cholesky factors and triangular systems.

use ppl_tensor::DType;
use ppl_tensor::op::TriangularSolve;

use super::lanes::{Lanes, by_lanes};
use super::linear::{Matrix, Start, combined};
use super::{Immediate, Kernel, destination, instances, source};
use crate::runtime::math::{Float, mul_add};

/// `own -= Σₖ aₖ rowₖ`, element by element, with `count` rows.
///
/// # Safety
/// There are so many coefficients, and rows of as many elements as `own` has, none of which is in it.
#[inline(always)]
unsafe fn subtract<L: Lanes>(own: &mut [L::T], factors: Matrix<L::T>, count: usize) {
    let (n, own) = (own.len(), own.as_mut_ptr());
    // SAFETY: the caller's.
    unsafe { combined::<L, _>(own, factors, own, [n, count, Start::Minus as usize]) }
}

/// Cholesky factors of `[immediate[0], immediate[0]]` matrices, from their lower triangles.
///
/// The factor's transpose is made above the diagonal, row by row: what is taken from a row are multiples of those above it.
#[inline(always)]
unsafe fn factors<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    count: usize,
    immediate: &Immediate,
) {
    let n = immediate[0];
    // SAFETY: as the module says.
    let (dst, a) = unsafe { (destination::<L::T>(dst, count), source::<L::T>(a, count)) };
    for (d, a) in dst.chunks_exact_mut(n * n).zip(a.chunks_exact(n * n)) {
        let mut is_positive = true;
        for row in 0..n {
            let (above, below) = d.split_at_mut(row * n);
            let line = &mut below[row..n];
            for (x, column) in line.iter_mut().zip(row..n) {
                *x = a[column * n + row];
            }
            let known = above.as_ptr().wrapping_add(row);
            let multiples = Matrix { coefficients: known, step: n, rows: known, row: n };
            // SAFETY: from each row above, the elements from this column on.
            unsafe { subtract::<L>(line, multiples, row) };
            let pivot = line[0];
            // A pivot that is NaN is not positive either.
            is_positive &= pivot > L::T::ZERO;
            let root = pivot.sqrt();
            let scale = L::T::ONE / root;
            line[0] = root;
            for x in &mut line[1..] {
                *x = *x * scale;
            }
        }
        for row in 0..n {
            for column in 0..row {
                d[row * n + column] = if is_positive { d[column * n + row] } else { L::T::NAN };
            }
            if !is_positive {
                d[row * n + row] = L::T::NAN;
            }
        }
        for row in 0..n {
            d[row * n + row + 1..(row + 1) * n].fill(L::T::ZERO);
        }
    }
}
instances!(factors as choose_factors<L: Lanes;>);

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
unsafe fn solutions<L: Lanes>(
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
        let a = source::<L::T>(a, of(one_matrix) * n * n);
        (destination::<L::T>(dst, count), a, source::<L::T>(b, of(one_side) * n * m))
    };
    // A transposed system is solved from the other end.
    let backwards = upper != transpose;
    for (system, x) in dst.chunks_exact_mut(n * m).enumerate() {
        let a = &a[if one_matrix { 0 } else { system * n * n }..][..n * n];
        x.copy_from_slice(&b[if one_side { 0 } else { system * n * m }..][..n * m]);
        for i in 0..n {
            let row = if backwards { n - 1 - i } else { i };
            let (before, rest) = x.split_at_mut(row * m);
            let (own, after) = rest.split_at_mut(m);
            let (solved, waiting) = if backwards { (after, before) } else { (before, after) };
            let line = &a[row * n..][..n];
            let pivot = line[row];
            if m == 1 {
                // Along rows of the matrix: what a row needs of those solved, or what those that wait need of it.
                let (left, right) = (&line[..row], &line[row + 1..]);
                if !transpose {
                    own[0] = own[0] - dot::<L>(if backwards { right } else { left }, solved);
                }
                own[0] = own[0] / pivot;
                if transpose {
                    let rows = if backwards { left } else { right }.as_ptr();
                    let multiple = Matrix { coefficients: own.as_ptr(), step: 0, rows, row: 0 };
                    // SAFETY: the matrix has a coefficient for each that waits.
                    unsafe { subtract::<L>(waiting, multiple, 1) };
                }
                continue;
            }
            let first = if backwards { row + 1 } else { 0 };
            let (place, step) = if transpose { (first * n + row, n) } else { (row * n + first, 1) };
            let coefficients = a.as_ptr().wrapping_add(place);
            let multiples = Matrix { coefficients, step, rows: solved.as_ptr(), row: m };
            // SAFETY: `i` rows are solved, and the matrix has a coefficient of each in its row, or column.
            unsafe { subtract::<L>(own, multiples, i) };
            let scale = L::T::ONE / pivot;
            for x in own.iter_mut() {
                *x = *x * scale;
            }
        }
    }
}
instances!(solutions as choose_solutions<L: Lanes;>);

#[inline(always)]
fn dot<L: Lanes>(x: &[L::T], y: &[L::T]) -> L::T {
    let mut sums = [L::T::ZERO; 4];
    let ((xs, rest_x), (ys, rest_y)) = (x.as_chunks::<4>(), y.as_chunks::<4>());
    for (x, y) in xs.iter().zip(ys) {
        for ((sum, &x), &y) in sums.iter_mut().zip(x).zip(y) {
            *sum = mul_add::<L::A, L::T>(x, y, *sum);
        }
    }
    let mut rest = L::T::ZERO;
    for (&x, &y) in rest_x.iter().zip(rest_y) {
        rest = mul_add::<L::A, L::T>(x, y, rest);
    }
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// Cholesky factors; none in single precision, where factors are made in double precision.
pub(crate) fn cholesky(dtype: DType) -> Option<Kernel> {
    if dtype == DType::F64 { by_lanes!(dtype, choose_factors) } else { None }
}

/// Solutions of triangular systems.
pub(crate) fn triangular_solve(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_solutions)
}
