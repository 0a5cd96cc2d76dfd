//! What a program's instructions run: loops over contiguous elements, compiled for the plain processor and for AVX2
//! with FMA, one of which is chosen when a program is made.
//!
//! # Safety
//! A [`Kernel`] reads and writes memory by address. Whoever calls one passes, for the operation, dtypes and form that it
//! was chosen for: a destination of `n` elements that nothing else reads or writes meanwhile, and that overlaps no
//! source; and sources of `n` elements, or of one where the form says so. The plan of a program guarantees that: its
//! slots are sized by the types of the graph, which are checked, and memory is shared only by values whose lives do not
//! overlap (`plan/memory.rs`).

mod convert;
mod factor;
mod fold;
mod fused;
mod lanes;
mod large;
mod layout;
mod linear;
mod logs;
mod map;
mod paired;
mod random;
mod recur;
mod shared;
#[cfg(test)]
pub(crate) mod tests;
mod wide;

pub(crate) use convert::cast;
pub(crate) use factor::{Triangle, cholesky, triangular_solve};
pub(crate) use fold::{accumulate, identity, reduce_columns, reduce_rows};
pub(crate) use fused::{MulAdd, mul_add_of};
pub(crate) use large::{Factor, large_matmul, product_immediate};
pub(crate) use layout::{Runs, copy, fill, load_strided};
pub(crate) use linear::{
    Start, combine, combine_scattered, contract, contract_scattered, contraction_flags, small_matmul,
};
pub(crate) use logs::{total_immediate, total_of_logs, total_of_softplus};
pub(crate) use map::{
    Sources, compare, float_binary, float_unary, fold_in, integer_binary, integer_unary, logic, select, truth,
};
pub(crate) use paired::{Pair, both};
pub(crate) use random::draws;
pub(crate) use recur::{Order, cumulative_sum, linear_recurrence};
pub(crate) use shared::{
    arg_max, arg_sort, draw_immediate, draws_with_parameters, polygamma_of_any_order, subsample,
    symmetric_eigen,
};

use crate::runtime::math::{BinaryLoop, UnaryLoop};

/// Further numbers of an instruction: sizes and distances.
pub(crate) type Immediate = [usize; 4];

/// Destination, three sources of which some may not be used, number of elements, further numbers.
pub(crate) type Kernel = unsafe fn(*mut u8, *const u8, *const u8, *const u8, usize, &Immediate);

/// What an instruction calls.
#[derive(Clone, Copy)]
pub(crate) enum Call {
    Kernel(Kernel),
    /// Its first two sources are entries of the table of addresses themselves: as many neighbours as its second and third
    /// immediate say.
    Scattered(Kernel),
    /// Its second source is another destination.
    Paired(Kernel),
    Unary64(UnaryLoop<f64>),
    Unary32(UnaryLoop<f32>),
    Binary64(BinaryLoop<f64>),
    Binary32(BinaryLoop<f32>),
}

impl Call {
    /// # Safety
    /// As the module says.
    #[inline(always)]
    pub(crate) unsafe fn run(self, dst: *mut u8, [a, b, c]: [*const u8; 3], n: usize, immediate: &Immediate) {
        // SAFETY: the caller's.
        unsafe {
            match self {
                Call::Kernel(kernel) | Call::Scattered(kernel) | Call::Paired(kernel) => {
                    kernel(dst, a, b, c, n, immediate)
                }
                Call::Unary64(run) => run(dst.cast(), a.cast(), n),
                Call::Unary32(run) => run(dst.cast(), a.cast(), n),
                Call::Binary64(run) => run(dst.cast(), a.cast(), b.cast(), n),
                Call::Binary32(run) => run(dst.cast(), a.cast(), b.cast(), n),
            }
        }
    }

    /// Whether sources may be one element for all.
    pub(crate) fn spreads(self) -> bool {
        matches!(self, Call::Kernel(_))
    }
}

impl From<Kernel> for Call {
    fn from(kernel: Kernel) -> Self {
        Call::Kernel(kernel)
    }
}

/// Whether a source has an element for each of the destination's, or one for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As many as the destination.
    Each,
    /// One.
    Same,
}

/// Whether this processor has AVX2 and FMA.
#[inline]
pub(crate) fn is_wide() -> bool {
    #[cfg(test)]
    if tests::is_portable() {
        return false;
    }
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Two compilations of a generic kernel body, and the choice between them.
macro_rules! instances {
    ($body:ident as $choose:ident<$($generic:ident $(: $bound:path)?),* ; $($constant:ident: $ty:ty),*>) => {
        fn $choose<$($generic $(: $bound)?,)* $(const $constant: $ty),*>() -> $crate::runtime::kernels::Kernel {
            unsafe fn plain<$($generic $(: $bound)?,)* $(const $constant: $ty),*>(
                dst: *mut u8,
                a: *const u8,
                b: *const u8,
                c: *const u8,
                n: usize,
                immediate: &$crate::runtime::kernels::Immediate,
            ) {
                // SAFETY: passed on from the caller, see the module.
                unsafe { $body::<$($generic,)* $($constant),*>(dst, a, b, c, n, immediate) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn wide<$($generic $(: $bound)?,)* $(const $constant: $ty),*>(
                dst: *mut u8,
                a: *const u8,
                b: *const u8,
                c: *const u8,
                n: usize,
                immediate: &$crate::runtime::kernels::Immediate,
            ) {
                // SAFETY: passed on from the caller, see the module.
                unsafe { $body::<$($generic,)* $($constant),*>(dst, a, b, c, n, immediate) }
            }
            #[cfg(target_arch = "x86_64")]
            if $crate::runtime::kernels::is_wide() {
                return wide::<$($generic,)* $($constant),*>;
            }
            plain::<$($generic,)* $($constant),*>
        }
    };
}
use instances;

/// The kernel for floats of a dtype on this processor.
macro_rules! of_floats {
    ($dtype:expr, $choose:ident) => {{
        use $crate::runtime::math::{Avx2, Portable};
        match $dtype {
            DType::F64 if $crate::runtime::kernels::is_wide() => Some($choose::<Avx2, f64>()),
            DType::F64 => Some($choose::<Portable, f64>()),
            DType::F32 if $crate::runtime::kernels::is_wide() => Some($choose::<Avx2, f32>()),
            DType::F32 => Some($choose::<Portable, f32>()),
            DType::I64 | DType::Bool => None,
        }
    }};
}
use of_floats;

/// The elements of a source.
///
/// # Safety
/// As the module says.
#[inline(always)]
unsafe fn source<'a, T>(address: *const u8, n: usize) -> &'a [T] {
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(address.cast(), n) }
}

/// The elements of the destination.
///
/// # Safety
/// As the module says.
#[inline(always)]
unsafe fn destination<'a, T>(address: *mut u8, n: usize) -> &'a mut [T] {
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts_mut(address.cast(), n) }
}
