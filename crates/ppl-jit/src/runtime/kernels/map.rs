//! Functions of each element.

use std::marker::PhantomData;

use ppl_tensor::DType;
use ppl_tensor::op::{Binary, Compare, Logic, Unary};

use super::{Call, Form, Immediate, Kernel, destination, instances, source};
use crate::runtime::{math, philox};

/// A function of one element.
trait Map1 {
    type A: Copy;
    type R: Copy;
    fn of(a: Self::A) -> Self::R;
}

/// A function of two elements.
trait Map2 {
    type A: Copy;
    type B: Copy;
    type R: Copy;
    fn of(a: Self::A, b: Self::B) -> Self::R;
}

/// The value of one element of a source: number `i`, or the only one.
#[inline(always)]
fn at<T: Copy, const SAME: bool>(values: &[T], i: usize) -> T {
    if SAME { values[0] } else { values[i] }
}

#[inline(always)]
unsafe fn body1<M: Map1>(dst: *mut u8, a: *const u8, _: *const u8, _: *const u8, n: usize, _: &Immediate) {
    #[inline(always)]
    fn run<M: Map1>(dst: &mut [M::R], a: &[M::A]) {
        for (d, &a) in dst.iter_mut().zip(a) {
            *d = M::of(a);
        }
    }
    // SAFETY: as the module says.
    unsafe { run::<M>(destination(dst, n), source(a, n)) }
}
instances!(body1 as choose1<M: Map1;>);

#[inline(always)]
unsafe fn body2<M: Map2, const P: bool, const Q: bool>(
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
    n: usize,
    _: &Immediate,
) {
    #[inline(always)]
    fn run<M: Map2, const P: bool, const Q: bool>(dst: &mut [M::R], a: &[M::A], b: &[M::B]) {
        match (P, Q) {
            (false, false) => {
                for ((d, &a), &b) in dst.iter_mut().zip(a).zip(b) {
                    *d = M::of(a, b);
                }
            }
            (true, false) => {
                let a = a[0];
                for (d, &b) in dst.iter_mut().zip(b) {
                    *d = M::of(a, b);
                }
            }
            (false, true) => {
                let b = b[0];
                for (d, &a) in dst.iter_mut().zip(a) {
                    *d = M::of(a, b);
                }
            }
            (true, true) => dst.fill(M::of(a[0], b[0])),
        }
    }
    let count = |same: bool| if same { 1 } else { n };
    // SAFETY: as the module says.
    unsafe { run::<M, P, Q>(destination(dst, n), source(a, count(P)), source(b, count(Q))) }
}
instances!(body2 as choose2<M: Map2; P: bool, Q: bool>);

/// One element: no loop around it.
unsafe fn one1<M: Map1>(dst: *mut u8, a: *const u8, _: *const u8, _: *const u8, _: usize, _: &Immediate) {
    // SAFETY: as the module says.
    unsafe { *dst.cast() = M::of(*a.cast()) }
}

unsafe fn one2<M: Map2>(dst: *mut u8, a: *const u8, b: *const u8, _: *const u8, _: usize, _: &Immediate) {
    // SAFETY: as the module says.
    unsafe { *dst.cast() = M::of(*a.cast(), *b.cast()) }
}

/// What an instruction's sources look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources {
    /// Form of each.
    pub(crate) forms: [Form; 3],
    /// Whether the destination has exactly one element.
    pub(crate) single: bool,
}

fn pick1<M: Map1>(sources: Sources) -> Kernel {
    if sources.single { one1::<M> } else { choose1::<M>() }
}

fn pick2<M: Map2>(sources: Sources) -> Kernel {
    if sources.single {
        return one2::<M>;
    }
    match (sources.forms[0], sources.forms[1]) {
        (Form::Each, Form::Each) => choose2::<M, false, false>(),
        (Form::Same, Form::Each) => choose2::<M, true, false>(),
        (Form::Each, Form::Same) => choose2::<M, false, true>(),
        (Form::Same, Form::Same) => choose2::<M, true, true>(),
    }
}

/// Functions of one element, for each of the listed types.
macro_rules! maps1 {
    ($($name:ident($x:ident: $($type:ty)|+) $(-> $to:ty)? = $body:expr;)*) => {$(
        struct $name<T>(PhantomData<T>);
        maps1!(@each $name $x [$($type)+] [$($to)?] $body);
    )*};
    (@each $name:ident $x:ident [$($type:ty)+] $to:tt $body:expr) => {
        $(maps1!(@one $name $x $type, $to $body);)+
    };
    (@one $name:ident $x:ident $type:ty, [] $body:expr) => { maps1!(@one $name $x $type, [$type] $body); };
    (@one $name:ident $x:ident $type:ty, [$to:ty] $body:expr) => {
        impl Map1 for $name<$type> {
            type A = $type;
            type R = $to;
            #[inline(always)]
            fn of($x: $type) -> $to {
                $body
            }
        }
    };
}

/// Functions of two elements of a type each.
macro_rules! maps2 {
    ($($name:ident<$t:ident: $bound:path>($x:ident, $y:ident) -> $to:ty = $body:expr;)*) => {$(
        struct $name<$t>(PhantomData<$t>);
        impl<$t: $bound> Map2 for $name<$t> {
            type A = $t;
            type B = $t;
            type R = $to;
            #[inline(always)]
            fn of($x: $t, $y: $t) -> $to {
                $body
            }
        }
    )*};
}

/// What both floats and integers have.
trait Number: Copy + PartialOrd {
    fn plus(self, y: Self) -> Self;
    fn minus(self, y: Self) -> Self;
    fn times(self, y: Self) -> Self;
    fn over(self, y: Self) -> Self;
    /// Whether it is not equal to itself.
    fn is_none(self) -> bool;
}

macro_rules! float_number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            #[inline(always)]
            fn plus(self, y: Self) -> Self { self + y }
            #[inline(always)]
            fn minus(self, y: Self) -> Self { self - y }
            #[inline(always)]
            fn times(self, y: Self) -> Self { self * y }
            #[inline(always)]
            fn over(self, y: Self) -> Self { self / y }
            #[inline(always)]
            fn is_none(self) -> bool { self.is_nan() }
        }
    )*};
}
float_number!(f32, f64);

impl Number for i64 {
    #[inline(always)]
    fn plus(self, y: Self) -> Self {
        self.wrapping_add(y)
    }
    #[inline(always)]
    fn minus(self, y: Self) -> Self {
        self.wrapping_sub(y)
    }
    #[inline(always)]
    fn times(self, y: Self) -> Self {
        self.wrapping_mul(y)
    }
    #[inline(always)]
    fn over(self, y: Self) -> Self {
        if y == 0 { 0 } else { self.wrapping_div(y) }
    }
    #[inline(always)]
    fn is_none(self) -> bool {
        false
    }
}

/// What can be compared.
trait Ordered: Copy + PartialOrd {}
impl<T: Copy + PartialOrd> Ordered for T {}

/// What can be combined bit by bit.
trait Truth: Copy + std::ops::BitAnd<Output = Self> + std::ops::BitOr<Output = Self> {}
impl Truth for bool {}

maps2! {
    Add<T: Number>(x, y) -> T = x.plus(y);
    Sub<T: Number>(x, y) -> T = x.minus(y);
    Mul<T: Number>(x, y) -> T = x.times(y);
    Div<T: Number>(x, y) -> T = x.over(y);
    Larger<T: Number>(x, y) -> T = if x > y || x.is_none() { x } else { y };
    Smaller<T: Number>(x, y) -> T = if x < y || x.is_none() { x } else { y };
    Eq<T: Ordered>(x, y) -> bool = x == y;
    Ne<T: Ordered>(x, y) -> bool = x != y;
    Lt<T: Ordered>(x, y) -> bool = x < y;
    Le<T: Ordered>(x, y) -> bool = x <= y;
    Gt<T: Ordered>(x, y) -> bool = x > y;
    Ge<T: Ordered>(x, y) -> bool = x >= y;
    And<T: Truth>(x, y) -> T = x & y;
    Or<T: Truth>(x, y) -> T = x | y;
}

struct FoldIn;

impl Map2 for FoldIn {
    type A = i64;
    type B = i64;
    type R = i64;
    #[inline(always)]
    fn of(key: i64, data: i64) -> i64 {
        philox::fold_in(key, data)
    }
}

/// Functions of integers by their definitions.
macro_rules! defined {
    ($($name:ident: $kind:expr;)*) => {$(
        struct $name;

        impl Map2 for $name {
            type A = i64;
            type B = i64;
            type R = i64;
            #[inline(always)]
            fn of(x: i64, y: i64) -> i64 {
                $kind.evaluate_i64(x, y).unwrap_or(0)
            }
        }
    )*};
}

defined! {
    RemInteger: Binary::Rem;
    PowInteger: Binary::Pow;
}

/// A key derived with a number.
pub(crate) fn fold_in(sources: Sources) -> Kernel {
    pick2::<FoldIn>(sources)
}

maps1! {
    Neg(x: f64 | f32) = -x;
    Abs(x: f64 | f32) = x.abs();
    Sign(x: f64 | f32) = if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else if x == 0.0 { 0.0 } else { x };
    Reciprocal(x: f64 | f32) = 1.0 / x;
    Sqrt(x: f64 | f32) = x.sqrt();
    Finite(x: f64 | f32) -> bool = x.is_finite();
    NegInteger(x: i64) = x.wrapping_neg();
    AbsInteger(x: i64) = x.wrapping_abs();
    SignInteger(x: i64) = x.signum();
    Not(x: bool) = !x;
}

/// A function of floats; none if there is no kernel for it.
pub(crate) fn float_unary(kind: Unary, dtype: DType, sources: Sources) -> Option<Call> {
    macro_rules! of {
        ($map:ident) => {
            match dtype {
                DType::F64 => pick1::<$map<f64>>(sources).into(),
                DType::F32 => pick1::<$map<f32>>(sources).into(),
                DType::I64 | DType::Bool => return None,
            }
        };
    }
    Some(match kind {
        Unary::Neg => of!(Neg),
        Unary::Abs => of!(Abs),
        Unary::Sign => of!(Sign),
        Unary::Reciprocal => of!(Reciprocal),
        Unary::Sqrt => of!(Sqrt),
        Unary::IsFinite => of!(Finite),
        _ if dtype == DType::F64 => Call::Unary64(math::unary(kind)?),
        _ => Call::Unary32(math::unary(kind)?),
    })
}

/// A function of integers; none if there is no kernel for it.
pub(crate) fn integer_unary(kind: Unary, sources: Sources) -> Option<Kernel> {
    Some(match kind {
        Unary::Neg => pick1::<NegInteger<i64>>(sources),
        Unary::Abs => pick1::<AbsInteger<i64>>(sources),
        Unary::Sign => pick1::<SignInteger<i64>>(sources),
        _ => return None,
    })
}

/// The negation of truth values.
pub(crate) fn truth(sources: Sources) -> Kernel {
    pick1::<Not<bool>>(sources)
}

/// A function of two floats.
pub(crate) fn float_binary(kind: Binary, dtype: DType, sources: Sources) -> Call {
    let simple = match dtype {
        DType::F64 => arithmetic::<f64>(kind, sources),
        _ => arithmetic::<f32>(kind, sources),
    };
    match simple {
        Some(kernel) => kernel.into(),
        None if dtype == DType::F64 => Call::Binary64(math::binary(kind)),
        None => Call::Binary32(math::binary(kind)),
    }
}

/// Arithmetic of two integers; none if there is no kernel for it.
pub(crate) fn integer_binary(kind: Binary, sources: Sources) -> Option<Kernel> {
    match kind {
        Binary::Rem => Some(pick2::<RemInteger>(sources)),
        Binary::Pow => Some(pick2::<PowInteger>(sources)),
        _ => arithmetic::<i64>(kind, sources),
    }
}

fn arithmetic<T: Number>(kind: Binary, sources: Sources) -> Option<Kernel> {
    Some(match kind {
        Binary::Add => pick2::<Add<T>>(sources),
        Binary::Sub => pick2::<Sub<T>>(sources),
        Binary::Mul => pick2::<Mul<T>>(sources),
        Binary::Div => pick2::<Div<T>>(sources),
        Binary::Max => pick2::<Larger<T>>(sources),
        Binary::Min => pick2::<Smaller<T>>(sources),
        _ => return None,
    })
}

/// A comparison of two elements of a dtype.
pub(crate) fn compare(kind: Compare, dtype: DType, sources: Sources) -> Kernel {
    fn of<T: PartialOrd + Copy>(kind: Compare, sources: Sources) -> Kernel {
        match kind {
            Compare::Eq => pick2::<Eq<T>>(sources),
            Compare::Ne => pick2::<Ne<T>>(sources),
            Compare::Lt => pick2::<Lt<T>>(sources),
            Compare::Le => pick2::<Le<T>>(sources),
            Compare::Gt => pick2::<Gt<T>>(sources),
            Compare::Ge => pick2::<Ge<T>>(sources),
        }
    }
    match dtype {
        DType::F64 => of::<f64>(kind, sources),
        DType::F32 => of::<f32>(kind, sources),
        DType::I64 => of::<i64>(kind, sources),
        DType::Bool => of::<bool>(kind, sources),
    }
}

/// Truth values combined.
pub(crate) fn logic(kind: Logic, sources: Sources) -> Kernel {
    match kind {
        Logic::And => pick2::<And<bool>>(sources),
        Logic::Or => pick2::<Or<bool>>(sources),
    }
}

#[inline(always)]
unsafe fn select_body<T: Copy, const C: bool, const P: bool, const Q: bool>(
    dst: *mut u8,
    c: *const u8,
    a: *const u8,
    b: *const u8,
    n: usize,
    _: &Immediate,
) {
    #[inline(always)]
    fn run<T: Copy, const C: bool, const P: bool, const Q: bool>(
        dst: &mut [T],
        c: &[bool],
        a: &[T],
        b: &[T],
    ) {
        for (i, d) in dst.iter_mut().enumerate() {
            let (x, y) = (at::<T, P>(a, i), at::<T, Q>(b, i));
            *d = if at::<bool, C>(c, i) { x } else { y };
        }
    }
    let count = |same: bool| if same { 1 } else { n };
    // SAFETY: as the module says.
    unsafe {
        run::<T, C, P, Q>(destination(dst, n), source(c, count(C)), source(a, count(P)), source(b, count(Q)));
    }
}
instances!(select_body as choose_select<T: Copy; C: bool, P: bool, Q: bool>);

/// Elements of the second or third source, of `dtype`, as the first says.
pub(crate) fn select(dtype: DType, sources: Sources) -> Kernel {
    fn of<T: Copy>(forms: [Form; 3]) -> Kernel {
        use Form::{Each, Same};
        match forms {
            [Each, Each, Each] => choose_select::<T, false, false, false>(),
            [Each, Each, Same] => choose_select::<T, false, false, true>(),
            [Each, Same, Each] => choose_select::<T, false, true, false>(),
            [Each, Same, Same] => choose_select::<T, false, true, true>(),
            [Same, Each, Each] => choose_select::<T, true, false, false>(),
            [Same, Each, Same] => choose_select::<T, true, false, true>(),
            [Same, Same, Each] => choose_select::<T, true, true, false>(),
            [Same, Same, Same] => choose_select::<T, true, true, true>(),
        }
    }
    match dtype {
        DType::F64 | DType::I64 => of::<u64>(sources.forms),
        DType::F32 => of::<u32>(sources.forms),
        DType::Bool => of::<u8>(sources.forms),
    }
}
