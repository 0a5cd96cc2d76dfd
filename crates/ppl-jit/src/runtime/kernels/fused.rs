//! Products and what they are added to, in one pass.

use ppl_tensor::DType;
use ppl_tensor::op::Binary;

use super::{Form, Immediate, Kernel, destination, instances, is_wide, source};
use crate::runtime::math::{Arch, Avx2, Float, Portable, mul_add};

/// How a product and a third operand meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MulAdd {
    /// `a b + c`.
    Plus,
    /// `a b - c`.
    Minus,
    /// `c - a b`.
    From,
}

impl MulAdd {
    /// That of a product which is the left or the right operand of an operation, if there is one.
    pub(crate) fn of(kind: Binary, is_left: bool) -> Option<Self> {
        match kind {
            Binary::Add => Some(Self::Plus),
            Binary::Sub if is_left => Some(Self::Minus),
            Binary::Sub => Some(Self::From),
            _ => None,
        }
    }
}

const PLUS: u8 = 0;
const MINUS: u8 = 1;
const FROM: u8 = 2;

/// `Q` and `R` say whether the second and the third operand are one element for all.
#[inline(always)]
unsafe fn body<A: Arch, T: Float, const K: u8, const Q: bool, const R: bool>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    c: *const u8,
    n: usize,
    _: &Immediate,
) {
    #[inline(always)]
    fn of<A: Arch, T: Float, const K: u8>(x: T, y: T, z: T) -> T {
        match K {
            PLUS => mul_add::<A, T>(x, y, z),
            MINUS => mul_add::<A, T>(x, y, -z),
            _ => mul_add::<A, T>(-x, y, z),
        }
    }
    #[inline(always)]
    fn run<A: Arch, T: Float, const K: u8, const Q: bool, const R: bool>(
        dst: &mut [T],
        a: &[T],
        b: &[T],
        c: &[T],
    ) {
        let n = dst.len();
        let (y, z) = (if Q { b[0] } else { T::ZERO }, if R { c[0] } else { T::ZERO });
        let (a, b, c) = (&a[..n], if Q { a } else { &b[..n] }, if R { a } else { &c[..n] });
        for (((d, &a), &b), &c) in dst.iter_mut().zip(a).zip(b).zip(c) {
            *d = of::<A, T, K>(a, if Q { y } else { b }, if R { z } else { c });
        }
    }
    if n == 0 {
        return;
    }
    let count = |same: bool| if same { 1 } else { n };
    // SAFETY: as the module says.
    unsafe {
        let (b, c) = (source(b, count(Q)), source(c, count(R)));
        run::<A, T, K, Q, R>(destination(dst, n), source(a, n), b, c);
    }
}
instances!(body as choose<A: Arch, T: Float; K: u8, Q: bool, R: bool>);

/// A product of two sources, the first of which has an element for each of the destination's, and a third.
pub(crate) fn mul_add_of(kind: MulAdd, dtype: DType, second: Form, third: Form) -> Option<Kernel> {
    fn of<A: Arch, T: Float, const K: u8>(second: Form, third: Form) -> Kernel {
        match (second, third) {
            (Form::Each, Form::Each) => choose::<A, T, K, false, false>(),
            (Form::Each, Form::Same) => choose::<A, T, K, false, true>(),
            (Form::Same, Form::Each) => choose::<A, T, K, true, false>(),
            (Form::Same, Form::Same) => choose::<A, T, K, true, true>(),
        }
    }
    fn of_kind<A: Arch, T: Float>(kind: MulAdd, second: Form, third: Form) -> Kernel {
        match kind {
            MulAdd::Plus => of::<A, T, PLUS>(second, third),
            MulAdd::Minus => of::<A, T, MINUS>(second, third),
            MulAdd::From => of::<A, T, FROM>(second, third),
        }
    }
    match dtype {
        DType::F64 if is_wide() => Some(of_kind::<Avx2, f64>(kind, second, third)),
        DType::F64 => Some(of_kind::<Portable, f64>(kind, second, third)),
        DType::F32 if is_wide() => Some(of_kind::<Avx2, f32>(kind, second, third)),
        DType::F32 => Some(of_kind::<Portable, f32>(kind, second, third)),
        DType::I64 | DType::Bool => None,
    }
}
