//! Loops over memory, compiled for each target, and the choice among them.

// Kernels work on memory that may be source and target at once, and use instructions that not every processor has.
use std::slice;

use super::float::{Arch, Float, Portable};

/// `dst[i] = f(a[i])` for `i` in `0..n`.
///
/// # Safety
/// `dst` must be valid for `n` writes and `a` for `n` reads; they are the same memory or do not overlap. The loop must
/// have come from a [`Target`] of this processor.
pub(crate) type UnaryLoop<T> = unsafe fn(dst: *mut T, a: *const T, n: usize);

/// `dst[i] = f(a[i], b[i])` for `i` in `0..n`.
///
/// # Safety
/// As for [`UnaryLoop`], of `a` and of `b`, which may be one.
pub(crate) type BinaryLoop<T> = unsafe fn(dst: *mut T, a: *const T, b: *const T, n: usize);

/// `f(x)` of one element.
///
/// # Safety
/// The function must have come from a [`Target`] of this processor.
pub(crate) type One<T> = unsafe extern "C" fn(x: T) -> T;

/// `f(x, y)` of one element.
///
/// # Safety
/// As for [`One`].
pub(crate) type Two<T> = unsafe extern "C" fn(x: T, y: T) -> T;

/// Elements that are computed before the next are read.
const BLOCK: usize = 128;

/// How a loop meets its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// One loop for each way in which operands coincide: for functions so cheap that a copy would cost as much.
    Direct,
    /// Through a copy of a block: one loop, which the compiler sees to be free of overlaps.
    Blocked,
}

/// A function of one element.
pub(super) trait UnaryKernel<T: Float> {
    const ACCESS: Access;
    fn value<A: Arch>(x: T) -> T;
    /// Whether `value` is wrong here, and `definition` is to be asked.
    #[inline(always)]
    fn is_beyond(_x: T) -> bool {
        false
    }
    fn definition(x: T) -> T;
}

/// A function of two elements.
pub(super) trait BinaryKernel<T: Float> {
    const ACCESS: Access;
    fn value<A: Arch>(x: T, y: T) -> T;
    #[inline(always)]
    fn is_beyond(_x: T, _y: T) -> bool {
        false
    }
    fn definition(x: T, y: T) -> T;
}

/// Instructions that loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Portable,
    /// AVX2 and FMA of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Target {
    /// What this processor can do, the best last.
    #[cfg(test)]
    pub(crate) fn available() -> impl DoubleEndedIterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let avx2 =
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self::Avx2);
        #[cfg(not(target_arch = "x86_64"))]
        let avx2 = None;
        std::iter::once(Self::Portable).chain(avx2)
    }

    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if crate::runtime::kernels::is_wide() {
            return Self::Avx2;
        }
        Self::Portable
    }

    pub(super) fn unary<T: Float, K: UnaryKernel<T>>(self) -> UnaryLoop<T> {
        match self {
            Self::Portable => portable::unary::<T, K>,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::unary::<T, K>,
        }
    }

    pub(super) fn binary<T: Float, K: BinaryKernel<T>>(self) -> BinaryLoop<T> {
        match self {
            Self::Portable => portable::binary::<T, K>,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::binary::<T, K>,
        }
    }

    pub(super) fn one<T: Float, K: UnaryKernel<T>>(self) -> One<T> {
        match self {
            Self::Portable => portable::one::<T, K>,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::one::<T, K>,
        }
    }

    pub(super) fn two<T: Float, K: BinaryKernel<T>>(self) -> Two<T> {
        match self {
            Self::Portable => portable::two::<T, K>,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::two::<T, K>,
        }
    }
}

#[inline(always)]
fn one<A: Arch, T: Float, K: UnaryKernel<T>>(x: T) -> T {
    if K::is_beyond(x) { K::definition(x) } else { K::value::<A>(x) }
}

#[inline(always)]
fn two<A: Arch, T: Float, K: BinaryKernel<T>>(x: T, y: T) -> T {
    if K::is_beyond(x, y) { K::definition(x, y) } else { K::value::<A>(x, y) }
}

mod portable {
    use super::{BinaryKernel, Float, Portable, UnaryKernel};

    /// # Safety
    /// As for [`UnaryLoop`](super::UnaryLoop).
    pub(super) unsafe fn unary<T: Float, K: UnaryKernel<T>>(dst: *mut T, a: *const T, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { super::unary::<Portable, T, K>(dst, a, n) }
    }

    /// # Safety
    /// As for [`BinaryLoop`](super::BinaryLoop).
    pub(super) unsafe fn binary<T: Float, K: BinaryKernel<T>>(
        dst: *mut T,
        a: *const T,
        b: *const T,
        n: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe { super::binary::<Portable, T, K>(dst, a, b, n) }
    }

    /// # Safety
    /// As for [`One`](super::One).
    pub(super) unsafe extern "C" fn one<T: Float, K: UnaryKernel<T>>(x: T) -> T {
        super::one::<Portable, T, K>(x)
    }

    /// # Safety
    /// As for [`Two`](super::Two).
    pub(super) unsafe extern "C" fn two<T: Float, K: BinaryKernel<T>>(x: T, y: T) -> T {
        super::two::<Portable, T, K>(x, y)
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::super::float::Avx2;
    use super::{BinaryKernel, Float, UnaryKernel};

    /// # Safety
    /// As for [`UnaryLoop`](super::UnaryLoop).
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn unary<T: Float, K: UnaryKernel<T>>(dst: *mut T, a: *const T, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { super::unary::<Avx2, T, K>(dst, a, n) }
    }

    /// # Safety
    /// As for [`BinaryLoop`](super::BinaryLoop).
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn binary<T: Float, K: BinaryKernel<T>>(
        dst: *mut T,
        a: *const T,
        b: *const T,
        n: usize,
    ) {
        // SAFETY: the caller's promise.
        unsafe { super::binary::<Avx2, T, K>(dst, a, b, n) }
    }

    /// # Safety
    /// As for [`One`](super::One).
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe extern "C" fn one<T: Float, K: UnaryKernel<T>>(x: T) -> T {
        super::one::<Avx2, T, K>(x)
    }

    /// # Safety
    /// As for [`Two`](super::Two).
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe extern "C" fn two<T: Float, K: BinaryKernel<T>>(x: T, y: T) -> T {
        super::two::<Avx2, T, K>(x, y)
    }
}

/// # Safety
/// As for [`UnaryLoop`].
#[inline(always)]
unsafe fn unary<A: Arch, T: Float, K: UnaryKernel<T>>(dst: *mut T, a: *const T, n: usize) {
    if K::ACCESS == Access::Direct {
        if a == dst.cast_const() {
            // SAFETY: `dst` is valid for `n` elements, and nothing else is used.
            let out = unsafe { slice::from_raw_parts_mut(dst, n) };
            out.iter_mut().for_each(|x| *x = K::value::<A>(*x));
        } else {
            // SAFETY: valid for `n` elements, and disjoint because not the same.
            let (out, a) = unsafe { (slice::from_raw_parts_mut(dst, n), slice::from_raw_parts(a, n)) };
            out.iter_mut().zip(a).for_each(|(y, &x)| *y = K::value::<A>(x));
        }
        return;
    }
    let mut block = [T::ZERO; BLOCK];
    for start in (0..n).step_by(BLOCK) {
        let xs = &mut block[..BLOCK.min(n - start)];
        // SAFETY: `start + xs.len()` is at most `n`, and what is read is copied before `out` exists.
        let out = unsafe {
            xs.copy_from_slice(slice::from_raw_parts(a.add(start), xs.len()));
            slice::from_raw_parts_mut(dst.add(start), xs.len())
        };
        out.iter_mut().zip(&*xs).for_each(|(y, &x)| *y = K::value::<A>(x));
        if xs.iter().fold(false, |any, &x| any | K::is_beyond(x)) {
            let beyond = out.iter_mut().zip(&*xs).filter(|&(_, &x)| K::is_beyond(x));
            beyond.for_each(|(y, &x)| *y = K::definition(x));
        }
    }
}

/// # Safety
/// As for [`BinaryLoop`].
#[inline(always)]
unsafe fn binary<A: Arch, T: Float, K: BinaryKernel<T>>(dst: *mut T, a: *const T, b: *const T, n: usize) {
    if K::ACCESS == Access::Direct {
        // SAFETY: all are valid for `n` elements; a slice is made only of those that are not the target, and these are
        // disjoint from it.
        unsafe {
            let out = slice::from_raw_parts_mut(dst, n);
            match (a == dst.cast_const(), b == dst.cast_const()) {
                (true, true) => out.iter_mut().for_each(|x| *x = K::value::<A>(*x, *x)),
                (true, false) => {
                    let b = slice::from_raw_parts(b, n);
                    out.iter_mut().zip(b).for_each(|(x, &y)| *x = K::value::<A>(*x, y));
                }
                (false, true) => {
                    let a = slice::from_raw_parts(a, n);
                    out.iter_mut().zip(a).for_each(|(y, &x)| *y = K::value::<A>(x, *y));
                }
                (false, false) => {
                    let (a, b) = (slice::from_raw_parts(a, n), slice::from_raw_parts(b, n));
                    let pairs = a.iter().zip(b);
                    out.iter_mut().zip(pairs).for_each(|(z, (&x, &y))| *z = K::value::<A>(x, y));
                }
            }
        }
        return;
    }
    let (mut left, mut right) = ([T::ZERO; BLOCK], [T::ZERO; BLOCK]);
    for start in (0..n).step_by(BLOCK) {
        let count = BLOCK.min(n - start);
        let (xs, ys) = (&mut left[..count], &mut right[..count]);
        // SAFETY: `start + count` is at most `n`, and what is read is copied before `out` exists.
        let out = unsafe {
            xs.copy_from_slice(slice::from_raw_parts(a.add(start), count));
            ys.copy_from_slice(slice::from_raw_parts(b.add(start), count));
            slice::from_raw_parts_mut(dst.add(start), count)
        };
        let pairs = || xs.iter().zip(&*ys).map(|(&x, &y)| (x, y));
        out.iter_mut().zip(pairs()).for_each(|(z, (x, y))| *z = K::value::<A>(x, y));
        if pairs().fold(false, |any, (x, y)| any | K::is_beyond(x, y)) {
            let beyond = out.iter_mut().zip(pairs()).filter(|&(_, (x, y))| K::is_beyond(x, y));
            beyond.for_each(|(z, (x, y))| *z = K::definition(x, y));
        }
    }
}

/// Loops on slices, for tests.
#[cfg(test)]
pub(super) mod testing {
    use super::super::float::Float;
    use super::{BinaryLoop, UnaryLoop};

    pub(crate) fn map<T: Float>(f: UnaryLoop<T>, a: &[T]) -> Vec<T> {
        let mut dst = vec![T::NAN; a.len()];
        // SAFETY: tests ask for loops of available targets; the lengths are one, and `dst` is new.
        unsafe { f(dst.as_mut_ptr(), a.as_ptr(), a.len()) };
        dst
    }

    pub(crate) fn map_in_place<T: Float>(f: UnaryLoop<T>, a: &mut [T]) {
        let a_ptr = a.as_mut_ptr();
        // SAFETY: as above, of one slice.
        unsafe { f(a_ptr, a_ptr, a.len()) };
    }

    pub(crate) fn zip<T: Float>(f: BinaryLoop<T>, a: &[T], b: &[T]) -> Vec<T> {
        assert_eq!(a.len(), b.len());
        let mut dst = vec![T::NAN; a.len()];
        // SAFETY: as above.
        unsafe { f(dst.as_mut_ptr(), a.as_ptr(), b.as_ptr(), a.len()) };
        dst
    }

    /// Into the first operand, with itself as the second if there is none; or into the second.
    pub(crate) fn zip_in_place<T: Float>(f: BinaryLoop<T>, a: &mut [T], b: Option<&[T]>, swapped: bool) {
        let target = a.as_mut_ptr();
        let other = b.map_or(target.cast_const(), <[T]>::as_ptr);
        let (x, y) = if swapped { (other, target.cast_const()) } else { (target.cast_const(), other) };
        assert!(b.is_none_or(|b| b.len() == a.len()));
        // SAFETY: as above; what is not the target is a slice of its own.
        unsafe { f(target, x, y, a.len()) };
    }
}
