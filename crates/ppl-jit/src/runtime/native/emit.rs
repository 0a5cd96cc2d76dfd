//! A region as a function: every element that is read or computed is one value.

use std::collections::HashMap;

use cranelift_codegen::ir::{AbiParam, BlockArg, InstBuilder, MemFlagsData, SigRef, Signature, Value, types};
use cranelift_frontend::FunctionBuilder;
use ppl_tensor::{DType, HostData, HostTensor, Op, Result};

use super::Region;
use super::element::{self, Element, element, register};
use super::functions::{failed, isa};
use crate::code::{Action, Code, Instruction, Origin, Slot, Step, bytes};
use crate::runtime::kernels::{Form, Runs};

/// Writes the statements of a region. The function's arguments are where each buffer starts, and where the program's own
/// memory does.
pub(super) fn region(
    code: &Code,
    region: &Region,
    builder: &mut FunctionBuilder<'_>,
    arguments: [Value; 2],
) -> Result<()> {
    let mut emitter = Emitter::new(code, builder, arguments);
    if region.is_loop() { emitter.turns(region) } else { emitter.turn(region) }
        .ok_or_else(|| failed("a step that no region has, or memory that is too far"))
}

/// Writes the statements that make results the arguments of these numbers.
pub(super) fn carry(
    code: &Code,
    numbers: &[usize],
    builder: &mut FunctionBuilder<'_>,
    arguments: [Value; 2],
) -> Result<()> {
    let mut emitter = Emitter::new(code, builder, arguments);
    emitter.carry(numbers).ok_or_else(|| failed("results that are no arguments"))
}

/// An element of a buffer.
type Place = (usize, usize);

struct Emitter<'a, 'b, 'f> {
    code: &'a Code,
    builder: &'b mut FunctionBuilder<'f>,
    buffers: Value,
    arena: Value,
    /// Where arguments start.
    starts: HashMap<usize, Value>,
    /// The elements that have been read or computed.
    known: HashMap<Place, Value>,
    /// Those that have been computed, in order.
    written: Vec<Place>,
    /// Signatures of called functions: of so many arguments and a result, all of one dtype.
    signatures: HashMap<(usize, DType), SigRef>,
}

impl<'a, 'b, 'f> Emitter<'a, 'b, 'f> {
    fn new(code: &'a Code, builder: &'b mut FunctionBuilder<'f>, [buffers, arena]: [Value; 2]) -> Self {
        let (starts, known, signatures) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { code, builder, buffers, arena, starts, known, written: Vec::new(), signatures }
    }

    fn place(&self, slot: Slot, element: usize) -> Place {
        let address = self.code.addresses[slot as usize];
        (address.buffer, address.offset + element)
    }

    fn dtype(&self, slot: Slot) -> DType {
        self.code.buffers[self.code.addresses[slot as usize].buffer].dtype
    }

    /// Where an argument starts, or what moves in a loop.
    fn start(&mut self, buffer: usize) -> Option<Value> {
        if let Some(start) = self.starts.get(&buffer) {
            return Some(*start);
        }
        let entry = i32::try_from(buffer * size_of::<*mut u8>()).ok()?;
        let start = self.builder.ins().load(types::I64, MemFlagsData::trusted(), self.buffers, entry);
        self.starts.insert(buffer, start);
        Some(start)
    }

    /// Base and distance in bytes of an element in memory.
    fn address(&mut self, (buffer, element): Place) -> Option<(Value, i32)> {
        let distance = element * bytes(self.code.buffers[buffer].dtype);
        match &self.code.buffers[buffer].origin {
            Origin::Arena(place) => Some((self.arena, i32::try_from(place + distance).ok()?)),
            Origin::Input(_) | Origin::Window(_) => {
                Some((self.start(buffer)?, i32::try_from(distance).ok()?))
            }
            Origin::Constant(_) => None,
        }
    }

    fn read(&mut self, place: Place) -> Option<Value> {
        if let Some(value) = self.known.get(&place) {
            return Some(*value);
        }
        let buffer = &self.code.buffers[place.0];
        let value = match &buffer.origin {
            Origin::Constant(known) => self.constant(known, place.1)?,
            Origin::Arena(_) | Origin::Input(_) | Origin::Window(_) => {
                let ty = register(buffer.dtype);
                let (base, distance) = self.address(place)?;
                self.builder.ins().load(ty, MemFlagsData::trusted(), base, distance)
            }
        };
        self.known.insert(place, value);
        Some(value)
    }

    fn constant(&mut self, known: &HostTensor, element: usize) -> Option<Value> {
        let ins = self.builder.ins();
        Some(match known.data() {
            HostData::F64(values) => ins.f64const(*values.get(element)?),
            HostData::F32(values) => ins.f32const(*values.get(element)?),
            HostData::I64(values) => ins.iconst(types::I64, *values.get(element)?),
            HostData::Bool(values) => ins.iconst(types::I8, i64::from(*values.get(element)?)),
        })
    }

    fn write(&mut self, place: Place, value: Value) {
        self.known.insert(place, value);
        self.written.push(place);
    }

    /// Stores what has been computed of the buffers that others read.
    fn store(&mut self, shows: impl Fn(usize) -> bool) -> Option<()> {
        let mut written = std::mem::take(&mut self.written);
        written.sort_unstable();
        written.dedup();
        for place in written.into_iter().filter(|(buffer, _)| shows(*buffer)) {
            let value = *self.known.get(&place)?;
            let (base, distance) = self.address(place)?;
            self.builder.ins().store(MemFlagsData::trusted(), value, base, distance);
        }
        Some(())
    }

    /// The steps once.
    fn turn(&mut self, region: &Region) -> Option<()> {
        for step in &region.steps {
            self.step(step)?;
        }
        self.store(|buffer| region.shows(buffer))
    }

    /// The steps of a loop over time.
    fn turns(&mut self, region: &Region) -> Option<()> {
        if region.turns() == 0 {
            return Some(());
        }
        // Arguments are found before the loop, not in each turn.
        let inputs: Vec<usize> = region.inputs(self.code).collect();
        for buffer in inputs {
            self.start(buffer)?;
        }
        let mut now = vec![self.builder.ins().iconst(types::I64, i64::try_from(region.turns()).ok()?)];
        for window in region.windows() {
            let (base, distance) = self.address((window.of, 0))?;
            let from = i64::from(distance) + i64::try_from(window.start).ok()?;
            let distance = self.builder.ins().iconst(types::I64, from);
            now.push(self.builder.ins().iadd(base, distance));
        }
        let (head, end) = (self.builder.create_block(), self.builder.create_block());
        for _ in &now {
            self.builder.append_block_param(head, types::I64);
        }
        let arguments: Vec<BlockArg> = now.into_iter().map(BlockArg::Value).collect();
        self.builder.ins().jump(head, &arguments);
        self.builder.switch_to_block(head);
        let now: Vec<Value> = self.builder.block_params(head).to_vec();
        for (window, &start) in region.windows().iter().zip(&now[1..]) {
            self.starts.insert(window.buffer, start);
        }
        self.turn(region)?;
        let steps = std::iter::once(-1).chain(region.windows().iter().map(|window| window.step as i64));
        let mut next = Vec::with_capacity(now.len());
        for (&value, step) in now.iter().zip(steps) {
            let step = self.builder.ins().iconst(types::I64, step);
            next.push(self.builder.ins().iadd(value, step));
        }
        let arguments: Vec<BlockArg> = next.iter().copied().map(BlockArg::Value).collect();
        self.builder.ins().brif(next[0], head, &arguments, end, &[]);
        self.builder.seal_block(head);
        self.builder.switch_to_block(end);
        self.builder.seal_block(end);
        Some(())
    }

    /// Reads all before it writes any: a result may be another's argument.
    fn carry(&mut self, numbers: &[usize]) -> Option<()> {
        let mut moved = Vec::new();
        for &number in numbers {
            let (buffer, (view, _)) = ((*self.code.inputs.get(number)?)?, self.code.outputs.get(number)?);
            for (element, place) in view.places().into_iter().enumerate() {
                moved.push(((buffer, element), self.read((view.buffer, place))?));
            }
        }
        for (place, value) in moved {
            self.write(place, value);
        }
        self.store(|_| true)
    }

    fn step(&mut self, step: &Step) -> Option<()> {
        match step {
            Step::Run(instruction) => self.instruction(instruction),
            Step::Copy { runs, to, from } => self.copy(runs, 0, self.place(*to, 0), self.place(*from, 0)),
            _ => None,
        }
    }

    fn copy(&mut self, runs: &Runs, depth: usize, to: Place, from: Place) -> Option<()> {
        let Some(&size) = runs.sizes.get(depth) else {
            let value = self.read(from)?;
            self.write(to, value);
            return Some(());
        };
        let (step_to, step_from) = (runs.to[depth], runs.from[depth]);
        for i in 0..size {
            self.copy(runs, depth + 1, (to.0, to.1 + i * step_to), (from.0, from.1 + i * step_from))?;
        }
        Some(())
    }

    fn instruction(&mut self, instruction: &Instruction) -> Option<()> {
        let &Instruction { dst, sources, n, immediate, .. } = instruction;
        match instruction.action.as_deref()? {
            Action::Fill => {
                let value = self.read(self.place(sources[0], 0))?;
                (0..n).for_each(|i| self.write(self.place(dst, i), value));
            }
            Action::Map { op, forms } => {
                for i in 0..n {
                    let value = self.map(op, sources, forms, i)?;
                    self.write(self.place(dst, i), value);
                }
            }
            Action::Reduce { kind, rows } => {
                let (size, dtype) = (immediate[0], self.dtype(dst));
                for i in 0..n {
                    let at = |k: usize| if *rows { i * size + k } else { k * n + i };
                    let terms = (0..size).map(|k| self.read(self.place(sources[0], at(k))));
                    let terms = terms.collect::<Option<Vec<_>>>()?;
                    let value = element::joined(self.builder, *kind, dtype, terms)?;
                    self.write(self.place(dst, i), value);
                }
            }
            Action::Matmul => {
                let [rows, inner, columns, _] = immediate;
                for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                    let mut sum = None;
                    for k in 0..inner {
                        let x = self.read(self.place(sources[0], i * inner + k))?;
                        let y = self.read(self.place(sources[1], k * columns + j))?;
                        sum = Some(match sum {
                            Some(sum) => element::mul_add(self.builder, x, y, sum),
                            None => self.builder.ins().fmul(x, y),
                        });
                    }
                    self.write(self.place(dst, i * columns + j), sum?);
                }
            }
        }
        Some(())
    }

    /// Element `i` of an operation on each element.
    fn map(&mut self, op: &Op, sources: [Slot; 3], forms: &[Form; 3], i: usize) -> Option<Value> {
        let count = arguments(op);
        let mut values = [None; 3];
        for (value, (&slot, form)) in values.iter_mut().zip(sources.iter().zip(forms)).take(count) {
            let at = if *form == Form::Same { 0 } else { i };
            *value = Some(self.read(self.place(slot, at))?);
        }
        let values: Vec<Value> = values.into_iter().flatten().collect();
        let dtypes: Vec<DType> = sources[..count].iter().map(|&slot| self.dtype(slot)).collect();
        match element(op, &dtypes)? {
            Element::Inline => {
                let of = if *op == Op::Select { 1 } else { 0 };
                element::inline(self.builder, op, dtypes[of], &values)
            }
            Element::Call(address) => {
                let signature = self.signature(count, dtypes[0])?;
                let address = self.builder.ins().iconst(types::I64, address as i64);
                let call = self.builder.ins().call_indirect(signature, address, &values);
                self.builder.inst_results(call).first().copied()
            }
        }
    }

    /// The signature of functions of `count` arguments.
    fn signature(&mut self, count: usize, dtype: DType) -> Option<SigRef> {
        if let Some(signature) = self.signatures.get(&(count, dtype)) {
            return Some(*signature);
        }
        let mut signature = Signature::new(isa()?.default_call_conv());
        let ty = AbiParam::new(register(dtype));
        signature.params.extend(std::iter::repeat_n(ty, count));
        signature.returns.push(ty);
        let signature = self.builder.import_signature(signature);
        Some(*self.signatures.entry((count, dtype)).or_insert(signature))
    }
}

/// How many arguments an operation on each element has.
pub(super) fn arguments(op: &Op) -> usize {
    match op {
        Op::Unary(_) | Op::Cast(_) => 1,
        Op::Select => 3,
        _ => 2,
    }
}
