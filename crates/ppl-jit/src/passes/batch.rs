//! Operations of one step of a loop, done for all steps at once.

use ppl_tensor::op::{Gather, Pad, ScatterAdd, Slice};
use ppl_tensor::{Dims, Op, Result, Shape, TensorType};

use crate::ir::{Id, Inputs, Ir};

/// Operations on more elements stay in their loop: what they make in a step is still near when the step needs it.
const PER_STEP: usize = 512;

/// So do those that would need more elements of memory for all steps.
const ALL_STEPS: usize = 1 << 22;

/// Whether values of all steps of a type are few enough to be kept.
pub(super) fn fits(ty: &TensorType, length: usize) -> bool {
    let elements = ty.shape.elements();
    elements <= PER_STEP && elements.saturating_mul(length) <= ALL_STEPS
}

/// What a value of a step is outside of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// The same in each step.
    Fixed(Id),
    /// Row by row of this array's first dimension.
    Each(Id),
}

/// Whether an operation on a step's values, with `each` of those that differ from step to step, is one operation on all
/// steps, and worth to be done so.
pub(super) fn is_batched(
    op: &Op,
    each: &[bool],
    types: &[&TensorType],
    ty: &TensorType,
    length: usize,
) -> bool {
    let differ = types.iter().zip(each).filter(|(_, each)| **each).map(|(ty, _)| *ty);
    if differ.chain([ty]).any(|ty| !fits(ty, length)) {
        return false;
    }
    match op {
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Logic(_)
        | Op::Select
        | Op::Cast(_)
        | Op::FoldIn
        | Op::Broadcast(_)
        | Op::Reshape(_)
        | Op::Permute(_)
        | Op::Slice(_)
        | Op::Pad(_)
        | Op::Concat { .. }
        | Op::Reduce { .. }
        | Op::CumulativeSum { .. }
        | Op::LinearRecurrence { .. }
        | Op::ArgSort { .. }
        | Op::ArgMax { .. }
        | Op::Cholesky
        | Op::SymmetricEigen
        | Op::TriangularSolve(_) => true,
        Op::Gather(Gather { axis, batch }) => match each {
            [true, true] => true,
            [true, false] => *batch == 0,
            [false, true] => *batch == 0 && *axis == 0,
            _ => false,
        },
        Op::ScatterAdd(scatter) => match each {
            [_, true] => true,
            [true, false] => scatter.batch == 0,
            _ => false,
        },
        // Rows of the steps are rows of one matrix.
        Op::Matmul => match (each, types) {
            ([true, false], [x, y]) => x.shape.rank() == 2 && y.shape.rank() == 2,
            ([false, true], [x, y]) => x.shape.rank() == 2 && y.shape.rank() == 2 && y.shape[1] == 1,
            _ => false,
        },
        // Draws for keys alone are for each key what they are for one.
        Op::Random { .. } => types.len() == 1,
        Op::Scan(_) | Op::Custom(_) => false,
    }
}

/// The operation on all steps, of which [`is_batched`] said that it can be done; `ty` is the type of a step's result.
pub(super) fn batch(ir: &mut Ir, op: &Op, inputs: &[Value], ty: &TensorType, length: usize) -> Result<Id> {
    let rank = ty.shape.rank();
    let mut given = Inputs::new();
    for &input in inputs {
        given.push(match op {
            Op::Binary(_)
            | Op::Compare(_)
            | Op::Logic(_)
            | Op::Select
            | Op::FoldIn
            | Op::TriangularSolve(_)
            | Op::Broadcast(_) => lifted(ir, input, rank)?,
            Op::Concat { .. } | Op::LinearRecurrence { .. } => whole(ir, input, length)?,
            _ => match input {
                Value::Fixed(id) | Value::Each(id) => id,
            },
        });
    }
    let steps = |shape: &Shape| Shape::from([length]).concat(shape);
    let op = match op {
        Op::Broadcast(shape) => Op::Broadcast(steps(shape)),
        Op::Reshape(shape) => Op::Reshape(steps(shape)),
        Op::Permute(order) => Op::Permute([0].into_iter().chain(order.iter().map(|axis| axis + 1)).collect()),
        &Op::Slice(slice) => Op::Slice(Slice { axis: slice.axis + 1, ..slice }),
        &Op::Pad(pad) => Op::Pad(Pad { axis: pad.axis + 1, ..pad }),
        Op::Concat { axis } => Op::Concat { axis: axis + 1 },
        Op::Reduce { kind, axes } => {
            Op::Reduce { kind: *kind, axes: axes.iter().map(|axis| axis + 1).collect() }
        }
        &Op::CumulativeSum { axis, reverse } => Op::CumulativeSum { axis: axis + 1, reverse },
        &Op::LinearRecurrence { axis, reverse } => Op::LinearRecurrence { axis: axis + 1, reverse },
        Op::ArgSort { axis } => Op::ArgSort { axis: axis + 1 },
        Op::ArgMax { axis } => Op::ArgMax { axis: axis + 1 },
        &Op::Gather(Gather { axis, batch }) => match inputs {
            [Value::Each(_), Value::Each(_)] => Op::Gather(Gather { axis: axis + 1, batch: batch + 1 }),
            [Value::Each(_), _] => Op::Gather(Gather { axis: axis + 1, batch }),
            _ => op.clone(),
        },
        &Op::ScatterAdd(scatter) => {
            let shared = matches!(inputs, [_, Value::Each(_)]);
            if let (true, &[values, _]) = (shared, inputs) {
                given[0] = whole(ir, values, length)?;
            }
            let batch = scatter.batch + usize::from(shared);
            Op::ScatterAdd(ScatterAdd { axis: scatter.axis + 1, batch, ..scatter })
        }
        Op::Matmul => return product(ir, inputs, ty, length),
        op => op.clone(),
    };
    ir.apply(op, &given)
}

/// A product of a matrix of each step with one that is the same in all.
fn product(ir: &mut Ir, inputs: &[Value], ty: &TensorType, length: usize) -> Result<Id> {
    let result = Op::Reshape(Shape::from([length]).concat(&ty.shape));
    let (rows, right) = match *inputs {
        [Value::Each(left), Value::Fixed(right)] => {
            let [rows, inner] = [ir.ty(left).shape[1], ir.ty(left).shape[2]];
            (ir.apply(Op::Reshape(Shape::from([length * rows, inner])), &[left])?, right)
        }
        [Value::Fixed(left), Value::Each(right)] => {
            let inner = ir.ty(right).shape[1];
            let columns = ir.apply(Op::Reshape(Shape::from([length, inner])), &[right])?;
            (columns, ir.apply(Op::Permute(Dims::from_slice(&[1, 0])), &[left])?)
        }
        _ => return ir.apply(Op::Matmul, &[]),
    };
    let product = ir.apply(Op::Matmul, &[rows, right])?;
    ir.apply(result, &[product])
}

/// A value that broadcasts with others of `rank` dimensions in a step.
pub(super) fn lifted(ir: &mut Ir, value: Value, rank: usize) -> Result<Id> {
    let id = match value {
        Value::Fixed(id) => return Ok(id),
        Value::Each(id) => id,
    };
    let shape = &ir.ty(id).shape;
    let missing = (rank + 1).saturating_sub(shape.rank());
    if missing == 0 {
        return Ok(id);
    }
    let (steps, own) = shape.split_at(1);
    let shape: Shape =
        steps.iter().copied().chain(std::iter::repeat_n(1, missing)).chain(own.iter().copied()).collect();
    ir.apply(Op::Reshape(shape), &[id])
}

/// A value of all steps.
pub(super) fn whole(ir: &mut Ir, value: Value, length: usize) -> Result<Id> {
    match value {
        Value::Each(id) => Ok(id),
        Value::Fixed(id) => {
            let shape = Shape::from([length]).concat(&ir.ty(id).shape);
            ir.apply(Op::Broadcast(shape), &[id])
        }
    }
}

/// A value of all steps, in each of which it is broadcast to a shape.
pub(super) fn broadcast(ir: &mut Ir, value: Value, shape: &Shape, length: usize) -> Result<Id> {
    let id = lifted(ir, value, shape.rank())?;
    let shape = Shape::from([length]).concat(shape);
    if ir.ty(id).shape == shape { Ok(id) } else { ir.apply(Op::Broadcast(shape), &[id]) }
}
