//! Products of matrices with one long dimension, and small ones.

use ppl_tensor::DType;
use ppl_tensor::op::Binary;

use super::lanes::{Lanes, by_lanes};
use super::{Form, Immediate, Kernel, destination, instances, source, wide};
use crate::runtime::math::{Float, mul_add};

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

/// Bits of the last immediate of a combination: the third source has one element for all; a number to be added follows the
/// coefficients.
pub(super) const SAME: usize = 4;
pub(super) const SHIFTED: usize = 8;

impl Start {
    /// As the last immediate of a combination.
    pub(crate) fn encoded(self, form: Form, shifted: bool) -> usize {
        self as usize + usize::from(form == Form::Same) * SAME + usize::from(shifted) * SHIFTED
    }

    /// That of a combination which is the left or the right operand of an operation, if there is one.
    pub(crate) fn of(kind: Binary, is_left: bool) -> Option<Self> {
        match kind {
            Binary::Add => Some(Self::Plus),
            Binary::Sub if is_left => Some(Self::From),
            Binary::Sub => Some(Self::Minus),
            _ => None,
        }
    }
}

/// Bits of the last immediate of a contraction.
pub(super) const REPLACES: usize = 1;
pub(super) const MOMENTS: usize = 2;

/// The last immediate of a contraction: whether results take the place of what is there, instead of being added to it; and
/// whether the sum of the vector and that of its squares follow the products.
pub(crate) fn contraction_flags(replaces: bool, moments: bool) -> usize {
    usize::from(replaces) * REPLACES + usize::from(moments) * MOMENTS
}

/// Where coefficients and rows are.
pub(super) trait Factors<T>: Copy {
    /// # Safety
    /// There are as many coefficients.
    unsafe fn coefficient(self, k: usize) -> T;
    /// The address of the first element of a row.
    ///
    /// # Safety
    /// There are as many rows.
    unsafe fn row(self, k: usize) -> *const T;
}

/// Coefficients at equal distances, and rows at others.
#[derive(Clone, Copy)]
pub(super) struct Matrix<T> {
    pub(super) coefficients: *const T,
    pub(super) step: usize,
    pub(super) rows: *const T,
    pub(super) row: usize,
}

impl<T: Copy> Factors<T> for Matrix<T> {
    #[inline(always)]
    unsafe fn coefficient(self, k: usize) -> T {
        // SAFETY: the caller's.
        unsafe { *self.coefficients.add(k * self.step) }
    }
    #[inline(always)]
    unsafe fn row(self, k: usize) -> *const T {
        // SAFETY: the caller's.
        unsafe { self.rows.add(k * self.row) }
    }
}

/// Coefficients and rows anywhere: tables of their addresses.
#[derive(Clone, Copy)]
struct Scattered {
    coefficients: *const *const u8,
    rows: *const *const u8,
}

impl<T: Copy> Factors<T> for Scattered {
    #[inline(always)]
    unsafe fn coefficient(self, k: usize) -> T {
        // SAFETY: the caller's.
        unsafe { *(*self.coefficients.add(k)).cast() }
    }
    #[inline(always)]
    unsafe fn row(self, k: usize) -> *const T {
        // SAFETY: the caller's.
        unsafe { (*self.rows.add(k)).cast() }
    }
}

/// `Σₖ aₖ bₖᵢ` for `W` registers of `i` from a first one on, from what [`Start`] says.
///
/// # Safety
/// There are `count` rows of so many elements, and coefficients; `c` has as many elements, or one.
#[inline(always)]
unsafe fn tile<L: Lanes, F: Factors<L::T>, const W: usize>(
    dst: *mut L::T,
    factors: F,
    c: *const L::T,
    [first, count, start]: [usize; 3],
) {
    // SAFETY: the caller's.
    unsafe {
        let shift = if start & SHIFTED == 0 { L::T::ZERO } else { factors.coefficient(count) };
        let mut sums = [L::splat(shift); W];
        for k in 0..count {
            let (x, row) = (L::splat(factors.coefficient(k)), factors.row(k).add(first));
            for (w, sum) in sums.iter_mut().enumerate() {
                *sum = x.times_plus(L::load(row.add(w * L::N)), *sum);
            }
        }
        if start & 3 != Start::Zero as usize {
            for (w, sum) in sums.iter_mut().enumerate() {
                let term = if start & SAME == 0 { L::load(c.add(first + w * L::N)) } else { L::splat(*c) };
                *sum = match start & 3 {
                    1 => term.plus(*sum),
                    2 => term.minus(*sum),
                    _ => sum.minus(term),
                };
            }
        }
        for (w, sum) in sums.into_iter().enumerate() {
            sum.store(dst.add(first + w * L::N));
        }
    }
}

/// `dᵢ = Σₖ aₖ bₖᵢ`, a linear combination of `count` rows, from what an encoded [`Start`] says with `c`.
///
/// # Safety
/// There are as many coefficients, and one more if a start says so, rows of `n` elements, and as many or one of `c`, which
/// may be the destination.
#[inline(always)]
pub(super) unsafe fn combined<L: Lanes, F: Factors<L::T>>(
    dst: *mut L::T,
    factors: F,
    c: *const L::T,
    [n, count, start]: [usize; 3],
) {
    let mut i = 0;
    // SAFETY: the caller's; what is done ends at most at `n`.
    unsafe {
        // Eight sums, so that none waits for the one before.
        while i + 8 * L::N <= n {
            tile::<L, F, 8>(dst, factors, c, [i, count, start]);
            i += 8 * L::N;
        }
        while i + L::N <= n {
            tile::<L, F, 1>(dst, factors, c, [i, count, start]);
            i += L::N;
        }
        // The last elements, fewer than a register has.
        if i + 4 <= n {
            side_by_side::<L, F, 4>(dst, factors, c, [i, count, start]);
            i += 4;
        }
        match n - i {
            3 => side_by_side::<L, F, 3>(dst, factors, c, [i, count, start]),
            2 => side_by_side::<L, F, 2>(dst, factors, c, [i, count, start]),
            1 => side_by_side::<L, F, 1>(dst, factors, c, [i, count, start]),
            _ => {}
        }
    }
}

/// The same for `R` single elements.
///
/// # Safety
/// As for [`tile`].
#[inline(always)]
unsafe fn side_by_side<L: Lanes, F: Factors<L::T>, const R: usize>(
    dst: *mut L::T,
    factors: F,
    c: *const L::T,
    [first, count, start]: [usize; 3],
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [if start & SHIFTED == 0 { L::T::ZERO } else { factors.coefficient(count) }; R];
        for k in 0..count {
            let (x, row) = (factors.coefficient(k), factors.row(k).add(first));
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = mul_add::<L::A, L::T>(x, *row.add(i), *sum);
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            let term = || *c.add(if start & SAME == 0 { first + i } else { 0 });
            *dst.add(first + i) = started(start, sum, term);
        }
    }
}

/// A sum and the term that an encoded [`Start`] says it begins with.
#[inline(always)]
pub(super) fn started<T: Float>(start: usize, sum: T, term: impl FnOnce() -> T) -> T {
    match start & 3 {
        0 => sum,
        1 => term() + sum,
        2 => term() - sum,
        _ => sum - term(),
    }
}

/// A linear combination of rows, from what [`Start`] says with the third source. `immediate` has the number of rows, the
/// distances of coefficients and of rows, and an encoded start.
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
    let factors = Matrix::<L::T> { coefficients: a.cast(), step, rows: b.cast(), row };
    // SAFETY: as the module says; the sources reach to their last coefficient and row.
    unsafe { combined::<L, _>(dst.cast(), factors, c.cast(), [n, count, start]) }
}
instances!(combination as choose_combination<L: Lanes;>);

/// The same of coefficients and rows whose addresses are the first two sources. `immediate` has the number of rows and, last, an
/// encoded start.
#[inline(always)]
unsafe fn scattered_combination<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    c: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, _, _, start] = *immediate;
    let factors = Scattered { coefficients: a.cast(), rows: b.cast() };
    // SAFETY: as the module says; there are addresses of all coefficients and rows.
    unsafe { combined::<L, _>(dst.cast(), factors, c.cast(), [n, count, start]) }
}
instances!(scattered_combination as choose_scattered_combination<L: Lanes;>);

/// `Σᵢ aᵢ bᵣᵢ` for `R` rows, each in `W` registers of partial sums; and, with `M`, the sums of `a` and of its squares.
///
/// # Safety
/// `a` and each of the rows have `n` elements.
#[inline(always)]
pub(super) unsafe fn dots<L: Lanes, const R: usize, const W: usize, const M: bool>(
    a: *const L::T,
    rows: [*const L::T; R],
    n: usize,
) -> ([L::T; R], [L::T; 2]) {
    // SAFETY: the caller's; groups end at most at `n`.
    unsafe {
        let zero = L::splat(L::T::ZERO);
        let mut sums = [[zero; W]; R];
        let mut moments = [[zero; W]; 2];
        let mut i = 0;
        while i + W * L::N <= n {
            for w in 0..W {
                let at = i + w * L::N;
                let x = L::load(a.add(at));
                for (sums, row) in sums.iter_mut().zip(rows) {
                    sums[w] = x.times_plus(L::load(row.add(at)), sums[w]);
                }
                if M {
                    moments[0][w] = x.plus(moments[0][w]);
                    moments[1][w] = x.times_plus(x, moments[1][w]);
                }
            }
            i += W * L::N;
        }
        while i + L::N <= n {
            let x = L::load(a.add(i));
            for (sums, row) in sums.iter_mut().zip(rows) {
                sums[0] = x.times_plus(L::load(row.add(i)), sums[0]);
            }
            if M {
                moments[0][0] = x.plus(moments[0][0]);
                moments[1][0] = x.times_plus(x, moments[1][0]);
            }
            i += L::N;
        }
        let (mut totals, mut both) = ([L::T::ZERO; R], [L::T::ZERO; 2]);
        for ((total, row), sums) in totals.iter_mut().zip(rows).zip(sums) {
            *total = joined(sums);
            for i in i..n {
                *total = mul_add::<L::A, L::T>(*a.add(i), *row.add(i), *total);
            }
        }
        if M {
            let [first, second] = moments;
            both = [joined(first), joined(second)];
            for i in i..n {
                let x = *a.add(i);
                both = [both[0] + x, mul_add::<L::A, L::T>(x, x, both[1])];
            }
        }
        (totals, both)
    }
}

/// The sum of all numbers in `W` registers, by halves.
///
/// # Safety
/// As for [`Lanes::load`].
#[inline(always)]
unsafe fn joined<L: Lanes, const W: usize>(mut sums: [L; W]) -> L::T {
    let mut width = W;
    // SAFETY: the caller's.
    unsafe {
        while width > 1 {
            width /= 2;
            for w in 0..width {
                sums[w] = sums[w].plus(sums[w + width]);
            }
        }
        sums[0].sum()
    }
}

/// `dₖ += Σᵢ aᵢ bₖᵢ`: the products of a vector with `count` rows, at a distance of `step`, with [flags](contraction_flags).
///
/// # Safety
/// There are so many rows of `n` elements, and places for results.
#[inline(always)]
unsafe fn contracted<L: Lanes, F: Factors<L::T>>(
    dst: *mut L::T,
    a: *const L::T,
    factors: F,
    [n, count, step, flags]: [usize; 4],
) {
    let put = |k: usize, sum: L::T| {
        // SAFETY: the caller's.
        unsafe {
            let to = dst.add(k * step);
            *to = if flags & REPLACES == 0 { *to + sum } else { sum };
        }
    };
    let mut k = 0;
    // SAFETY: the caller's.
    unsafe {
        let four = |k: usize| [0, 1, 2, 3].map(|r| factors.row(k + r));
        if flags & MOMENTS != 0 {
            let moments = if count >= 4 {
                let (sums, moments) = dots::<L, 4, 2, true>(a, four(0), n);
                sums.into_iter().enumerate().for_each(|(r, sum)| put(r, sum));
                k = 4;
                moments
            } else {
                let ([sum], moments) = dots::<L, 1, 4, true>(a, [factors.row(0)], n);
                put(0, sum);
                k = 1;
                moments
            };
            put(count, moments[0]);
            put(count + 1, moments[1]);
        }
        while k + 4 <= count {
            let (sums, _) = dots::<L, 4, 2, false>(a, four(k), n);
            sums.into_iter().enumerate().for_each(|(r, sum)| put(k + r, sum));
            k += 4;
        }
        if k + 2 <= count {
            let (sums, _) = dots::<L, 2, 4, false>(a, [factors.row(k), factors.row(k + 1)], n);
            sums.into_iter().enumerate().for_each(|(r, sum)| put(k + r, sum));
            k += 2;
        }
        while k < count {
            let ([sum], _) = dots::<L, 1, 8, false>(a, [factors.row(k)], n);
            put(k, sum);
            k += 1;
        }
    }
}

/// The products of a vector with rows. `immediate` has the number of rows, the distances of results and of rows, and
/// [flags](contraction_flags).
#[inline(always)]
unsafe fn contraction<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, step, row, flags] = *immediate;
    let factors = Matrix::<L::T> { coefficients: a.cast(), step: 0, rows: b.cast(), row };
    // SAFETY: as the module says; the second source reaches to its last row, the destination to its last result.
    unsafe { contracted::<L, _>(dst.cast(), a.cast(), factors, [n, count, step, flags]) }
}
instances!(contraction as choose_contraction<L: Lanes;>);

/// The products of the third source with rows whose addresses are the second. `immediate` has the number of rows and, last,
/// [flags](contraction_flags).
#[inline(always)]
unsafe fn scattered_contraction<L: Lanes>(
    dst: *mut u8,
    _: *const u8,
    b: *const u8,
    c: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [count, _, _, flags] = *immediate;
    let factors = Scattered { coefficients: b.cast(), rows: b.cast() };
    // SAFETY: as the module says; there are addresses of all rows, and the destination has all results.
    unsafe { contracted::<L, _>(dst.cast(), c.cast(), factors, [n, count, 1, flags]) }
}
instances!(scattered_contraction as choose_scattered_contraction<L: Lanes;>);

/// Products of row-major matrices `[m, k]` and `[k, n]`, whose sizes are in `immediate`, and last, in its bits, whether there is
/// one left factor for all and whether there is one right factor.
#[inline(always)]
unsafe fn product<L: Lanes>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    total: usize,
    immediate: &Immediate,
) {
    let [m, k, n, flags] = *immediate;
    if total == 0 {
        return;
    }
    let of = |place: usize| if flags >> place & 1 == 1 { 1 } else { total / (m * n) };
    // SAFETY: as the module says; the sizes are those of the matrices, as many as the flags say.
    let (dst, a, b) = unsafe {
        let (a, b) = (source::<L::T>(a, of(0) * m * k), source::<L::T>(b, of(1) * k * n));
        (destination::<L::T>(dst, total), a, b)
    };
    for (number, dst) in dst.chunks_exact_mut(m * n).enumerate() {
        let a = &a[if of(0) == 1 { 0 } else { number * m * k }..][..m * k];
        let b = &b[if of(1) == 1 { 0 } else { number * k * n }..][..k * n];
        if n == 1 {
            for (i, d) in dst.iter_mut().enumerate() {
                // SAFETY: as the module says; a row of the first matrix and the column are of one length.
                ([*d], _) = unsafe { dots::<L, 1, 2, false>(a[i * k..].as_ptr(), [b.as_ptr()], k) };
            }
            continue;
        }
        for (i, row) in dst.chunks_exact_mut(n).enumerate() {
            let factors = Matrix { coefficients: a[i * k..].as_ptr(), step: 1, rows: b.as_ptr(), row: n };
            // SAFETY: a row of the first matrix has as many numbers as the second has rows.
            unsafe {
                combined::<L, _>(row.as_mut_ptr(), factors, row.as_ptr(), [n, k, Start::Zero as usize])
            };
        }
    }
}
instances!(product as choose_product<L: Lanes;>);

/// A linear combination of rows, see [`combination`]; or, if it goes `across`, one whose rows are at a distance of 1 and have
/// their elements at the distance that rows have else.
pub(crate) fn combine(dtype: DType, across: bool) -> Option<Kernel> {
    if across { wide::combine(dtype) } else { by_lanes!(dtype, choose_combination) }
}

/// The products of a vector with rows, added to what is there; see [`contraction`], and [`combine`] for what goes `across`.
pub(crate) fn contract(dtype: DType, across: bool) -> Option<Kernel> {
    if across { wide::contract(dtype) } else { by_lanes!(dtype, choose_contraction) }
}

/// A linear combination of rows anywhere, see [`scattered_combination`].
pub(crate) fn combine_scattered(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_scattered_combination)
}

/// The products of a vector with rows anywhere, see [`scattered_contraction`].
pub(crate) fn contract_scattered(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_scattered_contraction)
}

/// Products of small matrices, see [`product`].
pub(crate) fn small_matmul(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_product)
}
