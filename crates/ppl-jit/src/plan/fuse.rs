//! Passes: operations on many elements that go through them together, a block at a time.

use std::collections::HashMap;

use ppl_tensor::op::Reduction;
use ppl_tensor::{Op, Result, TensorType};

use super::aligned::Rows;
use super::body::Body;
use super::divide::division;
use super::lower::Lower;
use super::order::goes_by_columns;
use super::schedule::Role;
use super::view::{Strides, View, row_major};
use crate::code::{Loop, Step, Stream, bytes};
use crate::ir::{Id, Kind};
use crate::runtime::kernels::{self, Immediate, MulAdd, Pair, Start};

/// Bytes that a block may have of values between operations and of what is read several times: they stay in the fastest
/// cache.
const NEAR: usize = 24 << 10;

/// Elements of a block, at least and at most.
const BLOCK: (usize, usize) = (128, 1024);

/// The same, at least, where a kernel goes across rows, which is much work for each element: a block of wide rows is to stay in the
/// first cache as well.
const BLOCK_ACROSS: usize = 4;

/// Blocks are of a multiple of this, so that each starts at a line of the cache if the first does; shorter ones are of a multiple
/// of their least length.
const ALIGNED: usize = 16;

/// A window on memory that moves with the loop: strides are those of its dimensions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Access {
    pub(super) buffer: usize,
    pub(super) offset: usize,
    pub(super) strides: Strides,
}

/// Where an operation's argument is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Argument {
    /// The value of an operation of this pass.
    Value(Id),
    /// Number of an access.
    Memory(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    Map,
    /// A product and a third operand.
    MulAdd(MulAdd),
    /// Two functions of one argument; the second is another operation's value.
    Pair(Pair, Id),
    /// All elements joined onto what the destination has.
    Fold(Reduction),
    /// The sum of the logarithms of all elements.
    Logs,
    /// The sum of `ln(1 + eˣ)`; its slopes are another operation's value.
    Softplus(Id),
    /// Coefficients, rows, and perhaps what their combination starts from. If it is shifted, a number to be added is the
    /// last of the coefficients. If it goes across, entries of different rows are neighbours.
    Combine {
        immediate: Immediate,
        across: bool,
        start: Start,
        shifted: bool,
    },
    /// Coefficients anywhere and rows anywhere, so many each, with a start and a shift as for `Combine`.
    Mix {
        count: usize,
        start: Start,
        shifted: bool,
    },
    /// A value, and rows anywhere; with moments as for `Contract`.
    Project {
        count: usize,
        moments: bool,
    },
    /// With moments, the sum of the first argument and that of its squares come after the products. Across as for `Combine`.
    Contract {
        immediate: Immediate,
        across: bool,
        moments: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) id: Id,
    pub(super) task: Task,
    pub(super) arguments: Vec<Argument>,
    /// Where the result goes, if to memory.
    pub(super) to: Option<usize>,
}

impl Part {
    fn goes_across(&self) -> bool {
        matches!(self.task, Task::Combine { across: true, .. } | Task::Contract { across: true, .. })
    }
}

pub(super) struct Pass<'l, 'a> {
    pub(super) lower: &'l mut Lower<'a>,
    level: usize,
    /// Dimensions as operations have them.
    pub(super) space: Strides,
    /// Whether accesses have the two dimensions in the other order.
    by_columns: bool,
    pub(super) accesses: Vec<Access>,
    pub(super) parts: Vec<Part>,
    /// Values that are others of this pass under another name.
    same: HashMap<Id, Argument>,
    /// What is not known before the pass is over.
    pub(super) totals: Vec<Ending>,
}

/// All operations of a level over the same dimensions.
pub(super) fn pass(lower: &mut Lower<'_>, level: usize, space: &Strides) -> Result<()> {
    let members: Vec<Id> = (0..lower.ir.nodes.len())
        .filter(|&index| {
            let place = &lower.places[index];
            lower.live[index] && place.role != Role::Alone && place.level == level && place.space == *space
        })
        .map(Id)
        .collect();
    let needed = needed_outside(lower, &members);
    let by_columns = goes_by_columns(lower, &members, space);
    let mut pass = Pass {
        lower,
        level,
        space: space.clone(),
        by_columns,
        accesses: Vec::new(),
        parts: Vec::new(),
        same: HashMap::new(),
        totals: Vec::new(),
    };
    for &id in &members {
        pass.add(id, needed[&id]);
    }
    pass.emit();
    Ok(())
}

/// Which values are read by others than the operations of their pass.
fn needed_outside(lower: &Lower<'_>, members: &[Id]) -> HashMap<Id, bool> {
    let mut needed: HashMap<Id, bool> =
        members.iter().map(|&id| (id, lower.ir.outputs.contains(&id))).collect();
    for (index, node) in lower.ir.nodes.iter().enumerate() {
        if !lower.live[index] {
            continue;
        }
        let reader = &lower.places[index];
        for input in node.kind.inputs() {
            let Some(flag) = needed.get_mut(input) else { continue };
            let place = &lower.places[input.0];
            *flag |= !(reader.reads_in_pass(place) && reader.level == place.level);
        }
    }
    // Another name of a value in memory is that memory.
    for &id in members.iter().rev() {
        let node = &lower.ir.nodes[id.0];
        if let (true, Kind::Op(Op::Reshape(_) | Op::Broadcast(_), inputs)) = (needed[&id], &node.kind) {
            needed.entry(inputs[0]).and_modify(|flag| *flag = true);
        }
    }
    needed
}

impl Pass<'_, '_> {
    pub(super) fn access(&mut self, buffer: usize, offset: usize, strides: Strides) -> usize {
        let access = Access { buffer, offset, strides };
        match self.accesses.iter().position(|known| *known == access) {
            Some(index) => index,
            None => {
                self.accesses.push(access);
                self.accesses.len() - 1
            }
        }
    }

    /// A view of the loop's dimensions, and perhaps further ones of one entry.
    fn memory(&mut self, view: &View) -> Argument {
        let strides = self.ordered(view.significant_strides());
        Argument::Memory(self.access(view.buffer, view.offset, strides))
    }

    /// What belongs to each dimension of the space, in the order of the loop.
    fn ordered(&self, mut each: Strides) -> Strides {
        if self.by_columns {
            each.reverse();
        }
        each
    }

    /// An input of an operation whose elements are those of `shape`.
    fn argument(&mut self, id: Id, shape: &ppl_tensor::Shape) -> Argument {
        let place = &self.lower.places[id.0];
        if place.role == Role::Each && place.level == self.level && place.space == self.space {
            return self.same.get(&id).copied().unwrap_or(Argument::Value(id));
        }
        let view = self.lower.view(id).broadcast(shape);
        self.memory(&view)
    }

    fn add(&mut self, id: Id, needed: bool) {
        let node = &self.lower.ir.nodes[id.0];
        let Kind::Op(op, inputs) = &node.kind else { return };
        let (task, arguments, to) = match op {
            Op::Reshape(_) | Op::Broadcast(_) => {
                let argument = self.argument(inputs[0], &self.lower.ir.ty(inputs[0]).shape);
                self.same.insert(id, argument);
                if needed {
                    let inner = self.lower.view(inputs[0]);
                    let view = inner.reshape(&node.ty.shape).unwrap_or(inner);
                    self.lower.set_view(id, view);
                }
                return;
            }
            Op::Reduce { kind, axes } => {
                let shape = &self.lower.ir.ty(inputs[0]).shape;
                let argument = self.argument(inputs[0], shape);
                let view = self.total(&node.ty, *kind);
                let kept = row_major(&node.ty.shape);
                let mut kept = kept.iter();
                let strides = shape.iter().enumerate().map(|(axis, &size)| {
                    let stride = if axes.contains(&axis) { 0 } else { kept.next().copied().unwrap_or(0) };
                    (size, stride)
                });
                let strides = strides.filter(|(size, _)| *size != 1).map(|(_, stride)| stride).collect();
                let strides = self.ordered(strides);
                let to = self.access(view.buffer, view.offset, strides);
                self.lower.set_view(id, view);
                (Task::Fold(*kind), vec![argument], Some(to))
            }
            Op::Matmul if self.lower.places[id.0].role == Role::Each => {
                let (immediate, across, arguments) = self.combination(inputs[0], inputs[1]);
                let combine = Task::Combine { immediate, across, start: Start::Zero, shifted: false };
                (combine, arguments, needed.then(|| self.keep(id)))
            }
            Op::Matmul => {
                let (immediate, across, arguments, to) = self.contraction(id, inputs[0], inputs[1]);
                (Task::Contract { immediate, across, moments: false }, arguments, Some(to))
            }
            _ => {
                let arguments = inputs.iter().map(|&input| self.argument(input, &node.ty.shape)).collect();
                (Task::Map, arguments, needed.then(|| self.keep(id)))
            }
        };
        self.parts.push(Part { id, task, arguments, to });
    }

    /// Memory for what is not known before the pass is over.
    fn total(&mut self, ty: &TensorType, kind: Reduction) -> View {
        let view = self.lower.fresh(ty);
        self.totals.push(Ending { view: view.clone(), ty: ty.clone(), kind });
        view
    }

    /// Memory for a value of each element.
    fn keep(&mut self, id: Id) -> usize {
        let ty = &self.lower.ir.nodes[id.0].ty;
        let mut view = self.lower.fresh(ty);
        let strides = row_major(&self.ordered(self.space.clone()));
        let to = self.access(view.buffer, 0, strides.clone());
        if self.by_columns {
            let mut strides = strides.into_iter().rev();
            let stride = |&size: &usize| if size == 1 { 0 } else { strides.next().unwrap_or(0) };
            view.strides = ty.shape.iter().map(stride).collect();
        }
        self.lower.set_view(id, view);
        to
    }

    /// A product of which each row is a linear combination of a few long ones.
    fn combination(&mut self, left: Id, right: Id) -> (Immediate, bool, Vec<Argument>) {
        let (left, right) = (matrix(&self.lower.view(left)), matrix(&self.lower.view(right)));
        let ([rows, count], columns) = ([left.shape[0], left.shape[1]], right.shape[1]);
        let (coefficients, long) = match columns > 1 {
            true => (left, right),
            // The transposed product.
            false => (right.permute(&[1, 0]), left.permute(&[1, 0])),
        };
        let Rows { view: long, across, row, element } = self.lower.rows(&long);
        let coefficients = if across { self.lower.contiguous(&coefficients) } else { coefficients };
        let immediate = [count, coefficients.strides[1], row, 0];
        let (of_rows, of_columns) = if columns > 1 { (rows, columns) } else { (1, rows) };
        let strides = |row: usize, column: usize| {
            let sizes = [(of_rows, row), (of_columns, column)];
            sizes.into_iter().filter(|(size, _)| *size != 1).map(|(_, stride)| stride).collect::<Strides>()
        };
        let first =
            self.access(coefficients.buffer, coefficients.offset, strides(coefficients.strides[0], 0));
        let second = self.access(long.buffer, long.offset, strides(0, element));
        (immediate, across, vec![Argument::Memory(first), Argument::Memory(second)])
    }

    /// A product that sums over the loop.
    fn contraction(&mut self, id: Id, left: Id, right: Id) -> (Immediate, bool, Vec<Argument>, usize) {
        let ir = self.lower.ir;
        let node = &ir.nodes[id.0];
        let rank = node.ty.shape.rank();
        let [rows, columns] = [node.ty.shape[rank - 2], node.ty.shape[rank - 1]];
        let goes_left = columns > 1 || rows == 1;
        let (through, other) = if goes_left { (left, right) } else { (right, left) };
        let argument = self.argument(through, &ir.ty(through).shape);
        let other = self.argument_matrix(other, goes_left);
        let view = self.total(&node.ty, Reduction::Sum);
        let (count, of_rows) = if goes_left { (columns, rows) } else { (rows, 1) };
        let strides = |row: usize, inner: usize| {
            if of_rows == 1 { Strides::from_slice(&[inner]) } else { Strides::from_slice(&[row, inner]) }
        };
        let to = self.access(view.buffer, view.offset, strides(columns, 0));
        self.lower.set_view(id, view);
        match other {
            Ok(Rows { view, across, row, element }) => {
                let second = self.access(view.buffer, view.offset, strides(0, element));
                ([count, 1, row, 0], across, vec![argument, Argument::Memory(second)], to)
            }
            Err(value) => ([count, 1, 0, 0], false, vec![argument, value], to),
        }
    }

    /// The factor that does not go through the loop row by row, with the summed dimension last; or, if it is a vector that
    /// is a value of this pass, that.
    fn argument_matrix(&mut self, id: Id, transposed: bool) -> std::result::Result<Rows, Argument> {
        let place = &self.lower.places[id.0];
        if place.role == Role::Each && place.level == self.level && place.space == self.space {
            return Err(self.same.get(&id).copied().unwrap_or(Argument::Value(id)));
        }
        let view = matrix(&self.lower.view(id));
        let view = if transposed { view.permute(&[1, 0]) } else { view };
        Ok(self.lower.rows(&view))
    }

    /// Groups of neighbouring dimensions that every access goes through as through one: the last dimension of each.
    fn groups(&self) -> Vec<(usize, usize)> {
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for (axis, &size) in self.ordered(self.space.clone()).iter().enumerate() {
            let joins = |access: &Access| axis > 0 && access.strides[axis - 1] == access.strides[axis] * size;
            match groups.last_mut() {
                Some(group) if self.accesses.iter().all(joins) => *group = (group.0 * size, axis),
                _ => groups.push((size, axis)),
            }
        }
        groups
    }

    /// Bytes, for each element of the inner dimension, of what should stay near: what is read several times.
    fn reused(&self, inner: usize, outer: &[(usize, usize)]) -> usize {
        let mut reads = vec![(0, 1); self.accesses.len()];
        for part in &self.parts {
            for (place, argument) in part.arguments.iter().enumerate() {
                let Argument::Memory(index) = argument else { continue };
                // Parts may have accesses of their own to the same memory.
                let same = |access: &Access| *access == self.accesses[*index];
                let (count, rows) = &mut reads[self.accesses.iter().position(same).unwrap_or(*index)];
                *count += 1;
                if let (1, Task::Combine { immediate, .. } | Task::Contract { immediate, .. }) =
                    (place, part.task)
                {
                    *rows = immediate[0].max(*rows);
                }
            }
        }
        let accesses = self.accesses.iter().zip(reads);
        let near = accesses.filter(|(access, (count, _))| {
            let again = !outer.is_empty() && is_shared(access, outer);
            access.strides.get(inner).is_some_and(|&stride| stride > 0) && (*count > 1 || again)
        });
        near.map(|(access, (_, rows))| rows * bytes(self.lower.code.buffers[access.buffer].dtype)).sum()
    }

    /// Writes the steps of the pass.
    fn emit(mut self) {
        self.join();
        let groups = self.groups();
        let ((inner, axis), outer) = match groups.split_last() {
            Some((inner, outer)) => (*inner, outer.to_vec()),
            None => ((1, 0), Vec::new()),
        };
        let mut streams = Vec::with_capacity(self.accesses.len());
        let mut slots = Vec::with_capacity(self.accesses.len());
        for access in &self.accesses {
            let slot = self.lower.own_slot(access.buffer, access.offset);
            let size = bytes(self.lower.code.buffers[access.buffer].dtype);
            let stride = |axis: usize| access.strides.get(axis).copied().unwrap_or(0) * size;
            let outer = outer.iter().map(|(_, axis)| stride(*axis)).collect();
            streams.push(Stream { slot, outer, inner: stride(axis) });
            slots.push((slot, stride(axis) / size));
        }
        let reused = self.reused(axis, &outer);
        let is_shared = self
            .accesses
            .iter()
            .zip(&slots)
            .any(|(access, (_, stride))| *stride > 0 && is_shared(access, &outer));
        let parts = std::mem::take(&mut self.parts);
        let totals = std::mem::take(&mut self.totals);
        // What fits into one block needs no loop.
        let least = if parts.iter().any(Part::goes_across) { BLOCK_ACROSS } else { BLOCK.0 };
        let single = outer.is_empty() && block(inner, reused + VALUES, least) == inner;
        let body = Body::new(self.lower, slots, single.then_some(inner));
        let (code, temporaries) = body.write(&parts);
        let block = if single { inner } else { block(inner, reused + 8 * temporaries.len(), least) };
        for &buffer in &temporaries {
            self.lower.code.buffers[buffer].elements = block;
        }
        if single {
            self.lower.code.steps.extend(code.into_iter().map(Step::Run));
            return;
        }
        for Ending { view, ty, kind } in &totals {
            self.lower.fill(view, ty, &kernels::identity(*kind, ty.dtype));
        }
        let blocks_first = block < inner && !outer.is_empty() && is_shared;
        let outer: Vec<usize> = outer.iter().map(|(size, _)| *size).collect();
        let operations = parts.iter().map(|part| part.operations(self.lower.ir)).sum();
        let chunks = division(inner, outer.iter().product(), block, operations)
            .map(|division| self.chunks(division, block, &temporaries, &totals, &streams));
        let one = Loop { outer, inner, block, blocks_first, streams, body: code, chunks };
        self.lower.code.steps.push(Step::Loop(Box::new(one)));
    }
}

/// A total of a pass: its memory, its type, and how elements are joined.
pub(super) struct Ending {
    pub(super) view: View,
    pub(super) ty: TensorType,
    pub(super) kind: Reduction,
}

/// Bytes that the values between the operations of a pass are taken to have for each element, before they are counted.
const VALUES: usize = 24;

/// Elements of a block, if so many bytes of each are to stay near.
fn block(inner: usize, near: usize, least: usize) -> usize {
    let most = (NEAR / near.max(1)).clamp(least, BLOCK.1);
    if inner <= most {
        return inner;
    }
    inner.div_ceil(inner.div_ceil(most)).next_multiple_of(ALIGNED.min(least))
}

/// Whether every turn of the outer dimensions reads the same.
fn is_shared(access: &Access, outer: &[(usize, usize)]) -> bool {
    outer.iter().all(|(_, axis)| access.strides.get(*axis).is_none_or(|&stride| stride == 0))
}

/// The last two dimensions of a view that has one entry in all others.
fn matrix(view: &View) -> View {
    let rank = view.shape.rank();
    let shape = view.shape[rank - 2..].iter().copied().collect();
    View { shape, strides: Strides::from_slice(&view.strides[rank - 2..]), ..*view }
}
