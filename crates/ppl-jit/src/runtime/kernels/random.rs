//! Random numbers as functions of a key: the same as the host's, to rounding.

use std::marker::PhantomData;

use ppl_tensor::DType;
use ppl_tensor::op::RandomKind;

use super::{Immediate, Kernel, destination, instances, is_wide, source};
use crate::runtime::math::{Arch, Avx2, Float, Portable, box_muller};
use crate::runtime::philox::draw_bits;

/// Two draws from the two halves of a block.
trait Draw {
    type T: Copy;
    fn pair(bits: [u64; 2]) -> [Self::T; 2];
}

struct Uniform<T>(PhantomData<T>);

struct Normal<A, T>(PhantomData<(A, T)>);

/// One of the `2⁵²` midpoints of a division of the unit interval.
#[inline(always)]
fn open_unit(bits: u64) -> f64 {
    // A number in [1, 2) with these bits: no conversion from integers, which AVX2 does not have.
    (f64::from_bits(bits >> 12 | 0x3FF0_0000_0000_0000) - 1.0) + 0.5 / (1u64 << 52) as f64
}

/// One of `2²³` midpoints.
#[inline(always)]
fn open_unit_f32(bits: u64) -> f32 {
    (f32::from_bits((bits >> 41) as u32 | 0x3F80_0000) - 1.0) + 0.5 / (1u32 << 23) as f32
}

/// A float that can be made of random bits.
trait Unit: Float {
    fn unit(bits: u64) -> Self;
}

impl Unit for f64 {
    #[inline(always)]
    fn unit(bits: u64) -> f64 {
        open_unit(bits)
    }
}

impl Unit for f32 {
    #[inline(always)]
    fn unit(bits: u64) -> f32 {
        open_unit_f32(bits)
    }
}

impl<T: Unit> Draw for Uniform<T> {
    type T = T;
    #[inline(always)]
    fn pair(bits: [u64; 2]) -> [T; 2] {
        bits.map(T::unit)
    }
}

impl<A: Arch, T: Unit> Draw for Normal<A, T> {
    type T = T;
    #[inline(always)]
    fn pair(bits: [u64; 2]) -> [T; 2] {
        let [u, v] = bits.map(T::unit);
        box_muller::<A, T>(u, v).into()
    }
}

/// `immediate[0]` draws for each key, `n` in all.
#[inline(always)]
unsafe fn body<D: Draw>(
    dst: *mut u8,
    keys: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    let count = immediate[0];
    if n == 0 {
        return;
    }
    // SAFETY: as the module says; there is a key for each `count` elements of the destination.
    let (dst, keys) = unsafe { (destination::<D::T>(dst, n), source::<i64>(keys, n / count)) };
    for (drawn, &key) in dst.chunks_exact_mut(count).zip(keys) {
        let (pairs, rest) = drawn.as_chunks_mut::<2>();
        for (index, pair) in pairs.iter_mut().enumerate() {
            *pair = D::pair(draw_bits(key, index as u64));
        }
        if let [last] = rest {
            *last = D::pair(draw_bits(key, count as u64 / 2))[0];
        }
    }
}
instances!(body as choose<D: Draw;>);

/// Draws for each key; none for kinds without a kernel.
pub(crate) fn draws(kind: RandomKind) -> Option<Kernel> {
    fn normal<T: Unit>() -> Kernel {
        if is_wide() { choose::<Normal<Avx2, T>>() } else { choose::<Normal<Portable, T>>() }
    }
    match kind {
        RandomKind::Uniform(DType::F64) => Some(choose::<Uniform<f64>>()),
        RandomKind::Uniform(DType::F32) => Some(choose::<Uniform<f32>>()),
        RandomKind::Normal(DType::F64) => Some(normal::<f64>()),
        RandomKind::Normal(DType::F32) => Some(normal::<f32>()),
        _ => None,
    }
}
