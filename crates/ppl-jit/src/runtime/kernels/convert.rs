//! Conversions between element types. To integers they saturate, and NaN becomes 0, as in Rust.

use ppl_tensor::DType;

use super::{Immediate, Kernel, destination, instances, source};

/// A conversion.
trait Convert {
    type From: Copy;
    type To: Copy;
    fn convert(x: Self::From) -> Self::To;
}

macro_rules! conversions {
    ($($name:ident: $from:ty => $to:ty, $x:ident = $body:expr;)*) => {$(
        struct $name;
        impl Convert for $name {
            type From = $from;
            type To = $to;
            #[inline(always)]
            fn convert($x: $from) -> $to {
                $body
            }
        }
    )*};
}

conversions! {
    F64ToF32: f64 => f32, x = x as f32;
    F64ToI64: f64 => i64, x = x as i64;
    F64ToBool: f64 => bool, x = x != 0.0;
    F32ToF64: f32 => f64, x = f64::from(x);
    F32ToI64: f32 => i64, x = x as i64;
    F32ToBool: f32 => bool, x = x != 0.0;
    I64ToF64: i64 => f64, x = x as f64;
    I64ToF32: i64 => f32, x = x as f32;
    I64ToBool: i64 => bool, x = x != 0;
    BoolToF64: bool => f64, x = f64::from(u8::from(x));
    BoolToF32: bool => f32, x = f32::from(u8::from(x));
    BoolToI64: bool => i64, x = i64::from(x);
    Same64: u64 => u64, x = x;
    Same32: u32 => u32, x = x;
    Same8: u8 => u8, x = x;
}

#[inline(always)]
unsafe fn body<C: Convert>(dst: *mut u8, a: *const u8, _: *const u8, _: *const u8, n: usize, _: &Immediate) {
    // SAFETY: as the module says.
    let (dst, a) = unsafe { (destination::<C::To>(dst, n), source::<C::From>(a, n)) };
    for (d, &x) in dst.iter_mut().zip(a) {
        *d = C::convert(x);
    }
}
instances!(body as choose<C: Convert;>);

/// Elements of one dtype as those of another.
pub(crate) fn cast(from: DType, to: DType) -> Kernel {
    match (from, to) {
        (DType::F64, DType::F32) => choose::<F64ToF32>(),
        (DType::F64, DType::I64) => choose::<F64ToI64>(),
        (DType::F64, DType::Bool) => choose::<F64ToBool>(),
        (DType::F32, DType::F64) => choose::<F32ToF64>(),
        (DType::F32, DType::I64) => choose::<F32ToI64>(),
        (DType::F32, DType::Bool) => choose::<F32ToBool>(),
        (DType::I64, DType::F64) => choose::<I64ToF64>(),
        (DType::I64, DType::F32) => choose::<I64ToF32>(),
        (DType::I64, DType::Bool) => choose::<I64ToBool>(),
        (DType::Bool, DType::F64) => choose::<BoolToF64>(),
        (DType::Bool, DType::F32) => choose::<BoolToF32>(),
        (DType::Bool, DType::I64) => choose::<BoolToI64>(),
        (DType::F64, DType::F64) | (DType::I64, DType::I64) => choose::<Same64>(),
        (DType::F32, DType::F32) => choose::<Same32>(),
        (DType::Bool, DType::Bool) => choose::<Same8>(),
    }
}
