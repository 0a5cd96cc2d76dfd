//! Operations and inputs that need not fit each other: valid cases with something changed.

use std::fmt;

use ppl_tensor::op::{Binary, Compare, Gather, Logic, Pad, RandomKind, Reduction, ScatterAdd, Slice, Unary};
use ppl_tensor::{DType, Dims, HostTensor, Op, Shape};
use proptest::prelude::*;

use crate::cases::{Family, any_of, rows};
use crate::source::Source;

/// An operation and inputs that may or may not fit it.
#[derive(Clone)]
pub struct Attempt {
    /// The operation.
    pub op: Op,
    /// Its inputs. Floats in `F64`.
    pub inputs: Vec<HostTensor>,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of", self.op)?;
        self.inputs
            .iter()
            .try_for_each(|input| write!(f, "\n  {} {} {:?}", input.dtype(), input.shape(), input.to_f64()))
    }
}

/// Cases of a family with their parameters, inputs, or both changed.
pub fn attempts(family: Family) -> impl Strategy<Value = Attempt> {
    let cases = proptest::strategy::Union::new(rows(family).into_iter().map(|row| row.random));
    (cases, any::<u64>()).prop_map(|(case, seed)| {
        let mut source = Source::new(seed);
        let change = source.below(3);
        let op = case.op(DType::F64);
        let mut inputs = case.inputs(0, DType::F64);
        if change != 0 {
            disturb_inputs(&mut inputs, &mut source);
        }
        let op = if change != 1 { disturbed(&op, &mut source) } else { op };
        Attempt { op, inputs }
    })
}

/// Shapes and dtypes changed, inputs dropped or doubled.
fn disturb_inputs(inputs: &mut Vec<HostTensor>, source: &mut Source) {
    let place = source.below(inputs.len());
    match source.below(6) {
        0 => drop(inputs.remove(place)),
        1 => inputs.push(inputs[place].clone()),
        2 => {
            let shape = inputs[place].shape().clone();
            inputs[place] = any_of(source.below(4), &shape)(source);
        }
        _ => {
            let mut shape = inputs[place].shape().to_vec();
            disturb_sizes(&mut shape, source, |source| source.below(4));
            let kind = match inputs[place].dtype() {
                DType::I64 => 0,
                DType::Bool => 1,
                DType::F64 | DType::F32 => 3,
            };
            inputs[place] = any_of(kind, &shape)(source);
        }
    }
}

/// A number of a dimension, or a distance: mostly small, sometimes absurd.
fn number(source: &mut Source) -> usize {
    const ABSURD: [usize; 4] = [usize::MAX, usize::MAX - 1, usize::MAX / 2, 1 << 40];
    if source.below(5) == 0 { ABSURD[source.below(4)] } else { source.below(7) }
}

/// A size: mostly small, sometimes more bytes than there are addresses. Nothing between, which could be allocated.
fn size(source: &mut Source) -> usize {
    const ABSURD: [usize; 2] = [usize::MAX, 1 << (usize::BITS - 1)];
    if source.below(5) == 0 { ABSURD[source.below(2)] } else { source.below(7) }
}

fn disturb_sizes(sizes: &mut Vec<usize>, source: &mut Source, new: fn(&mut Source) -> usize) {
    let place = source.below(sizes.len());
    match source.below(3) {
        0 if !sizes.is_empty() => drop(sizes.remove(place)),
        1 if !sizes.is_empty() => sizes[place] = new(source),
        _ => sizes.insert(place, new(source)),
    }
}

fn shape(shape: &Shape, source: &mut Source) -> Shape {
    let mut sizes = shape.to_vec();
    disturb_sizes(&mut sizes, source, size);
    sizes.into()
}

fn axes(axes: &Dims, source: &mut Source) -> Dims {
    let mut axes = axes.to_vec();
    disturb_sizes(&mut axes, source, number);
    axes.into()
}

fn dtype(source: &mut Source) -> DType {
    [DType::F64, DType::F32, DType::I64, DType::Bool][source.below(4)]
}

/// One of two, by chance.
fn either<T>(source: &mut Source, old: T, new: impl FnOnce(&mut Source) -> T) -> T {
    if source.below(2) == 0 { new(source) } else { old }
}

/// The operation with other parameters. No wildcard: a new operation says here what can be wrong with it.
fn disturbed(op: &Op, source: &mut Source) -> Op {
    match op {
        Op::Unary(Unary::Polygamma(_)) => Op::Unary(Unary::Polygamma(source.bits() as u8)),
        Op::Unary(_) => Op::Unary([Unary::Neg, Unary::Not, Unary::Exp][source.below(3)]),
        Op::Binary(_) => Op::Binary([Binary::Add, Binary::Rem, Binary::GammaQuantileSlope][source.below(3)]),
        Op::Compare(_) => Op::Compare(Compare::Lt),
        Op::Logic(_) => Op::Logic(Logic::And),
        Op::Cast(_) => Op::Cast(dtype(source)),
        Op::Select
        | Op::Matmul
        | Op::Cholesky
        | Op::SymmetricEigen
        | Op::FoldIn
        | Op::TriangularSolve(_)
        | Op::Scan(_)
        | Op::Custom(_) => op.clone(),
        Op::Broadcast(old) => Op::Broadcast(shape(old, source)),
        Op::Reshape(old) => Op::Reshape(shape(old, source)),
        Op::Permute(old) => Op::Permute(axes(old, source)),
        Op::Slice(old) => Op::Slice(Slice {
            axis: either(source, old.axis, number),
            start: either(source, old.start, number),
            end: either(source, old.end, number),
            step: either(source, old.step, number),
        }),
        Op::Pad(old) => Op::Pad(Pad {
            axis: either(source, old.axis, number),
            before: either(source, old.before, size),
            after: either(source, old.after, size),
            interior: either(source, old.interior, size),
        }),
        Op::Concat { axis: _ } => Op::Concat { axis: number(source) },
        Op::Gather(old) => Op::Gather(Gather {
            axis: either(source, old.axis, number),
            batch: either(source, old.batch, number),
        }),
        Op::ScatterAdd(old) => Op::ScatterAdd(ScatterAdd {
            axis: either(source, old.axis, number),
            batch: either(source, old.batch, number),
            size: either(source, old.size, size),
        }),
        Op::Reduce { kind, axes: old } => {
            let kinds = [Reduction::Sum, Reduction::Max, Reduction::All];
            Op::Reduce {
                kind: either(source, *kind, |source| kinds[source.below(3)]),
                axes: axes(old, source),
            }
        }
        Op::CumulativeSum { axis: _, reverse } => {
            Op::CumulativeSum { axis: number(source), reverse: *reverse }
        }
        Op::LinearRecurrence { axis: _, reverse } => {
            Op::LinearRecurrence { axis: number(source), reverse: *reverse }
        }
        Op::ArgSort { axis: _ } => Op::ArgSort { axis: number(source) },
        Op::ArgMax { axis: _ } => Op::ArgMax { axis: number(source) },
        Op::Random { kind, shape: old } => {
            let kinds = [
                *kind,
                RandomKind::Uniform(dtype(source)),
                RandomKind::LogGamma,
                RandomKind::Poisson,
                RandomKind::Binomial,
                RandomKind::Subsample { population: size(source) },
            ];
            Op::Random { kind: kinds[source.below(6)], shape: shape(old, source) }
        }
    }
}
