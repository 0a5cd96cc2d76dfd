//! Which operations run together in one pass over large arrays, and in which order everything runs.
//!
//! An operation on arrays of many elements belongs to a loop over its elements. Loops over the same dimensions are one, as
//! long as none of its parts waits for a result of the whole pass, as for a sum. So every operation has a *level*: the
//! number of passes that must be over before it can run.

use ppl_tensor::Op;

use super::view::{Strides, significant};
use crate::ir::{Id, Ir, Kind, Node};

/// More elements than this are gone through in a loop of blocks, whatever their dimensions.
const LARGE: usize = 1024;

/// Arrays of one dimension are, if that has more entries than this; fewer are left to instructions for short vectors.
const SHORT: usize = 32;

/// Rows of a matrix that may be combined or contracted in a loop, whatever else its sizes are: more are if they are not more than
/// the loop is long.
const FEW: usize = 64;

/// Coefficients of wide matrices in all turns, at most: of more, each block of the matrix stays in registers for too short, and a
/// product by blocks of all three matrices is faster.
const MOST_COEFFICIENTS: usize = 1 << 13;

/// Whether a loop over these dimensions is worth its while: neighbours are many.
fn is_long(space: &[usize]) -> bool {
    match *space {
        [size] => size > SHORT,
        [.., last] => last > FEW || space.iter().product::<usize>() > LARGE,
        [] => false,
    }
}

/// An operation's part in a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Role {
    /// Not in a loop.
    Alone,
    /// A value for each element of the loop's dimensions.
    Each,
    /// Not known before the pass is over.
    Total,
}

/// An operation's place.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) role: Role,
    /// The dimensions of its loop that have more than one entry.
    pub(crate) space: Strides,
    pub(crate) level: usize,
    /// Whether an element needs several of an input's: inputs then come from memory.
    across: bool,
    /// Whether it changes from step to step of an iteration.
    pub(crate) varies: bool,
}

impl Place {
    /// Whether its pass is over many elements. Within a level such passes come last.
    pub(crate) fn is_large(&self) -> bool {
        self.role != Role::Alone && self.space.iter().product::<usize>() > LARGE
    }

    /// Whether the operation reads a value, if they are in one pass, as the pass goes.
    pub(crate) fn reads_in_pass(&self, value: &Place) -> bool {
        let together = self.role != Role::Alone && !self.across && value.varies == self.varies;
        value.role == Role::Each && together && value.space == self.space
    }
}

/// The place of every node. `has_kernel` tells which operations can take part in a loop. What depends neither on the first
/// `carried` arguments nor on anything computed from them comes first; with it the number of its levels is returned.
pub(crate) fn schedule(ir: &Ir, carried: usize, has_kernel: impl Fn(&Node) -> bool) -> (Vec<Place>, usize) {
    let mut places: Vec<Place> = Vec::with_capacity(ir.nodes.len());
    for node in &ir.nodes {
        let varies = match &node.kind {
            Kind::Input(number) => *number < carried,
            Kind::Constant(_) => false,
            kind => kind.inputs().iter().any(|input| places[input.0].varies),
        };
        let mut place = role(ir, node, &places, &has_kernel);
        place.varies = varies;
        places.push(place);
    }
    let fixed = levels(ir, &mut places, 0, false);
    levels(ir, &mut places, fixed, true);
    sink(ir, &mut places);
    (places, fixed)
}

/// Gives levels, from `first` on, to the operations that vary or to those that do not. Returns the level after them.
fn levels(ir: &Ir, places: &mut [Place], first: usize, varies: bool) -> usize {
    let mut next = first;
    for (index, node) in ir.nodes.iter().enumerate() {
        let inputs = node.kind.inputs();
        if inputs.is_empty() && !matches!(node.kind, Kind::Op(..)) || places[index].varies != varies {
            continue;
        }
        let ready = inputs.iter().map(|&input| ready(&places[input.0], &places[index])).max();
        let level = ready.unwrap_or(0).max(first);
        places[index].level = level;
        next = next.max(level + 1);
    }
    next
}

/// The level from which on a value can be read by an operation.
fn ready(value: &Place, reader: &Place) -> usize {
    match value.role {
        Role::Alone => value.level,
        Role::Each if reader.reads_in_pass(value) => value.level,
        Role::Each | Role::Total if reader.is_large() && !value.is_large() => value.level,
        Role::Each | Role::Total => value.level + 1,
    }
}

/// The dimensions of the loop around a product of matrices, and whether it is one that sums over the loop.
fn product_space(ir: &Ir, node: &Node, inputs: &[Id]) -> Option<(Strides, Role)> {
    let (left, right) = (ir.ty(inputs[0]), ir.ty(inputs[1]));
    let rank = node.ty.shape.rank();
    let batched = |shape: &[usize]| shape[..shape.len() - 2].iter().any(|&size| size != 1);
    if !node.ty.dtype.is_float() || batched(&left.shape) || batched(&right.shape) {
        return None;
    }
    let [rows, inner] = left.shape[left.shape.rank() - 2..] else { return None };
    let columns = node.ty.shape[rank - 1];
    // The result's long dimension is the loop's inner one.
    let (turns, long) = if columns > 1 { (rows, columns) } else { (1, rows) };
    let few = |turns: usize, width: usize| turns <= FEW && turns.saturating_mul(width) <= MOST_COEFFICIENTS;
    let combines = inner <= FEW || few(turns, inner) && inner <= long;
    if combines && long > FEW && is_long(&significant(&[rows, columns])) {
        return Some((significant(&[rows, columns]), Role::Each));
    }
    if inner <= FEW {
        return None;
    }
    // The summed dimension is the loop's inner one; the left factor goes through it, or a right one of one column.
    if columns == 1 {
        return Some((significant(&[inner]), Role::Total));
    }
    (columns <= FEW || few(rows, columns)).then(|| (significant(&[rows, inner]), Role::Total))
}

fn role(ir: &Ir, node: &Node, places: &[Place], has_kernel: &impl Fn(&Node) -> bool) -> Place {
    let alone = Place { role: Role::Alone, space: Strides::new(), level: 0, across: false, varies: false };
    let Kind::Op(op, inputs) = &node.kind else { return alone };
    let large = |shape: &[usize]| is_long(&significant(shape));
    match op {
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Compare(_)
        | Op::Logic(_)
        | Op::Select
        | Op::Cast(_)
        | Op::FoldIn
            if large(&node.ty.shape) && has_kernel(node) =>
        {
            Place {
                role: Role::Each,
                space: significant(&node.ty.shape),
                level: 0,
                across: false,
                varies: false,
            }
        }
        // The same elements under another name.
        Op::Reshape(_) | Op::Broadcast(_) => {
            let (input, space) = (&places[inputs[0].0], significant(&node.ty.shape));
            let varies = inputs.iter().any(|input| places[input.0].varies);
            let same = input.role == Role::Each && input.space == space && input.varies == varies;
            if same {
                Place { role: Role::Each, space, level: 0, across: false, varies: false }
            } else {
                alone
            }
        }
        Op::Reduce { .. } if large(&ir.ty(inputs[0]).shape) && has_kernel(node) => Place {
            role: Role::Total,
            space: significant(&ir.ty(inputs[0]).shape),
            level: 0,
            across: false,
            varies: false,
        },
        Op::Matmul => match product_space(ir, node, inputs) {
            Some((space, role)) => {
                let across = role == Role::Each && ir.ty(inputs[0]).shape.last() != Some(&1);
                Place { role, space, level: 0, across, varies: false }
            }
            None => alone,
        },
        _ => alone,
    }
}

/// Moves values to the loop that reads them, if it is a later one, so that they need no memory in between.
fn sink(ir: &Ir, places: &mut [Place]) {
    let mut latest = vec![usize::MAX; places.len()];
    for output in &ir.outputs {
        latest[output.0] = 0;
    }
    for index in (0..places.len()).rev() {
        let place = &places[index];
        if place.role == Role::Each && latest[index] != usize::MAX {
            let level = place.level.max(latest[index]);
            places[index].level = level;
        }
        for input in ir.nodes[index].kind.inputs() {
            let (value, reader) = (&places[input.0], &places[index]);
            let level = reader.level - (ready(value, reader) - value.level);
            latest[input.0] = latest[input.0].min(level);
        }
    }
}
