//! Running sums and linear recurrences along a dimension.
//!
//! Arithmetic stands in the kernels themselves, not in closures: those need not be compiled for the processor that a kernel is
//! compiled for.

use ppl_tensor::DType;

use super::{Immediate, Kernel, destination, instances, of_floats, source};
use crate::runtime::math::{Arch, Float, mul_add};

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

/// Entries that are computed side by side.
const SIDE_BY_SIDE: usize = 4;

/// Factors whose powers stay in the range of both floats.
const MODERATE: f64 = 1e9;

/// `dᵢ = a dᵢ₋₁ + dᵢ`, several entries at a time: each waits for the last of those before, not for the one before. The first
/// stays.
#[inline(always)]
fn of_one_factor<A: Arch, T: Float>(d: &mut [T], a: T, reverse: bool) {
    let (mut at, mut last) = (1, if reverse { d[d.len() - 1] } else { d[0] });
    if a.wide().abs() <= MODERATE {
        let square = a * a;
        let powers = [a, square, square * a, square * square];
        while at + SIDE_BY_SIDE <= d.len() {
            let start = if reverse { d.len() - at - SIDE_BY_SIDE } else { at };
            let Some(entries) = d[start..].first_chunk_mut() else { break };
            if reverse {
                entries.reverse();
            }
            *entries = go_on::<A, T>(*entries, powers, last);
            last = entries[SIDE_BY_SIDE - 1];
            if reverse {
                entries.reverse();
            }
            at += SIDE_BY_SIDE;
        }
    }
    while at < d.len() {
        let row = if reverse { d.len() - 1 - at } else { at };
        last = mul_add::<A, T>(a, last, d[row]);
        d[row] = last;
        at += 1;
    }
}

/// The next entries, of the terms, the first powers of the factor, and the entry before.
#[inline(always)]
fn go_on<A: Arch, T: Float>(terms: [T; 4], powers: [T; 4], last: T) -> [T; 4] {
    let with = |power: T, x: T, y: T| mul_add::<A, T>(power, x, y);
    let [first, second, ..] = powers;
    let [a, b, c, d] = terms;
    let [b, c, d] = [with(first, a, b), with(first, b, c), with(first, c, d)];
    let sums = [a, b, with(second, a, c), with(second, b, d)];
    std::array::from_fn(|i| with(powers[i], last, sums[i]))
}

/// `dᵢ = aᵢ dᵢ₋₁ + bᵢ`, see [`Order::immediate`].
#[inline(always)]
unsafe fn recurrence<A: Arch, T: Float>(
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
        (destination::<T>(dst, n), source::<T>(a, if one_factor { 1 } else { n }), source::<T>(b, n))
    };
    dst.copy_from_slice(b);
    for (block, d) in dst.chunks_exact_mut(size * inner).enumerate() {
        let factors = if one_factor { a } else { &a[block * size * inner..][..size * inner] };
        match (inner, one_factor) {
            (1, true) => of_one_factor::<A, T>(d, factors[0], reverse),
            (1, false) => {
                let mut last = if reverse { d[size - 1] } else { d[0] };
                for (row, _) in in_order(size, 1, reverse) {
                    last = mul_add::<A, T>(factors[row], last, d[row]);
                    d[row] = last;
                }
            }
            _ => {
                for (row, before) in in_order(size, inner, reverse) {
                    let (now, last) = entries(d, row, before, inner);
                    if one_factor {
                        for (x, &last) in now.iter_mut().zip(last) {
                            *x = mul_add::<A, T>(factors[0], last, *x);
                        }
                    } else {
                        for ((x, &last), &factor) in now.iter_mut().zip(last).zip(&factors[row..]) {
                            *x = mul_add::<A, T>(factor, last, *x);
                        }
                    }
                }
            }
        }
    }
}
instances!(recurrence as choose_recurrence<A: Arch, T: Float;>);

/// `dᵢ = dᵢ₋₁ + aᵢ`, see [`Order::immediate`].
#[inline(always)]
unsafe fn running<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let [size, inner, reverse, _] = *immediate;
    // SAFETY: as the module says.
    let (dst, a) = unsafe { (destination::<T>(dst, n), source::<T>(a, n)) };
    dst.copy_from_slice(a);
    for d in dst.chunks_exact_mut(size * inner) {
        for (row, before) in in_order(size, inner, reverse != 0) {
            let (now, last) = entries(d, row, before, inner);
            for (x, &last) in now.iter_mut().zip(last) {
                *x = last + *x;
            }
        }
    }
}
instances!(running as choose_running<A: Arch, T: Float;>);

/// A linear recurrence of factors and terms.
pub(crate) fn linear_recurrence(dtype: DType) -> Option<Kernel> {
    of_floats!(dtype, choose_recurrence)
}

/// A running sum.
pub(crate) fn cumulative_sum(dtype: DType) -> Option<Kernel> {
    of_floats!(dtype, choose_running)
}
