//! Operations that move elements.

use ppl_tensor::op::{Pad, Slice};
use ppl_tensor::{Dims, Op, Shape};
use proptest::collection::vec;
use proptest::prelude::*;

use super::make::{any_of, dims};
use super::{Case, Row};
use crate::source::Source;

/// A strategy of one input: `choose` picks the operation for its shape.
fn moved(
    ranks: std::ops::RangeInclusive<usize>,
    choose: fn(&mut Source, &[usize]) -> Op,
) -> impl Strategy<Value = Case> {
    (dims(ranks), any::<u64>(), 0..6_usize).prop_map(move |(shape, seed, kind)| {
        let op = choose(&mut Source::new(seed), &shape);
        Case::drawn(op, seed, &[any_of(kind, &shape)])
    })
}

/// A float case of one input.
fn of(op: Op, shape: &[usize]) -> Case {
    Case::drawn(op, 1, &[any_of(3, shape)])
}

fn widened(source: &mut Source, shape: &[usize]) -> Op {
    let new = (0..source.below(4_usize.saturating_sub(shape.len()) + 1))
        .map(|_| source.below(3) + 1)
        .collect::<Vec<_>>();
    let old = shape.iter().map(|&size| if size == 1 { source.below(4) } else { size }).collect::<Vec<_>>();
    Op::Broadcast(new.into_iter().chain(old).collect())
}

pub(super) fn broadcast() -> Vec<Row> {
    let to = |shape: &[usize], target: &[usize]| of(Op::Broadcast(target.into()), shape);
    let fixed = vec![
        to(&[], &[]),
        to(&[], &[2, 3]),
        to(&[3, 1], &[2, 3, 4]),
        to(&[1], &[0]),
        to(&[0], &[2, 0]),
        to(&[2], &[2]),
        to(&[1, 2, 1], &[3, 2, 3]),
    ];
    vec![Row::new(&Op::Broadcast(Shape::scalar()), moved(0..=4, widened), fixed)]
}

/// Another shape of as many elements: prime factors in random order, with some joined and ones put between.
fn refactored(source: &mut Source, shape: &[usize]) -> Op {
    let mut sizes: Vec<usize> = source.permutation(shape.len()).into_iter().map(|d| shape[d]).collect();
    if sizes.len() > 1 && source.below(2) == 0 {
        let joined = sizes.remove(0);
        sizes[0] *= joined;
    }
    for _ in 0..source.below(3) {
        let place = source.below(sizes.len() + 1);
        sizes.insert(place, 1);
    }
    Op::Reshape(sizes.into())
}

pub(super) fn reshape() -> Vec<Row> {
    let to = |shape: &[usize], target: &[usize]| of(Op::Reshape(target.into()), shape);
    let fixed = vec![
        to(&[], &[1, 1]),
        to(&[1, 1, 1], &[]),
        to(&[2, 3], &[6]),
        to(&[2, 3], &[3, 2]),
        to(&[0, 3], &[5, 0, 2]),
        to(&[2, 3, 2], &[1, 4, 1, 3]),
    ];
    vec![Row::new(&Op::Reshape(Shape::scalar()), moved(0..=4, refactored), fixed)]
}

fn shuffled(source: &mut Source, shape: &[usize]) -> Op {
    Op::Permute(source.permutation(shape.len()).into())
}

pub(super) fn permute() -> Vec<Row> {
    let to = |shape: &[usize], order: &[usize]| of(Op::Permute(order.into()), shape);
    let fixed = vec![
        to(&[], &[]),
        to(&[3], &[0]),
        to(&[2, 3], &[1, 0]),
        to(&[2, 3, 4], &[2, 0, 1]),
        to(&[2, 3, 4], &[1, 2, 0]),
        to(&[2, 0, 3], &[2, 1, 0]),
        to(&[2, 1, 3, 2, 2], &[4, 2, 0, 3, 1]),
    ];
    vec![Row::new(&Op::Permute(Dims::new()), moved(0..=4, shuffled), fixed)]
}

fn sliced(source: &mut Source, shape: &[usize]) -> Op {
    let axis = source.below(shape.len());
    let (a, b) = (source.below(shape[axis] + 1), source.below(shape[axis] + 1));
    Op::Slice(Slice { axis, start: a.min(b), end: a.max(b), step: source.below(4) + 1 })
}

pub(super) fn slice() -> Vec<Row> {
    let cut =
        |shape: &[usize], axis, start, end, step| of(Op::Slice(Slice { axis, start, end, step }), shape);
    let fixed = vec![
        cut(&[7], 0, 1, 6, 2),
        cut(&[7], 0, 0, 7, 3),
        cut(&[7], 0, 0, 7, 1),
        cut(&[7], 0, 3, 3, 1),
        cut(&[7], 0, 2, 5, 100),
        cut(&[0], 0, 0, 0, 1),
        cut(&[2, 6, 3], 1, 1, 6, 4),
        cut(&[2, 3], 1, 2, 3, 1),
        cut(&[6], 0, 0, 6, 5),
    ];
    vec![Row::new(&Op::Slice(Slice { axis: 0, start: 0, end: 0, step: 1 }), moved(1..=4, sliced), fixed)]
}

fn padded(source: &mut Source, shape: &[usize]) -> Op {
    let (before, after, interior) = (source.below(3), source.below(3), source.below(3));
    Op::Pad(Pad { axis: source.below(shape.len()), before, after, interior })
}

pub(super) fn pad() -> Vec<Row> {
    let put = |shape: &[usize], axis, before, after, interior| {
        of(Op::Pad(Pad { axis, before, after, interior }), shape)
    };
    let fixed = vec![
        put(&[3], 0, 0, 0, 0),
        put(&[3], 0, 2, 1, 0),
        put(&[3], 0, 0, 0, 2),
        put(&[1], 0, 1, 1, 5),
        put(&[0], 0, 2, 1, 3),
        put(&[2, 3, 2], 1, 1, 0, 1),
        put(&[2, 0], 0, 1, 1, 1),
    ];
    vec![Row::new(&Op::Pad(Pad { axis: 0, before: 0, after: 0, interior: 0 }), moved(1..=4, padded), fixed)]
}

pub(super) fn concat() -> Vec<Row> {
    let joined = |axis: usize, shape: &[usize], sizes: &[usize], seed: u64, kind: usize| {
        let part = |&size: &usize| {
            let mut shape = shape.to_vec();
            shape[axis] = size;
            any_of(kind, &shape)
        };
        Case::drawn(Op::Concat { axis }, seed, &sizes.iter().map(part).collect::<Vec<_>>())
    };
    let random = (dims(1..=4), vec(0..4_usize, 1..=3), any::<u64>(), 0..6_usize).prop_map(
        move |(shape, sizes, seed, kind)| {
            joined(Source::new(seed).below(shape.len()), &shape, &sizes, seed, kind)
        },
    );
    let fixed = vec![
        joined(0, &[1], &[1], 1, 3),
        joined(0, &[1], &[2, 2], 2, 3),
        joined(1, &[2, 1, 3], &[1, 0, 2], 3, 3),
        joined(0, &[1], &[0, 0], 4, 3),
        joined(2, &[2, 0, 1], &[1, 2], 5, 3),
    ];
    vec![Row::new(&Op::Concat { axis: 0 }, random, fixed)]
}
