//! Functions of each element, comparisons, logic, selection and conversion.

use burn_backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn_backend::{Backend as Burn, FloatDType, IntDType};
use ppl_tensor::op::{Binary, Compare, Logic, Unary};
use ppl_tensor::{DType, Result};

use crate::BurnBackend;
use crate::buffer::Values;
use crate::call::Call;

pub(crate) fn unary<B: Burn>(call: &Call<'_, B>, kind: Unary) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    match (kind, x.values.clone()) {
        (_, Values::Float(x)) => of_float(call, kind, x),
        (Unary::Neg, Values::Int(x)) => Ok(Values::Int(B::int_neg(x))),
        (Unary::Abs, Values::Int(x)) => Ok(Values::Int(B::int_abs(x))),
        (Unary::Sign, Values::Int(x)) => Ok(Values::Int(B::int_sign(x))),
        (Unary::Not, Values::Bool(x)) => Ok(Values::Bool(B::bool_not(x))),
        _ => Err(call.unsupported()),
    }
}

fn of_float<B: Burn>(call: &Call<'_, B>, kind: Unary, x: FloatTensor<B>) -> Result<Values<B>> {
    let backend = call.backend;
    Ok(Values::Float(match kind {
        Unary::Neg => B::float_neg(x),
        Unary::Abs => B::float_abs(x),
        Unary::Sign => backend.sign(x),
        Unary::Floor => B::float_floor(x),
        Unary::Reciprocal => B::float_recip(x),
        Unary::Sqrt => B::float_sqrt(x),
        Unary::Exp => B::float_exp(x),
        // tanh(x/2) (eˣ + 1): no difference of near numbers, and right at infinities.
        Unary::Expm1 => {
            let sum = B::float_add_scalar(B::float_exp(x.clone()), 1.0.into());
            B::float_mul(backend.tanh(B::float_mul_scalar(x, 0.5.into())), sum)
        }
        Unary::Log => B::float_log(x),
        Unary::Log1p => backend.log1p(x),
        Unary::Sin => B::float_sin(x),
        Unary::Cos => B::float_cos(x),
        Unary::Asin => B::float_asin(x),
        Unary::Acos => B::float_acos(x),
        Unary::Atan => B::float_atan(x),
        Unary::Sinh => B::float_sinh(x),
        Unary::Cosh => B::float_cosh(x),
        Unary::Tanh => backend.tanh(x),
        Unary::Sigmoid => backend.sigmoid(x),
        Unary::Softplus => {
            let tail = backend.log1p(decay::<B>(x.clone()));
            B::float_add(B::float_clamp_min(x, 0.0.into()), tail)
        }
        Unary::Erf => backend.erf(x),
        Unary::IsFinite => {
            let size = B::float_abs(x);
            return Ok(Values::Bool(B::float_lower_elem(size, f64::INFINITY.into(), backend.bool_dtype)));
        }
        Unary::Asinh
        | Unary::Acosh
        | Unary::Atanh
        | Unary::Erfc
        | Unary::Erfinv
        | Unary::LnGamma
        | Unary::Polygamma(_)
        | Unary::Not => return Err(call.unsupported()),
    }))
}

/// `exp(-|x|)`, which cannot overflow.
fn decay<B: Burn>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_exp(B::float_neg(B::float_abs(x)))
}

impl<B: Burn> BurnBackend<B> {
    /// As the host has it: NaN and zeros of both signs are their own.
    fn sign(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let positive = B::float_greater_elem(x.clone(), 0.0.into(), self.bool_dtype);
        let negative = B::float_lower_elem(x.clone(), 0.0.into(), self.bool_dtype);
        B::float_mask_fill(B::float_mask_fill(x, positive, 1.0.into()), negative, (-1.0_f64).into())
    }

    /// burn's own may compute in 32 bits.
    fn sigmoid(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let e = decay::<B>(x.clone());
        let below = B::float_lower_elem(x, 0.0.into(), self.bool_dtype);
        let above = B::bool_not(below);
        let numerator = B::float_mask_fill(e.clone(), above, 1.0.into());
        B::float_div(numerator, B::float_add_scalar(e, 1.0.into()))
    }

    pub(crate) fn is_nan(&self, x: FloatTensor<B>) -> BoolTensor<B> {
        B::float_is_nan(x, self.bool_dtype)
    }
}

pub(crate) fn binary<B: Burn>(call: &Call<'_, B>, kind: Binary) -> Result<Values<B>> {
    let [x, y] = call.inputs()?;
    match (call.aligned(x), call.aligned(y)) {
        (Values::Float(x), Values::Float(y)) => of_floats(call, kind, x, y).map(Values::Float),
        (Values::Int(x), Values::Int(y)) => of_integers(call, kind, x, y).map(Values::Int),
        _ => Err(call.unsupported()),
    }
}

fn of_floats<B: Burn>(
    call: &Call<'_, B>,
    kind: Binary,
    x: FloatTensor<B>,
    y: FloatTensor<B>,
) -> Result<FloatTensor<B>> {
    let (backend, to) = (call.backend, call.backend.bool_dtype);
    // The first operand also where it is NaN; a second that is NaN never loses, as no comparison with it holds.
    let first = |wins: BoolTensor<B>| {
        let takes = B::bool_or(wins, backend.is_nan(x.clone()));
        B::float_mask_where(y.clone(), takes, x.clone())
    };
    Ok(match kind {
        Binary::Add => B::float_add(x, y),
        Binary::Sub => B::float_sub(x, y),
        Binary::Mul => B::float_mul(x, y),
        Binary::Div => B::float_div(x, y),
        Binary::Rem => B::float_remainder(x, y),
        Binary::Pow => B::float_powf(x, y),
        Binary::Max => first(B::float_greater(x.clone(), y.clone(), to)),
        Binary::Min => first(B::float_lower(x.clone(), y.clone(), to)),
        Binary::Atan2 => B::float_atan2(x, y),
        Binary::LogAddExp | Binary::GammaQuantileSlope => return Err(call.unsupported()),
    })
}

fn of_integers<B: Burn>(
    call: &Call<'_, B>,
    kind: Binary,
    x: IntTensor<B>,
    y: IntTensor<B>,
) -> Result<IntTensor<B>> {
    let to = call.backend.bool_dtype;
    Ok(match kind {
        Binary::Max => B::int_mask_where(y.clone(), B::int_greater(x.clone(), y, to), x),
        Binary::Min => B::int_mask_where(y.clone(), B::int_lower(x.clone(), y, to), x),
        Binary::Add
        | Binary::Sub
        | Binary::Mul
        | Binary::Div
        | Binary::Rem
        | Binary::Pow
        | Binary::Atan2
        | Binary::LogAddExp
        | Binary::GammaQuantileSlope => return Err(call.unsupported()),
    })
}

pub(crate) fn compare<B: Burn>(call: &Call<'_, B>, kind: Compare) -> Result<Values<B>> {
    let [x, y] = call.inputs()?;
    let to = call.backend.bool_dtype;
    Ok(Values::Bool(match (call.aligned(x), call.aligned(y)) {
        (Values::Float(x), Values::Float(y)) => match kind {
            Compare::Eq => B::float_equal(x, y, to),
            // Not burn's own: shaders may find NaN equal to itself.
            Compare::Ne => B::bool_not(B::float_equal(x, y, to)),
            Compare::Lt => B::float_lower(x, y, to),
            Compare::Le => B::float_lower_equal(x, y, to),
            Compare::Gt => B::float_greater(x, y, to),
            Compare::Ge => B::float_greater_equal(x, y, to),
        },
        (Values::Int(x), Values::Int(y)) => match kind {
            Compare::Eq => B::int_equal(x, y, to),
            Compare::Ne => B::int_not_equal(x, y, to),
            Compare::Lt => B::int_lower(x, y, to),
            Compare::Le => B::int_lower_equal(x, y, to),
            Compare::Gt => B::int_greater(x, y, to),
            Compare::Ge => B::int_greater_equal(x, y, to),
        },
        // `false` comes before `true`.
        (Values::Bool(x), Values::Bool(y)) => match kind {
            Compare::Eq => B::bool_equal(x, y),
            Compare::Ne => B::bool_not_equal(x, y),
            Compare::Lt => B::bool_and(B::bool_not(x), y),
            Compare::Le => B::bool_or(B::bool_not(x), y),
            Compare::Gt => B::bool_and(x, B::bool_not(y)),
            Compare::Ge => B::bool_or(x, B::bool_not(y)),
        },
        _ => return Err(call.unsupported()),
    }))
}

pub(crate) fn logic<B: Burn>(call: &Call<'_, B>, kind: Logic) -> Result<Values<B>> {
    let [x, y] = call.inputs()?;
    let (Values::Bool(x), Values::Bool(y)) = (call.aligned(x), call.aligned(y)) else {
        return Err(call.unsupported());
    };
    Ok(Values::Bool(match kind {
        Logic::And => B::bool_and(x, y),
        Logic::Or => B::bool_or(x, y),
    }))
}

pub(crate) fn select<B: Burn>(call: &Call<'_, B>) -> Result<Values<B>> {
    let [condition, x, y] = call.inputs()?;
    let Values::Bool(condition) = call.aligned(condition) else { return Err(call.unsupported()) };
    Ok(match (call.aligned(x), call.aligned(y)) {
        (Values::Float(x), Values::Float(y)) => Values::Float(B::float_mask_where(y, condition, x)),
        (Values::Int(x), Values::Int(y)) => Values::Int(B::int_mask_where(y, condition, x)),
        (Values::Bool(x), Values::Bool(y)) => Values::Bool(B::bool_mask_where(y, condition, x)),
        _ => return Err(call.unsupported()),
    })
}

pub(crate) fn cast<B: Burn>(call: &Call<'_, B>, dtype: DType) -> Result<Values<B>> {
    let [x] = call.inputs()?;
    let to = call.backend.bool_dtype;
    let float = if dtype == DType::F32 { FloatDType::F32 } else { FloatDType::F64 };
    Ok(match (x.values.clone(), dtype) {
        (values, dtype) if x.dtype() == dtype => values,
        (Values::Float(x), DType::F64 | DType::F32) => Values::Float(B::float_cast(x, float)),
        (Values::Float(x), DType::I64) => Values::Int(B::float_into_int(x, IntDType::I64)),
        (Values::Float(x), DType::Bool) => Values::Bool(B::bool_not(B::float_equal_elem(x, 0.0.into(), to))),
        (Values::Int(x), DType::F64 | DType::F32) => Values::Float(B::int_into_float(x, float)),
        (Values::Int(x), DType::I64) => Values::Int(x),
        (Values::Int(x), DType::Bool) => Values::Bool(B::int_not_equal_elem(x, 0.into(), to)),
        (Values::Bool(x), DType::F64 | DType::F32) => Values::Float(B::bool_into_float(x, float)),
        (Values::Bool(x), DType::I64) => Values::Int(B::bool_into_int(x, IntDType::I64)),
        (Values::Bool(x), DType::Bool) => Values::Bool(x),
        (Values::Host(_) | Values::Empty, _) => return Err(call.unsupported()),
    })
}
