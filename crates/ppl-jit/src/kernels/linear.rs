//! Products of matrices with one long dimension, and small ones.

use ppl_tensor::DType;

#[cfg(target_arch = "x86_64")]
use super::is_wide;
#[cfg(target_arch = "x86_64")]
use super::lanes::{Eight32, Four64};
use super::lanes::{Lanes, Two};
use super::{Form, Immediate, Kernel, destination, instances, source};
use crate::math::{Float, mul_add};

/// What a linear combination is added to, or what is taken from what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Start {
    /// `Σ`.
    Zero = 0,
    /// `c + Σ`.
    Plus = 1,
    /// `c - Σ`.
    Minus = 2,
    /// `Σ - c`.
    From = 3,
}

impl Start {
    /// As the last immediate of a combination: with one `c` for all elements, or one for each.
    pub(crate) fn encoded(self, form: Form) -> usize {
        self as usize | usize::from(form == Form::Same) << 2
    }
}

/// `Σₖ aₖ bₖᵢ` for `W` registers of neighbouring `i`, from what [`Start`] says.
///
/// # Safety
/// `a` has `count` elements at a distance of `step`, and `b` as many rows of so many elements at a distance of `row`; `c` has
/// as many, or one.
#[inline(always)]
unsafe fn tile<L: Lanes, const W: usize>(
    dst: *mut L::T,
    a: *const L::T,
    b: *const L::T,
    c: *const L::T,
    [count, step, row, start]: Immediate,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [L::splat(L::T::ZERO); W];
        for k in 0..count {
            let (x, row) = (L::splat(*a.add(k * step)), b.add(k * row));
            for (w, sum) in sums.iter_mut().enumerate() {
                *sum = x.times_plus(L::load(row.add(w * L::N)), *sum);
            }
        }
        if start != Start::Zero as usize {
            for (w, sum) in sums.iter_mut().enumerate() {
                let term = if start & 4 == 0 { L::load(c.add(w * L::N)) } else { L::splat(*c) };
                *sum = match start & 3 {
                    1 => term.plus(*sum),
                    2 => term.minus(*sum),
                    _ => sum.minus(term),
                };
            }
        }
        for (w, sum) in sums.into_iter().enumerate() {
            sum.store(dst.add(w * L::N));
        }
    }
}

/// `dᵢ = Σₖ aₖ bₖᵢ`, a linear combination of rows, from what [`Start`] says with the third source. `immediate` has the number
/// of rows, the distances of coefficients and of rows, and an encoded start.
#[inline(always)]
unsafe fn combination<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    c: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, step, row, start] = *immediate;
    let (dst, a, b, c): (*mut L::T, *const L::T, *const L::T, *const L::T) =
        (dst.cast(), a.cast(), b.cast(), c.cast());
    let moves = usize::from(start & 4 == 0);
    let mut i = 0;
    // SAFETY: as the module says; the sources reach to their last coefficient and row, the third to its only or last element;
    // what is done ends at most at `n`.
    unsafe {
        // Eight sums, so that none waits for the one before.
        while i + 8 * L::N <= n {
            tile::<L, 8>(dst.add(i), a, b.add(i), c.add(i * moves), *immediate);
            i += 8 * L::N;
        }
        while i + L::N <= n {
            tile::<L, 1>(dst.add(i), a, b.add(i), c.add(i * moves), *immediate);
            i += L::N;
        }
        while i < n {
            let mut sum = L::T::ZERO;
            for k in 0..count {
                sum = mul_add::<L::A, L::T>(*a.add(k * step), *b.add(k * row + i), sum);
            }
            *dst.add(i) = match start & 3 {
                0 => sum,
                1 => *c.add(i * moves) + sum,
                2 => *c.add(i * moves) - sum,
                _ => sum - *c.add(i * moves),
            };
            i += 1;
        }
    }
}
instances!(combination as choose_combination<L: Lanes;>);

/// `Σᵢ aᵢ bᵣᵢ` for `R` rows at a distance of `row`, each in `W` registers of partial sums.
///
/// # Safety
/// `a` and each of the rows of `b` have `n` elements.
#[inline(always)]
unsafe fn dots<L: Lanes, const R: usize, const W: usize>(
    a: *const L::T,
    b: *const L::T,
    row: usize,
    n: usize,
) -> [L::T; R] {
    // SAFETY: the caller's; groups end at most at `n`.
    unsafe {
        let mut sums = [[L::splat(L::T::ZERO); W]; R];
        let mut i = 0;
        while i + W * L::N <= n {
            for w in 0..W {
                let at = i + w * L::N;
                let x = L::load(a.add(at));
                for (r, sums) in sums.iter_mut().enumerate() {
                    sums[w] = x.times_plus(L::load(b.add(r * row + at)), sums[w]);
                }
            }
            i += W * L::N;
        }
        while i + L::N <= n {
            let x = L::load(a.add(i));
            for (r, sums) in sums.iter_mut().enumerate() {
                sums[0] = x.times_plus(L::load(b.add(r * row + i)), sums[0]);
            }
            i += L::N;
        }
        let mut totals = [L::T::ZERO; R];
        for ((r, total), mut sums) in totals.iter_mut().enumerate().zip(sums) {
            let mut width = W;
            while width > 1 {
                width /= 2;
                for w in 0..width {
                    sums[w] = sums[w].plus(sums[w + width]);
                }
            }
            *total = sums[0].sum();
            for i in i..n {
                *total = mul_add::<L::A, L::T>(*a.add(i), *b.add(r * row + i), *total);
            }
        }
        totals
    }
}

/// `dₖ += Σᵢ aᵢ bₖᵢ`: the products of a vector with rows. `immediate` has the number of rows, the distances of results and of
/// rows, and 1 if results are not added to what is there but take its place.
#[inline(always)]
unsafe fn contraction<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, step, row, replaces] = *immediate;
    let (dst, a, b): (*mut L::T, *const L::T, *const L::T) = (dst.cast(), a.cast(), b.cast());
    let put = |k: usize, sum: L::T| {
        // SAFETY: as the module says; the destination reaches to its last result.
        unsafe {
            let to = dst.add(k * step);
            *to = if replaces == 1 { sum } else { *to + sum };
        }
    };
    let mut k = 0;
    while k + 4 <= count {
        // SAFETY: as the module says; the second source reaches to its last row.
        let sums = unsafe { dots::<L, 4, 2>(a, b.add(k * row), row, n) };
        for (r, sum) in sums.into_iter().enumerate() {
            put(k + r, sum);
        }
        k += 4;
    }
    while k < count {
        // SAFETY: as before.
        let [sum] = unsafe { dots::<L, 1, 8>(a, b.add(k * row), row, n) };
        put(k, sum);
        k += 1;
    }
}
instances!(contraction as choose_contraction<L: Lanes;>);

/// The product of row-major matrices `[m, k]` and `[k, n]`, whose sizes are in `immediate`.
#[inline(always)]
unsafe fn product<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    _: usize,
    immediate: &Immediate,
) {
    let [m, k, n, _] = *immediate;
    // SAFETY: as the module says; the sizes are those of the matrices.
    let (dst, a, b) =
        unsafe { (destination::<L::T>(dst, m * n), source::<L::T>(a, m * k), source::<L::T>(b, k * n)) };
    if n == 1 {
        for (i, d) in dst.iter_mut().enumerate() {
            // SAFETY: as the module says; a row of the first matrix and the column are of one length.
            [*d] = unsafe { dots::<L, 1, 2>(a[i * k..].as_ptr(), b.as_ptr(), 0, k) };
        }
        return;
    }
    dst.fill(L::T::ZERO);
    for i in 0..m {
        let row = &mut dst[i * n..][..n];
        for (j, &x) in a[i * k..][..k].iter().enumerate() {
            for (d, &y) in row.iter_mut().zip(&b[j * n..][..n]) {
                *d = mul_add::<L::A, L::T>(x, y, *d);
            }
        }
    }
}
instances!(product as choose_product<L: Lanes;>);

/// A kernel for the widest registers there are.
macro_rules! by_dtype {
    ($dtype:expr, $choose:ident) => {
        match $dtype {
            #[cfg(target_arch = "x86_64")]
            DType::F64 if is_wide() => Some($choose::<Four64>()),
            #[cfg(target_arch = "x86_64")]
            DType::F32 if is_wide() => Some($choose::<Eight32>()),
            DType::F64 => Some($choose::<Two<f64>>()),
            DType::F32 => Some($choose::<Two<f32>>()),
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

/// The product of small matrices, see [`product`].
pub(crate) fn small_matmul(dtype: DType) -> Option<Kernel> {
    by_dtype!(dtype, choose_product)
}
