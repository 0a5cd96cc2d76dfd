//! Which loop computes which operation.

use ppl_tensor::op::{Binary, Unary};

use super::dispatch::{Access, BinaryKernel, BinaryLoop, One, Target, Two, UnaryKernel, UnaryLoop};
use super::float::{Arch, Float};
use super::{
    acosh, asinh, atanh, circular, cos, cosh, digamma, erf, erfc, exp, expm1, floor, lgamma, log, log1p,
    logaddexp, maximum, minimum, pow, sigmoid, sign, sin, sinh, softplus, tanh, tetragamma, trigamma,
};

/// The loop of a function from floats to floats, for this processor. `None` for the others, and for polygamma functions
/// of high order.
pub(crate) fn unary<T: Float>(op: Unary) -> Option<UnaryLoop<T>> {
    unary_for(Target::best(), op)
}

/// The loop of a function of two floats, for this processor.
pub(crate) fn binary<T: Float>(op: Binary) -> BinaryLoop<T> {
    binary_for(Target::best(), op)
}

/// The function of one float, for this processor; none where [`unary`] has none.
pub(crate) fn one<T: Float>(op: Unary) -> Option<One<T>> {
    one_for(Target::best(), op)
}

/// The function of two floats, for this processor.
pub(crate) fn two<T: Float>(op: Binary) -> Two<T> {
    two_for(Target::best(), op)
}

/// Defines a type for each function, with its value at `x` on a target `A`, and the arguments at which that is not valid.
macro_rules! unary_kernels {
    ($($name:ident: Unary::$op:ident $(($order:literal))?, $access:ident, |$x:ident| $value:expr
        $(, beyond $beyond:expr)?;)*) => {
        $(
            struct $name;

            impl<T: Float> UnaryKernel<T> for $name {
                const ACCESS: Access = Access::$access;
                #[inline(always)]
                fn value<A: Arch>($x: T) -> T {
                    $value
                }
                $(
                    #[inline(always)]
                    fn is_beyond($x: T) -> bool {
                        $beyond
                    }
                )?
                fn definition(x: T) -> T {
                    T::host_unary(Unary::$op $(($order))?, x)
                }
            }
        )*

        /// The loop of a function from floats to floats, for a target.
        pub(crate) fn unary_for<T: Float>(target: Target, op: Unary) -> Option<UnaryLoop<T>> {
            Some(match op {
                $(Unary::$op $(($order))? => target.unary::<T, $name>(),)*
                Unary::Polygamma(_) | Unary::IsFinite | Unary::Not => return None,
            })
        }

        fn one_for<T: Float>(target: Target, op: Unary) -> Option<One<T>> {
            Some(match op {
                $(Unary::$op $(($order))? => target.one::<T, $name>(),)*
                Unary::Polygamma(_) | Unary::IsFinite | Unary::Not => return None,
            })
        }
    };
}

unary_kernels! {
    Neg: Unary::Neg, Direct, |x| -x;
    Abs: Unary::Abs, Direct, |x| x.abs();
    Sign: Unary::Sign, Direct, |x| sign(x);
    Floor: Unary::Floor, Direct, |x| floor::<A, T>(x);
    Reciprocal: Unary::Reciprocal, Direct, |x| T::ONE / x;
    Sqrt: Unary::Sqrt, Direct, |x| x.sqrt();
    Exp: Unary::Exp, Blocked, |x| exp::<A, T>(x);
    Expm1: Unary::Expm1, Blocked, |x| expm1::<A, T>(x);
    Log: Unary::Log, Blocked, |x| log::<A, T>(x);
    Log1p: Unary::Log1p, Blocked, |x| log1p::<A, T>(x);
    Sin: Unary::Sin, Blocked, |x| sin::<A, T>(x), beyond x.wide().abs() > circular::REDUCIBLE;
    Cos: Unary::Cos, Blocked, |x| cos::<A, T>(x), beyond x.wide().abs() > circular::REDUCIBLE;
    Sinh: Unary::Sinh, Blocked, |x| sinh::<A, T>(x);
    Cosh: Unary::Cosh, Blocked, |x| cosh::<A, T>(x);
    Tanh: Unary::Tanh, Blocked, |x| tanh::<A, T>(x);
    Sigmoid: Unary::Sigmoid, Blocked, |x| sigmoid::<A, T>(x);
    Softplus: Unary::Softplus, Blocked, |x| softplus::<A, T>(x);
    Erf: Unary::Erf, Blocked, |x| erf::<A, T>(x);
    Erfc: Unary::Erfc, Blocked, |x| erfc::<A, T>(x);
    LnGamma: Unary::LnGamma, Blocked, |x| lgamma::<A, T>(x), beyond x < T::ZERO;
    Digamma: Unary::Polygamma(0), Blocked, |x| digamma::<A, T>(x), beyond x < T::ZERO;
    Trigamma: Unary::Polygamma(1), Blocked, |x| trigamma::<A, T>(x), beyond x < T::ZERO;
    Tetragamma: Unary::Polygamma(2), Blocked, |x| tetragamma::<A, T>(x), beyond x < T::ZERO;
    Asinh: Unary::Asinh, Blocked, |x| asinh::<A, T>(x);
    Acosh: Unary::Acosh, Blocked, |x| acosh::<A, T>(x);
    Atanh: Unary::Atanh, Blocked, |x| atanh::<A, T>(x);
    // The definition itself.
    Asin: Unary::Asin, Direct, |x| T::host_unary(Unary::Asin, x);
    Acos: Unary::Acos, Direct, |x| T::host_unary(Unary::Acos, x);
    Atan: Unary::Atan, Direct, |x| T::host_unary(Unary::Atan, x);
    Erfinv: Unary::Erfinv, Direct, |x| T::host_unary(Unary::Erfinv, x);
    Pentagamma: Unary::Polygamma(3), Direct, |x| T::host_unary(Unary::Polygamma(3), x);
}

/// The same for functions of `x` and `y`.
macro_rules! binary_kernels {
    ($($name:ident: $access:ident, |$x:ident, $y:ident| $value:expr $(, beyond $beyond:expr)?;)*) => {
        $(
            struct $name;

            impl<T: Float> BinaryKernel<T> for $name {
                const ACCESS: Access = Access::$access;
                #[inline(always)]
                fn value<A: Arch>($x: T, $y: T) -> T {
                    $value
                }
                $(
                    #[inline(always)]
                    fn is_beyond($x: T, $y: T) -> bool {
                        $beyond
                    }
                )?
                fn definition(x: T, y: T) -> T {
                    T::host_binary(Binary::$name, x, y)
                }
            }
        )*

        /// The loop of a function of two floats, for a target.
        pub(crate) fn binary_for<T: Float>(target: Target, op: Binary) -> BinaryLoop<T> {
            match op {
                $(Binary::$name => target.binary::<T, $name>(),)*
            }
        }

        fn two_for<T: Float>(target: Target, op: Binary) -> Two<T> {
            match op {
                $(Binary::$name => target.two::<T, $name>(),)*
            }
        }
    };
}

binary_kernels! {
    Add: Direct, |x, y| x + y;
    Sub: Direct, |x, y| x - y;
    Mul: Direct, |x, y| x * y;
    Div: Direct, |x, y| x / y;
    Max: Direct, |x, y| maximum(x, y);
    Min: Direct, |x, y| minimum(x, y);
    Pow: Blocked, |x, y| pow::<A, T>(x, y), beyond !(x.abs() > T::ZERO && x.abs() < T::INFINITY && y.abs() < T::INFINITY);
    LogAddExp: Blocked, |x, y| logaddexp::<A, T>(x, y);
    // The definition itself.
    Rem: Direct, |x, y| T::host_binary(Binary::Rem, x, y);
    Atan2: Direct, |x, y| T::host_binary(Binary::Atan2, x, y);
    GammaQuantileSlope: Direct, |x, y| T::host_binary(Binary::GammaQuantileSlope, x, y);
}
