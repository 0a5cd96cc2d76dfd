//! Instructions for operations, one after the other.

use std::collections::HashMap;

use ppl_tensor::{DType, HostTensor, Op, Result, TensorType};

use super::constant::{gathered, same_bits, uniform};
use super::fuse;
use super::schedule::{Place, Role, schedule};
use super::view::{Strides, View};
use crate::code::{Action, Address, Buffer, Code, Instruction, Origin, Slot, Step, bytes};
use crate::ir::{Id, Ir, Kind, Node};
use crate::runtime::kernels::{self, Call, Form, Immediate, Runs, Sources};

/// The program of a graph, before its memory is planned. The first `carried` arguments differ in each step of an iteration.
pub(crate) fn lower(ir: &Ir, carried: usize) -> Result<Code> {
    let (places, fixed) = schedule(ir, carried, |node| has_kernel(ir, node));
    let (inputs, carried) = (vec![None; ir.inputs], carried.min(ir.outputs.len()));
    let mut lower = Lower::new(ir, places, Code { inputs, carried, ..Code::default() });
    lower.leaves();
    lower.operations(fixed)?;
    for &output in &ir.outputs {
        let view = lower.view(output);
        lower.code.outputs.push((view, ir.ty(output).clone()));
    }
    Ok(lower.code)
}

/// Whether an operation on each element, or a reduction, has a kernel.
pub(super) fn has_kernel(ir: &Ir, node: &Node) -> bool {
    let Kind::Op(op, inputs) = &node.kind else { return false };
    let sources = Sources { forms: [Form::Each; 3], single: false };
    let dtypes: Vec<DType> = inputs.iter().map(|&input| ir.ty(input).dtype).collect();
    match op {
        Op::Reduce { kind, .. } => kernels::reduce_rows(*kind, dtypes[0]).is_some(),
        _ => map_kernel(op, &dtypes, sources).is_some(),
    }
}

/// The kernel of an operation on each element.
pub(super) fn map_kernel(op: &Op, dtypes: &[DType], sources: Sources) -> Option<(Call, &'static str)> {
    let dtype = *dtypes.first()?;
    let call: Call = match op {
        Op::Unary(kind) => match dtype {
            DType::F64 | DType::F32 => kernels::float_unary(*kind, dtype, sources)?,
            DType::I64 => kernels::integer_unary(*kind, sources)?.into(),
            DType::Bool => kernels::truth(sources).into(),
        },
        Op::Binary(kind) => match dtype {
            DType::F64 | DType::F32 => kernels::float_binary(*kind, dtype, sources),
            DType::I64 => kernels::integer_binary(*kind, sources)?.into(),
            DType::Bool => return None,
        },
        Op::Compare(kind) => kernels::compare(*kind, dtype, sources).into(),
        Op::Logic(kind) => kernels::logic(*kind, sources).into(),
        Op::Select => kernels::select(*dtypes.get(1)?, sources).into(),
        Op::Cast(to) => kernels::cast(dtype, *to).into(),
        Op::FoldIn => kernels::fold_in(sources).into(),
        _ => return None,
    };
    Some((call, static_name(op)))
}

/// The name of an operation on each element.
fn static_name(op: &Op) -> &'static str {
    match op.name() {
        std::borrow::Cow::Borrowed(name) => name,
        std::borrow::Cow::Owned(_) => "custom",
    }
}

pub(super) struct Lower<'a> {
    pub(super) ir: &'a Ir,
    pub(super) places: Vec<Place>,
    pub(super) live: Vec<bool>,
    pub(super) code: Code,
    views: Vec<Option<View>>,
    pub(super) slots: HashMap<Address, Slot>,
    /// Which buffers have the same contents in each step of an iteration: those before this one, and these.
    pub(super) fixed_buffers: Vec<bool>,
    /// Steps that were asked for late, of such buffers alone.
    hoisted: Vec<Step>,
    pub(super) copies: HashMap<View, View>,
    /// Matrices whose rows have been moved apart.
    pub(super) padded: HashMap<View, View>,
    /// The results of loops.
    pub(super) parts: HashMap<Id, Vec<View>>,
}

impl<'a> Lower<'a> {
    pub(super) fn new(ir: &'a Ir, places: Vec<Place>, code: Code) -> Self {
        Self {
            ir,
            places,
            live: ir.live(),
            code,
            views: vec![None; ir.nodes.len()],
            slots: HashMap::new(),
            fixed_buffers: Vec::new(),
            hoisted: Vec::new(),
            copies: HashMap::new(),
            padded: HashMap::new(),
            parts: HashMap::new(),
        }
    }

    /// Writes the steps of all operations; those of the levels before `fixed` do not vary in an iteration.
    pub(super) fn operations(&mut self, fixed: usize) -> Result<()> {
        let ir = self.ir;
        let levels = self.places.iter().map(|place| place.level + 1).max().unwrap_or(0).max(fixed);
        for level in 0..levels {
            if level == fixed {
                self.begin_varying();
            }
            let (mut spaces, mut large): (Vec<Strides>, Vec<Strides>) = (Vec::new(), Vec::new());
            for (index, node) in ir.nodes.iter().enumerate() {
                let place = &self.places[index];
                let is_leaf = matches!(node.kind, Kind::Input(_) | Kind::Constant(_));
                if place.level != level || !self.live[index] || is_leaf {
                    continue;
                }
                if place.role == Role::Alone {
                    self.alone(Id(index), node)?;
                    continue;
                }
                let known = if place.is_large() { &mut large } else { &mut spaces };
                if !known.contains(&place.space) {
                    known.push(place.space.clone());
                }
            }
            for space in spaces.into_iter().chain(large) {
                fuse::pass(self, level, &space)?;
            }
        }
        if levels == fixed {
            self.begin_varying();
        }
        let (at, hoisted) = (self.code.fixed, std::mem::take(&mut self.hoisted));
        self.code.fixed += hoisted.len();
        self.code.steps.splice(at..at, hoisted);
        Ok(())
    }

    /// Where a value is. It has been computed: nodes come after their inputs, within a level and across.
    pub(super) fn view(&self, id: Id) -> View {
        self.views[id.0].clone().unwrap_or_else(|| View::whole(usize::MAX, &self.ir.ty(id).shape))
    }

    pub(super) fn set_view(&mut self, id: Id, view: View) {
        self.views[id.0] = Some(view);
    }

    pub(super) fn buffer(&mut self, dtype: DType, elements: usize) -> usize {
        self.code.buffers.push(Buffer { dtype, elements, origin: Origin::Arena(0) });
        self.code.buffers.len() - 1
    }

    pub(super) fn slot(&mut self, buffer: usize, offset: usize) -> Slot {
        let address = Address { buffer, offset };
        let addresses = &mut self.code.addresses;
        *self.slots.entry(address).or_insert_with(|| {
            addresses.push(address);
            (addresses.len() - 1) as Slot
        })
    }

    /// A slot of its own, which a loop may move.
    pub(super) fn own_slot(&mut self, buffer: usize, offset: usize) -> Slot {
        self.code.addresses.push(Address { buffer, offset });
        (self.code.addresses.len() - 1) as Slot
    }

    pub(super) fn start(&mut self, view: &View) -> Slot {
        self.slot(view.buffer, view.offset)
    }

    /// The buffer of a constant.
    pub(super) fn constant(&mut self, value: &HostTensor) -> usize {
        let (dtype, elements) = (value.dtype(), value.shape().elements());
        self.code.buffers.push(Buffer { dtype, elements, origin: Origin::Constant(value.clone()) });
        self.code.buffers.len() - 1
    }

    pub(super) fn dtype(&self, view: &View) -> DType {
        self.code.buffers[view.buffer].dtype
    }

    /// The same elements as neighbours, copied if they are not: once for each view, and now if they are known now.
    pub(super) fn contiguous(&mut self, view: &View) -> View {
        if view.is_contiguous() {
            return view.clone();
        }
        if let Some(copy) = self.copies.get(view) {
            return copy.clone();
        }
        let (dtype, elements) = (self.dtype(view), view.elements());
        let known = match &self.code.buffers[view.buffer].origin {
            Origin::Constant(value) => gathered(value, view),
            _ => None,
        };
        let copy = match known {
            Some(value) => match self.known_buffer(&value) {
                Some(buffer) => View::whole(buffer, &view.shape),
                None => View::whole(self.constant(&value), &view.shape),
            },
            None => {
                let copy = View::whole(self.buffer(dtype, elements), &view.shape);
                self.copy(view, &copy, true);
                copy
            }
        };
        // A copy made in a program's course is of the value at that time; buffers are written once.
        self.copies.insert(view.clone(), copy.clone());
        copy
    }

    /// A constant with these elements.
    fn known_buffer(&self, value: &HostTensor) -> Option<usize> {
        self.code.buffers.iter().position(|buffer| match &buffer.origin {
            Origin::Constant(known) => known.data().len() == value.data().len() && same_bits(known, value),
            _ => false,
        })
    }

    /// Copies elements between views of one shape, the second of which may be all that its buffer has.
    pub(super) fn copy(&mut self, from: &View, to: &View, whole: bool) {
        if from.elements() == 0 {
            return;
        }
        let bytes = bytes(self.dtype(from));
        let runs = Runs::between(&from.shape, &to.strides, &from.strides, bytes);
        let (target, source) = (to.buffer, from.buffer);
        let (to, from) = (self.start(to), self.start(from));
        self.code.steps.push(Step::Copy { runs, to, from });
        // The copy of a fixed buffer to one of its own is made once.
        if whole && self.fixed_buffers.get(source) == Some(&true) {
            self.hoisted.extend(self.code.steps.pop());
            self.fixed_buffers.resize(self.code.buffers.len(), false);
            self.fixed_buffers[target] = true;
        }
    }

    /// An instruction that always runs as a kernel.
    pub(super) fn run(
        &mut self,
        call: (impl Into<Call>, &'static str),
        dst: &View,
        sources: &[Slot],
        n: usize,
        immediate: Immediate,
    ) {
        self.push(call, None, dst, sources, n, immediate);
    }

    /// An instruction that becomes machine code where `n` is small.
    pub(super) fn run_as(
        &mut self,
        action: Action,
        call: (impl Into<Call>, &'static str),
        dst: &View,
        sources: &[Slot],
        n: usize,
        immediate: Immediate,
    ) {
        self.push(call, Some(Box::new(action)), dst, sources, n, immediate);
    }

    fn push(
        &mut self,
        (call, name): (impl Into<Call>, &'static str),
        action: Option<Box<Action>>,
        dst: &View,
        sources: &[Slot],
        n: usize,
        immediate: Immediate,
    ) {
        if n == 0 {
            return;
        }
        let dst = self.start(dst);
        let source = |i: usize| sources.get(i).copied().unwrap_or(dst);
        let sources = [source(0), source(1), source(2)];
        let call = call.into();
        self.code.steps.push(Step::Run(Instruction { call, dst, sources, n, immediate, name, action }));
    }

    /// A new buffer for a value.
    pub(super) fn fresh(&mut self, ty: &TensorType) -> View {
        View::whole(self.buffer(ty.dtype, ty.shape.elements()), &ty.shape)
    }

    /// A buffer filled with one number, or with none yet.
    pub(super) fn filled(&mut self, ty: &TensorType, value: &HostTensor) -> View {
        let view = self.fresh(ty);
        self.fill(&view, ty, value);
        view
    }

    /// One number for all elements of a new buffer.
    pub(super) fn fill(&mut self, view: &View, ty: &TensorType, value: &HostTensor) {
        let source = self.constant(value);
        let slot = self.slot(source, 0);
        let kernel = (kernels::fill(bytes(ty.dtype)), "fill");
        self.run_as(Action::Fill, kernel, view, &[slot], ty.shape.elements(), [0; 4]);
    }

    /// Ends the part of the program that does not vary in an iteration.
    fn begin_varying(&mut self) {
        self.code.fixed = self.code.steps.len();
        self.fixed_buffers = vec![true; self.code.buffers.len()];
        for ((node, place), view) in self.ir.nodes.iter().zip(&self.places).zip(&self.views) {
            if let (Kind::Input(_), true, Some(view)) = (&node.kind, place.varies, view)
                && let Some(fixed) = self.fixed_buffers.get_mut(view.buffer)
            {
                *fixed = false;
            }
        }
    }

    /// Gives constants, and arguments that are not yet anywhere, their buffers.
    pub(super) fn leaves(&mut self) {
        let ir = self.ir;
        for (index, node) in ir.nodes.iter().enumerate() {
            let view = match &node.kind {
                Kind::Op(..) | Kind::Loop(..) | Kind::Part(..) => continue,
                Kind::Input(_) if self.views[index].is_some() => continue,
                Kind::Input(number) => {
                    let origin = Origin::Input(*number);
                    let (dtype, elements) = (node.ty.dtype, node.ty.shape.elements());
                    self.code.buffers.push(Buffer { dtype, elements, origin });
                    let buffer = self.code.buffers.len() - 1;
                    if let Some(input) = self.code.inputs.get_mut(*number) {
                        *input = Some(buffer);
                    }
                    View::whole(buffer, &node.ty.shape)
                }
                Kind::Constant(value) => match uniform(value) {
                    Some(one) => View::uniform(self.constant(&one), &node.ty.shape),
                    None => self.aligned_constant(value, &node.ty.shape),
                },
            };
            self.set_view(Id(index), view);
        }
    }

    /// An operation that is in no loop.
    fn alone(&mut self, id: Id, node: &Node) -> Result<()> {
        let views: Vec<View> = node.kind.inputs().iter().map(|&input| self.view(input)).collect();
        let view = match &node.kind {
            Kind::Input(_) | Kind::Constant(_) => return Ok(()),
            Kind::Op(op, _) => self.operation(op, &views, &node.ty)?,
            Kind::Loop(recurrence, _) => {
                let parts = self.repeat(recurrence, &views)?;
                self.parts.insert(id, parts);
                return Ok(());
            }
            Kind::Part(part, [whole]) => match self.parts.get(whole).and_then(|parts| parts.get(*part)) {
                Some(view) => view.clone(),
                None => return Ok(()),
            },
        };
        self.set_view(id, view);
        Ok(())
    }
}
