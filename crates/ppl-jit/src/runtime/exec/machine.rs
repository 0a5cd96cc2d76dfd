//! The memory of a program and what runs its instructions on it.
//!
//! This is, with [passes](super::pass), kernels, element functions and [functions](crate::runtime::native) of machine code, where the
//! crate handles addresses. What makes it sound: every buffer of the program has as many elements as its type says, in
//! memory that lives as long as the machine (its own), the program (constants) or the run (arguments); views stay within
//! their buffers, as the shape rules of the operations have it; and places in the machine's memory are shared only by
//! buffers that are not in use at the same time.

use std::sync::Arc;

use ppl_tensor::{Backend, DType, HostBackend, HostData, HostTensor, Result, Shape, TensorType};

use super::index::run_index;
use super::pass::{Crew, run_instruction};
use crate::code::{Code, HostCall, Origin, Repeat, Step, bytes};
use crate::plan::View;
use crate::runtime::kernels::{self, Runs};
use crate::runtime::native;

/// Memory in lines of the cache.
#[repr(align(64))]
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "its bytes are read by address")]
pub(super) struct Line([u8; 64]);

/// So many bytes, or more.
pub(super) fn lines(bytes: usize) -> Vec<Line> {
    vec![Line([0; 64]); bytes.div_ceil(64)]
}

/// A program's memory, and the addresses of everything in it.
pub(super) struct Machine {
    code: Arc<Code>,
    /// Who goes through long arrays.
    crew: Crew,
    /// Owns what addresses point to.
    _arena: Vec<Line>,
    /// Where it starts.
    start: *mut u8,
    /// Where each buffer starts.
    buffers: Vec<*mut u8>,
    /// What the entries of the table are between loops.
    base: Vec<*mut u8>,
    /// The addresses that instructions use.
    table: Vec<*mut u8>,
    /// For each argument, the entries that point into it.
    moving: Vec<Vec<usize>>,
    /// Keeps arguments alive that addresses point to.
    arguments: Vec<Option<HostTensor>>,
    /// For each argument that is carried from run to run: its memory now, and that of the next.
    state: Vec<[Vec<Line>; 2]>,
    /// Of these, the ones whose memory is exchanged from run to run.
    exchanged: Vec<usize>,
    /// Arguments in F32 that were given in F64.
    given: Vec<Vec<f32>>,
    /// A result in F32 that is read in F64.
    narrow: Vec<f32>,
    /// The program, if it is one function of numbers in F64.
    only: Option<Only>,
    outputs: Vec<Runs>,
}

// SAFETY: the addresses point into memory that the machine owns, or into immutable memory that it shares.
unsafe impl Send for Machine {}

impl Machine {
    pub(super) fn new(code: Arc<Code>) -> Self {
        let mut arena = lines(code.arena);
        let start: *mut u8 = arena.as_mut_ptr().cast();
        let address = |buffer: &crate::code::Buffer| match &buffer.origin {
            // SAFETY: the plan counted the arena's bytes.
            Origin::Arena(place) => unsafe { start.add(*place) },
            Origin::Constant(value) => first(value).cast_mut(),
            // An argument without elements stays there: no address of a slice may be null.
            Origin::Input(_) | Origin::Window(_) => start,
        };
        let buffers: Vec<*mut u8> = code.buffers.iter().map(address).collect();
        let mut moving = vec![Vec::new(); code.inputs.len()];
        let mut base = Vec::with_capacity(code.addresses.len());
        for (slot, address) in code.addresses.iter().enumerate() {
            let buffer = &code.buffers[address.buffer];
            if let Origin::Input(number) = buffer.origin {
                moving[number].push(slot);
            }
            base.push(buffers[address.buffer].wrapping_add(address.offset * bytes(buffer.dtype)));
        }
        let outputs = code.outputs.iter().map(|(view, ty)| runs(view, ty.dtype)).collect();
        let arguments = vec![None; code.inputs.len()];
        let only = Only::of(&code);
        Self {
            table: base.clone(),
            crew: Crew::default(),
            code,
            _arena: arena,
            start,
            buffers,
            base,
            moving,
            arguments,
            state: Vec::new(),
            exchanged: Vec::new(),
            given: Vec::new(),
            narrow: Vec::new(),
            only,
            outputs,
        }
    }

    /// Makes an argument the one that the program reads. It is of the argument's type.
    pub(super) fn set_input(&mut self, number: usize, value: &HostTensor) {
        if let Some(argument) = self.arguments.get_mut(number) {
            *argument = Some(value.clone());
            self.point(number, first(value).cast_mut());
        }
    }

    /// Makes the addresses of an argument start at `start`.
    fn point(&mut self, number: usize, start: *mut u8) {
        let Some(buffer) = self.code.inputs[number] else { return };
        self.buffers[buffer] = start;
        for &slot in &self.moving[number] {
            let address = self.code.addresses[slot];
            let offset = address.offset * bytes(self.code.buffers[address.buffer].dtype);
            self.base[slot] = self.buffers[buffer].wrapping_add(offset);
            self.table[slot] = self.base[slot];
        }
    }

    /// Gives arguments that are carried from run to run memory of their own.
    pub(super) fn hold(&mut self, carried: usize) {
        while self.state.len() < carried {
            let (view, ty) = &self.code.outputs[self.state.len()];
            let lines = (view.elements() * bytes(ty.dtype)).div_ceil(64);
            self.state.push([vec![Line([0; 64]); lines], vec![Line([0; 64]); lines]]);
        }
        self.exchanged = (0..carried).collect();
        let code = self.code.clone();
        let functions = code.functions.as_ref().filter(|_| carried == code.carried);
        let Some(functions) = functions else { return };
        self.exchanged.retain(|number| !functions.carried.contains(number));
        for &number in &functions.carried {
            if let Some(value) = &self.arguments[number] {
                let size = value.data().len() * bytes(value.dtype());
                let now: *mut u8 = self.state[number][0].as_mut_ptr().cast();
                // SAFETY: the memory has room for the argument's elements, and is no argument yet.
                unsafe { std::ptr::copy_nonoverlapping(first(value), now, size) };
                self.point(number, now);
            }
        }
    }

    /// Makes the first results the next arguments of the same numbers.
    pub(super) fn carry(&mut self) {
        for &number in &self.exchanged {
            let (view, ty) = &self.code.outputs[number];
            let [_, next] = &mut self.state[number];
            let from = self.buffers[view.buffer].wrapping_add(view.offset * bytes(ty.dtype));
            if view.elements() > 0 {
                // SAFETY: as the module says; the destination has the result's bytes, and is no argument now.
                unsafe { kernels::copy(&self.outputs[number], next.as_mut_ptr().cast(), from) };
            }
        }
        if let Some(functions) =
            self.code.functions.as_ref().filter(|_| self.exchanged.len() < self.state.len())
        {
            // SAFETY: as the module says; `hold` gave these arguments memory of their own.
            unsafe { functions.carry(self.buffers.as_ptr(), self.start) };
        }
        for index in 0..self.exchanged.len() {
            let number = self.exchanged[index];
            let [now, next] = &mut self.state[number];
            std::mem::swap(now, next);
            let start = now.as_mut_ptr().cast();
            self.point(number, start);
        }
    }

    /// The argument that [`Machine::carry`] made of a result.
    pub(super) fn carried(&self, number: usize) -> Result<HostTensor> {
        let (view, ty) = &self.code.outputs[number];
        let [now, _] = &self.state[number];
        let neighbours = View::whole(view.buffer, &view.shape);
        copied(&neighbours.shape, ty.dtype, &runs(&neighbours, ty.dtype), now.as_ptr().cast())
    }

    /// Runs the program on these numbers, if it is one function in F64: false if not.
    ///
    /// # Safety
    /// They are as many as the elements of the arguments, and of the results.
    #[inline]
    pub(super) unsafe fn run_only(&mut self, inputs: &[&[f64]], outputs: &mut [&mut [f64]]) -> bool {
        let Some(only) = &self.only else { return false };
        for (values, buffer) in inputs.iter().zip(&only.inputs) {
            if let Some(buffer) = buffer {
                self.buffers[*buffer] = values.as_ptr().cast::<u8>().cast_mut();
            }
        }
        // SAFETY: as the module says; the machine keeps the function, which reads numbers that are there until it ends.
        unsafe { (only.entry)(self.buffers.as_ptr(), self.start) };
        for (values, (buffer, offset)) in outputs.iter_mut().zip(&only.outputs) {
            let from: *const f64 = self.buffers[*buffer].wrapping_add(*offset).cast();
            // SAFETY: the result has the elements of the view, one after the other; `values` is none of the machine's.
            unsafe {
                match &mut **values {
                    [value] => *value = *from,
                    values => std::ptr::copy_nonoverlapping(from, values.as_mut_ptr(), values.len()),
                }
            }
        }
        true
    }

    /// Makes these numbers the elements of an argument of floats, until another is made one: in place, or copied if they
    /// are not of its dtype.
    ///
    /// # Safety
    /// They are as many as the argument's elements, and there until the last run with them has ended.
    #[inline]
    pub(super) unsafe fn lend(&mut self, number: usize, dtype: DType, values: &[f64]) {
        let start = match dtype {
            DType::F64 => values.as_ptr().cast::<u8>().cast_mut(),
            _ => self.narrowed(number, values),
        };
        self.point(number, start);
    }

    /// A copy of these numbers in F32, in memory of the argument's.
    fn narrowed(&mut self, number: usize, values: &[f64]) -> *mut u8 {
        if self.given.len() <= number {
            self.given.resize_with(number + 1, Vec::new);
        }
        let copy = &mut self.given[number];
        copy.resize(values.len(), 0.0);
        copy.iter_mut().zip(values).for_each(|(copy, &x)| *copy = x as f32);
        copy.as_mut_ptr().cast()
    }

    /// Copies the elements of a result of floats, of as many elements.
    #[inline]
    pub(super) fn read(&mut self, number: usize, values: &mut [f64]) {
        let (view, ty) = &self.code.outputs[number];
        let from = self.buffers[view.buffer].wrapping_add(view.offset * bytes(ty.dtype));
        if values.is_empty() {
            return;
        }
        if ty.dtype == DType::F64 {
            // SAFETY: as the module says; the destination has the view's elements.
            unsafe { kernels::copy(&self.outputs[number], values.as_mut_ptr().cast(), from) };
            return;
        }
        self.narrow.resize(values.len(), 0.0);
        // SAFETY: as the module says; the destination has the view's elements.
        unsafe { kernels::copy(&self.outputs[number], self.narrow.as_mut_ptr().cast(), from) };
        values.iter_mut().zip(&self.narrow).for_each(|(value, &x)| *value = f64::from(x));
    }

    /// Runs the program once.
    pub(super) fn run(&mut self) -> Result<()> {
        self.run_fixed()?;
        self.run_varying()
    }

    /// The first part of a run, the same in each step of an iteration.
    pub(super) fn run_fixed(&mut self) -> Result<()> {
        // SAFETY: the machine keeps its program.
        let code: &Code = unsafe { &*Arc::as_ptr(&self.code) };
        self.run_steps(&code.steps[..code.fixed])
    }

    /// The rest of a run.
    pub(super) fn run_varying(&mut self) -> Result<()> {
        // SAFETY: the machine keeps its program.
        let code: &Code = unsafe { &*Arc::as_ptr(&self.code) };
        self.run_steps(&code.steps[code.fixed..])
    }

    fn run_steps(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps {
            match step {
                // SAFETY: as the module says.
                Step::Run(instruction) => unsafe { run_instruction(&self.table, instruction, instruction.n) },
                // SAFETY: as the module says.
                Step::Copy { runs, to, from } => unsafe {
                    kernels::copy(runs, self.table[*to as usize], self.table[*from as usize]);
                },
                // SAFETY: as the module says.
                Step::Loop(one) => unsafe { self.crew.pass(one, &self.base, &mut self.table) },
                Step::Index(index) => {
                    let [values, indices, to] =
                        [index.values, index.indices, index.to].map(|slot| self.table[slot as usize]);
                    // SAFETY: as the module says.
                    unsafe { run_index(index, values, indices, to)? }
                }
                Step::Host(call) => self.host(call)?,
                Step::Repeat(repeat) => self.repeat(repeat)?,
                Step::Native(region) => {
                    if let Some(functions) = &self.code.functions {
                        // SAFETY: as the module says, of the region's steps.
                        unsafe { functions.call(region.number, self.buffers.as_ptr(), self.start) };
                    }
                }
            }
        }
        Ok(())
    }

    /// Runs the turns of a loop over time.
    fn repeat(&mut self, repeat: &Repeat) -> Result<()> {
        for window in &repeat.windows {
            let start = self.buffers[window.of].wrapping_add(window.start);
            self.buffers[window.buffer] = start;
            for &(slot, offset) in &window.slots {
                self.base[slot as usize] = start.wrapping_add(offset);
                self.table[slot as usize] = self.base[slot as usize];
            }
        }
        for turn in 0..repeat.turns {
            if turn > 0 {
                for window in &repeat.windows {
                    let moved = |address: *mut u8| address.wrapping_offset(window.step);
                    self.buffers[window.buffer] = moved(self.buffers[window.buffer]);
                    for &(slot, _) in &window.slots {
                        self.base[slot as usize] = moved(self.base[slot as usize]);
                        self.table[slot as usize] = self.base[slot as usize];
                    }
                }
            }
            self.run_steps(&repeat.body)?;
        }
        Ok(())
    }

    fn host(&self, call: &HostCall) -> Result<()> {
        let inputs: Vec<HostTensor> =
            call.inputs.iter().map(|view| self.value(view)).collect::<Result<_>>()?;
        let references: Vec<&HostTensor> = inputs.iter().collect();
        let result = HostBackend.run(&call.op, &references, &call.ty)?;
        let size = result.data().len() * bytes(result.dtype());
        // SAFETY: the buffer is of the operation's result type, and so is the result.
        unsafe { std::ptr::copy_nonoverlapping(first(&result), self.buffers[call.to], size) };
        Ok(())
    }

    /// The elements of a view, copied.
    fn value(&self, view: &View) -> Result<HostTensor> {
        let dtype = self.code.buffers[view.buffer].dtype;
        self.copied(view, dtype, &runs(view, dtype))
    }

    /// Result number `number`, copied.
    pub(super) fn output(&self, number: usize) -> Result<HostTensor> {
        let (view, ty) = &self.code.outputs[number];
        self.copied(view, ty.dtype, &self.outputs[number])
    }

    /// A result that is a scalar.
    pub(super) fn scalar(&self, number: usize) -> f64 {
        let (view, ty) = &self.code.outputs[number];
        let address = self.buffers[view.buffer].wrapping_add(view.offset * bytes(ty.dtype));
        // SAFETY: as the module says.
        unsafe {
            match ty.dtype {
                DType::F64 => *address.cast::<f64>(),
                DType::F32 => f64::from(*address.cast::<f32>()),
                DType::I64 => *address.cast::<i64>() as f64,
                DType::Bool => f64::from(*address),
            }
        }
    }

    fn copied(&self, view: &View, dtype: DType, runs: &Runs) -> Result<HostTensor> {
        let from = self.buffers[view.buffer].wrapping_add(view.offset * bytes(dtype));
        copied(&view.shape, dtype, runs, from)
    }
}

/// Elements as `runs` says, which start at an address.
fn copied(shape: &Shape, dtype: DType, runs: &Runs, from: *const u8) -> Result<HostTensor> {
    fn elements<T: Copy>(shape: &Shape, runs: &Runs, from: *const u8, zero: T) -> Arc<Vec<T>> {
        let mut values = vec![zero; shape.elements()];
        if !values.is_empty() {
            // SAFETY: as the module says; the destination has the shape's elements.
            unsafe { kernels::copy(runs, values.as_mut_ptr().cast(), from) };
        }
        Arc::new(values)
    }
    let data = match dtype {
        DType::F64 => HostData::F64(elements(shape, runs, from, 0.0)),
        DType::F32 => HostData::F32(elements(shape, runs, from, 0.0)),
        DType::I64 => HostData::I64(elements(shape, runs, from, 0)),
        DType::Bool => HostData::Bool(elements(shape, runs, from, false)),
    };
    HostTensor::from_data(shape, data)
}

/// The copy of a view to neighbouring elements.
fn runs(view: &View, dtype: DType) -> Runs {
    let to = View::whole(0, &view.shape);
    Runs::between(&view.shape, &to.strides, &view.strides, bytes(dtype))
}

/// Address of the first element.
fn first(value: &HostTensor) -> *const u8 {
    match value.data() {
        HostData::F64(values) => values.as_ptr().cast(),
        HostData::F32(values) => values.as_ptr().cast(),
        HostData::I64(values) => values.as_ptr().cast(),
        HostData::Bool(values) => values.as_ptr().cast(),
    }
}

/// A program that is one function.
struct Only {
    entry: native::Entry,
    /// The buffer of each argument that is used.
    inputs: Vec<Option<usize>>,
    /// Where each result is: a buffer, and bytes from its start.
    outputs: Vec<(usize, usize)>,
}

impl Only {
    fn of(code: &Code) -> Option<Self> {
        let (Some(functions), [Step::Native(region)]) = (&code.functions, &code.steps[..]) else {
            return None;
        };
        let float = |buffer: &usize| code.buffers[*buffer].dtype == DType::F64;
        let place = |(view, ty): &(View, TensorType)| {
            let fits = ty.dtype == DType::F64 && view.is_contiguous();
            fits.then_some((view.buffer, view.offset * bytes(ty.dtype)))
        };
        Some(Self {
            entry: functions.entry(region.number)?,
            inputs: code.inputs.iter().flatten().all(float).then(|| code.inputs.clone())?,
            outputs: code.outputs.iter().map(place).collect::<Option<_>>()?,
        })
    }
}
