//! Elementwise operations at the smallest shape that holds their operands: what is the same everywhere is computed once.

use ppl_tensor::{Op, Result, Shape};

use super::builder::{Builder, Call};
use crate::ir::{Id, Inputs};

fn is_elementwise(op: &Op) -> bool {
    matches!(
        op,
        Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Logic(_) | Op::Select | Op::Cast(_) | Op::FoldIn
    )
}

/// Operands before they are broadcast; the result is broadcast where the operation does not do it by itself.
pub(super) fn broadcasts(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    if !is_elementwise(call.op) {
        return Ok(None);
    }
    let sources: Inputs = call.inputs.iter().map(|&input| b.source(input)).collect();
    if sources[..] == *call.inputs {
        return Ok(None);
    }
    let small = b.apply(call.op.clone(), &sources)?;
    b.broadcast(small, &call.ty.shape).map(Some)
}

/// What has one element is a scalar.
pub(super) fn scalars(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    if !is_elementwise(call.op) || call.ty.shape.rank() == 0 || call.ty.shape.elements() != 1 {
        return Ok(None);
    }
    let inputs = call.inputs.iter().map(|&input| b.reshape(input, &Shape::scalar()));
    let inputs: Inputs = inputs.collect::<Result<_>>()?;
    let scalar = b.apply(call.op.clone(), &inputs)?;
    b.broadcast(scalar, &call.ty.shape).map(Some)
}

/// Operands before they are reshaped, if all that have several elements are reshaped alike.
pub(super) fn reshapes(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    if !is_elementwise(call.op) || call.ty.shape.elements() == 1 {
        return Ok(None);
    }
    let target = &call.ty.shape;
    let source = call.inputs.iter().find_map(|&input| before_reshape(b, input, target));
    let Some(shape) = source.map(|x| b.shape(x).clone()) else { return Ok(None) };
    let mut inputs = Inputs::new();
    for &input in call.inputs {
        let own = b.shape(input);
        if own.elements() == 1 && own.rank() <= shape.rank() {
            inputs.push(input);
        } else if let Some(x) = before_reshape(b, input, target).filter(|&x| *b.shape(x) == shape) {
            inputs.push(x);
        } else if let Some(value) = b.value(input).filter(|value| value.shape() == target) {
            let value = value.reshaped(&shape)?;
            inputs.push(b.constant(&value)?);
        } else {
            return Ok(None);
        }
    }
    let result = b.apply(call.op.clone(), &inputs)?;
    b.reshape(result, target).map(Some)
}

fn before_reshape(b: &Builder, id: Id, target: &Shape) -> Option<Id> {
    match b.op(id) {
        Some((Op::Reshape(shape), &[x])) if shape == target => Some(x),
        _ => None,
    }
}

/// Parameters of random numbers, which broadcast to the draws.
pub(super) fn parameters(b: &mut Builder, call: &Call<'_>) -> Result<Option<Id>> {
    let (Op::Random { .. }, [key, parameters @ ..]) = (call.op, call.inputs) else { return Ok(None) };
    let sources = parameters.iter().map(|&input| b.source(input));
    let inputs: Inputs = std::iter::once(*key).chain(sources).collect();
    if inputs[..] == *call.inputs {
        return Ok(None);
    }
    b.apply(call.op.clone(), &inputs).map(Some)
}
