//! Questions whose answer is known from what a function can give: `exp(x) < 0` is false.
//!
//! Supports are asked about whatever comes from a bijection onto them. A comparison with NaN is false, and none is made true
//! here but that of different values, which it is for NaN too.

use ppl_tensor::op::{Binary, Compare, Unary};
use ppl_tensor::{DType, Op, Result};

use super::builder::{Builder, Call};
use crate::ir::Id;

/// The numbers that a value may have besides NaN: from the least to the largest, both included.
#[derive(Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

const ALL: Range = Range { low: f64::NEG_INFINITY, high: f64::INFINITY };

/// Operations that are looked through.
const DEEPEST: usize = 8;

pub(super) fn questions(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    match (call.op, call.inputs) {
        (Op::Compare(kind), &[x, y]) if b.ty(x).dtype.is_float() => {
            let (x, y) = (range(b, x, DEEPEST), range(b, y, DEEPEST));
            let apart = x.high < y.low || y.high < x.low;
            let known = match kind {
                Compare::Lt => x.low >= y.high,
                Compare::Le => x.low > y.high,
                Compare::Gt => y.low >= x.high,
                Compare::Ge => y.low > x.high,
                Compare::Eq | Compare::Ne => apart,
            };
            let answer = f64::from(*kind == Compare::Ne);
            if known { b.filled(call.ty, answer).map(Some) } else { Ok(None) }
        }
        (Op::Unary(Unary::Abs), &[x]) if b.ty(x).dtype.is_float() => Ok(is_not_negative(b, x).then_some(x)),
        _ => Ok(None),
    }
}

/// Whether no value can be below zero.
pub(super) fn is_not_negative(b: &Builder, x: Id) -> bool {
    range(b, x, DEEPEST).low >= 0.0
}

/// Whether no value but 0 is so small that its reciprocal is infinite: a root is not, and what is beyond a normal number.
pub(super) fn has_reciprocal(b: &Builder, x: Id) -> bool {
    let least = if b.ty(x).dtype == DType::F32 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
    let is_root = matches!(b.op(b.source(x)), Some((Op::Unary(Unary::Sqrt), _)));
    is_root || range(b, x, DEEPEST).low >= least
}

/// What rounding gives is within these, as rounded functions of rising arguments do not fall.
fn range(b: &Builder, id: Id, depth: usize) -> Range {
    if let Some(number) = b.number(id) {
        return if number.is_nan() { ALL } else { Range { low: number, high: number } };
    }
    let Some((op, inputs)) = b.op(id).filter(|_| depth > 0) else { return ALL };
    let of = |id: Id| range(b, id, depth - 1);
    let found = match (op, inputs) {
        (Op::Broadcast(_) | Op::Reshape(_) | Op::Permute(_) | Op::Slice(_), &[x]) => of(x),
        (Op::Unary(kind), &[x]) => of_unary(*kind, of(x)),
        (Op::Binary(Binary::Mul), &[x, y]) if x == y => Range { low: 0.0, high: f64::INFINITY },
        (Op::Binary(kind), &[x, y]) => of_binary(*kind, of(x), of(y)),
        (Op::Select, &[_, x, y]) => {
            let (x, y) = (of(x), of(y));
            Range { low: x.low.min(y.low), high: x.high.max(y.high) }
        }
        _ => ALL,
    };
    if b.ty(id).dtype == DType::F32 { found.narrowed() } else { found }
}

impl Range {
    /// As rounded to 24 bits: of sums, products and quotients of such numbers that is what they themselves are rounded to.
    fn narrowed(self) -> Self {
        Self { low: f64::from(self.low as f32), high: f64::from(self.high as f32) }
    }
}

fn of_unary(kind: Unary, x: Range) -> Range {
    let (low, high) = match kind {
        Unary::Neg => (-x.high, -x.low),
        Unary::Sigmoid => (0.0, 1.0),
        Unary::Exp | Unary::Softplus | Unary::Abs | Unary::Sqrt => (0.0, f64::INFINITY),
        _ => return ALL,
    };
    Range { low, high }
}

fn of_binary(kind: Binary, x: Range, y: Range) -> Range {
    let number = |range: Range| range.low == range.high;
    let (low, high) = match kind {
        Binary::Add => (x.low + y.low, x.high + y.high),
        Binary::Max => (x.low.max(y.low), x.high.max(y.high)),
        Binary::Min => (x.low.min(y.low), x.high.min(y.high)),
        Binary::Mul if number(y) && y.low > 0.0 => (x.low * y.low, x.high * y.low),
        Binary::Mul if x.low >= 0.0 && y.low >= 0.0 => (0.0, f64::INFINITY),
        Binary::Div if number(y) && y.low > 0.0 => (x.low / y.low, x.high / y.low),
        Binary::Div if x.low >= 0.0 && y.low >= 0.0 => (0.0, f64::INFINITY),
        _ => return ALL,
    };
    // Of infinities of different signs, and of what is infinite and 0.
    if low.is_nan() || high.is_nan() { ALL } else { Range { low, high } }
}

#[cfg(test)]
mod tests {
    use ppl_tensor::{DType, Tensor};

    use super::super::testing::{listing, simplified, simplified_of};

    /// The operations that are left of a choice by a question, between twice the argument and infinity.
    fn left(question: impl Fn(&Tensor) -> Tensor) -> Vec<String> {
        listing(&simplified(&[&[]], |args| vec![question(&args[0]).select(f64::INFINITY, &args[0] * 2.0)]))
    }

    #[test]
    fn what_a_function_cannot_give_is_not_asked_for() {
        let questions: [fn(&Tensor) -> Tensor; 8] = [
            |x| x.exp().lt(0.0),
            |x| (3.0 + 2.0 * x.sigmoid()).gt(5.0),
            |x| (-x.exp()).gt(0.0).or((x * x).lt(-1.0)),
            |x| (x.softplus() / 4.0 + 1.0).eq(0.5),
            |x| x.maximum(1.0).minimum(2.0).ge(2.5),
            |x| (x.abs().sqrt() * x.exp()).lt(0.0),
            |x| x.exp().lt(0.0).select(-1.0, 7.0).lt(-1.0),
            |x| x.sigmoid().reshape([1]).lt(0.0).reshape([]),
        ];
        for (number, question) in questions.iter().enumerate() {
            assert_eq!(left(question), ["mul []"], "{number}");
        }
        assert_eq!(listing(&simplified(&[&[]], |args| vec![args[0].exp().abs()])), ["exp []"]);
        let twice = |args: &[Tensor]| vec![(2.0 * args[0].exp()).abs()];
        assert_eq!(listing(&simplified(&[&[]], twice)), ["exp []", "mul []"]);
    }

    /// The answer for NaN is no, and ends of ranges are reached.
    #[test]
    fn what_may_be_is_asked() {
        let questions: [fn(&Tensor) -> Tensor; 6] = [
            |x| x.exp().ge(0.0),
            |x| x.exp().le(0.0),
            |x| x.sigmoid().eq(1.0),
            |x| (x.exp() - 1.0).lt(0.0),
            |x| (x * x.exp()).lt(0.0),
            |x| x.exp().eq(f64::INFINITY),
        ];
        for (number, question) in questions.iter().enumerate() {
            assert!(left(question).len() > 1, "{number}");
        }
        assert_eq!(left(|x| x.exp().ne(-1.0)), Vec::<String>::new());
    }

    /// The tenth of F32 is above that of F64, and 0.1 times a number that may be 1 is it.
    #[test]
    fn ranges_are_rounded_as_their_numbers() {
        let reached = f64::from(0.1_f32);
        let asks = |limit: f64| {
            let question = |args: &[Tensor]| vec![(0.1 * args[0].sigmoid()).ge(limit).cast(DType::F32)];
            !listing(&simplified_of(&[(DType::F32, &[])], question)).is_empty()
        };
        assert!(asks(reached));
        assert!(!asks(reached + 1e-8));
    }
}
