//! The arithmetic that the functions are written in.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

use ppl_tensor::op::{Binary, Unary};

/// What the instructions of a target can do, known when a kernel is compiled.
///
/// A function of this module is compiled once for each target; results on two targets differ by rounding alone.
pub(crate) trait Arch: Copy + 'static {
    /// Products and sums rounded once, and roundings to integers, are single instructions.
    const FUSED: bool;
}

/// The instructions that every processor of the architecture has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Arch for Portable {
    const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
}

/// AVX2 and FMA of x86-64. Fast only inlined into a function compiled for both; right everywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2;

impl Arch for Avx2 {
    const FUSED: bool = true;
}

mod sealed {
    pub(crate) trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for f32 {}
}

/// `f64` or `f32`: arithmetic, the parts of a float, and the polynomials whose degree depends on the precision.
pub(crate) trait Float:
    sealed::Sealed
    + super::circular::Circular
    + super::power::Power
    + Copy
    + Debug
    + PartialOrd
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    /// Functions that take double precision in between may do with shorter polynomials.
    const IS_SINGLE: bool;
    const ZERO: Self;
    const HALF: Self;
    const ONE: Self;
    const TWO: Self;
    const INFINITY: Self;
    const NAN: Self;
    const LN_2: Self;
    /// The smallest normal number.
    const MIN_POSITIVE: Self;
    /// From here on, every number is an integer.
    const INTEGERS: Self;
    /// `1.5 · 2ᵖ⁻¹` for a precision of `p` bits: a sum with it is rounded to an integer, which its last bits hold.
    const ROUNDER: Self;
    const LOG2_E: Self;
    /// The first bits of `ln 2`, few enough that products with exponents are exact.
    const LN_2_HIGH: Self;
    /// The rest of `ln 2`.
    const LN_2_LOW: Self;
    /// Arguments below which `exp` is 0, and above which it is infinite, even halved.
    const EXP_RANGE: (Self, Self);
    /// Below this, `eˣ - 1` is `-1`.
    const EXPM1_LEAST: Self;
    /// Next to `2` to this power, 1 does not matter.
    const LARGE_EXPONENT: Self;
    /// A power of two that makes subnormal numbers normal, and its exponent.
    const NORMALISER: (Self, Self);

    /// With the last half of its bits, or one more, zero: products of such numbers are exact.
    fn high_half(self) -> Self;
    /// `self · y + z` rounded once. An instruction only where [`Arch::FUSED`] says so.
    fn fused(self, y: Self, z: Self) -> Self;
    fn abs(self) -> Self;
    fn with_sign_of(self, y: Self) -> Self;
    fn sqrt(self) -> Self;
    /// The largest integer not above, by an instruction.
    fn floor_instruction(self) -> Self;
    /// `2ᵏ` for `self = k + ROUNDER`, if it is a normal number.
    fn exp2_of_rounded(self) -> Self;
    /// `(m, k)` with `self = m · 2ᵏ` and `m` in `[√½, √2)`, of a normal positive number.
    fn parts(self) -> (Self, Self);
    fn wide(self) -> f64;
    fn narrow(x: f64) -> Self;

    /// `(eʳ - 1 - r) / r²` for `|r| ≤ ln(2)/2`.
    #[inline(always)]
    fn exp_tail<A: Arch>(r: Self) -> Self {
        mul_add::<A, Self>(Self::exp_cubic::<A>(r), r, Self::HALF)
    }
    /// `(eʳ - 1 - r - r²/2) / r³`.
    fn exp_cubic<A: Arch>(r: Self) -> Self;
    /// `(2 artanh(s) - 2s) / s` of `z = s²`, for `s ≤ (√2 - 1) / (√2 + 1)`.
    fn log_tail<A: Arch>(z: Self) -> Self;
    /// The same for `s ≤ 1/3`.
    fn log1p_tail<A: Arch>(z: Self) -> Self;

    /// The definition of an operation; NaN for those that give no float.
    fn host_unary(op: Unary, x: Self) -> Self;
    /// The definition of an operation.
    fn host_binary(op: Binary, x: Self, y: Self) -> Self;
}

/// A polynomial by Horner's scheme, for a target, at a point, from its coefficients: that of the constant first.
macro_rules! horner {
    ($arch:ty, $x:expr; $constant:expr $(,)?) => { $constant };
    ($arch:ty, $x:expr; $constant:expr, $($rest:expr),+ $(,)?) => {
        $crate::runtime::math::float::mul_add::<$arch, _>(
            $crate::runtime::math::float::horner!($arch, $x; $($rest),+),
            $x,
            $constant,
        )
    };
}
pub(super) use horner;

/// A polynomial by Estrin's scheme, whose operations wait for fewer others.
macro_rules! estrin {
    (@pairs $arch:ty, $x:ident; [$($done:expr),*]; $a:expr, $b:expr $(, $rest:expr)*) => {
        $crate::runtime::math::float::estrin!(
            @pairs $arch, $x; [$($done,)* $crate::runtime::math::float::mul_add::<$arch, _>($b, $x, $a)]; $($rest),*
        )
    };
    (@pairs $arch:ty, $x:ident; [$($done:expr),*]; $last:expr) => {
        $crate::runtime::math::float::estrin!(@pairs $arch, $x; [$($done,)* $last];)
    };
    (@pairs $arch:ty, $x:ident; [$value:expr];) => { $value };
    (@pairs $arch:ty, $x:ident; [$($done:expr),*];) => {{
        let square = $x * $x;
        $crate::runtime::math::float::estrin!($arch, square; $($done),*)
    }};
    ($arch:ty, $x:expr; $constant:expr $(,)?) => { $constant };
    ($arch:ty, $x:expr; $($coefficient:expr),+ $(,)?) => {{
        let x = $x;
        $crate::runtime::math::float::estrin!(@pairs $arch, x; []; $($coefficient),+)
    }};
}
pub(super) use estrin;

/// `x · y + z`, rounded once or twice.
#[inline(always)]
pub(crate) fn mul_add<A: Arch, T: Float>(x: T, y: T, z: T) -> T {
    if A::FUSED { x.fused(y, z) } else { x * y + z }
}

#[inline(always)]
pub(super) fn select<T>(condition: bool, x: T, y: T) -> T {
    if condition { x } else { y }
}

/// The smaller of `x` and a number; NaN stays.
#[inline(always)]
pub(super) fn at_most<T: Float>(x: T, bound: T) -> T {
    select(x > bound, bound, x)
}

/// The larger of `x` and a number; NaN stays.
#[inline(always)]
pub(super) fn at_least<T: Float>(x: T, bound: T) -> T {
    select(x < bound, bound, x)
}

macro_rules! float {
    ($type:ident, digits: $digits:literal, bias: $bias:literal) => {
        #[inline(always)]
        fn high_half(self) -> Self {
            $type::from_bits(self.to_bits() >> (($digits + 1) / 2) << (($digits + 1) / 2))
        }
        const IS_SINGLE: bool = size_of::<Self>() == 4;
        const ZERO: Self = 0.0;
        const HALF: Self = 0.5;
        const ONE: Self = 1.0;
        const TWO: Self = 2.0;
        const INFINITY: Self = $type::INFINITY;
        const NAN: Self = $type::NAN;
        const LN_2: Self = std::$type::consts::LN_2;
        const LOG2_E: Self = std::$type::consts::LOG2_E;
        const MIN_POSITIVE: Self = $type::MIN_POSITIVE;

        #[inline(always)]
        fn fused(self, y: Self, z: Self) -> Self {
            self.mul_add(y, z)
        }
        #[inline(always)]
        fn abs(self) -> Self {
            $type::abs(self)
        }
        #[inline(always)]
        fn with_sign_of(self, y: Self) -> Self {
            self.copysign(y)
        }
        #[inline(always)]
        fn sqrt(self) -> Self {
            $type::sqrt(self)
        }
        #[inline(always)]
        fn floor_instruction(self) -> Self {
            $type::floor(self)
        }
        #[inline(always)]
        fn exp2_of_rounded(self) -> Self {
            $type::from_bits(self.to_bits().wrapping_add($bias) << ($digits - 1))
        }
        #[inline(always)]
        fn wide(self) -> f64 {
            f64::from(self)
        }
        #[inline(always)]
        fn narrow(x: f64) -> Self {
            x as $type
        }
    };
}

impl Float for f64 {
    float!(f64, digits: 53, bias: 1023);

    const INTEGERS: Self = 4503599627370496.0;
    const ROUNDER: Self = 6755399441055744.0;
    const LN_2_HIGH: Self = 0.6931471803691238;
    const LN_2_LOW: Self = 1.9082149292705877e-10;
    const EXP_RANGE: (Self, Self) = (-746.0, 711.0);
    const EXPM1_LEAST: Self = -40.0;
    const LARGE_EXPONENT: Self = 100.0;
    const NORMALISER: (Self, Self) = (18014398509481984.0, 54.0);

    #[inline(always)]
    fn parts(self) -> (Self, Self) {
        const ROOT_OF_HALF: u64 = 0x3fe6a09e667f3bcd;
        const MANTISSA: u64 = (1 << 52) - 1;
        let bits = self.to_bits().wrapping_add((1023 << 52) - ROOT_OF_HALF);
        // The biased exponent as the last bits of 2⁵²: there is no vector instruction that converts it.
        let exponent = f64::from_bits(bits >> 52 | 0x4330000000000000) - (4503599627370496.0 + 1023.0);
        (f64::from_bits((bits & MANTISSA).wrapping_add(ROOT_OF_HALF)), exponent)
    }

    // The polynomials of this module are minimax approximations by the algorithm of Remez, in 60 decimal digits, unless
    // said otherwise; errors are those before rounding.

    /// Degree 10 for an error of `2⁻⁶⁴` of `eʳ`.
    #[inline(always)]
    fn exp_cubic<A: Arch>(r: Self) -> Self {
        horner!(A, r; 0.16666666666666685, estrin!(A, r;
            0.04166666666666673,
            0.00833333333331669,
            0.0013888888888858488,
            0.00019841269897180984,
            2.480158737378297e-05,
            2.7557234111694032e-06,
            2.7557233262315617e-07,
            2.5112284421324228e-08,
            2.092698436074494e-09,
        ))
    }

    /// Degree 6 in `z` for an error of `2⁻⁵⁹` of the logarithm.
    #[inline(always)]
    fn log_tail<A: Arch>(z: Self) -> Self {
        z * estrin!(A, z;
            0.6666666666666735,
            0.39999999999412855,
            0.28571428742847077,
            0.22222198521492667,
            0.18183567221791705,
            0.15313971574972293,
            0.14796785482993222,
        )
    }

    /// Degree 9 in `z` for an error of `2⁻⁵⁹` of the logarithm.
    #[inline(always)]
    fn log1p_tail<A: Arch>(z: Self) -> Self {
        z * estrin!(A, z;
            0.6666666666666631,
            0.400000000001574,
            0.2857142854783151,
            0.22222223971228872,
            0.18181743869252107,
            0.15386561158912032,
            0.13300956810432982,
            0.12106222752467188,
            0.08339490185219822,
            0.1701973379961811,
        )
    }

    fn host_unary(op: Unary, x: Self) -> Self {
        op.evaluate_f64(x).unwrap_or(f64::NAN)
    }

    fn host_binary(op: Binary, x: Self, y: Self) -> Self {
        op.evaluate_f64(x, y)
    }
}

impl Float for f32 {
    float!(f32, digits: 24, bias: 127);

    const INTEGERS: Self = 8388608.0;
    const ROUNDER: Self = 12582912.0;
    const LN_2_HIGH: Self = 0.69314575;
    const LN_2_LOW: Self = 1.4286068e-06;
    const EXP_RANGE: (Self, Self) = (-105.0, 90.0);
    const EXPM1_LEAST: Self = -20.0;
    const LARGE_EXPONENT: Self = 60.0;
    const NORMALISER: (Self, Self) = (33554432.0, 25.0);

    #[inline(always)]
    fn parts(self) -> (Self, Self) {
        const ROOT_OF_HALF: u32 = 0x3f3504f3;
        const MANTISSA: u32 = (1 << 23) - 1;
        let bits = self.to_bits().wrapping_add((127 << 23) - ROOT_OF_HALF);
        let exponent = ((bits >> 23) as i32 - 127) as f32;
        (f32::from_bits((bits & MANTISSA).wrapping_add(ROOT_OF_HALF)), exponent)
    }

    /// Degree 4 for an error of `2⁻²⁸` of `eʳ`.
    #[inline(always)]
    fn exp_cubic<A: Arch>(r: Self) -> Self {
        horner!(A, r; 0.16666518, 0.0416662, 0.008368918, 0.0013950838)
    }

    /// Degree 2 in `z` for an error of `2⁻³⁰` of the logarithm.
    #[inline(always)]
    fn log_tail<A: Arch>(z: Self) -> Self {
        z * horner!(A, z; 0.66666776, 0.39977524, 0.2987231)
    }

    /// Degree 4 in `z` for an error of `2⁻³³` of the logarithm.
    #[inline(always)]
    fn log1p_tail<A: Arch>(z: Self) -> Self {
        z * horner!(A, z; 0.66666675, 0.39998877, 0.286169, 0.21427484, 0.2430168)
    }

    fn host_unary(op: Unary, x: Self) -> Self {
        op.evaluate_f32(x).unwrap_or(f32::NAN)
    }

    fn host_binary(op: Binary, x: Self, y: Self) -> Self {
        op.evaluate_f32(x, y)
    }
}
