//! Two functions of one argument, from one exponential.

use ppl_tensor::DType;

use super::{Immediate, Kernel, destination, instances, of_floats, source};
use crate::runtime::math::{Arch, Float, sigmoid_of_both, softplus_and_sigmoid};

/// Two functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pair {
    /// `ln(1 + eˣ)` and its slope.
    SoftplusAndSigmoid,
    /// The sigmoid of `x` and of `-x`.
    Sigmoids,
}

impl Pair {
    /// As instructions are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SoftplusAndSigmoid => "softplus and sigmoid",
            Self::Sigmoids => "sigmoids",
        }
    }
}

/// The second source is another destination.
#[inline(always)]
unsafe fn body<A: Arch, T: Float, const SIGMOIDS: bool>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    _: &Immediate,
) {
    #[inline(always)]
    fn run<A: Arch, T: Float, const SIGMOIDS: bool>(first: &mut [T], second: &mut [T], a: &[T]) {
        for ((first, second), &x) in first.iter_mut().zip(second).zip(a) {
            (*first, *second) =
                if SIGMOIDS { sigmoid_of_both::<A, T>(x) } else { softplus_and_sigmoid::<A, T>(x) };
        }
    }
    // SAFETY: as the module says, of both destinations.
    unsafe {
        let (first, second) = (destination(dst, n), destination(b.cast_mut(), n));
        run::<A, T, SIGMOIDS>(first, second, source(a, n));
    }
}
instances!(body as choose<A: Arch, T: Float; SIGMOIDS: bool>);

fn choose_sigmoids<A: Arch, T: Float>() -> Kernel {
    choose::<A, T, true>()
}

fn choose_softplus<A: Arch, T: Float>() -> Kernel {
    choose::<A, T, false>()
}

/// Both functions of floats, the first to the destination, the second to the second source.
pub(crate) fn both(pair: Pair, dtype: DType) -> Option<Kernel> {
    match pair {
        Pair::SoftplusAndSigmoid => of_floats!(dtype, choose_softplus),
        Pair::Sigmoids => of_floats!(dtype, choose_sigmoids),
    }
}
