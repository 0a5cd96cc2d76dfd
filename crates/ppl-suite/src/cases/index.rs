//! Entries chosen by index.

use ppl_tensor::Op;
use ppl_tensor::op::{Gather, ScatterAdd};
use proptest::prelude::*;

use super::make::{any_of, dims, float, index, integer};
use super::{Case, Row};
use crate::source::Source;

/// Shapes of a gather: `rows` shared ones, `outer` before the axis, its `size`, `inner` after, and the indices' `chosen`.
#[derive(Debug, Clone)]
struct Choice {
    rows: Vec<usize>,
    outer: Vec<usize>,
    size: usize,
    inner: Vec<usize>,
    chosen: Vec<usize>,
}

impl Choice {
    fn axis(&self) -> usize {
        self.rows.len() + self.outer.len()
    }

    fn x(&self) -> Vec<usize> {
        [&self.rows[..], &self.outer, &[self.size], &self.inner].concat()
    }

    fn indices(&self) -> Vec<usize> {
        [&self.rows[..], &self.chosen].concat()
    }

    fn result(&self) -> Vec<usize> {
        [&self.rows[..], &self.outer, &self.chosen, &self.inner].concat()
    }

    fn gather(&self, seed: u64, kind: usize) -> Case {
        let op = Op::Gather(Gather { axis: self.axis(), batch: self.rows.len() });
        Case::drawn(op, seed, &[any_of(kind, &self.x()), index(&self.indices(), self.size)])
    }

    fn scatter_add(&self, seed: u64, integers: bool) -> Case {
        let op = Op::ScatterAdd(ScatterAdd { axis: self.axis(), batch: self.rows.len(), size: self.size });
        let updates = self.result();
        let updates = if integers {
            integer(&updates)
        } else {
            float(&updates, |source: &mut Source| source.signed(0.1, 2.0))
        };
        Case::drawn(op, seed, &[updates, index(&self.indices(), self.size)])
    }
}

fn choices() -> impl Strategy<Value = Choice> {
    (dims(0..=1), dims(0..=1), 1..5_usize, dims(0..=1), dims(0..=2))
        .prop_map(|(rows, outer, size, inner, chosen)| Choice { rows, outer, size, inner, chosen })
}

fn choice(rows: &[usize], outer: &[usize], size: usize, inner: &[usize], chosen: &[usize]) -> Choice {
    Choice {
        rows: rows.to_vec(),
        outer: outer.to_vec(),
        size,
        inner: inner.to_vec(),
        chosen: chosen.to_vec(),
    }
}

fn fixed() -> Vec<Choice> {
    vec![
        choice(&[], &[], 3, &[], &[]),
        choice(&[], &[], 3, &[], &[5]),
        choice(&[], &[], 1, &[2], &[2, 2]),
        choice(&[], &[2], 4, &[3], &[6]),
        choice(&[2], &[], 3, &[], &[4]),
        choice(&[2, 3], &[], 3, &[2], &[]),
        choice(&[2], &[3], 2, &[2], &[2, 2]),
        choice(&[0], &[], 2, &[], &[3]),
        choice(&[], &[], 3, &[], &[0]),
        // Nothing to choose from, and nothing chosen.
        choice(&[], &[], 0, &[2], &[0]),
        choice(&[1], &[1], 1, &[1], &[1]),
    ]
}

pub(super) fn gather() -> Vec<Row> {
    let random =
        (choices(), any::<u64>(), 0..6_usize).prop_map(|(choice, seed, kind)| choice.gather(seed, kind));
    let fixed = fixed().iter().zip(0..).map(|(choice, seed)| choice.gather(seed, 3)).collect();
    vec![Row::new(&Op::Gather(Gather { axis: 0, batch: 0 }), random, fixed)]
}

pub(super) fn scatter_add() -> Vec<Row> {
    let random = (choices(), any::<u64>(), 0..4_u8)
        .prop_map(|(choice, seed, kind)| choice.scatter_add(seed, kind == 0));
    let fixed = fixed().iter().zip(0..).map(|(choice, seed)| choice.scatter_add(seed, false)).collect();
    vec![Row::new(&Op::ScatterAdd(ScatterAdd { axis: 0, batch: 0, size: 0 }), random, fixed)]
}
