//! Functions of each element, and conversions.

use std::sync::Arc;

use super::number::{Float, Number};
use super::{arity, each_dtype, refused};
use crate::data::Element;
use crate::op::Unary;
use crate::{DType, HostData, HostTensor, Op, Result};

pub(super) fn unary(op: &Op, kind: Unary, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    let data = match x.data() {
        HostData::F64(values) => of_floats(kind, values),
        HostData::F32(values) => of_floats(kind, values),
        HostData::I64(values) => of_integers(kind, values),
        HostData::Bool(values) => match kind {
            Unary::Not => Some(map(values, |x| !x)),
            _ => None,
        },
    };
    HostTensor::from_data(x.shape(), data.ok_or_else(|| refused(op, inputs))?)
}

#[inline]
fn map<T: Element, U: Element>(values: &[T], f: impl Fn(T) -> U) -> HostData {
    U::wrap(Arc::new(values.iter().map(|&x| f(x)).collect()))
}

/// Something to do with the function of an operation.
trait Visitor<T> {
    type Output;
    fn visit(self, f: impl Fn(T) -> T) -> Self::Output;
}

/// The function at each of the values.
struct Each<'a, T>(&'a [T]);

impl<T: Element> Visitor<T> for Each<'_, T> {
    type Output = HostData;
    #[inline]
    fn visit(self, f: impl Fn(T) -> T) -> HostData {
        map(self.0, f)
    }
}

/// The function at one value.
struct At<T>(T);

impl<T> Visitor<T> for At<T> {
    type Output = T;
    #[inline]
    fn visit(self, f: impl Fn(T) -> T) -> T {
        f(self.0)
    }
}

fn of_floats<T: Float>(kind: Unary, values: &[T]) -> Option<HostData> {
    match kind {
        Unary::IsFinite => Some(map(values, T::is_finite)),
        _ => function(kind, Each(values)),
    }
}

/// The value of a function from floats to floats at one element.
pub(crate) fn evaluate<T: Float>(kind: Unary, x: T) -> Option<T> {
    function(kind, At(x))
}

/// The functions from floats to floats.
fn function<T: Float, V: Visitor<T>>(kind: Unary, visitor: V) -> Option<V::Output> {
    Some(match kind {
        Unary::Neg => visitor.visit(T::negated),
        Unary::Abs => visitor.visit(T::magnitude),
        Unary::Sign => visitor.visit(T::sign),
        Unary::Floor => visitor.visit(T::floor),
        Unary::Reciprocal => visitor.visit(|x| T::ONE.over(x)),
        Unary::Sqrt => visitor.visit(T::sqrt),
        Unary::Exp => visitor.visit(T::exp),
        Unary::Expm1 => visitor.visit(T::exp_m1),
        Unary::Log => visitor.visit(T::ln),
        Unary::Log1p => visitor.visit(T::ln_1p),
        Unary::Sin => visitor.visit(T::sin),
        Unary::Cos => visitor.visit(T::cos),
        Unary::Asin => visitor.visit(T::asin),
        Unary::Acos => visitor.visit(T::acos),
        Unary::Atan => visitor.visit(T::atan),
        Unary::Sinh => visitor.visit(T::sinh),
        Unary::Cosh => visitor.visit(T::cosh),
        Unary::Tanh => visitor.visit(T::tanh),
        Unary::Asinh => visitor.visit(T::asinh),
        Unary::Acosh => visitor.visit(T::acosh),
        Unary::Atanh => visitor.visit(T::atanh),
        Unary::Sigmoid => visitor.visit(T::sigmoid),
        Unary::Softplus => visitor.visit(T::softplus),
        Unary::Erf => visitor.visit(T::erf),
        Unary::Erfc => visitor.visit(T::erfc),
        Unary::Erfinv => visitor.visit(T::erfinv),
        Unary::LnGamma => visitor.visit(T::ln_gamma),
        Unary::Polygamma(order) => visitor.visit(|x: T| x.polygamma(order)),
        Unary::IsFinite | Unary::Not => return None,
    })
}

fn of_integers(kind: Unary, values: &[i64]) -> Option<HostData> {
    Some(match kind {
        Unary::Neg => map(values, i64::negated),
        Unary::Abs => map(values, i64::magnitude),
        Unary::Sign => map(values, i64::sign),
        Unary::Floor
        | Unary::Reciprocal
        | Unary::Sqrt
        | Unary::Exp
        | Unary::Expm1
        | Unary::Log
        | Unary::Log1p
        | Unary::Sin
        | Unary::Cos
        | Unary::Asin
        | Unary::Acos
        | Unary::Atan
        | Unary::Sinh
        | Unary::Cosh
        | Unary::Tanh
        | Unary::Asinh
        | Unary::Acosh
        | Unary::Atanh
        | Unary::Sigmoid
        | Unary::Softplus
        | Unary::Erf
        | Unary::Erfc
        | Unary::Erfinv
        | Unary::LnGamma
        | Unary::Polygamma(_)
        | Unary::IsFinite
        | Unary::Not => return None,
    })
}

pub(super) fn cast(op: &Op, dtype: DType, inputs: &[&HostTensor]) -> Result<HostTensor> {
    let [x] = arity(op, inputs)?;
    if x.dtype() == dtype {
        return Ok(x.clone());
    }
    let data = each_dtype!(x, values => match dtype {
        DType::F64 => map(values, Convert::to_f64),
        DType::F32 => map(values, Convert::to_f32),
        DType::I64 => map(values, Convert::to_i64),
        DType::Bool => map(values, Convert::to_bool),
    });
    HostTensor::from_data(x.shape(), data)
}

/// Conversions between element types. To integers they saturate, and NaN becomes 0, as in Rust.
trait Convert {
    fn to_f64(self) -> f64;
    fn to_f32(self) -> f32;
    fn to_i64(self) -> i64;
    fn to_bool(self) -> bool;
}

macro_rules! convert {
    ($type:ty, $zero:literal $(, $via:ty)?) => {
        impl Convert for $type {
            #[inline]
            fn to_f64(self) -> f64 {
                self $(as $via)? as f64
            }
            #[inline]
            fn to_f32(self) -> f32 {
                self $(as $via)? as f32
            }
            #[inline]
            fn to_i64(self) -> i64 {
                self as i64
            }
            #[inline]
            fn to_bool(self) -> bool {
                self != $zero
            }
        }
    };
}

convert!(f64, 0.0);
convert!(f32, 0.0);
convert!(i64, 0);
convert!(bool, false, u8);

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_close, attempt, bools, f32s, f64s, i64s, run};
    use crate::op::Unary;
    use crate::{DType, Op};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[track_caller]
    fn check(kind: Unary, inputs: &[f64], wanted: &[f64], tolerance: f64) {
        let x = f64s([inputs.len()], inputs);
        assert_close(&run(Op::Unary(kind), &[&x]).to_f64(), wanted, tolerance);
        let narrow: Vec<f32> = inputs.iter().map(|&x| x as f32).collect();
        let rounded: Vec<f64> = wanted.iter().map(|&x| f64::from(x as f32)).collect();
        let x = f32s([inputs.len()], &narrow);
        assert_close(&run(Op::Unary(kind), &[&x]).to_f64(), &rounded, 3e-7);
    }

    #[test]
    fn signs_and_rounding() {
        check(Unary::Sign, &[-3.0, 0.0, 2.0, NAN, -INF], &[-1.0, 0.0, 1.0, NAN, -1.0], 0.0);
        check(Unary::Abs, &[-3.0, 0.0, NAN, -INF], &[3.0, 0.0, NAN, INF], 0.0);
        check(Unary::Neg, &[-3.0, 0.0, INF], &[3.0, 0.0, -INF], 0.0);
        check(Unary::Floor, &[-1.5, -1.0, 1.5, INF], &[-2.0, -1.0, 1.0, INF], 0.0);
        check(Unary::Reciprocal, &[2.0, 0.0, -INF], &[0.5, INF, 0.0], 0.0);
    }

    #[test]
    fn roots_exponentials_and_logarithms() {
        check(Unary::Sqrt, &[4.0, 0.0, -1.0, INF], &[2.0, 0.0, NAN, INF], 0.0);
        check(Unary::Exp, &[0.0, 1.0, -INF, 1e4], &[1.0, std::f64::consts::E, 0.0, INF], 1e-15);
        check(Unary::Expm1, &[0.0, -INF, 1e4], &[0.0, -1.0, INF], 1e-15);
        check(Unary::Log, &[1.0, 0.0, -1.0, INF, NAN], &[0.0, -INF, NAN, INF, NAN], 0.0);
        check(Unary::Log1p, &[0.0, -1.0, -2.0], &[0.0, -INF, NAN], 0.0);
        let tiny = f64s([1], &[1e-20]);
        assert_eq!(run(Op::Unary(Unary::Expm1), &[&tiny]).to_f64(), [1e-20]);
        assert_eq!(run(Op::Unary(Unary::Log1p), &[&tiny]).to_f64(), [1e-20]);
    }

    #[test]
    fn sigmoid_and_softplus_do_not_overflow() {
        check(Unary::Sigmoid, &[0.0, INF, -INF, NAN, 1000.0], &[0.5, 1.0, 0.0, NAN, 1.0], 0.0);
        check(Unary::Softplus, &[INF, -INF, NAN, 1000.0], &[INF, 0.0, NAN, 1000.0], 0.0);
        let x = f64s([2], &[-740.0, -700.0]);
        let wanted = [(-740f64).exp(), (-700f64).exp()];
        assert_eq!(run(Op::Unary(Unary::Sigmoid), &[&x]).to_f64(), wanted);
        assert_eq!(run(Op::Unary(Unary::Softplus), &[&x]).to_f64(), wanted);
    }

    #[test]
    fn circular_and_special_functions() {
        check(Unary::Sin, &[0.0, 1.0, INF], &[0.0, 0.8414709848078965, NAN], 1e-15);
        check(Unary::Cos, &[0.0, 1.0], &[1.0, 0.5403023058681398], 1e-15);
        check(Unary::Tanh, &[0.0, 1000.0, -INF], &[0.0, 1.0, -1.0], 0.0);
        check(Unary::Erf, &[0.0, 0.5, -INF], &[0.0, 0.5204998778130465, -1.0], 1e-15);
        check(
            Unary::LnGamma,
            &[1.0, 0.5, 0.0, -0.5],
            &[0.0, 0.5723649429247001, INF, 1.2655121234846454],
            1e-15,
        );
        check(Unary::Polygamma(0), &[1.0, 0.0], &[-0.5772156649015329, -INF], 1e-15);
        check(Unary::Polygamma(1), &[1.0], &[std::f64::consts::PI.powi(2) / 6.0], 1e-15);
    }

    #[test]
    fn functions_end_where_their_domains_end() {
        use std::f64::consts::{FRAC_PI_2, PI};
        check(Unary::Asin, &[0.0, 1.0, 1.5, NAN], &[0.0, FRAC_PI_2, NAN, NAN], 1e-15);
        check(Unary::Acos, &[1.0, -1.0, -1.5, INF], &[0.0, PI, NAN, NAN], 1e-15);
        check(Unary::Atan, &[INF, -INF, NAN], &[FRAC_PI_2, -FRAC_PI_2, NAN], 1e-15);
        check(Unary::Sinh, &[0.0, INF, -INF, 800.0], &[0.0, INF, -INF, INF], 0.0);
        check(Unary::Cosh, &[0.0, INF, -INF, -800.0], &[1.0, INF, INF, INF], 0.0);
        check(Unary::Asinh, &[0.0, INF, -INF, NAN], &[0.0, INF, -INF, NAN], 0.0);
        check(Unary::Acosh, &[1.0, INF, 0.5, -1e9, -INF], &[0.0, INF, NAN, NAN, NAN], 0.0);
        check(Unary::Atanh, &[0.0, 1.0, -1.0, 2.0], &[0.0, INF, -INF, NAN], 0.0);
        check(Unary::Erfc, &[0.0, INF, -INF, NAN], &[1.0, 0.0, 2.0, NAN], 0.0);
        check(Unary::Erfinv, &[0.0, 1.0, -1.0, 1.5, NAN], &[0.0, INF, -INF, NAN, NAN], 0.0);
    }

    #[test]
    fn integers_and_truth_values() {
        let x = i64s([4], &[-3, 0, 5, i64::MIN]);
        assert_eq!(run(Op::Unary(Unary::Neg), &[&x]), i64s([4], &[3, 0, -5, i64::MIN]));
        assert_eq!(run(Op::Unary(Unary::Abs), &[&x]), i64s([4], &[3, 0, 5, i64::MIN]));
        assert_eq!(run(Op::Unary(Unary::Sign), &[&x]), i64s([4], &[-1, 0, 1, -1]));
        assert!(attempt(Op::Unary(Unary::Exp), &[&x]).is_err());
        let flags = bools([2], &[true, false]);
        assert_eq!(run(Op::Unary(Unary::Not), &[&flags]), bools([2], &[false, true]));
        let x = f64s([4], &[0.0, NAN, INF, -INF]);
        assert_eq!(run(Op::Unary(Unary::IsFinite), &[&x]), bools([4], &[true, false, false, false]));
        let empty = f64s([0, 3], &[]);
        assert_eq!(run(Op::Unary(Unary::Exp), &[&empty]), empty);
    }

    #[test]
    fn casts() {
        let x = f64s([6], &[-1.9, 1.9, NAN, 1e300, -INF, 0.0]);
        assert_eq!(run(Op::Cast(DType::I64), &[&x]), i64s([6], &[-1, 1, 0, i64::MAX, i64::MIN, 0]));
        assert_eq!(run(Op::Cast(DType::Bool), &[&x]), bools([6], &[true, true, true, true, true, false]));
        assert_eq!(run(Op::Cast(DType::F32), &[&x]).as_slice::<f32>().unwrap()[3], f32::INFINITY);
        let x = bools([2], &[true, false]);
        assert_eq!(run(Op::Cast(DType::F64), &[&x]), f64s([2], &[1.0, 0.0]));
        assert_eq!(run(Op::Cast(DType::F32), &[&x]), f32s([2], &[1.0, 0.0]));
        assert_eq!(run(Op::Cast(DType::I64), &[&x]), i64s([2], &[1, 0]));
        // Rounding once: through a double the result would be the other neighbour.
        let x = i64s([2], &[(1 << 60) + (1 << 36) + 1, -7]);
        assert_eq!(run(Op::Cast(DType::F32), &[&x]), f32s([2], &[1152921642045800448.0, -7.0]));
        assert_eq!(run(Op::Cast(DType::Bool), &[&x]), bools([2], &[true, true]));
    }
}
