//! Random numbers and keys.

use ppl_tensor::op::RandomKind;
use ppl_tensor::{DType, Op, Shape};
use proptest::prelude::*;

use super::make::{broadcasting, dims, float, integer, key};
use super::{Case, Row, closed};
use crate::source::Source;

pub(super) fn fold_in() -> Vec<Row> {
    let random = (broadcasting(2), any::<u64>(), any::<bool>()).prop_map(|(shapes, seed, small)| {
        let data = if small { integer(&shapes[1]) } else { key(&shapes[1]) };
        Case::drawn(Op::FoldIn, seed, &[key(&shapes[0]), data])
    });
    let fixed = vec![
        Case::drawn(Op::FoldIn, 1, &[key(&[]), key(&[])]),
        Case::drawn(Op::FoldIn, 2, &[key(&[2, 1]), integer(&[3])]),
        Case::drawn(Op::FoldIn, 3, &[key(&[0]), integer(&[])]),
    ];
    vec![Row::new(&Op::FoldIn, random, fixed)]
}

/// The shape of the draws of one key, and the shape of the concentrations from the shape of all draws.
type Parameters = fn(&mut Source, &[usize]) -> Vec<usize>;

fn as_drawn(_: &mut Source, shape: &[usize]) -> Vec<usize> {
    shape.to_vec()
}

fn one_dimension(source: &mut Source, _: &[usize]) -> Vec<usize> {
    vec![source.below(POPULATION + 1)]
}

const POPULATION: usize = 6;

closed! {
    /// How the shape of a draw is made from a random one.
    KINDS, shape_of: RandomKind => Parameters {
        RandomKind::Uniform(_), [RandomKind::Uniform(DType::F64)] => as_drawn;
        RandomKind::Normal(_), [RandomKind::Normal(DType::F64)] => as_drawn;
        RandomKind::LogGamma, [RandomKind::LogGamma] => as_drawn;
        RandomKind::Poisson, [RandomKind::Poisson] => as_drawn;
        RandomKind::Binomial, [RandomKind::Binomial] => as_drawn;
        RandomKind::Subsample { population: _ }, [RandomKind::Subsample { population: POPULATION }] => one_dimension;
    }
}

/// Concentrations below and above 1, where samplers change their method.
fn concentration(source: &mut Source) -> f64 {
    if source.below(2) == 0 { source.between(0.1, 0.9) } else { source.between(1.1, 6.0) }
}

/// Rates below and above 12, where the sampler changes its method, and some that are none.
fn rate(source: &mut Source) -> f64 {
    match source.below(8) {
        0 => -1.0,
        1 => 0.0,
        2..5 => source.between(12.0, 40.0),
        _ => source.between(0.1, 12.0),
    }
}

/// Few and many trials, and a number that is none.
fn trials(source: &mut Source) -> f64 {
    match source.below(8) {
        0 => 0.5,
        1..5 => 100.0 + source.below(100) as f64,
        _ => source.below(9) as f64,
    }
}

fn probability(source: &mut Source) -> f64 {
    source.between(0.0, 1.0)
}

/// A part of a shape that broadcasts to it.
fn part_of(source: &mut Source, shape: &[usize]) -> Vec<usize> {
    let dropped = source.below(shape.len() + 1);
    shape[dropped..].iter().map(|&size| if source.below(4) == 0 { 1 } else { size }).collect()
}

pub(super) fn draws() -> Vec<Row> {
    let row = |&kind: &RandomKind| {
        let of = move |keys: &[usize], shape: &[usize], seed: u64| {
            let mut source = Source::new(seed);
            let shape = shape_of(kind)(&mut source, shape);
            let all: Vec<usize> = keys.iter().chain(&shape).copied().collect();
            let op = Op::Random { kind, shape: shape.into() };
            match kind {
                RandomKind::LogGamma => {
                    Case::drawn(op, seed, &[key(keys), float(&part_of(&mut source, &all), concentration)])
                        .rough()
                }
                // Draws that jump where a parameter passes a threshold.
                RandomKind::Poisson => {
                    Case::drawn(op, seed, &[key(keys), float(&part_of(&mut source, &all), rate)]).rough()
                }
                RandomKind::Binomial => {
                    let parts = [(); 2].map(|()| part_of(&mut source, &all));
                    let inputs = [key(keys), float(&parts[0], trials), float(&parts[1], probability)];
                    Case::drawn(op, seed, &inputs).rough()
                }
                RandomKind::Uniform(_) | RandomKind::Normal(_) | RandomKind::Subsample { population: _ } => {
                    Case::drawn(op, seed, &[key(keys)])
                }
            }
        };
        let random = (dims(0..=2), dims(0..=2), any::<u64>())
            .prop_map(move |(keys, shape, seed)| of(&keys, &shape, seed));
        let fixed = vec![
            of(&[], &[], 1),
            of(&[], &[5], 2),
            of(&[3], &[], 3),
            of(&[2, 2], &[3, 2], 4),
            of(&[0], &[2], 5),
            of(&[2], &[0], 6),
        ];
        Row::new(&Op::Random { kind, shape: Shape::scalar() }, random, fixed)
    };
    KINDS.iter().map(row).collect()
}
