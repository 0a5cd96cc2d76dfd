//! Products of vectors with matrices of many columns, as they are stored: the entries of a row are neighbours.
//!
//! A combination of columns is then a dot product for each row, and the products with columns are a combination of rows. Both
//! go through a block of rows from its first byte to its last.
//!
//! Rounding: a dot product of `count` terms has an error of at most `count / (2 L) + 7` units in the last place of the sum of
//! absolute terms, with `L` numbers in a register. Products with columns are added eight rows at a time: over `n` rows the error is
//! at most `n / 8 + 9` units. In single precision, of 10⁴ rows, that is at most 10⁻⁴ of the sum of absolute terms; errors that do
//! not all have one sign stay near its root.

use ppl_tensor::DType;

use super::lanes::{Lanes, by_lanes};
use super::linear::{MOMENTS, REPLACES, SAME, SHIFTED, dots, started};
use super::{Immediate, Kernel, destination, instances};
use crate::runtime::math::{Float, mul_add};

/// The products of a vector with four rows of as many numbers.
///
/// # Safety
/// There are so many numbers.
#[inline(always)]
unsafe fn four<L: Lanes>(a: *const L::T, rows: [*const L::T; 4], count: usize) -> [L::T; 4] {
    // SAFETY: the caller's; what is read ends at `count`.
    unsafe {
        let zero = L::splat(L::T::ZERO);
        let mut sums = [[zero; 4]; 2];
        let mut k = 0;
        while k + 2 * L::N <= count {
            for (w, sums) in sums.iter_mut().enumerate() {
                let at = k + w * L::N;
                let x = L::load(a.add(at));
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum = x.times_plus(L::load(row.add(at)), *sum);
                }
            }
            k += 2 * L::N;
        }
        let [mut first, second] = sums;
        if k + L::N <= count {
            let x = L::load(a.add(k));
            for (sum, row) in first.iter_mut().zip(rows) {
                *sum = x.times_plus(L::load(row.add(k)), *sum);
            }
            k += L::N;
        }
        for (sum, other) in first.iter_mut().zip(second) {
            *sum = sum.plus(other);
        }
        if k < count {
            let x = L::load_first(a.add(k), count - k);
            for (sum, row) in first.iter_mut().zip(rows) {
                *sum = x.times_plus(L::load_first(row.add(k), count - k), *sum);
            }
        }
        L::sums(first)
    }
}

/// `dₖ += Σᵢ aᵢ bᵢₖ` of `R` rows at a distance.
///
/// # Safety
/// There are as many coefficients, and rows of `count` numbers; so many results.
#[inline(always)]
unsafe fn added<L: Lanes, const R: usize>(
    dst: *mut L::T,
    a: *const L::T,
    b: *const L::T,
    [count, row]: [usize; 2],
) {
    // SAFETY: the caller's; what is touched ends at `count`.
    unsafe {
        let mut coefficients = [L::splat(L::T::ZERO); R];
        let mut rows = [b; R];
        for (i, (coefficient, start)) in coefficients.iter_mut().zip(&mut rows).enumerate() {
            (*coefficient, *start) = (L::splat(*a.add(i)), b.add(i * row));
        }
        let mut k = 0;
        while k + L::N <= count {
            // What is added comes last: it is the largest.
            let mut sum = L::splat(L::T::ZERO);
            for (x, row) in coefficients.into_iter().zip(rows) {
                sum = x.times_plus(L::load(row.add(k)), sum);
            }
            L::load(dst.add(k)).plus(sum).store(dst.add(k));
            k += L::N;
        }
        while k < count {
            let mut sum = L::T::ZERO;
            for (i, row) in rows.into_iter().enumerate() {
                sum = mul_add::<L::A, L::T>(*a.add(i), *row.add(k), sum);
            }
            *dst.add(k) = *dst.add(k) + sum;
            k += 1;
        }
    }
}

/// `dᵢ = Σₖ aₖ bᵢₖ` for `n` rows, from what an encoded [`Start`] says with the third source. `immediate` has the number of
/// columns, that of coefficients between two, the distance of rows, and the start.
#[inline(always)]
unsafe fn combination<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    c: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, _, row, start] = *immediate;
    let (dst, a, b, c): (*mut L::T, *const L::T, *const L::T, *const L::T) =
        (dst.cast(), a.cast(), b.cast(), c.cast());
    // SAFETY: as the module of kernels says: there are coefficients for all columns, and one more if the start says so, rows
    // of as many numbers at the distance, and as many results as rows.
    unsafe {
        let shift = if start & SHIFTED == 0 { L::T::ZERO } else { *a.add(count) };
        let put = |i: usize, sum: L::T| {
            let term = || *c.add(if start & SAME == 0 { i } else { 0 });
            *dst.add(i) = started(start, shift + sum, term);
        };
        let mut i = 0;
        while i + 4 <= n {
            let rows = [0, 1, 2, 3].map(|r| b.add((i + r) * row));
            four::<L>(a, rows, count).into_iter().enumerate().for_each(|(r, sum)| put(i + r, sum));
            i += 4;
        }
        while i < n {
            let ([sum], _) = dots::<L, 1, 8, false>(a, [b.add(i * row)], count);
            put(i, sum);
            i += 1;
        }
    }
}
instances!(combination as choose_combination<L: Lanes;>);

/// `dₖ += Σᵢ aᵢ bᵢₖ` for all columns `k`, over `n` rows. `immediate` has the number of columns, 1, the distance of rows, and
/// [flags](super::contraction_flags).
#[inline(always)]
unsafe fn contraction<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, _, row, flags] = *immediate;
    let (dst, a, b): (*mut L::T, *const L::T, *const L::T) = (dst.cast(), a.cast(), b.cast());
    // SAFETY: as the module of kernels says: there is a coefficient for each row, and a result for each column; two more if
    // the flags say so.
    unsafe {
        let results = if flags & MOMENTS == 0 { count } else { count + 2 };
        if flags & REPLACES != 0 {
            destination::<L::T>(dst.cast(), results).fill(L::T::ZERO);
        }
        let mut i = 0;
        while i + 8 <= n {
            added::<L, 8>(dst, a.add(i), b.add(i * row), [count, row]);
            i += 8;
        }
        if i + 4 <= n {
            added::<L, 4>(dst, a.add(i), b.add(i * row), [count, row]);
            i += 4;
        }
        while i < n {
            added::<L, 1>(dst, a.add(i), b.add(i * row), [count, row]);
            i += 1;
        }
        if flags & MOMENTS != 0 {
            let (_, moments) = dots::<L, 1, 4, true>(a, [a], n);
            for (m, sum) in moments.into_iter().enumerate() {
                *dst.add(count + m) = *dst.add(count + m) + sum;
            }
        }
    }
}
instances!(contraction as choose_contraction<L: Lanes;>);

/// A linear combination of columns, see [`combination`].
pub(super) fn combine(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_combination)
}

/// The products of a vector with columns, added to what is there; see [`contraction`].
pub(super) fn contract(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_contraction)
}
