//! Every loop, on every target of this processor, against values of high precision and against the definitions.

mod definitions;
mod memory;
mod references;

use ppl_tensor::op::{Binary, Unary};

use super::dispatch::testing::{map, zip};
use super::{Float, Target, binary_for, unary_for};

/// What an error is counted in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    /// Units in the last place of the value.
    Ulp,
    /// Units in the last place of the value, or of 1 if that is larger.
    UlpOfOne,
    /// The former for positive arguments, the latter for negative ones.
    UlpOfOneBelowZero,
}

use Unit::{Ulp, UlpOfOne, UlpOfOneBelowZero};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    Unary(Unary),
    Binary(Binary),
}

/// Name in the table of references, function, and the largest errors: in double and in single precision, those of the
/// documentation of `math`; and in double precision of the definition, those of the tests of `ppl_tensor`.
pub(super) const FUNCTIONS: &[(&str, Function, Unit, f64, f64, f64)] = &[
    ("exp", Function::Unary(Unary::Exp), Ulp, 1.0, 1.0, 1.0),
    ("expm1", Function::Unary(Unary::Expm1), Ulp, 1.0, 1.0, 1.5),
    ("log", Function::Unary(Unary::Log), Ulp, 1.0, 1.0, 1.0),
    ("log1p", Function::Unary(Unary::Log1p), Ulp, 1.0, 1.0, 1.5),
    ("sin", Function::Unary(Unary::Sin), Ulp, 1.0, 1.0, 1.0),
    ("cos", Function::Unary(Unary::Cos), Ulp, 1.0, 1.0, 1.0),
    ("sinh", Function::Unary(Unary::Sinh), Ulp, 1.0, 1.0, 2.0),
    ("cosh", Function::Unary(Unary::Cosh), Ulp, 1.0, 1.0, 2.0),
    ("tanh", Function::Unary(Unary::Tanh), Ulp, 1.0, 1.0, 2.0),
    ("sigmoid", Function::Unary(Unary::Sigmoid), Ulp, 1.0, 1.0, 2.0),
    ("softplus", Function::Unary(Unary::Softplus), Ulp, 1.0, 1.0, 2.0),
    ("erf", Function::Unary(Unary::Erf), Ulp, 1.0, 1.0, 1.0),
    ("erfc", Function::Unary(Unary::Erfc), Ulp, 1.0, 1.0, 3.0),
    ("lgamma", Function::Unary(Unary::LnGamma), UlpOfOneBelowZero, 1.0, 1.0, 4.0),
    ("digamma", Function::Unary(Unary::Polygamma(0)), UlpOfOneBelowZero, 1.0, 1.0, 4.0),
    ("polygamma_1", Function::Unary(Unary::Polygamma(1)), Ulp, 1.0, 1.0, 6.0),
    ("polygamma_2", Function::Unary(Unary::Polygamma(2)), UlpOfOneBelowZero, 1.0, 1.0, 8.0),
    ("asin", Function::Unary(Unary::Asin), Ulp, 1.0, 1.0, 1.0),
    ("acos", Function::Unary(Unary::Acos), Ulp, 1.0, 1.0, 1.0),
    ("atan", Function::Unary(Unary::Atan), Ulp, 1.0, 1.0, 1.0),
    ("asinh", Function::Unary(Unary::Asinh), Ulp, 1.0, 1.0, 2.0),
    ("acosh", Function::Unary(Unary::Acosh), Ulp, 1.0, 1.0, 2.0),
    ("atanh", Function::Unary(Unary::Atanh), Ulp, 1.0, 1.0, 2.0),
    ("erfinv", Function::Unary(Unary::Erfinv), Ulp, 2.0, 1.0, 2.0),
    ("pow", Function::Binary(Binary::Pow), Ulp, 1.0, 1.0, 1.0),
    ("atan2", Function::Binary(Binary::Atan2), Ulp, 1.0, 1.0, 1.0),
    ("logaddexp", Function::Binary(Binary::LogAddExp), UlpOfOne, 1.0, 1.0, 2.0),
];

/// The distance of neighbouring floats of the size of a double `x`, with `digits` binary digits and the least exponent `least`.
fn ulp(x: f64, digits: i32, least: i32) -> f64 {
    let exponent = ((x.abs().to_bits() >> 52) as i32 - 1023).max(least);
    // In two factors: the last subnormal number is below the range of one.
    f64::powi(2.0, exponent) * f64::powi(2.0, 1 - digits)
}

impl Unit {
    /// The error of `found` where the value is `wanted` and the argument `x`, in this unit of a float `T`.
    fn error<T: Float>(self, x: T, found: T, wanted: f64) -> f64 {
        let (digits, least) = if size_of::<T>() == 8 { (53, -1022) } else { (24, -126) };
        let of_one = match self {
            Ulp => false,
            UlpOfOne => true,
            UlpOfOneBelowZero => x < T::ZERO,
        };
        let scale = if of_one { wanted.abs().max(1.0) } else { wanted };
        let (found, rounded) = (found.wide(), T::narrow(wanted).wide());
        match () {
            () if found == rounded || found.is_nan() && rounded.is_nan() => 0.0,
            () if found.is_finite() => (found - wanted).abs() / ulp(scale, digits, least),
            () => f64::INFINITY,
        }
    }
}

impl Function {
    /// The values of the loop for a target.
    fn values<T: Float>(self, target: Target, columns: &[Vec<T>]) -> Vec<T> {
        match self {
            Function::Unary(op) => map(unary_for::<T>(target, op).unwrap(), &columns[0]),
            Function::Binary(op) => zip(binary_for::<T>(target, op), &columns[0], &columns[1]),
        }
    }

    /// Whether a loop gives the definition's value at `x`, where its own is no better.
    fn is_definition_at(self, x: f64) -> bool {
        matches!(self, Function::Unary(Unary::LnGamma | Unary::Polygamma(_))) && x < 0.0
    }

    fn arity(self) -> usize {
        match self {
            Function::Unary(_) => 1,
            Function::Binary(_) => 2,
        }
    }

    /// The definition in double precision.
    fn definition(self, x: &[f64]) -> f64 {
        match self {
            Function::Unary(op) => op.evaluate_f64(x[0]).unwrap(),
            Function::Binary(op) => op.evaluate_f64(x[0], x[1]),
        }
    }
}
