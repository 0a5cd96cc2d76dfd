//! Running sums and linear recurrences along a dimension.
//!
//! Arithmetic stands in the kernels themselves, not in closures: those need not be compiled for the processor that a kernel is
//! compiled for.

use std::marker::PhantomData;

use ppl_tensor::DType;

use super::{Immediate, Kernel, destination, instances, is_wide, source};
use crate::runtime::math::{Arch, Avx2, Float, Portable, mul_add};

/// Arithmetic of what follows each other.
trait Link {
    type T: Copy;
    fn plus(x: Self::T, y: Self::T) -> Self::T;
    /// `factor · last + term`.
    fn next(factor: Self::T, last: Self::T, term: Self::T) -> Self::T;
    /// The first powers of a factor, from itself on; none if they may be out of range.
    fn powers(factor: Self::T) -> Option<[Self::T; SIDE_BY_SIDE]>;
}

/// Entries that are computed side by side.
const SIDE_BY_SIDE: usize = 4;

/// Factors whose powers stay in the range of both floats.
const MODERATE: f64 = 1e9;

/// That of floats.
struct Fused<A, T>(PhantomData<(A, T)>);

/// That of integers.
struct Wrapping;

impl<A: Arch, T: Float> Link for Fused<A, T> {
    type T = T;
    #[inline(always)]
    fn plus(x: T, y: T) -> T {
        x + y
    }
    #[inline(always)]
    fn next(factor: T, last: T, term: T) -> T {
        mul_add::<A, T>(factor, last, term)
    }
    #[inline(always)]
    fn powers(factor: T) -> Option<[T; SIDE_BY_SIDE]> {
        let square = factor * factor;
        let is_moderate = factor.wide().abs() <= MODERATE;
        is_moderate.then(|| [factor, square, square * factor, square * square])
    }
}

impl Link for Wrapping {
    type T = i64;
    #[inline(always)]
    fn plus(x: i64, y: i64) -> i64 {
        x.wrapping_add(y)
    }
    #[inline(always)]
    fn next(factor: i64, last: i64, term: i64) -> i64 {
        factor.wrapping_mul(last).wrapping_add(term)
    }
    #[inline(always)]
    fn powers(factor: i64) -> Option<[i64; SIDE_BY_SIDE]> {
        let square = factor.wrapping_mul(factor);
        Some([factor, square, square.wrapping_mul(factor), square.wrapping_mul(square)])
    }
}

/// The dimension along which entries follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) size: usize,
    /// Elements of an entry.
    pub(crate) inner: usize,
    /// Whether the last entry is the first.
    pub(crate) reverse: bool,
}

impl Order {
    /// For a kernel; `one_factor` says whether all factors are one.
    pub(crate) fn immediate(self, one_factor: bool) -> Immediate {
        [self.size, self.inner, usize::from(self.reverse), usize::from(one_factor)]
    }
}

/// The place of each entry of a block and of that before it, from the second entry on.
#[inline(always)]
fn in_order(size: usize, inner: usize, reverse: bool) -> impl Iterator<Item = (usize, usize)> {
    (1..size).map(move |step| {
        let (row, before) = if reverse { (size - 1 - step, size - step) } else { (step, step - 1) };
        (row * inner, before * inner)
    })
}

/// An entry and the one before it, from their places.
#[inline(always)]
fn entries<T>(block: &mut [T], row: usize, before: usize, inner: usize) -> (&mut [T], &[T]) {
    let (head, tail) = block.split_at_mut(row.max(before));
    if row < before {
        (&mut head[row..row + inner], &tail[..inner])
    } else {
        (&mut tail[..inner], &head[before..before + inner])
    }
}

/// `dᵢ = a dᵢ₋₁ + dᵢ`, several entries at a time: each waits for the last of those before, not for the one before. The first
/// stays.
#[inline(always)]
fn of_one_factor<L: Link>(d: &mut [L::T], a: L::T, reverse: bool) {
    let (mut at, mut last) = (1, if reverse { d[d.len() - 1] } else { d[0] });
    if let Some(powers) = L::powers(a) {
        while at + SIDE_BY_SIDE <= d.len() {
            let start = if reverse { d.len() - at - SIDE_BY_SIDE } else { at };
            let Some(entries) = d[start..].first_chunk_mut() else { break };
            if reverse {
                entries.reverse();
            }
            *entries = go_on::<L>(*entries, powers, last);
            last = entries[SIDE_BY_SIDE - 1];
            if reverse {
                entries.reverse();
            }
            at += SIDE_BY_SIDE;
        }
    }
    while at < d.len() {
        let row = if reverse { d.len() - 1 - at } else { at };
        last = L::next(a, last, d[row]);
        d[row] = last;
        at += 1;
    }
}

/// The next entries, of the terms, the first powers of the factor, and the entry before.
#[inline(always)]
fn go_on<L: Link>(
    terms: [L::T; SIDE_BY_SIDE],
    powers: [L::T; SIDE_BY_SIDE],
    last: L::T,
) -> [L::T; SIDE_BY_SIDE] {
    let [first, second, ..] = powers;
    let [a, b, c, d] = terms;
    let [b, c, d] = [L::next(first, a, b), L::next(first, b, c), L::next(first, c, d)];
    let sums = [a, b, L::next(second, a, c), L::next(second, b, d)];
    std::array::from_fn(|i| L::next(powers[i], last, sums[i]))
}

/// `dᵢ = aᵢ dᵢ₋₁ + bᵢ`, see [`Order::immediate`].
#[inline(always)]
unsafe fn recurrence<L: Link>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [size, inner, reverse, one_factor] = *immediate;
    let (reverse, one_factor) = (reverse != 0, one_factor != 0);
    // SAFETY: as the module says; the first source has one element if there is one factor.
    let (dst, a, b) = unsafe {
        (destination::<L::T>(dst, n), source::<L::T>(a, if one_factor { 1 } else { n }), source::<L::T>(b, n))
    };
    dst.copy_from_slice(b);
    for (block, d) in dst.chunks_exact_mut(size * inner).enumerate() {
        let factors = if one_factor { a } else { &a[block * size * inner..][..size * inner] };
        match (inner, one_factor) {
            (1, true) => of_one_factor::<L>(d, factors[0], reverse),
            (1, false) => {
                let mut last = if reverse { d[size - 1] } else { d[0] };
                for (row, _) in in_order(size, 1, reverse) {
                    last = L::next(factors[row], last, d[row]);
                    d[row] = last;
                }
            }
            _ => {
                for (row, before) in in_order(size, inner, reverse) {
                    let (now, last) = entries(d, row, before, inner);
                    if one_factor {
                        for (x, &last) in now.iter_mut().zip(last) {
                            *x = L::next(factors[0], last, *x);
                        }
                    } else {
                        for ((x, &last), &factor) in now.iter_mut().zip(last).zip(&factors[row..]) {
                            *x = L::next(factor, last, *x);
                        }
                    }
                }
            }
        }
    }
}
instances!(recurrence as choose_recurrence<L: Link;>);

/// `dᵢ = dᵢ₋₁ + aᵢ`, see [`Order::immediate`].
#[inline(always)]
unsafe fn running<L: Link>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [size, inner, reverse, _] = *immediate;
    // SAFETY: as the module says.
    let (dst, a) = unsafe { (destination::<L::T>(dst, n), source::<L::T>(a, n)) };
    dst.copy_from_slice(a);
    for d in dst.chunks_exact_mut(size * inner) {
        for (row, before) in in_order(size, inner, reverse != 0) {
            let (now, last) = entries(d, row, before, inner);
            for (x, &last) in now.iter_mut().zip(last) {
                *x = L::plus(last, *x);
            }
        }
    }
}
instances!(running as choose_running<L: Link;>);

macro_rules! by_dtype {
    ($dtype:expr, $choose:ident) => {
        match $dtype {
            DType::F64 if is_wide() => Some($choose::<Fused<Avx2, f64>>()),
            DType::F64 => Some($choose::<Fused<Portable, f64>>()),
            DType::F32 if is_wide() => Some($choose::<Fused<Avx2, f32>>()),
            DType::F32 => Some($choose::<Fused<Portable, f32>>()),
            DType::I64 => Some($choose::<Wrapping>()),
            DType::Bool => None,
        }
    };
}

/// A linear recurrence of factors and terms.
pub(crate) fn linear_recurrence(dtype: DType) -> Option<Kernel> {
    by_dtype!(dtype, choose_recurrence)
}

/// A running sum.
pub(crate) fn cumulative_sum(dtype: DType) -> Option<Kernel> {
    by_dtype!(dtype, choose_running)
}
