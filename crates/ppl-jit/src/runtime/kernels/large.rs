//! Products of large matrices, by the function that the host backend uses.

use ppl_tensor::DType;
use ppl_tensor::slices::{matmul_f32, matmul_f64};

use super::{Immediate, Kernel, destination, source};

/// A factor of products of matrices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factor {
    /// Whether its columns are stored, one after the other.
    pub(crate) transposed: bool,
    /// Whether there is one for all products.
    pub(crate) one: bool,
}

/// For [`large_matmul`]: rows, summed dimension, columns, and what the factors are.
pub(crate) fn product_immediate([rows, inner, columns]: [usize; 3], factors: [Factor; 2]) -> Immediate {
    let bits = |factor: Factor| usize::from(factor.transposed) | usize::from(factor.one) << 1;
    [rows, inner, columns, bits(factors[0]) | bits(factors[1]) << 2]
}

macro_rules! products {
    ($name:ident: $float:ident by $product:ident) => {
        unsafe fn $name(
            dst: *mut u8,
            a: *const u8,
            b: *const u8,
            _: *const u8,
            n: usize,
            immediate: &Immediate,
        ) {
            let [rows, inner, columns, flags] = *immediate;
            let flag = |place: usize| flags >> place & 1 == 1;
            let (left, right) = (rows * inner, inner * columns);
            let of = |one: bool| if one { 1 } else { n / (rows * columns) };
            // SAFETY: as the module says; there are as many factors as the flags say.
            let (dst, a, b) = unsafe {
                let (a, b) =
                    (source::<$float>(a, of(flag(1)) * left), source::<$float>(b, of(flag(3)) * right));
                (destination::<$float>(dst, n), a, b)
            };
            for (number, out) in dst.chunks_exact_mut(rows * columns).enumerate() {
                let a = &a[if flag(1) { 0 } else { number * left }..][..left];
                let b = &b[if flag(3) { 0 } else { number * right }..][..right];
                if $product(out, [rows, inner, columns], (a, flag(0)), (b, flag(2))).is_err() {
                    // Only of sizes that do not fit, which they do.
                    out.fill($float::NAN);
                }
            }
        }
    };
}
products!(products64: f64 by matmul_f64);
products!(products32: f32 by matmul_f32);

/// Products of matrices of any size, as many as there are results.
pub(crate) fn large_matmul(dtype: DType) -> Option<Kernel> {
    match dtype {
        DType::F64 => Some(products64),
        DType::F32 => Some(products32),
        DType::I64 | DType::Bool => None,
    }
}
