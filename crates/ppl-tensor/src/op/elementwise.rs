//! Functions of each element: arithmetic, special functions, comparisons, logic, selection, conversion.

use std::borrow::Cow;

use super::{Op, arity, broadcast_all, dtype_error};
use crate::array::Array;
use crate::autodiff::{Contributions, Differentiate};
use crate::{DType, Error, Result, Shape, TensorType, host};

/// Functions of one element. Float to float unless said otherwise.
///
/// On the host they are right to 1 to 3 units in the last place, `lgamma` and digamma to 4, polygamma functions to 8; near
/// those roots of `lgamma`, digamma and polygamma functions that are negative, to 4 to 8 units of 1.
/// `tests/special_functions.rs` has the bound of each, and holds them to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `-x`; also for `I64`.
    Neg,
    /// `|x|`; also for `I64`.
    Abs,
    /// `-1`, `0` or `1`; NaN for NaN; also for `I64`.
    Sign,
    /// Largest integer not above `x`.
    Floor,
    /// `1/x`.
    Reciprocal,
    /// `√x`; NaN below 0.
    Sqrt,
    /// `eˣ`.
    Exp,
    /// `eˣ - 1`, exact near 0.
    Expm1,
    /// Natural logarithm; `-∞` at 0, NaN below.
    Log,
    /// `ln(1 + x)`, exact near 0.
    Log1p,
    /// Sine, of radians.
    Sin,
    /// Cosine, of radians.
    Cos,
    /// Inverse sine, in `[-π/2, π/2]`; NaN outside `[-1, 1]`.
    Asin,
    /// Inverse cosine, in `[0, π]`; NaN outside `[-1, 1]`.
    Acos,
    /// Inverse tangent, in `[-π/2, π/2]`.
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic tangent.
    Tanh,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Inverse hyperbolic cosine, not negative; NaN below 1.
    Acosh,
    /// Inverse hyperbolic tangent; `±∞` at `±1`, NaN beyond.
    Atanh,
    /// `1 / (1 + e⁻ˣ)`, without overflow.
    Sigmoid,
    /// `ln(1 + eˣ)`, without overflow.
    Softplus,
    /// Error function `2/√π ∫₀ˣ exp(-t²) dt`.
    Erf,
    /// `1 - erf(x)`, to full relative accuracy also where it is small.
    Erfc,
    /// The inverse of the error function; `±∞` at `±1`, NaN beyond.
    Erfinv,
    /// `ln |Γ(x)|`.
    LnGamma,
    /// Polygamma function `ψ⁽ⁿ⁾(x)`: digamma for 0, trigamma for 1. That of order 255 has no gradient.
    Polygamma(u8),
    /// `Bool`: neither infinite nor NaN.
    IsFinite,
    /// Negation of a `Bool`.
    Not,
}

/// Functions of two elements of one float dtype, or of two `I64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    /// `x + y`.
    Add,
    /// `x - y`.
    Sub,
    /// `x · y`.
    Mul,
    /// `x / y`; for `I64` truncated towards zero, and 0 where `y` is 0.
    Div,
    /// Remainder of floored division, with the sign of `y`; for `I64` 0 where `y` is 0.
    Rem,
    /// `xʸ`; for `I64` a negative exponent gives 0 unless `|x|` is 1.
    Pow,
    /// The larger; NaN if either is NaN.
    Max,
    /// The smaller; NaN if either is NaN.
    Min,
    /// `(y, x)`: angle of the point `(x, y)`, in `[-π, π]`. Floats only.
    Atan2,
    /// `ln(eˣ + eʸ)`, without overflow; `-∞` of two `-∞`, which share a gradient equally. Floats only.
    LogAddExp,
    /// `(a, ln z)`: slope `d ln z / d a` of a standard gamma variate `z` of concentration `a` at a fixed quantile,
    /// `-∂P(a, z)/∂a / (z p(z; a))`: the implicit gradient of Figurnov, Mohamed and Mnih (2018). Floats only.
    GammaQuantileSlope,
}

/// Comparisons of two elements of one dtype. Every comparison with NaN is false, but [`Compare::Ne`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// `x = y`.
    Eq,
    /// `x ≠ y`.
    Ne,
    /// `x < y`.
    Lt,
    /// `x ≤ y`.
    Le,
    /// `x > y`.
    Gt,
    /// `x ≥ y`.
    Ge,
}

/// Connectives of two `Bool`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Logic {
    /// Both.
    And,
    /// At least one.
    Or,
}

impl Unary {
    /// The value at one element, as the host computes it: the definition of the operation in double precision. `None` for
    /// those that give no float.
    pub fn evaluate_f64(self, x: f64) -> Option<f64> {
        host::evaluate_unary(self, x)
    }

    /// The definition of the operation in single precision.
    pub fn evaluate_f32(self, x: f32) -> Option<f32> {
        host::evaluate_unary(self, x)
    }

    pub(super) fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Unary::Neg => "neg",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Floor => "floor",
            Unary::Reciprocal => "reciprocal",
            Unary::Sqrt => "sqrt",
            Unary::Exp => "exp",
            Unary::Expm1 => "expm1",
            Unary::Log => "log",
            Unary::Log1p => "log1p",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Asin => "asin",
            Unary::Acos => "acos",
            Unary::Atan => "atan",
            Unary::Sinh => "sinh",
            Unary::Cosh => "cosh",
            Unary::Tanh => "tanh",
            Unary::Asinh => "asinh",
            Unary::Acosh => "acosh",
            Unary::Atanh => "atanh",
            Unary::Sigmoid => "sigmoid",
            Unary::Softplus => "softplus",
            Unary::Erf => "erf",
            Unary::Erfc => "erfc",
            Unary::Erfinv => "erfinv",
            Unary::LnGamma => "lgamma",
            Unary::Polygamma(0) => "digamma",
            Unary::Polygamma(n) => return Cow::Owned(format!("polygamma_{n}")),
            Unary::IsFinite => "is_finite",
            Unary::Not => "not",
        })
    }

    pub(super) fn output_type(self, op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
        let [x] = arity(op, inputs)?;
        let (fits, wanted) = match self {
            Unary::Not => (x.dtype == DType::Bool, "a bool"),
            Unary::Neg | Unary::Abs | Unary::Sign => (x.dtype != DType::Bool, "a number"),
            _ => (x.dtype.is_float(), "a float: use `cast`"),
        };
        if !fits {
            return Err(dtype_error(op, inputs, format!("needs {wanted}")));
        }
        let dtype = if self == Unary::IsFinite { DType::Bool } else { x.dtype };
        Ok(TensorType::new(dtype, &x.shape))
    }

    pub(super) fn gradient(self, of: &Differentiate<'_>) -> Result<Contributions> {
        let (x, y, g) = (of.input(0), of.output(), of.grad());
        let contribution = match self {
            Unary::Neg => g.neg(),
            Unary::Abs => g.mul(&x.unary(Unary::Sign)),
            Unary::Sign | Unary::Floor | Unary::IsFinite | Unary::Not => return Ok(of.none()),
            Unary::Reciprocal => g.mul(&y.mul(&y)).neg(),
            Unary::Sqrt => g.div(&y.add(&y)),
            Unary::Exp => g.mul(&y),
            Unary::Expm1 => g.mul(&y.add_scalar(1.0)),
            Unary::Log => g.div(&x),
            Unary::Log1p => g.div(&x.add_scalar(1.0)),
            Unary::Sin => g.mul(&x.unary(Unary::Cos)),
            Unary::Cos => g.mul(&x.unary(Unary::Sin)).neg(),
            Unary::Asin => g.div(&root_of_difference(&x)),
            Unary::Acos => g.div(&root_of_difference(&x)).neg(),
            Unary::Atan => g.div(&x.mul(&x).add_scalar(1.0)),
            Unary::Sinh => g.mul(&x.unary(Unary::Cosh)),
            Unary::Cosh => g.mul(&x.unary(Unary::Sinh)),
            Unary::Tanh => g.sub(&g.mul(&y.mul(&y))),
            Unary::Asinh => g.div(&x.mul(&x).add_scalar(1.0).unary(Unary::Sqrt)),
            Unary::Acosh => {
                // Two roots: their product is NaN where the function is.
                let root = |shift: f64| x.add_scalar(shift).unary(Unary::Sqrt);
                g.div(&root(-1.0)).div(&root(1.0))
            }
            Unary::Atanh => g.div(&difference_of_squares(&x)),
            Unary::Sigmoid => g.mul(&y.sub(&y.mul(&y))),
            Unary::Softplus => g.mul(&x.unary(Unary::Sigmoid)),
            Unary::Erf => g.mul(&erf_slope(&x)),
            Unary::Erfc => g.mul(&erf_slope(&x)).neg(),
            Unary::Erfinv => {
                let inverse_density = y.mul(&y).unary(Unary::Exp);
                g.mul(&inverse_density.mul_scalar(1.0 / std::f64::consts::FRAC_2_SQRT_PI))
            }
            Unary::LnGamma => g.mul(&x.unary(Unary::Polygamma(0))),
            Unary::Polygamma(n) => match n.checked_add(1) {
                Some(next) => g.mul(&x.unary(Unary::Polygamma(next))),
                None => {
                    return Err(Error::gradient(self.name(), "there is no polygamma function of order 256"));
                }
            },
        };
        Ok(of.one(contribution))
    }
}

/// `2/√π exp(-x²)`.
fn erf_slope(x: &Array) -> Array {
    x.mul(x).neg().unary(Unary::Exp).mul_scalar(std::f64::consts::FRAC_2_SQRT_PI)
}

/// `1 - x²`, without cancellation near `±1`.
fn difference_of_squares(x: &Array) -> Array {
    x.scalar_like(1.0).sub(x).mul(&x.add_scalar(1.0))
}

fn root_of_difference(x: &Array) -> Array {
    difference_of_squares(x).unary(Unary::Sqrt)
}

impl Binary {
    /// The value of two elements, as the host computes it: the definition of the operation in double precision.
    pub fn evaluate_f64(self, x: f64, y: f64) -> f64 {
        host::evaluate_binary(self, x, y).unwrap_or(f64::NAN)
    }

    /// The definition of the operation in single precision.
    pub fn evaluate_f32(self, x: f32, y: f32) -> f32 {
        host::evaluate_binary(self, x, y).unwrap_or(f32::NAN)
    }

    /// The definition of the operation for integers. `None` for those of floats only.
    pub fn evaluate_i64(self, x: i64, y: i64) -> Option<i64> {
        host::evaluate_integers(self, x, y)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::Div => "div",
            Binary::Rem => "remainder",
            Binary::Pow => "pow",
            Binary::Max => "maximum",
            Binary::Min => "minimum",
            Binary::Atan2 => "atan2",
            Binary::LogAddExp => "logaddexp",
            Binary::GammaQuantileSlope => "gamma_quantile_slope",
        }
    }

    pub(super) fn gradient(self, of: &Differentiate<'_>) -> Result<Contributions> {
        let (x, y, g) = (of.input(0), of.input(1), of.grad());
        Ok(match self {
            Binary::Add => of.two(|| g.clone(), || g.clone()),
            Binary::Sub => of.two(|| g.clone(), || g.neg()),
            Binary::Mul => of.two(|| g.mul(&y), || g.mul(&x)),
            Binary::Div => of.two(|| g.div(&y), || g.mul(&of.output()).div(&y).neg()),
            Binary::Rem => of.two(|| g.clone(), || g.mul(&x.div(&y).unary(Unary::Floor)).neg()),
            Binary::Pow => of.two(|| pow_by_base(&g, &x, &y), || pow_by_exponent(&g, &x, &of.output())),
            Binary::Max => of.two(|| share(&g, &x, &y, Compare::Gt), || share(&g, &y, &x, Compare::Gt)),
            Binary::Min => of.two(|| share(&g, &x, &y, Compare::Lt), || share(&g, &y, &x, Compare::Lt)),
            Binary::Atan2 => {
                let slope = |z: &Array| g.mul(z).div(&x.mul(&x).add(&y.mul(&y)));
                of.two(|| slope(&y), || slope(&x).neg())
            }
            Binary::LogAddExp => {
                let apart = apart(&x, &y);
                of.two(|| g.mul(&apart.unary(Unary::Sigmoid)), || g.mul(&apart.neg().unary(Unary::Sigmoid)))
            }
            Binary::GammaQuantileSlope => {
                return Err(Error::gradient(
                    self.name(),
                    "second derivatives of gamma draws are not available",
                ));
            }
        })
    }
}

/// `x - y`, and 0 where both are the same infinity: through the selection no derivative of that becomes NaN.
fn apart(x: &Array, y: &Array) -> Array {
    let infinite = x.unary(Unary::IsFinite).unary(Unary::Not);
    let same = Array::apply(Op::Logic(Logic::And), &[x.compare(Compare::Eq, y), infinite]);
    same.select(&x.scalar_like(0.0), &x.sub(y))
}

/// `y·x^(y-1)`, and 0 where the exponent is 0 so that the slope of `x⁰` at 0 is not NaN.
fn pow_by_base(g: &Array, x: &Array, y: &Array) -> Array {
    let slope = y.mul(&x.binary(Binary::Pow, &y.add_scalar(-1.0)));
    let constant = y.compare(Compare::Eq, &y.scalar_like(0.0));
    g.mul(&constant.select(&y.scalar_like(0.0), &slope))
}

/// `xʸ ln x`, and 0 where the base is 0: the limit for every positive exponent.
fn pow_by_exponent(g: &Array, x: &Array, power: &Array) -> Array {
    let zero = x.compare(Compare::Eq, &x.scalar_like(0.0));
    let safe = zero.select(&x.scalar_like(1.0), x);
    g.mul(&power.mul(&safe.unary(Unary::Log)))
}

/// The gradient where `x` wins against `y`; a tie shares it equally.
fn share(g: &Array, x: &Array, y: &Array, wins: Compare) -> Array {
    let half = x.scalar_like(0.5);
    let zero = x.scalar_like(0.0);
    let tied = x.compare(Compare::Eq, y).select(&half, &zero);
    let weight = x.compare(wins, y).select(&x.scalar_like(1.0), &tied);
    g.mul(&weight)
}

impl Compare {
    pub(super) fn name(self) -> &'static str {
        match self {
            Compare::Eq => "eq",
            Compare::Ne => "ne",
            Compare::Lt => "lt",
            Compare::Le => "le",
            Compare::Gt => "gt",
            Compare::Ge => "ge",
        }
    }
}

impl Logic {
    pub(super) fn name(self) -> &'static str {
        match self {
            Logic::And => "and",
            Logic::Or => "or",
        }
    }
}

pub(super) fn binary_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x, y] = arity(op, inputs)?;
    if x.dtype != y.dtype {
        return Err(dtype_error(op, inputs, "dtypes differ: use `cast`"));
    }
    if x.dtype == DType::Bool {
        return Err(dtype_error(op, inputs, "needs numbers: use `cast`"));
    }
    let floats_only =
        matches!(op, Op::Binary(Binary::Atan2 | Binary::LogAddExp | Binary::GammaQuantileSlope));
    if floats_only && !x.dtype.is_float() {
        return Err(dtype_error(op, inputs, "needs floats: use `cast`"));
    }
    Ok(TensorType::new(x.dtype, broadcast_all(op, inputs)?))
}

pub(super) fn compare_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x, y] = arity(op, inputs)?;
    if x.dtype != y.dtype {
        return Err(dtype_error(op, inputs, "dtypes differ: use `cast`"));
    }
    Ok(TensorType::new(DType::Bool, broadcast_all(op, inputs)?))
}

pub(super) fn logic_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x, y] = arity(op, inputs)?;
    if x.dtype != DType::Bool || y.dtype != DType::Bool {
        return Err(dtype_error(op, inputs, "needs bools"));
    }
    Ok(TensorType::new(DType::Bool, broadcast_all(op, inputs)?))
}

pub(super) fn select_type(op: &Op, inputs: &[&TensorType]) -> Result<TensorType> {
    let [condition, x, y] = arity(op, inputs)?;
    if condition.dtype != DType::Bool {
        return Err(dtype_error(op, inputs, "the condition must be a bool"));
    }
    if x.dtype != y.dtype {
        return Err(dtype_error(op, inputs, "dtypes of the two branches differ: use `cast`"));
    }
    Ok(TensorType::new(x.dtype, broadcast_all(op, inputs)?))
}

pub(super) fn cast_type(op: &Op, dtype: DType, inputs: &[&TensorType]) -> Result<TensorType> {
    let [x] = arity(op, inputs)?;
    Ok(TensorType::new(dtype, &x.shape))
}

pub(super) fn select_gradient(of: &Differentiate<'_>) -> Contributions {
    let (condition, g) = (of.input(0), of.grad());
    let zero = g.scalar_like(0.0);
    of.of_inputs([&|| None, &|| Some(condition.select(&g, &zero)), &|| Some(condition.select(&zero, &g))])
}

pub(super) fn cast_gradient(of: &Differentiate<'_>) -> Contributions {
    let from = of.input(0).dtype();
    if !from.is_float() || !of.output().dtype().is_float() {
        return of.none();
    }
    of.one(of.grad().cast(from))
}

/// Brings positional ranks to one size so that batch dimensions stand above each other.
pub(super) fn batch(op: &Op, inputs: &[Array], lead: usize) -> Array {
    let rank = inputs.iter().map(|x| x.shape().rank()).max().unwrap_or(lead);
    let aligned: Vec<Array> = inputs.iter().map(|x| x.pad_rank(lead, rank)).collect();
    Array::apply(op.clone(), &aligned)
}

impl Array {
    /// Inserts dimensions of size 1 after the first `lead` until the rank is `rank`.
    pub(super) fn pad_rank(&self, lead: usize, rank: usize) -> Array {
        let missing = rank - self.shape().rank();
        if missing == 0 {
            return self.clone();
        }
        let (batch, inner) = self.shape().split_at(lead);
        let shape: Shape = batch
            .iter()
            .copied()
            .chain(std::iter::repeat_n(1, missing))
            .chain(inner.iter().copied())
            .collect();
        self.reshape(shape)
    }
}
