//! Instructions for operations, one after the other.

use std::collections::HashMap;

use ppl_tensor::op::{Gather, Pad, ScatterAdd, Slice};
use ppl_tensor::{DType, HostTensor, Op, Result, Shape, TensorType};

use super::fuse;
use super::memory;
use super::schedule::{Place, Role, schedule};
use super::view::{Strides, View, row_major};
use crate::code::{Address, Buffer, Code, HostCall, Index, Instruction, Origin, Slot, Step, bytes};
use crate::ir::{Id, Ir, Kind, Node};
use crate::kernels::{self, Call, Form, Immediate, Runs, Sources};

/// Products of at most this many multiplications do without the machinery for large ones.
const SMALL_PRODUCT: usize = 1 << 15;

/// The program of a graph, of which the first `carried` arguments differ in each step of an iteration.
pub(crate) fn lower(ir: &Ir, carried: usize) -> Result<Code> {
    let (places, fixed) = schedule(ir, carried, |node| has_kernel(ir, node));
    let mut lower = Lower::new(ir, places);
    lower.leaves();
    let levels = lower.places.iter().map(|place| place.level + 1).max().unwrap_or(0).max(fixed);
    for level in 0..levels {
        if level == fixed {
            lower.begin_varying();
        }
        let (mut spaces, mut large): (Vec<Strides>, Vec<Strides>) = (Vec::new(), Vec::new());
        for (index, node) in ir.nodes.iter().enumerate() {
            let place = &lower.places[index];
            if place.level != level || !lower.live[index] || !matches!(node.kind, Kind::Op(..)) {
                continue;
            }
            if place.role == Role::Alone {
                lower.alone(Id(index), node)?;
                continue;
            }
            let known = if place.is_large() { &mut large } else { &mut spaces };
            if !known.contains(&place.space) {
                known.push(place.space.clone());
            }
        }
        for space in spaces.into_iter().chain(large) {
            fuse::pass(&mut lower, level, &space)?;
        }
    }
    if levels == fixed {
        lower.begin_varying();
    }
    let (at, hoisted) = (lower.code.fixed, std::mem::take(&mut lower.hoisted));
    lower.code.fixed += hoisted.len();
    lower.code.steps.splice(at..at, hoisted);
    for &output in &ir.outputs {
        let view = lower.view(output);
        lower.code.outputs.push((view, ir.ty(output).clone()));
    }
    memory::place(&mut lower.code);
    Ok(lower.code)
}

/// Whether an operation on each element, or a reduction, has a kernel.
fn has_kernel(ir: &Ir, node: &Node) -> bool {
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
    slots: HashMap<Address, Slot>,
    /// Which buffers have the same contents in each step of an iteration: those before this one, and these.
    fixed_buffers: Vec<bool>,
    /// Steps that were asked for late, of such buffers alone.
    hoisted: Vec<Step>,
    copies: HashMap<View, View>,
    /// Matrices whose rows have been moved apart.
    pub(super) padded: HashMap<View, View>,
}

impl<'a> Lower<'a> {
    fn new(ir: &'a Ir, places: Vec<Place>) -> Self {
        let mut live = vec![false; ir.nodes.len()];
        for output in &ir.outputs {
            live[output.0] = true;
        }
        for (index, node) in ir.nodes.iter().enumerate().rev() {
            if let (true, Kind::Op(_, inputs)) = (live[index], &node.kind) {
                inputs.iter().for_each(|input| live[input.0] = true);
            }
        }
        let code = Code { inputs: vec![None; ir.inputs], ..Code::default() };
        let views = vec![None; ir.nodes.len()];
        let (slots, copies, padded) = (HashMap::new(), HashMap::new(), HashMap::new());
        let (fixed_buffers, hoisted) = (Vec::new(), Vec::new());
        Self { ir, places, live, code, views, slots, fixed_buffers, hoisted, copies, padded }
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

    fn run(
        &mut self,
        call: (impl Into<Call>, &'static str),
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
        let (call, name) = (call.0.into(), call.1);
        self.code.steps.push(Step::Run(Instruction { call, dst, sources, n, immediate, name }));
    }

    /// A new buffer for a value.
    pub(super) fn fresh(&mut self, ty: &TensorType) -> View {
        View::whole(self.buffer(ty.dtype, ty.shape.elements()), &ty.shape)
    }

    /// A buffer filled with one number, or with none yet.
    fn filled(&mut self, ty: &TensorType, value: &HostTensor) -> View {
        let view = self.fresh(ty);
        self.fill(&view, ty, value);
        view
    }

    /// One number for all elements of a new buffer.
    pub(super) fn fill(&mut self, view: &View, ty: &TensorType, value: &HostTensor) {
        let source = self.constant(value);
        let slot = self.slot(source, 0);
        let kernel = (kernels::fill(bytes(ty.dtype)), "fill");
        self.run(kernel, view, &[slot], ty.shape.elements(), [0; 4]);
    }

    /// Ends the part of the program that does not vary in an iteration.
    fn begin_varying(&mut self) {
        self.code.fixed = self.code.steps.len();
        self.fixed_buffers = vec![true; self.code.buffers.len()];
        for (node, place) in self.ir.nodes.iter().zip(&self.places) {
            if let (Kind::Input(number), true) = (&node.kind, place.varies) {
                let buffer = self.code.inputs.get(*number).copied().flatten();
                if let Some(fixed) = buffer.and_then(|buffer| self.fixed_buffers.get_mut(buffer)) {
                    *fixed = false;
                }
            }
        }
    }

    /// Gives arguments and constants their buffers.
    fn leaves(&mut self) {
        let ir = self.ir;
        for (index, node) in ir.nodes.iter().enumerate() {
            let view = match &node.kind {
                Kind::Op(..) => continue,
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
        let Kind::Op(op, inputs) = &node.kind else { return Ok(()) };
        let views: Vec<View> = inputs.iter().map(|&input| self.view(input)).collect();
        let view = self.operation(op, &views, &node.ty)?;
        self.set_view(id, view);
        Ok(())
    }

    fn operation(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Result<View> {
        let shape = &ty.shape;
        Ok(match (op, inputs) {
            (Op::Broadcast(_), [x]) => x.broadcast(shape),
            (Op::Permute(order), [x]) => x.permute(order),
            (Op::Slice(Slice { axis, start, step, .. }), [x]) => x.slice(*axis, *start, *step, shape),
            (Op::Reshape(_), [x]) => match x.reshape(shape) {
                Some(view) => view,
                None => {
                    let copy = self.contiguous(x);
                    View { shape: shape.clone(), strides: row_major(shape), ..copy }
                }
            },
            (Op::Cast(to), [x]) if *to == self.dtype(x) => x.clone(),
            (Op::Pad(pad), [x]) => self.pad(pad, x, ty),
            (Op::Concat { axis }, parts) => self.concat(*axis, parts, ty),
            (Op::Gather(gather), [x, indices]) => self.gather(gather, x, indices, ty),
            (Op::ScatterAdd(scatter), [x, indices]) if ty.dtype != DType::Bool => {
                self.scatter(scatter, x, indices, ty)
            }
            (Op::Reduce { kind, axes }, [x]) => match self.reduce(*kind, axes, x, ty) {
                Some(view) => view,
                None => self.host(op, inputs, ty),
            },
            (Op::Matmul, [x, y]) => self.matmul(op, x, y, ty),
            (Op::Random { kind, shape: drawn }, [key]) => match kernels::draws(*kind) {
                Some(kernel) => {
                    let (keys, view) = (self.contiguous(key), self.fresh(ty));
                    let slot = self.start(&keys);
                    let count = drawn.elements();
                    self.run((kernel, "random"), &view, &[slot], shape.elements(), [count, 0, 0, 0]);
                    view
                }
                None => self.host(op, inputs, ty),
            },
            _ => match self.map(op, inputs, ty) {
                Some(view) => view,
                None => self.host(op, inputs, ty),
            },
        })
    }

    /// An operation on each element, if there is a kernel.
    fn map(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> Option<View> {
        let dtypes: Vec<DType> = inputs.iter().map(|input| self.dtype(input)).collect();
        let n = ty.shape.elements();
        let mut forms = [Form::Each; 3];
        let mut slots = Vec::with_capacity(3);
        let (call, _) = map_kernel(op, &dtypes, Sources { forms, single: false })?;
        let spreads = inputs.len() > 1 && call.spreads();
        for (form, input) in forms.iter_mut().zip(inputs) {
            let wide = input.broadcast(&ty.shape);
            if spreads && wide.is_uniform() && n != 1 {
                *form = Form::Same;
                slots.push(self.start(&wide));
            } else {
                let copy = self.contiguous(&wide);
                slots.push(self.start(&copy));
            }
        }
        let kernel = map_kernel(op, &dtypes, Sources { forms, single: n == 1 })?;
        let view = self.fresh(ty);
        self.run(kernel, &view, &slots, n, [0; 4]);
        Some(view)
    }

    fn reduce(
        &mut self,
        kind: ppl_tensor::op::Reduction,
        axes: &[usize],
        x: &View,
        ty: &TensorType,
    ) -> Option<View> {
        let dtype = self.dtype(x);
        let rows = kernels::reduce_rows(kind, dtype)?;
        let columns = kernels::reduce_columns(kind, dtype)?;
        let n = ty.shape.elements();
        let size: usize = axes.iter().map(|&axis| x.shape[axis]).product();
        let view = self.fresh(ty);
        let leading = axes.iter().enumerate().all(|(i, &axis)| i == axis);
        if leading && n > 1 && x.is_contiguous() {
            let slot = self.start(x);
            self.run((columns, "reduce"), &view, &[slot], n, [size, 0, 0, 0]);
            return Some(view);
        }
        let kept = (0..x.shape.rank()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let neighbours = self.contiguous(&x.permute(&order));
        let slot = self.start(&neighbours);
        self.run((rows, "reduce"), &view, &[slot], n, [size, 0, 0, 0]);
        Some(view)
    }

    fn pad(&mut self, pad: &Pad, x: &View, ty: &TensorType) -> View {
        let zero = HostTensor::full_as(ty.dtype, [], 0.0);
        let view = self.filled(ty, &zero);
        let inside = view.slice(pad.axis, pad.before, pad.interior + 1, &x.shape);
        if x.elements() > 0 {
            self.copy(x, &inside, false);
        }
        view
    }

    fn concat(&mut self, axis: usize, parts: &[View], ty: &TensorType) -> View {
        let view = self.fresh(ty);
        let mut start = 0;
        for part in parts {
            if part.elements() > 0 {
                self.copy(part, &view.slice(axis, start, 1, &part.shape), false);
            }
            start += part.shape[axis];
        }
        view
    }

    fn gather(&mut self, gather: &Gather, x: &View, indices: &View, ty: &TensorType) -> View {
        let (entries, batch, axis) = (x.shape.clone(), gather.batch, gather.axis);
        let size = entries[axis];
        self.index(false, &entries, (batch, axis, size), x, indices, ty)
    }

    fn scatter(&mut self, scatter: &ScatterAdd, x: &View, indices: &View, ty: &TensorType) -> View {
        let place = (scatter.batch, scatter.axis, scatter.size);
        self.index(true, &ty.shape, place, x, indices, ty)
    }

    /// `entries` is the shape of the array whose dimension `axis` the indices count.
    fn index(
        &mut self,
        adds: bool,
        entries: &Shape,
        (batch, axis, size): (usize, usize, usize),
        values: &View,
        indices: &View,
        ty: &TensorType,
    ) -> View {
        let (values, indices) = (self.contiguous(values), self.contiguous(indices));
        let view = match adds {
            true => self.filled(ty, &HostTensor::full_as(ty.dtype, [], 0.0)),
            false => self.fresh(ty),
        };
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        let index = Index {
            adds,
            dtype: ty.dtype,
            batch: product(&entries[..batch]),
            middle: product(&entries[batch..axis]),
            size,
            inner: product(&entries[axis + 1..]),
            chosen: product(&indices.shape[batch..]),
            values: self.start(&values),
            indices: self.start(&indices),
            to: self.start(&view),
        };
        self.code.steps.push(Step::Index(Box::new(index)));
        view
    }

    fn matmul(&mut self, op: &Op, x: &View, y: &View, ty: &TensorType) -> View {
        let rank = |view: &View| view.shape.rank();
        let (m, k) = (x.shape[rank(x) - 2], x.shape[rank(x) - 1]);
        let n = y.shape[rank(y) - 1];
        let single = ty.shape.elements() == m * n;
        match kernels::small_matmul(ty.dtype) {
            Some(kernel) if single && m * k * n <= SMALL_PRODUCT => {
                let (x, y, view) = (self.contiguous(x), self.contiguous(y), self.fresh(ty));
                let slots = [self.start(&x), self.start(&y)];
                self.run((kernel, "matmul"), &view, &slots, m * n, [m, k, n, 0]);
                view
            }
            _ => self.host(op, &[x.clone(), y.clone()], ty),
        }
    }

    /// An operation without a kernel.
    fn host(&mut self, op: &Op, inputs: &[View], ty: &TensorType) -> View {
        let inputs = inputs.iter().map(|input| self.contiguous(input)).collect();
        let to = self.buffer(ty.dtype, ty.shape.elements());
        self.code.steps.push(Step::Host(Box::new(HostCall { op: op.clone(), inputs, ty: ty.clone(), to })));
        View::whole(to, &ty.shape)
    }
}

/// The one element of a constant that is the same everywhere.
fn uniform(value: &HostTensor) -> Option<HostTensor> {
    use ppl_tensor::HostData::{Bool, F32, F64, I64};
    if value.data().len() < 2 {
        return None;
    }
    fn first<T: Copy, K: PartialEq>(values: &[T], bits: impl Fn(T) -> K) -> Option<T> {
        let one = *values.first()?;
        values.iter().all(|&x| bits(x) == bits(one)).then_some(one)
    }
    match value.data() {
        F64(values) => first(values, f64::to_bits).map(HostTensor::scalar),
        F32(values) => first(values, f32::to_bits).map(HostTensor::scalar),
        I64(values) => first(values, |x| x).map(HostTensor::scalar),
        Bool(values) => first(values, |x| x).map(HostTensor::scalar),
    }
}

fn same_bits(a: &HostTensor, b: &HostTensor) -> bool {
    use ppl_tensor::HostData::{Bool, F32, F64, I64};
    match (a.data(), b.data()) {
        (F64(a), F64(b)) => a.iter().zip(b.iter()).all(|(a, b)| a.to_bits() == b.to_bits()),
        (F32(a), F32(b)) => a.iter().zip(b.iter()).all(|(a, b)| a.to_bits() == b.to_bits()),
        (I64(a), I64(b)) => a == b,
        (Bool(a), Bool(b)) => a == b,
        _ => false,
    }
}

/// The elements of a view of a constant, in order.
pub(super) fn gathered(value: &HostTensor, view: &View) -> Option<HostTensor> {
    use ppl_tensor::HostData::{Bool, F32, F64, I64};
    let mut places = Vec::with_capacity(view.elements());
    fn visit(view: &View, axis: usize, at: usize, places: &mut Vec<usize>) {
        match view.shape.get(axis) {
            Some(&size) => (0..size).for_each(|i| visit(view, axis + 1, at + i * view.strides[axis], places)),
            None => places.push(at),
        }
    }
    visit(view, 0, view.offset, &mut places);
    fn chosen<T: Copy>(values: &[T], places: &[usize]) -> Option<Vec<T>> {
        places.iter().map(|&place| values.get(place).copied()).collect()
    }
    let shape = &view.shape;
    match value.data() {
        F64(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
        F32(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
        I64(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
        Bool(values) => HostTensor::new(shape, chosen(values, &places)?).ok(),
    }
}
