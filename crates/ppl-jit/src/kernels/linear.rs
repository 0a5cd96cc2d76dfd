//! Products of matrices with one long dimension, and small ones.

use ppl_tensor::DType;
use ppl_tensor::op::Binary;

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

/// Bits of the last immediate of a combination: the third source has one element for all; a number to be added follows the
/// coefficients.
const SAME: usize = 4;
const SHIFTED: usize = 8;

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
const REPLACES: usize = 1;
const MOMENTS: usize = 2;

/// The last immediate of a contraction: whether results take the place of what is there, instead of being added to it; and
/// whether the sum of the vector and that of its squares follow the products.
pub(crate) fn contraction_flags(replaces: bool, moments: bool) -> usize {
    usize::from(replaces) * REPLACES + usize::from(moments) * MOMENTS
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
        let shift = if start & SHIFTED == 0 { L::T::ZERO } else { *a.add(count * step) };
        let mut sums = [L::splat(shift); W];
        for k in 0..count {
            let (x, row) = (L::splat(*a.add(k * step)), b.add(k * row));
            for (w, sum) in sums.iter_mut().enumerate() {
                *sum = x.times_plus(L::load(row.add(w * L::N)), *sum);
            }
        }
        if start & 3 != Start::Zero as usize {
            for (w, sum) in sums.iter_mut().enumerate() {
                let term = if start & SAME == 0 { L::load(c.add(w * L::N)) } else { L::splat(*c) };
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
    let moves = usize::from(start & SAME == 0);
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
            let mut sum = if start & SHIFTED == 0 { L::T::ZERO } else { *a.add(count * step) };
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

/// `Σᵢ aᵢ bᵣᵢ` for `R` rows at a distance of `row`, each in `W` registers of partial sums; and, with `M`, the sums of `a` and of
/// its squares.
///
/// # Safety
/// `a` and each of the rows of `b` have `n` elements.
#[inline(always)]
unsafe fn dots<L: Lanes, const R: usize, const W: usize, const M: bool>(
    a: *const L::T,
    b: *const L::T,
    row: usize,
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
                for (r, sums) in sums.iter_mut().enumerate() {
                    sums[w] = x.times_plus(L::load(b.add(r * row + at)), sums[w]);
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
            for (r, sums) in sums.iter_mut().enumerate() {
                sums[0] = x.times_plus(L::load(b.add(r * row + i)), sums[0]);
            }
            if M {
                moments[0][0] = x.plus(moments[0][0]);
                moments[1][0] = x.times_plus(x, moments[1][0]);
            }
            i += L::N;
        }
        let (mut totals, mut both) = ([L::T::ZERO; R], [L::T::ZERO; 2]);
        for ((r, total), sums) in totals.iter_mut().enumerate().zip(sums) {
            *total = joined(sums);
            for i in i..n {
                *total = mul_add::<L::A, L::T>(*a.add(i), *b.add(r * row + i), *total);
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

/// `dₖ += Σᵢ aᵢ bₖᵢ`: the products of a vector with rows. `immediate` has the number of rows, the distances of results and of
/// rows, and [flags](contraction_flags).
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
    let (dst, a, b): (*mut L::T, *const L::T, *const L::T) = (dst.cast(), a.cast(), b.cast());
    let put = |k: usize, sum: L::T| {
        // SAFETY: as the module says; the destination reaches to its last result.
        unsafe {
            let to = dst.add(k * step);
            *to = if flags & REPLACES == 0 { *to + sum } else { sum };
        }
    };
    let mut k = 0;
    // SAFETY: as the module says; the second source reaches to its last row.
    unsafe {
        if flags & MOMENTS != 0 {
            let moments = if count >= 4 {
                let (sums, moments) = dots::<L, 4, 2, true>(a, b, row, n);
                sums.into_iter().enumerate().for_each(|(r, sum)| put(r, sum));
                k = 4;
                moments
            } else {
                let ([sum], moments) = dots::<L, 1, 4, true>(a, b, row, n);
                put(0, sum);
                k = 1;
                moments
            };
            put(count, moments[0]);
            put(count + 1, moments[1]);
        }
        while k + 4 <= count {
            let (sums, _) = dots::<L, 4, 2, false>(a, b.add(k * row), row, n);
            sums.into_iter().enumerate().for_each(|(r, sum)| put(k + r, sum));
            k += 4;
        }
        while k < count {
            let ([sum], _) = dots::<L, 1, 8, false>(a, b.add(k * row), row, n);
            put(k, sum);
            k += 1;
        }
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
            ([*d], _) = unsafe { dots::<L, 1, 2, false>(a[i * k..].as_ptr(), b.as_ptr(), 0, k) };
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
macro_rules! by_lanes {
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
    by_lanes!(dtype, choose_combination)
}

/// The products of a vector with rows, added to what is there; see [`contraction`].
pub(crate) fn contract(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_contraction)
}

/// The product of small matrices, see [`product`].
pub(crate) fn small_matmul(dtype: DType) -> Option<Kernel> {
    by_lanes!(dtype, choose_product)
}
