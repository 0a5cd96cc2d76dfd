//! Numbers that an instruction works on at once, for kernels whose sums have to stay in registers.

use crate::runtime::math::{Arch, Float, Portable, mul_add};

/// A few neighbouring floats. A kernel that is generic in them is compiled for a target that has them.
pub(crate) trait Lanes: Copy + 'static {
    /// The float.
    type T: Float;
    /// The target.
    type A: Arch;
    /// How many.
    const N: usize;

    /// # Safety
    /// There are [`Lanes::N`] numbers at the address, and the processor is of the target; so for all functions.
    unsafe fn load(from: *const Self::T) -> Self;
    /// # Safety
    /// As for [`Lanes::load`].
    unsafe fn store(self, to: *mut Self::T);
    /// # Safety
    /// As for [`Lanes::load`].
    unsafe fn splat(x: Self::T) -> Self;
    /// # Safety
    /// As for [`Lanes::load`].
    unsafe fn plus(self, other: Self) -> Self;
    /// # Safety
    /// As for [`Lanes::load`].
    unsafe fn minus(self, other: Self) -> Self;
    /// `self · x + y`.
    ///
    /// # Safety
    /// As for [`Lanes::load`].
    unsafe fn times_plus(self, x: Self, y: Self) -> Self;

    /// The sum of all, by halves.
    ///
    /// # Safety
    /// As for [`Lanes::load`].
    #[inline(always)]
    unsafe fn sum(self) -> Self::T {
        let mut numbers = [Self::T::ZERO; 8];
        // SAFETY: no target has more than eight.
        unsafe { self.store(numbers.as_mut_ptr()) };
        let mut width = Self::N;
        while width > 1 {
            width /= 2;
            for i in 0..width {
                numbers[i] = numbers[i] + numbers[i + width];
            }
        }
        numbers[0]
    }

    /// As many numbers as `count` says, fewer than [`Lanes::N`], and zeros after them.
    ///
    /// # Safety
    /// There are so many at the address; else as for [`Lanes::load`].
    #[inline(always)]
    unsafe fn load_first(from: *const Self::T, count: usize) -> Self {
        let mut numbers = [Self::T::ZERO; 8];
        // SAFETY: the caller's; no target has more than eight.
        unsafe {
            for (i, number) in numbers.iter_mut().enumerate().take(count) {
                *number = *from.add(i);
            }
            Self::load(numbers.as_ptr())
        }
    }

    /// The sums of four.
    ///
    /// # Safety
    /// As for [`Lanes::load`].
    #[inline(always)]
    unsafe fn sums(four: [Self; 4]) -> [Self::T; 4] {
        // SAFETY: the caller's.
        four.map(|lanes| unsafe { lanes.sum() })
    }
}

/// Two numbers on any processor.
#[derive(Clone, Copy)]
pub(crate) struct Two<T>([T; 2]);

impl<T: Float> Lanes for Two<T> {
    type T = T;
    type A = Portable;
    const N: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's.
        Self(unsafe { *from.cast() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's.
        unsafe { *to.cast() = self.0 }
    }
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Self([x; 2])
    }
    #[inline(always)]
    unsafe fn plus(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        Self([a + c, b + d])
    }
    #[inline(always)]
    unsafe fn minus(self, Self([c, d]): Self) -> Self {
        let Self([a, b]) = self;
        Self([a - c, b - d])
    }
    #[inline(always)]
    unsafe fn times_plus(self, Self([c, d]): Self, Self([e, f]): Self) -> Self {
        let Self([a, b]) = self;
        Self([mul_add::<Portable, T>(a, c, e), mul_add::<Portable, T>(b, d, f)])
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use wide::{Eight32, Four64};

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    use super::Lanes;
    use crate::runtime::math::Avx2;

    macro_rules! registers {
        ($name:ident: $register:ident of $n:literal $float:ident,
            $load:ident $store:ident $splat:ident $plus:ident $minus:ident $times_plus:ident;
            $masked:ident of $bits:ident; $four:ident) => {
            /// A register.
            #[derive(Clone, Copy)]
            pub(crate) struct $name($register);

            // SAFETY of all blocks: the caller's, who has seen that the processor has AVX2 and FMA.
            impl Lanes for $name {
                type T = $float;
                type A = Avx2;
                const N: usize = $n;

                #[inline(always)]
                unsafe fn load(from: *const $float) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $load(from) })
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut $float) {
                    // SAFETY: see above.
                    unsafe { $store(to, self.0) }
                }
                #[inline(always)]
                unsafe fn splat(x: $float) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $splat(x) })
                }
                #[inline(always)]
                unsafe fn plus(self, other: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $plus(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn minus(self, other: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $minus(self.0, other.0) })
                }
                #[inline(always)]
                unsafe fn times_plus(self, x: Self, y: Self) -> Self {
                    // SAFETY: see above.
                    Self(unsafe { $times_plus(self.0, x.0, y.0) })
                }
                #[inline(always)]
                unsafe fn load_first(from: *const $float, count: usize) -> Self {
                    static MASK: [$bits; 2 * $n] = {
                        let mut mask = [0; 2 * $n];
                        let mut i = 0;
                        while i < $n {
                            mask[i] = $bits::MAX;
                            i += 1;
                        }
                        mask
                    };
                    let mask = MASK.as_ptr().wrapping_add($n - count.min($n));
                    // SAFETY: see above; the mask has as many entries from there on, and leaves out what is not there.
                    Self(unsafe { $masked(from, _mm256_loadu_si256(mask.cast())) })
                }
                #[inline(always)]
                unsafe fn sums(four: [Self; 4]) -> [$float; 4] {
                    // SAFETY: see above.
                    unsafe { $four(four.map(|lanes| lanes.0)) }
                }
            }
        };
    }

    registers!(Four64: __m256d of 4 f64,
        _mm256_loadu_pd _mm256_storeu_pd _mm256_set1_pd _mm256_add_pd _mm256_sub_pd _mm256_fmadd_pd;
        _mm256_maskload_pd of u64; sums64);
    registers!(Eight32: __m256 of 8 f32,
        _mm256_loadu_ps _mm256_storeu_ps _mm256_set1_ps _mm256_add_ps _mm256_sub_ps _mm256_fmadd_ps;
        _mm256_maskload_ps of u32; sums32);

    /// # Safety
    /// The processor has AVX2.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn sums64([a, b, c, d]: [__m256d; 4]) -> [f64; 4] {
        let (ab, cd) = (_mm256_hadd_pd(a, b), _mm256_hadd_pd(c, d));
        let (outer, inner) = (_mm256_blend_pd::<0b1100>(ab, cd), _mm256_permute2f128_pd::<0x21>(ab, cd));
        let mut sums = [0.0; 4];
        // SAFETY: there is room for four.
        unsafe { _mm256_storeu_pd(sums.as_mut_ptr(), _mm256_add_pd(outer, inner)) };
        sums
    }

    /// # Safety
    /// The processor has AVX2.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn sums32([a, b, c, d]: [__m256; 4]) -> [f32; 4] {
        let halves = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
        let (low, high) = (_mm256_castps256_ps128(halves), _mm256_extractf128_ps::<1>(halves));
        let mut sums = [0.0; 4];
        // SAFETY: there is room for four.
        unsafe { _mm_storeu_ps(sums.as_mut_ptr(), _mm_add_ps(low, high)) };
        sums
    }
}

/// A kernel for the widest registers there are.
macro_rules! by_lanes {
    ($dtype:expr, $choose:ident) => {
        match $dtype {
            #[cfg(target_arch = "x86_64")]
            DType::F64 if $crate::runtime::kernels::is_wide() => {
                Some($choose::<$crate::runtime::kernels::lanes::Four64>())
            }
            #[cfg(target_arch = "x86_64")]
            DType::F32 if $crate::runtime::kernels::is_wide() => {
                Some($choose::<$crate::runtime::kernels::lanes::Eight32>())
            }
            DType::F64 => Some($choose::<$crate::runtime::kernels::lanes::Two<f64>>()),
            DType::F32 => Some($choose::<$crate::runtime::kernels::lanes::Two<f32>>()),
            DType::I64 | DType::Bool => None,
        }
    };
}
pub(super) use by_lanes;
