//! Reductions, running sums, recurrences and sorting.

use ppl_tensor::op::Reduction;
use ppl_tensor::{Dims, HostTensor, Op};
use proptest::prelude::*;

use super::make::{Make, dims, distinct, float, integer, truth};
use super::{Case, Row, closed};
use crate::source::Source;

/// What a reduction is tested on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entries {
    /// Any numbers.
    Numbers,
    /// Numbers that differ, at least one in every reduced dimension.
    Distinct,
    /// Truth values.
    Bools,
}

closed! {
    /// Entries on which the reductions are smooth.
    KINDS, entries: Reduction => Entries {
        Reduction::Sum, [Reduction::Sum] => Entries::Numbers;
        Reduction::Max, [Reduction::Max] => Entries::Distinct;
        Reduction::Min, [Reduction::Min] => Entries::Distinct;
        Reduction::All, [Reduction::All] => Entries::Bools;
        Reduction::Any, [Reduction::Any] => Entries::Bools;
    }
}

fn real(source: &mut Source) -> f64 {
    source.signed(0.1, 2.0)
}

fn input(entries: Entries, integers: bool, shape: &[usize]) -> Make {
    match entries {
        Entries::Bools => truth(shape),
        _ if integers => integer(shape),
        Entries::Numbers => float(shape, real),
        Entries::Distinct => distinct(shape),
    }
}

pub(super) fn reduce() -> Vec<Row> {
    let row = |&kind: &Reduction| {
        let entries = entries(kind);
        let over = move |axes: &[usize], shape: &[usize], seed: u64, integers: bool| {
            Case::drawn(Op::Reduce { kind, axes: axes.into() }, seed, &[input(entries, integers, shape)])
        };
        let random = (dims(0..=4), any::<u64>(), 0..4_u8).prop_map(move |(mut shape, seed, dtype)| {
            let mut source = Source::new(seed);
            let axes: Vec<usize> = (0..shape.len()).filter(|_| source.below(2) == 1).collect();
            if entries == Entries::Distinct {
                for &axis in &axes {
                    shape[axis] = shape[axis].max(1);
                }
            }
            over(&axes, &shape, seed, dtype == 0)
        });
        let mut fixed = vec![
            over(&[], &[], 1, false),
            over(&[], &[2, 3], 2, false),
            over(&[0], &[5], 3, false),
            over(&[0, 1, 2, 3], &[2, 3, 1, 2], 4, false),
            over(&[0, 2], &[3, 2, 4], 5, false),
            over(&[1], &[3, 2, 4], 6, false),
            over(&[1, 2], &[0, 2, 2], 7, false),
            over(&[0], &[1], 8, false),
        ];
        match entries {
            Entries::Distinct => {}
            Entries::Numbers | Entries::Bools => fixed.push(over(&[0, 2], &[0, 2, 3], 9, false)),
        }
        if entries != Entries::Bools {
            let values = vec![1.0, f64::NAN, 3.0, f64::INFINITY, 2.0, 2.0, f64::NEG_INFINITY, -0.0, 0.0];
            let matrix = HostTensor::new([3, 3], values).expect("a matrix");
            let axes: Dims = [1].into_iter().collect();
            fixed.push(Case::fixed(Op::Reduce { kind, axes }, vec![matrix]).rough());
        }
        Row::new(&Op::Reduce { kind, axes: Dims::new() }, random, fixed)
    };
    KINDS.iter().map(row).collect()
}

pub(super) fn cumulative() -> Vec<Row> {
    let along = |axis: usize, reverse: bool, shape: &[usize], seed: u64, integers: bool| {
        Case::drawn(Op::CumulativeSum { axis, reverse }, seed, &[input(Entries::Numbers, integers, shape)])
    };
    let random =
        (dims(1..=4), any::<u64>(), any::<bool>(), 0..4_u8).prop_map(move |(shape, seed, reverse, dtype)| {
            along(Source::new(seed).below(shape.len()), reverse, &shape, seed, dtype == 0)
        });
    let fixed = vec![
        along(0, false, &[5], 1, false),
        along(0, true, &[5], 2, false),
        along(1, true, &[2, 3, 2], 3, false),
        along(0, false, &[0], 4, false),
        along(1, false, &[0, 3], 5, false),
        along(0, true, &[1], 6, false),
    ];
    vec![Row::new(&Op::CumulativeSum { axis: 0, reverse: false }, random, fixed)]
}

pub(super) fn linear_recurrence() -> Vec<Row> {
    let along = |axis: usize, reverse: bool, shape: &[usize], seed: u64, integers: bool| {
        let inputs = [(); 2].map(|()| input(Entries::Numbers, integers, shape));
        Case::drawn(Op::LinearRecurrence { axis, reverse }, seed, &inputs)
    };
    let random =
        (dims(1..=4), any::<u64>(), any::<bool>(), 0..4_u8).prop_map(move |(shape, seed, reverse, dtype)| {
            along(Source::new(seed).below(shape.len()), reverse, &shape, seed, dtype == 0)
        });
    let vector = |values: [f64; 4]| HostTensor::new([4], values.to_vec()).expect("a vector");
    let fixed = vec![
        along(0, false, &[6], 1, false),
        along(0, true, &[6], 2, false),
        along(1, true, &[2, 3, 2], 3, false),
        along(0, false, &[0], 4, false),
        along(1, false, &[0, 3], 5, false),
        along(0, true, &[1], 6, false),
        // Zeros, at which a rule that divides by factors fails; and a factor that is not read.
        Case::fixed(
            Op::LinearRecurrence { axis: 0, reverse: false },
            vec![vector([f64::NAN, 0.0, 2.0, 0.0]), vector([1.5, 0.0, -1.0, 0.5])],
        ),
    ];
    vec![Row::new(&Op::LinearRecurrence { axis: 0, reverse: false }, random, fixed)]
}

pub(super) fn arg_sort() -> Vec<Row> {
    let random = (dims(1..=4), any::<u64>(), 0..3_u8).prop_map(|(shape, seed, kind)| {
        let input = match kind {
            // Few values, so that some are equal.
            0 => integer(&shape),
            1 => float(&shape, |source| source.below(3) as f64),
            _ => distinct(&shape),
        };
        Case::drawn(Op::ArgSort { axis: Source::new(seed).below(shape.len()) }, seed, &[input])
    });
    let values = vec![1.0, f64::NAN, 3.0, f64::NAN, 2.0, 2.0, f64::NEG_INFINITY, -0.0, 0.0];
    let fixed = vec![
        Case::fixed(Op::ArgSort { axis: 1 }, vec![HostTensor::new([3, 3], values).expect("a matrix")]),
        Case::drawn(Op::ArgSort { axis: 0 }, 1, &[float(&[1], real)]),
        Case::drawn(Op::ArgSort { axis: 1 }, 2, &[float(&[0, 2, 3], real)]),
        Case::drawn(Op::ArgSort { axis: 0 }, 3, &[float(&[0, 2], real)]),
        Case::drawn(Op::ArgSort { axis: 1 }, 4, &[float(&[2, 25, 2], real)]),
    ];
    vec![Row::new(&Op::ArgSort { axis: 0 }, random, fixed)]
}

pub(super) fn arg_max() -> Vec<Row> {
    let random = (dims(1..=4), any::<u64>(), 0..3_u8).prop_map(|(mut shape, seed, kind)| {
        let axis = Source::new(seed).below(shape.len());
        shape[axis] = shape[axis].max(1);
        let input = match kind {
            // Few values, so that the largest is there twice.
            0 => integer(&shape),
            1 => float(&shape, |source| source.below(3) as f64),
            _ => distinct(&shape),
        };
        Case::drawn(Op::ArgMax { axis }, seed, &[input])
    });
    let values = vec![1.0, f64::NAN, 3.0, f64::NAN, 2.0, 2.0, f64::NEG_INFINITY, -0.0, 0.0];
    let fixed = vec![
        Case::fixed(Op::ArgMax { axis: 1 }, vec![HostTensor::new([3, 3], values).expect("a matrix")]),
        Case::drawn(Op::ArgMax { axis: 0 }, 1, &[float(&[1], real)]),
        Case::drawn(Op::ArgMax { axis: 1 }, 2, &[float(&[0, 2, 3], real)]),
    ];
    vec![Row::new(&Op::ArgMax { axis: 0 }, random, fixed)]
}
