//! Products of matrices with one long dimension, and small ones.

use ppl_tensor::DType;

use super::{Immediate, Kernel, destination, instances, is_wide, source};
use crate::math::{Arch, Avx2, Float, Portable, mul_add};

/// Results that are worked on at once.
const LANES: usize = 16;

/// `dᵢ = Σₖ aₖ bₖᵢ`: a linear combination of rows. `immediate` has the number of rows, and the distances of coefficients
/// and of rows.
#[inline(always)]
unsafe fn combination<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, step, row, _] = *immediate;
    let last = count.saturating_sub(1);
    // SAFETY: as the module says; the sources reach to their last coefficient and row.
    let (dst, a, b) = unsafe {
        let (a, b) =
            (source::<T>(a, last * step + count.min(1)), source::<T>(b, last * row + n * count.min(1)));
        (destination::<T>(dst, n), a, b)
    };
    let (groups, rest) = dst.as_chunks_mut::<LANES>();
    let done = groups.len() * LANES;
    for (group, d) in groups.iter_mut().enumerate() {
        let mut sums = [T::ZERO; LANES];
        for k in 0..count {
            let x = a[k * step];
            let row: &[T; LANES] = match b[k * row + group * LANES..].first_chunk() {
                Some(row) => row,
                None => return,
            };
            for (sum, &y) in sums.iter_mut().zip(row) {
                *sum = mul_add::<A, T>(x, y, *sum);
            }
        }
        *d = sums;
    }
    for (i, d) in rest.iter_mut().enumerate() {
        *d = (0..count).fold(T::ZERO, |sum, k| sum + a[k * step] * b[k * row + done + i]);
    }
}
instances!(combination as choose_combination<A: Arch, T: Float;>);

/// `dₖ += Σᵢ aᵢ bₖᵢ`: the products of a vector with rows. `immediate` has the number of rows, and the distances of results
/// and of rows.
#[inline(always)]
unsafe fn contraction<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, step, row, _] = *immediate;
    let last = count.saturating_sub(1);
    // SAFETY: as the module says; the destination reaches to its last result, the second source to its last row.
    let (dst, a, b) = unsafe {
        let b = source::<T>(b, last * row + n * count.min(1));
        (destination::<T>(dst, last * step + count.min(1)), source::<T>(a, n), b)
    };
    for k in 0..count {
        let b = &b[k * row..][..n];
        let mut lanes = [T::ZERO; LANES];
        let ((xs, rest_x), (ys, rest_y)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (x, y) in xs.iter().zip(ys) {
            for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
                *lane = mul_add::<A, T>(x, y, *lane);
            }
        }
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                lanes[i] = lanes[i] + lanes[i + width];
            }
        }
        let rest = rest_x.iter().zip(rest_y).fold(T::ZERO, |sum, (&x, &y)| sum + x * y);
        dst[k * step] = dst[k * step] + (lanes[0] + rest);
    }
}
instances!(contraction as choose_contraction<A: Arch, T: Float;>);

/// The product of row-major matrices `[m, k]` and `[k, n]`, whose sizes are in `immediate`.
#[inline(always)]
unsafe fn product<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    _: usize,
    immediate: &Immediate,
) {
    let [m, k, n, _] = *immediate;
    // SAFETY: as the module says; the sizes are those of the matrices.
    let (dst, a, b) = unsafe { (destination::<T>(dst, m * n), source::<T>(a, m * k), source::<T>(b, k * n)) };
    dst.fill(T::ZERO);
    for i in 0..m {
        let row = &mut dst[i * n..][..n];
        for (j, &x) in a[i * k..][..k].iter().enumerate() {
            for (d, &y) in row.iter_mut().zip(&b[j * n..][..n]) {
                *d = mul_add::<A, T>(x, y, *d);
            }
        }
    }
}
instances!(product as choose_product<A: Arch, T: Float;>);

macro_rules! by_dtype {
    ($dtype:expr, $choose:ident) => {
        match $dtype {
            DType::F64 if is_wide() => Some($choose::<Avx2, f64>()),
            DType::F64 => Some($choose::<Portable, f64>()),
            DType::F32 if is_wide() => Some($choose::<Avx2, f32>()),
            DType::F32 => Some($choose::<Portable, f32>()),
            DType::I64 | DType::Bool => None,
        }
    };
}

/// A linear combination of rows, see [`combination`].
pub(crate) fn combine(dtype: DType) -> Option<Kernel> {
    by_dtype!(dtype, choose_combination)
}

/// The products of a vector with rows, added to what is there; see [`contraction`].
pub(crate) fn contract(dtype: DType) -> Option<Kernel> {
    by_dtype!(dtype, choose_contraction)
}

/// A product of small matrices, see [`product`].
pub(crate) fn small_matmul(dtype: DType) -> Option<Kernel> {
    by_dtype!(dtype, choose_product)
}
