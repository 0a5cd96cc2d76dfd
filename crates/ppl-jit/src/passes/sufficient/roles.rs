//! How the values of a program depend on the rows of known data.

use ppl_tensor::op::{Binary, Reduction, Unary};
use ppl_tensor::{Dims, Op};

use crate::ir::{Id, Ir, Kind};

/// A value along the rows. Of degree 1: each entry is a linear combination of the known entries of its row, whose factors
/// are the same in all rows. Of degree 2: a sum of products of two such. The axis is that of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Along {
    pub(super) axis: usize,
    pub(super) degree: u8,
}

/// What an operation makes of values along the rows.
enum Outcome {
    Along(Along),
    /// A sum over the rows, which is a value like any other.
    Sum,
    /// Something that needs the rows one by one.
    Apart,
}

/// The roles of all nodes for data of so many rows. What is combined with each other is a group.
pub(super) struct Roles {
    rows: usize,
    along: Vec<Option<Along>>,
    /// Another node of the group, nearer to the one that stands for it.
    parents: Vec<usize>,
    /// Of nodes that stand for a group, whether its rows are needed one by one.
    apart: Vec<bool>,
}

impl Roles {
    pub(super) fn of(ir: &Ir, rows: usize) -> Self {
        let size = ir.nodes.len();
        let mut roles =
            Self { rows, along: vec![None; size], parents: (0..size).collect(), apart: vec![false; size] };
        for place in 0..size {
            roles.assign(ir, Id(place));
        }
        for &output in &ir.outputs {
            roles.keep_apart(output);
        }
        roles
    }

    /// How a node lies along the rows, if it does.
    pub(super) fn along(&self, id: Id) -> Option<Along> {
        self.along[id.0]
    }

    /// The degree of a node; 0 if it does not lie along the rows.
    pub(super) fn degree(&self, id: Id) -> u8 {
        self.along(id).map_or(0, |along| along.degree)
    }

    /// The group of a node along the rows; none if the rows of the group are needed one by one.
    pub(super) fn group(&self, id: Id) -> Option<usize> {
        let group = self.root(id.0);
        (self.along[id.0].is_some() && !self.apart[group]).then_some(group)
    }

    fn root(&self, mut place: usize) -> usize {
        while self.parents[place] != place {
            place = self.parents[place];
        }
        place
    }

    fn unite(&mut self, a: Id, b: Id) {
        let (a, b) = (self.root(a.0), self.root(b.0));
        self.parents[b] = a;
        self.apart[a] |= self.apart[b];
    }

    fn keep_apart(&mut self, id: Id) {
        if self.along[id.0].is_some() {
            let group = self.root(id.0);
            self.apart[group] = true;
        }
    }

    fn assign(&mut self, ir: &Ir, id: Id) {
        let node = &ir.nodes[id.0];
        let (op, inputs) = match &node.kind {
            Kind::Constant(value) if value.dtype().is_float() => {
                self.along[id.0] = only(value.shape(), self.rows).map(|axis| Along { axis, degree: 1 });
                return;
            }
            Kind::Op(op, inputs) => (op, &inputs[..]),
            kind => return kind.inputs().iter().for_each(|&input| self.keep_apart(input)),
        };
        let given: Vec<Id> = inputs.iter().copied().filter(|input| self.along[input.0].is_some()).collect();
        let outcome = match (&given[..], op) {
            ([], Op::Broadcast(_)) if node.ty.dtype.is_float() => self.spread(ir, inputs[0], id),
            ([], _) => return,
            _ => self.outcome(ir, op, inputs, id),
        };
        match outcome {
            Outcome::Along(along) => {
                self.along[id.0] = Some(along);
                given.iter().for_each(|&input| self.unite(id, input));
            }
            Outcome::Sum => given.iter().for_each(|&input| self.unite(given[0], input)),
            Outcome::Apart => given.iter().for_each(|&input| self.keep_apart(input)),
        }
    }

    /// What is the same in all rows, broadcast to them.
    fn spread(&self, ir: &Ir, input: Id, id: Id) -> Outcome {
        let (from, to) = (&ir.ty(input).shape, &ir.ty(id).shape);
        let added = to.rank() - from.rank();
        let axis = only(to, self.rows).filter(|&axis| axis < added || from[axis - added] == 1);
        axis.map_or(Outcome::Apart, |axis| Outcome::Along(Along { axis, degree: 1 }))
    }

    fn outcome(&self, ir: &Ir, op: &Op, inputs: &[Id], id: Id) -> Outcome {
        let shape = &ir.ty(id).shape;
        let first = self.along[inputs[0].0];
        let found = match (op, first) {
            (Op::Unary(Unary::Neg), along) => along,
            (Op::Binary(kind), _) => self.binary(ir, *kind, inputs, shape.rank()),
            (Op::Broadcast(_), Some(along)) => {
                Some(Along { axis: along.axis + shape.rank() - ir.ty(inputs[0]).shape.rank(), ..along })
            }
            (Op::Reshape(_), Some(along)) => {
                let from = &ir.ty(inputs[0]).shape;
                let before: usize = from[..along.axis].iter().product();
                let is_same = |axis: &usize| {
                    shape[*axis] == self.rows && shape[..*axis].iter().product::<usize>() == before
                };
                (0..shape.rank()).find(is_same).map(|axis| Along { axis, ..along })
            }
            (Op::Permute(order), Some(along)) => {
                order.iter().position(|&axis| axis == along.axis).map(|axis| Along { axis, ..along })
            }
            (Op::Reduce { kind: Reduction::Sum, axes }, Some(along)) => {
                if axes.contains(&along.axis) {
                    return Outcome::Sum;
                }
                Some(Along { axis: along.axis - before(axes, along.axis), ..along })
            }
            (Op::Matmul, _) => return self.product(ir, inputs, shape.rank()),
            _ => None,
        };
        found.map_or(Outcome::Apart, Outcome::Along)
    }

    fn binary(&self, ir: &Ir, kind: Binary, inputs: &[Id], rank: usize) -> Option<Along> {
        let along = |input: Id| {
            let along = self.along[input.0]?;
            Some(Along { axis: along.axis + rank - ir.ty(input).shape.rank(), ..along })
        };
        let (x, y) = (along(inputs[0]), along(inputs[1]));
        let axis = x.or(y)?.axis;
        let agrees = |input: Id, along: Option<Along>| match along {
            Some(along) => along.axis == axis,
            // It is the same in all rows.
            None => {
                let shape = &ir.ty(input).shape;
                (axis + shape.rank()).checked_sub(rank).is_none_or(|own| shape[own] == 1)
            }
        };
        if !agrees(inputs[0], x) || !agrees(inputs[1], y) {
            return None;
        }
        let degree = |along: Option<Along>| along.map_or(0, |along| along.degree);
        let degree = match kind {
            Binary::Add | Binary::Sub => degree(x).max(degree(y)),
            Binary::Mul => degree(x) + degree(y),
            Binary::Div if y.is_none() => degree(x),
            _ => return None,
        };
        (degree <= 2).then_some(Along { axis, degree })
    }

    fn product(&self, ir: &Ir, inputs: &[Id], rank: usize) -> Outcome {
        let place = |input: Id| {
            let along = self.along[input.0]?;
            // Counted from the end.
            Some((ir.ty(input).shape.rank() - along.axis, along.degree))
        };
        match (place(inputs[0]), place(inputs[1])) {
            (Some((1, 1)), Some((2, 1))) => Outcome::Sum,
            (Some((2, degree)), None) => Outcome::Along(Along { axis: rank - 2, degree }),
            (None, Some((1, degree))) => Outcome::Along(Along { axis: rank - 1, degree }),
            _ => Outcome::Apart,
        }
    }
}

/// The dimension of a size, if there is one alone.
fn only(shape: &[usize], size: usize) -> Option<usize> {
    let axis = shape.iter().position(|&own| own == size)?;
    (!shape[axis + 1..].contains(&size)).then_some(axis)
}

fn before(axes: &Dims, axis: usize) -> usize {
    axes.iter().filter(|&&other| other < axis).count()
}
