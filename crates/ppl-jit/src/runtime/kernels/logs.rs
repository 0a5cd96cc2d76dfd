//! Sums of logarithms.

use ppl_tensor::DType;

use super::{Immediate, Kernel, destination, instances, of_floats, source};
use crate::runtime::math::{Arch, Float, sum_of_logs, sum_of_softplus};

/// The immediate of these kernels: whether what the destination has is to be forgotten, not added to.
pub(crate) fn total_immediate(forgets: bool) -> Immediate {
    [usize::from(forgets), 0, 0, 0]
}

/// What a total becomes.
#[inline(always)]
fn put<T: Float>(total: &mut [T], sum: T, immediate: &Immediate) {
    total[0] = if immediate[0] == 1 { sum } else { total[0] + sum };
}

#[inline(always)]
unsafe fn logs<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    // SAFETY: as the module says; the destination has one element.
    let (total, x) = unsafe { (destination::<T>(dst, 1), source::<T>(a, n)) };
    put(total, sum_of_logs::<A, T>(x), immediate);
}
instances!(logs as choose_logs<A: Arch, T: Float;>);

/// The second source is another destination, of the slopes.
#[inline(always)]
unsafe fn softplus<A: Arch, T: Float>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    immediate: &Immediate,
) {
    // SAFETY: as the module says, of both destinations; the first has one element.
    let (total, x, slopes) =
        unsafe { (destination::<T>(dst, 1), source::<T>(a, n), destination::<T>(b.cast_mut(), n)) };
    put(total, sum_of_softplus::<A, T>(x, slopes), immediate);
}
instances!(softplus as choose_softplus<A: Arch, T: Float;>);

/// The sum of the logarithms of the source, see [`total_immediate`].
pub(crate) fn total_of_logs(dtype: DType) -> Option<Kernel> {
    of_floats!(dtype, choose_logs)
}

/// The sum of `ln(1 + eˣ)`, see [`total_immediate`]; its slopes to the second source.
pub(crate) fn total_of_softplus(dtype: DType) -> Option<Kernel> {
    of_floats!(dtype, choose_softplus)
}
