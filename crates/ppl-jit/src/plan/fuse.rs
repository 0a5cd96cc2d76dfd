//! Passes: operations on many elements that go through them together, a block at a time.

use std::collections::HashMap;

use ppl_tensor::op::Reduction;
use ppl_tensor::{DType, Op, Result};

use super::lower::{Lower, map_kernel};
use super::schedule::Role;
use super::view::{Strides, View, row_major};
use crate::code::{Instruction, Loop, Slot, Step, Stream, bytes};
use crate::ir::{Id, Kind};
use crate::kernels::{self, Call, Form, Immediate, Sources};

/// Bytes of the values between operations that a block may have: they stay in the fastest cache.
const NEAR: usize = 20 << 10;

/// Elements of a block, at least and at most.
const BLOCK: (usize, usize) = (128, 1024);

/// A window on memory that moves with the loop: strides are those of its dimensions.
#[derive(Debug, Clone, PartialEq)]
struct Access {
    buffer: usize,
    offset: usize,
    strides: Strides,
}

/// Where an operation's argument is.
#[derive(Debug, Clone, Copy)]
enum Argument {
    /// The value of an operation of this pass.
    Value(Id),
    /// Number of an access.
    Memory(usize),
}

enum Task {
    Map,
    /// All elements joined onto what the destination has.
    Fold(Reduction),
    Combine(Immediate),
    Contract(Immediate),
}

struct Part {
    id: Id,
    task: Task,
    arguments: Vec<Argument>,
    /// Where the result goes, if to memory.
    to: Option<usize>,
}

struct Pass<'l, 'a> {
    lower: &'l mut Lower<'a>,
    level: usize,
    space: Strides,
    accesses: Vec<Access>,
    parts: Vec<Part>,
    /// Values that are others of this pass under another name.
    same: HashMap<Id, Argument>,
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
    let mut pass = Pass {
        lower,
        level,
        space: space.clone(),
        accesses: Vec::new(),
        parts: Vec::new(),
        same: HashMap::new(),
    };
    for &id in &members {
        pass.add(id, needed[&id]);
    }
    let step = pass.emit();
    lower.code.steps.push(step);
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
    fn access(&mut self, buffer: usize, offset: usize, strides: Strides) -> usize {
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
        Argument::Memory(self.access(view.buffer, view.offset, view.significant_strides()))
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
                let start = kernels::identity(*kind, node.ty.dtype);
                let view = self.lower.filled(&node.ty, &start);
                let kept = row_major(&node.ty.shape);
                let mut kept = kept.iter();
                let strides = shape.iter().enumerate().map(|(axis, &size)| {
                    let stride = if axes.contains(&axis) { 0 } else { kept.next().copied().unwrap_or(0) };
                    (size, stride)
                });
                let strides = strides.filter(|(size, _)| *size != 1).map(|(_, stride)| stride).collect();
                let to = self.access(view.buffer, view.offset, strides);
                self.lower.set_view(id, view);
                (Task::Fold(*kind), vec![argument], Some(to))
            }
            Op::Matmul if self.lower.places[id.0].role == Role::Each => {
                let (immediate, arguments) = self.combination(inputs[0], inputs[1]);
                (Task::Combine(immediate), arguments, needed.then(|| self.keep(id)))
            }
            Op::Matmul => {
                let (immediate, arguments, to) = self.contraction(id, inputs[0], inputs[1]);
                (Task::Contract(immediate), arguments, Some(to))
            }
            _ => {
                let arguments = inputs.iter().map(|&input| self.argument(input, &node.ty.shape)).collect();
                (Task::Map, arguments, needed.then(|| self.keep(id)))
            }
        };
        self.parts.push(Part { id, task, arguments, to });
    }

    /// Memory for a value of each element.
    fn keep(&mut self, id: Id) -> usize {
        let ty = &self.lower.ir.nodes[id.0].ty;
        let view = self.lower.fresh(ty);
        let to = self.access(view.buffer, 0, row_major(&self.space));
        self.lower.set_view(id, view);
        to
    }

    /// A view of which the last dimension's entries are neighbours.
    fn with_neighbours(&mut self, view: &View) -> View {
        let last = view.shape.rank() - 1;
        if view.strides[last] == 1 || view.shape[last] == 1 {
            view.clone()
        } else {
            self.lower.contiguous(view)
        }
    }

    /// A product of which each row is a linear combination of a few long ones.
    fn combination(&mut self, left: Id, right: Id) -> (Immediate, Vec<Argument>) {
        let (left, right) = (matrix(&self.lower.view(left)), matrix(&self.lower.view(right)));
        let ([rows, count], columns) = ([left.shape[0], left.shape[1]], right.shape[1]);
        let (coefficients, long) = match columns > 1 {
            true => (left, right),
            // The transposed product.
            false => (right.permute(&[1, 0]), left.permute(&[1, 0])),
        };
        let long = self.with_neighbours(&long);
        let immediate = [count, coefficients.strides[1], long.strides[0], 0];
        let (of_rows, of_columns) = if columns > 1 { (rows, columns) } else { (1, rows) };
        let strides = |row: usize, column: usize| {
            let sizes = [(of_rows, row), (of_columns, column)];
            sizes.into_iter().filter(|(size, _)| *size != 1).map(|(_, stride)| stride).collect::<Strides>()
        };
        let first =
            self.access(coefficients.buffer, coefficients.offset, strides(coefficients.strides[0], 0));
        let second = self.access(long.buffer, long.offset, strides(0, 1));
        (immediate, vec![Argument::Memory(first), Argument::Memory(second)])
    }

    /// A product that sums over the loop.
    fn contraction(&mut self, id: Id, left: Id, right: Id) -> (Immediate, Vec<Argument>, usize) {
        let ir = self.lower.ir;
        let node = &ir.nodes[id.0];
        let rank = node.ty.shape.rank();
        let [rows, columns] = [node.ty.shape[rank - 2], node.ty.shape[rank - 1]];
        let goes_left = columns > 1 || rows == 1;
        let (through, other) = if goes_left { (left, right) } else { (right, left) };
        let argument = self.argument(through, &ir.ty(through).shape);
        let other = self.argument_matrix(other, goes_left);
        let zero = kernels::identity(Reduction::Sum, node.ty.dtype);
        let view = self.lower.filled(&node.ty, &zero);
        let (count, of_rows) = if goes_left { (columns, rows) } else { (rows, 1) };
        let strides = |row: usize, inner: usize| {
            if of_rows == 1 { Strides::from_slice(&[inner]) } else { Strides::from_slice(&[row, inner]) }
        };
        let to = self.access(view.buffer, view.offset, strides(columns, 0));
        self.lower.set_view(id, view);
        match other {
            Ok(matrix) => {
                let second = self.access(matrix.buffer, matrix.offset, strides(0, 1));
                ([count, 1, matrix.strides[0], 0], vec![argument, Argument::Memory(second)], to)
            }
            Err(value) => ([count, 1, 0, 0], vec![argument, value], to),
        }
    }

    /// The factor that does not go through the loop row by row, with the summed dimension last; or, if it is a vector that
    /// is a value of this pass, that.
    fn argument_matrix(&mut self, id: Id, transposed: bool) -> std::result::Result<View, Argument> {
        let place = &self.lower.places[id.0];
        if place.role == Role::Each && place.level == self.level && place.space == self.space {
            return Err(self.same.get(&id).copied().unwrap_or(Argument::Value(id)));
        }
        let view = matrix(&self.lower.view(id));
        let view = if transposed { view.permute(&[1, 0]) } else { view };
        Ok(self.with_neighbours(&view))
    }

    /// Groups of neighbouring dimensions that every access goes through as through one: the last dimension of each.
    fn groups(&self) -> Vec<(usize, usize)> {
        let mut groups: Vec<(usize, usize)> = Vec::new();
        for (axis, &size) in self.space.iter().enumerate() {
            let joins = |access: &Access| axis > 0 && access.strides[axis - 1] == access.strides[axis] * size;
            match groups.last_mut() {
                Some(group) if self.accesses.iter().all(joins) => *group = (group.0 * size, axis),
                _ => groups.push((size, axis)),
            }
        }
        groups
    }

    fn emit(mut self) -> Step {
        let groups = self.groups();
        let (inner, outer) = match groups.split_last() {
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
            streams.push(Stream { slot, outer, inner: stride(inner.1) });
            slots.push((slot, stride(inner.1) / size));
        }
        let mut body = Body {
            pass: &mut self,
            slots,
            places: HashMap::new(),
            free: vec![],
            temporaries: vec![],
            code: vec![],
        };
        body.write();
        let Body { code, temporaries, .. } = body;
        let near = temporaries.len().max(1) * 8;
        let block = (NEAR / near).clamp(BLOCK.0, BLOCK.1).min(inner.0.max(1));
        let block = if block < inner.0 { block / 16 * 16 } else { block };
        for buffer in temporaries {
            self.lower.code.buffers[buffer].elements = block;
        }
        let outer = outer.iter().map(|(size, _)| *size).collect();
        Step::Loop(Box::new(Loop { outer, inner: inner.0, block, streams, body: code }))
    }
}

/// Instructions of a pass, being written.
struct Body<'p, 'l, 'a> {
    pass: &'p mut Pass<'l, 'a>,
    /// Slot and inner stride of each access.
    slots: Vec<(Slot, usize)>,
    /// Where the values of operations are.
    places: HashMap<Id, Slot>,
    /// Slots of temporaries that nobody reads any more.
    free: Vec<Slot>,
    /// Buffers of temporaries: a block each, of elements of any size.
    temporaries: Vec<usize>,
    code: Vec<Instruction>,
}

impl Body<'_, '_, '_> {
    fn write(&mut self) {
        let parts = std::mem::take(&mut self.pass.parts);
        let mut last: HashMap<Id, usize> = HashMap::new();
        for (index, part) in parts.iter().enumerate() {
            for argument in &part.arguments {
                if let Argument::Value(id) = argument {
                    last.insert(*id, index);
                }
            }
        }
        for (index, part) in parts.iter().enumerate() {
            let mut loaded = Vec::new();
            self.part(part, &mut loaded);
            self.free.append(&mut loaded);
            for argument in &part.arguments {
                let Argument::Value(id) = argument else { continue };
                if last.get(id) == Some(&index) {
                    last.remove(id);
                    // Values in memory have no temporary.
                    let kept = parts.iter().any(|part| part.id == *id && part.to.is_some());
                    if let (Some(slot), false) = (self.places.get(id), kept) {
                        self.free.push(*slot);
                    }
                }
            }
        }
    }

    fn temporary(&mut self) -> Slot {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        // As wide as any element.
        let buffer = self.pass.lower.buffer(DType::F64, 0);
        self.temporaries.push(buffer);
        self.pass.lower.slot(buffer, 0)
    }

    /// An argument as a kernel of several forms can have it; what had to be loaded for that is noted.
    fn operand(
        &mut self,
        argument: Argument,
        dtype: DType,
        spreads: bool,
        loaded: &mut Vec<Slot>,
    ) -> (Slot, Form) {
        match argument {
            Argument::Value(id) => (self.places.get(&id).copied().unwrap_or(0), Form::Each),
            Argument::Memory(index) => match self.slots[index] {
                (slot, 1) => (slot, Form::Each),
                (slot, 0) if spreads => (slot, Form::Same),
                (slot, stride) => {
                    let dst = self.temporary();
                    let kernel = kernels::load_strided(bytes(dtype));
                    self.push(kernel, "load", dst, [slot; 3], [stride, 0, 0, 0]);
                    loaded.push(dst);
                    (dst, Form::Each)
                }
            },
        }
    }

    fn push(
        &mut self,
        call: impl Into<Call>,
        name: &'static str,
        dst: Slot,
        sources: [Slot; 3],
        immediate: Immediate,
    ) {
        self.code.push(Instruction { call: call.into(), dst, sources, n: 0, immediate, name, action: None });
    }

    fn part(&mut self, part: &Part, loaded: &mut Vec<Slot>) {
        let ir = self.pass.lower.ir;
        let node = &ir.nodes[part.id.0];
        let Kind::Op(op, inputs) = &node.kind else { return };
        let dtypes: Vec<DType> = inputs.iter().map(|&input| ir.ty(input).dtype).collect();
        let each = Sources { forms: [Form::Each; 3], single: false };
        let spreads = matches!(part.task, Task::Map)
            && part.arguments.len() > 1
            && map_kernel(op, &dtypes, each).is_some_and(|(call, _)| call.spreads());
        let mut sources = [0; 3];
        let mut forms = [Form::Each; 3];
        for (i, &argument) in part.arguments.iter().enumerate() {
            let is_matrix =
                matches!(part.task, Task::Combine(_)) || i == 1 && matches!(part.task, Task::Contract(_));
            (sources[i], forms[i]) = match (argument, is_matrix) {
                // The kernel knows the distances.
                (Argument::Memory(index), true) => (self.slots[index].0, Form::Each),
                _ => self.operand(argument, dtypes[i], spreads, loaded),
            };
        }
        let to = part.to.map(|index| self.slots[index]);
        let (kernel, name, immediate) = match part.task {
            Task::Map => match map_kernel(op, &dtypes, Sources { forms, single: false }) {
                Some((call, name)) => (call, name, [0; 4]),
                None => return,
            },
            Task::Fold(kind) => {
                match kernels::accumulate(kind, node.ty.dtype, to.is_some_and(|(_, stride)| stride == 0)) {
                    Some(kernel) => (Call::from(kernel), "accumulate", [0; 4]),
                    None => return,
                }
            }
            Task::Combine(immediate) => match kernels::combine(node.ty.dtype) {
                Some(kernel) => (Call::from(kernel), "combine", immediate),
                None => return,
            },
            Task::Contract(immediate) => match kernels::contract(node.ty.dtype) {
                Some(kernel) => (Call::from(kernel), "contract", immediate),
                None => return,
            },
        };
        let dst = match to {
            Some((slot, _)) => slot,
            None => self.temporary(),
        };
        self.places.insert(part.id, dst);
        self.push(kernel, name, dst, sources, immediate);
    }
}

/// The last two dimensions of a view that has one entry in all others.
fn matrix(view: &View) -> View {
    let rank = view.shape.rank();
    let shape = view.shape[rank - 2..].iter().copied().collect();
    View { shape, strides: Strides::from_slice(&view.strides[rank - 2..]), ..*view }
}
