//! Operations on single elements.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use ppl_tensor::op::{Binary, Compare, Logic, Reduction, Unary};
use ppl_tensor::{DType, Op};

use crate::runtime::kernels::is_wide;
use crate::runtime::math::{self, One, Two};
use crate::runtime::philox;

/// The register type of an element.
pub(super) fn register(dtype: DType) -> Type {
    match dtype {
        DType::F64 => types::F64,
        DType::F32 => types::F32,
        DType::I64 => types::I64,
        DType::Bool => types::I8,
    }
}

/// How an operation on elements is done.
#[derive(Clone, Copy)]
pub(super) enum Element {
    /// By a few instructions.
    Inline,
    /// By a function at this address, of as many arguments as the operation has.
    Call(usize),
}

/// How an operation on sources of these dtypes is done; none if it is not.
pub(super) fn element(op: &Op, dtypes: &[DType]) -> Option<Element> {
    use Element::{Call, Inline};
    let dtype = *dtypes.first()?;
    let float = dtype.is_float();
    Some(match op {
        Op::Unary(kind) => match (kind, dtype) {
            (Unary::Not, DType::Bool) | (Unary::Neg, DType::I64) => Inline,
            (
                Unary::Neg | Unary::Abs | Unary::Sign | Unary::Reciprocal | Unary::Sqrt | Unary::IsFinite,
                _,
            ) if float => Inline,
            (_, DType::F64) => Call(one_address(math::one::<f64>(*kind)?)),
            (_, DType::F32) => Call(one_address(math::one::<f32>(*kind)?)),
            _ => return None,
        },
        Op::Binary(kind) => match (kind, dtype) {
            (Binary::Add | Binary::Sub | Binary::Mul, DType::F64 | DType::F32 | DType::I64) => Inline,
            (Binary::Div | Binary::Max | Binary::Min, _) if float => Inline,
            (_, DType::F64) => Call(two_address(math::two::<f64>(*kind))),
            (_, DType::F32) => Call(two_address(math::two::<f32>(*kind))),
            _ => return None,
        },
        Op::Compare(_) | Op::Logic(_) | Op::Select | Op::Cast(_) => Inline,
        Op::FoldIn => Call(fold_in as *const () as usize),
        _ => return None,
    })
}

extern "C" fn fold_in(key: i64, data: i64) -> i64 {
    philox::fold_in(key, data)
}

fn one_address<T>(function: One<T>) -> usize {
    function as *const () as usize
}

fn two_address<T>(function: Two<T>) -> usize {
    function as *const () as usize
}

/// The value of an operation that is done by instructions, on sources of dtype `dtype` (of a choice, its alternatives').
pub(super) fn inline(b: &mut FunctionBuilder<'_>, op: &Op, dtype: DType, x: &[Value]) -> Option<Value> {
    Some(match (op, x) {
        (Op::Unary(kind), &[x]) => unary(b, *kind, dtype, x)?,
        (Op::Binary(kind), &[x, y]) => binary(b, *kind, dtype, x, y)?,
        (Op::Compare(kind), &[x, y]) => compare(b, *kind, dtype, x, y),
        (Op::Logic(Logic::And), &[x, y]) => b.ins().band(x, y),
        (Op::Logic(Logic::Or), &[x, y]) => b.ins().bor(x, y),
        (Op::Select, &[c, x, y]) => b.ins().select(c, x, y),
        (Op::Cast(to), &[x]) => cast(b, dtype, *to, x),
        _ => return None,
    })
}

/// A number of a float type.
fn float(b: &mut FunctionBuilder<'_>, dtype: DType, x: f64) -> Value {
    match dtype {
        DType::F32 => b.ins().f32const(x as f32),
        _ => b.ins().f64const(x),
    }
}

fn unary(b: &mut FunctionBuilder<'_>, kind: Unary, dtype: DType, x: Value) -> Option<Value> {
    Some(match kind {
        Unary::Neg if dtype == DType::I64 => b.ins().ineg(x),
        Unary::Neg => b.ins().fneg(x),
        Unary::Abs => b.ins().fabs(x),
        Unary::Sqrt => b.ins().sqrt(x),
        Unary::Reciprocal => {
            let one = float(b, dtype, 1.0);
            b.ins().fdiv(one, x)
        }
        Unary::Sign => {
            let [zero, one, minus] = [0.0, 1.0, -1.0].map(|x| float(b, dtype, x));
            let is_zero = b.ins().fcmp(FloatCC::Equal, x, zero);
            let sign = b.ins().select(is_zero, zero, x);
            let below = b.ins().fcmp(FloatCC::LessThan, x, zero);
            let sign = b.ins().select(below, minus, sign);
            let above = b.ins().fcmp(FloatCC::GreaterThan, x, zero);
            b.ins().select(above, one, sign)
        }
        Unary::IsFinite => {
            let size = b.ins().fabs(x);
            let infinity = float(b, dtype, f64::INFINITY);
            b.ins().fcmp(FloatCC::LessThan, size, infinity)
        }
        Unary::Not => {
            let one = b.ins().iconst(types::I8, 1);
            b.ins().bxor(x, one)
        }
        _ => return None,
    })
}

fn binary(b: &mut FunctionBuilder<'_>, kind: Binary, dtype: DType, x: Value, y: Value) -> Option<Value> {
    Some(match (kind, dtype) {
        (Binary::Add, DType::I64) => b.ins().iadd(x, y),
        (Binary::Sub, DType::I64) => b.ins().isub(x, y),
        (Binary::Mul, DType::I64) => b.ins().imul(x, y),
        (Binary::Add, _) => b.ins().fadd(x, y),
        (Binary::Sub, _) => b.ins().fsub(x, y),
        (Binary::Mul, _) => b.ins().fmul(x, y),
        (Binary::Div, _) => b.ins().fdiv(x, y),
        (Binary::Max, _) => extreme(b, FloatCC::GreaterThan, x, y),
        (Binary::Min, _) => extreme(b, FloatCC::LessThan, x, y),
        _ => return None,
    })
}

/// The first number if it compares so or is NaN, otherwise the second.
fn extreme(b: &mut FunctionBuilder<'_>, wins: FloatCC, x: Value, y: Value) -> Value {
    let (wins, none) = (b.ins().fcmp(wins, x, y), b.ins().fcmp(FloatCC::Unordered, x, x));
    let first = b.ins().bor(wins, none);
    b.ins().select(first, x, y)
}

fn compare(b: &mut FunctionBuilder<'_>, kind: Compare, dtype: DType, x: Value, y: Value) -> Value {
    if dtype.is_float() {
        let condition = match kind {
            Compare::Eq => FloatCC::Equal,
            Compare::Ne => FloatCC::NotEqual,
            Compare::Lt => FloatCC::LessThan,
            Compare::Le => FloatCC::LessThanOrEqual,
            Compare::Gt => FloatCC::GreaterThan,
            Compare::Ge => FloatCC::GreaterThanOrEqual,
        };
        return b.ins().fcmp(condition, x, y);
    }
    // Truth values are 0 and 1, for which signs do not matter.
    let condition = match kind {
        Compare::Eq => IntCC::Equal,
        Compare::Ne => IntCC::NotEqual,
        Compare::Lt => IntCC::SignedLessThan,
        Compare::Le => IntCC::SignedLessThanOrEqual,
        Compare::Gt => IntCC::SignedGreaterThan,
        Compare::Ge => IntCC::SignedGreaterThanOrEqual,
    };
    b.ins().icmp(condition, x, y)
}

fn cast(b: &mut FunctionBuilder<'_>, from: DType, to: DType, x: Value) -> Value {
    use DType::{Bool, F32, F64, I64};
    match (from, to) {
        (F64, F64) | (F32, F32) | (I64, I64) | (Bool, Bool) => x,
        (F64, F32) => b.ins().fdemote(types::F32, x),
        (F32, F64) => b.ins().fpromote(types::F64, x),
        // To integers they saturate, and NaN becomes 0.
        (F64 | F32, I64) => b.ins().fcvt_to_sint_sat(types::I64, x),
        (F64 | F32, Bool) => {
            let zero = float(b, from, 0.0);
            b.ins().fcmp(FloatCC::NotEqual, x, zero)
        }
        (I64, F64 | F32) => b.ins().fcvt_from_sint(register(to), x),
        (I64, Bool) => {
            let zero = b.ins().iconst(types::I64, 0);
            b.ins().icmp(IntCC::NotEqual, x, zero)
        }
        (Bool, I64) => b.ins().uextend(types::I64, x),
        (Bool, F64 | F32) => {
            let number = b.ins().uextend(types::I64, x);
            b.ins().fcvt_from_sint(register(to), number)
        }
    }
}

/// Whether elements of a dtype are joined in this way.
pub(super) fn joins(kind: Reduction, dtype: DType) -> bool {
    match kind {
        Reduction::Sum => dtype != DType::Bool,
        Reduction::Max | Reduction::Min => dtype.is_float(),
        Reduction::All | Reduction::Any => dtype == DType::Bool,
    }
}

/// Two elements joined.
fn join(b: &mut FunctionBuilder<'_>, kind: Reduction, dtype: DType, x: Value, y: Value) -> Value {
    match (kind, dtype) {
        (Reduction::Sum, DType::I64) => b.ins().iadd(x, y),
        (Reduction::Sum, _) => b.ins().fadd(x, y),
        (Reduction::Max, _) => extreme(b, FloatCC::GreaterThan, x, y),
        (Reduction::Min, _) => extreme(b, FloatCC::LessThan, x, y),
        (Reduction::All, _) => b.ins().band(x, y),
        (Reduction::Any, _) => b.ins().bor(x, y),
    }
}

/// At least one element joined in pairs, pairs of pairs, and so on.
pub(super) fn joined(
    b: &mut FunctionBuilder<'_>,
    kind: Reduction,
    dtype: DType,
    mut terms: Vec<Value>,
) -> Option<Value> {
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        for pair in terms.chunks(2) {
            pairs.push(match *pair {
                [x, y] => join(b, kind, dtype, x, y),
                _ => pair[0],
            });
        }
        terms = pairs;
    }
    terms.first().copied()
}

/// `x · y + z`, rounded once where the processor can.
pub(super) fn mul_add(b: &mut FunctionBuilder<'_>, x: Value, y: Value, z: Value) -> Value {
    if is_wide() {
        return b.ins().fma(x, y, z);
    }
    let product = b.ins().fmul(x, y);
    b.ins().fadd(product, z)
}
