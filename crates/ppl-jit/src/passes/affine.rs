//! Carries that are linear functions of themselves: known by a linear recurrence instead of a loop.

use std::collections::HashMap;

use ppl_tensor::op::{Binary, Pad, Unary};
use ppl_tensor::{DType, HostTensor, Op, Result, Shape, TensorType};

use super::batch::{Value, batch, broadcast, fits};
use crate::ir::{Id, Ir, Kind, Recurrence};

/// What a carry is multiplied with.
#[derive(Debug, Clone, Copy)]
enum Factor {
    One,
    Value(Value),
}

/// `factor · carry + term`; no factor is zero, and no term.
#[derive(Debug, Clone, Copy)]
pub(super) struct Affine {
    factor: Option<Factor>,
    term: Option<Value>,
}

/// What is needed to write functions of a carry.
struct Writer<'a> {
    ir: &'a mut Ir,
    length: usize,
    /// Type of the carry.
    ty: &'a TensorType,
}

/// What a step makes of a carry, if it is a linear function of this carry, of which all else is known outside of the loop.
pub(super) fn of_carry(
    ir: &mut Ir,
    recurrence: &Recurrence,
    values: &[Option<Value>],
    carry: usize,
) -> Result<Option<Affine>> {
    let Recurrence { body, length, .. } = recurrence;
    let next = body.outputs[carry];
    let is_carry = |kind: &Kind| matches!(kind, Kind::Input(number) if *number == carry);
    let Some(start) = body.nodes.iter().position(|node| is_carry(&node.kind)) else { return Ok(None) };
    let ty = &body.nodes[start].ty;
    if !ty.dtype.is_float() || !fits(ty, *length) {
        return Ok(None);
    }
    // The shape of a value of a step.
    let mut functions: HashMap<Id, Affine> = HashMap::new();
    functions.insert(Id(start), Affine { factor: Some(Factor::One), term: None });
    let mut writer = Writer { ir, length: *length, ty };
    // Of the nodes between, those on the way to the next carry.
    let mut wanted = vec![false; body.nodes.len()];
    wanted[next.0] = true;
    for index in (start..=next.0).rev().filter(|&index| index != start) {
        if wanted[index] && values[index].is_none() {
            body.nodes[index].kind.inputs().iter().for_each(|input| wanted[input.0] = true);
        }
    }
    for index in start + 1..=next.0 {
        if !wanted[index] || values[index].is_some() {
            continue;
        }
        let node = &body.nodes[index];
        let Kind::Op(op, inputs) = &node.kind else { return Ok(None) };
        if node.ty != *ty {
            return Ok(None);
        }
        let mut given = Vec::with_capacity(2);
        for input in inputs {
            given.push(match (functions.get(input), values[input.0]) {
                (Some(function), _) => *function,
                (None, Some(value)) if body.ty(*input).dtype == ty.dtype => {
                    Affine { factor: None, term: Some(value) }
                }
                _ => return Ok(None),
            });
        }
        let Some(function) = writer.apply(op, &given)? else { return Ok(None) };
        functions.insert(Id(index), function);
    }
    Ok(functions.remove(&next).filter(|function| function.factor.is_some()))
}

impl Writer<'_> {
    fn apply(&mut self, op: &Op, given: &[Affine]) -> Result<Option<Affine>> {
        use Binary::{Add, Div, Mul, Sub};
        Ok(Some(match (op, given) {
            (Op::Unary(Unary::Neg), [x]) => self.negated(*x)?,
            (Op::Binary(Add), [x, y]) => self.sum(*x, *y)?,
            (Op::Binary(Sub), [x, y]) => {
                let y = self.negated(*y)?;
                self.sum(*x, y)?
            }
            (Op::Binary(Mul), [x, Affine { factor: None, term: Some(y) }])
            | (Op::Binary(Mul), [Affine { factor: None, term: Some(y) }, x]) => self.scaled(Mul, *x, *y)?,
            (Op::Binary(Div), [x, Affine { factor: None, term: Some(y) }]) => self.scaled(Div, *x, *y)?,
            _ => return Ok(None),
        }))
    }

    fn negated(&mut self, x: Affine) -> Result<Affine> {
        let factor = match x.factor {
            None => None,
            Some(factor) => {
                let factor = self.number(factor)?;
                Some(Factor::Value(self.unary(Unary::Neg, factor)?))
            }
        };
        let term = x.term.map(|term| self.unary(Unary::Neg, term)).transpose()?;
        Ok(Affine { factor, term })
    }

    fn sum(&mut self, x: Affine, y: Affine) -> Result<Affine> {
        let factor = match (x.factor, y.factor) {
            (Some(x), Some(y)) => {
                let (x, y) = (self.number(x)?, self.number(y)?);
                Some(Factor::Value(self.binary(Binary::Add, x, y)?))
            }
            (one, other) => one.or(other),
        };
        let term = match (x.term, y.term) {
            (Some(x), Some(y)) => Some(self.binary(Binary::Add, x, y)?),
            (one, other) => one.or(other),
        };
        Ok(Affine { factor, term })
    }

    /// A function times a number, or divided by it.
    fn scaled(&mut self, kind: Binary, x: Affine, by: Value) -> Result<Affine> {
        let factor = match x.factor {
            None => None,
            Some(Factor::One) if kind == Binary::Mul => Some(Factor::Value(by)),
            Some(factor) => {
                let factor = self.number(factor)?;
                Some(Factor::Value(self.binary(kind, factor, by)?))
            }
        };
        let term = x.term.map(|term| self.binary(kind, term, by)).transpose()?;
        Ok(Affine { factor, term })
    }

    fn number(&mut self, factor: Factor) -> Result<Value> {
        match factor {
            Factor::Value(value) => Ok(value),
            Factor::One => {
                let one = HostTensor::full_as(self.ty.dtype, Shape::scalar(), 1.0);
                let ty = one.tensor_type();
                Ok(Value::Fixed(self.ir.push(Kind::Constant(one), ty)))
            }
        }
    }

    fn unary(&mut self, kind: Unary, x: Value) -> Result<Value> {
        Ok(match x {
            Value::Fixed(id) => Value::Fixed(self.ir.apply(Op::Unary(kind), &[id])?),
            Value::Each(id) => Value::Each(self.ir.apply(Op::Unary(kind), &[id])?),
        })
    }

    fn binary(&mut self, kind: Binary, x: Value, y: Value) -> Result<Value> {
        let op = Op::Binary(kind);
        if let (Value::Fixed(x), Value::Fixed(y)) = (x, y) {
            return self.ir.apply(op, &[x, y]).map(Value::Fixed);
        }
        let rank = |value: Value| match value {
            Value::Fixed(id) => self.ir.ty(id).shape.rank(),
            Value::Each(id) => self.ir.ty(id).shape.rank() - 1,
        };
        // Only the number of dimensions matters of the type.
        let shape: Shape = std::iter::repeat_n(1, rank(x).max(rank(y))).collect();
        batch(self.ir, &op, &[x, y], &TensorType::new(self.ty.dtype, shape), self.length).map(Value::Each)
    }
}

/// The first carry and the carries that all steps leave, `[steps + 1, …]`, in the order of the rows.
pub(super) fn path(ir: &mut Ir, function: &Affine, first: Id, length: usize, reverse: bool) -> Result<Id> {
    let ty = ir.ty(first).clone();
    let terms = match function.term {
        Some(term) => broadcast(ir, term, &ty.shape, length)?,
        None => zeros(ir, ty.dtype, &Shape::from([length]).concat(&ty.shape))?,
    };
    let terms = with_first(ir, first, terms, reverse)?;
    let factors = match function.factor {
        None => return Ok(terms),
        Some(Factor::One) => return ir.apply(Op::CumulativeSum { axis: 0, reverse }, &[terms]),
        Some(Factor::Value(factor @ Value::Fixed(_))) => broadcast(ir, factor, &ty.shape, length + 1)?,
        Some(Factor::Value(factor)) => {
            let factors = broadcast(ir, factor, &ty.shape, length)?;
            // The first carry has no factor.
            let (before, after) = (usize::from(!reverse), usize::from(reverse));
            ir.apply(Op::Pad(Pad { axis: 0, before, after, interior: 0 }), &[factors])?
        }
    };
    ir.apply(Op::LinearRecurrence { axis: 0, reverse }, &[factors, terms])
}

/// A first carry and rows of steps, in the order of the rows.
pub(super) fn with_first(ir: &mut Ir, first: Id, rows: Id, reverse: bool) -> Result<Id> {
    let shape = Shape::from([1]).concat(&ir.ty(first).shape);
    let first = ir.apply(Op::Reshape(shape), &[first])?;
    let parts = if reverse { [rows, first] } else { [first, rows] };
    ir.apply(Op::Concat { axis: 0 }, &parts)
}

fn zeros(ir: &mut Ir, dtype: DType, shape: &Shape) -> Result<Id> {
    let zero = HostTensor::full_as(dtype, Shape::scalar(), 0.0);
    let ty = zero.tensor_type();
    let zero = ir.push(Kind::Constant(zero), ty);
    ir.apply(Op::Broadcast(shape.clone()), &[zero])
}
