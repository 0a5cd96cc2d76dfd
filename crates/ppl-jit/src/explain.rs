//! What a program does, in words.

use std::collections::BTreeMap;
use std::fmt::Write;

use ppl_tensor::DType;

use crate::code::{Action, Code, HostCall, Instruction, Loop, Origin, Slot, Step, bytes};
use crate::plan::View;
use crate::runtime::kernels::{Call, Form};
use crate::runtime::native::Region;

/// Estimates of a run.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    /// Elements computed, with two for each product that is added.
    operations: usize,
    /// Read from or written to arrays: not values that stay in a block, or in the registers of machine code.
    bytes: usize,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.bytes += other.bytes;
    }
}

/// The instructions of a program, its passes over large arrays, its loops over time, its memory, and what a run costs. An
/// operation counts as one, whatever it is.
pub(crate) fn explain(code: &Code) -> String {
    let mut listing = Listing { code, text: String::new(), scalars: Vec::new(), depth: 1 };
    let mut work = Work::default();
    let (once, each) = code.steps.split_at(code.fixed);
    work += listing.steps(once);
    if !once.is_empty() {
        listing.line("in each step of an iteration:");
    }
    work += listing.steps(each);
    let constants: usize = code
        .buffers
        .iter()
        .filter(|buffer| matches!(buffer.origin, Origin::Constant(_)))
        .map(|buffer| buffer.elements * bytes(buffer.dtype))
        .sum();
    let head = format!(
        "{} arguments, {} results, {} bytes of memory, {constants} bytes of constants; a run: about {} operations on \
         {} bytes\n",
        code.inputs.len(),
        code.outputs.len(),
        code.arena,
        work.operations,
        work.bytes
    );
    let notes: String = code.notes.iter().map(|note| format!("  {note}\n")).collect();
    head + &notes + &listing.text
}

/// Instructions on more elements are listed with their number.
const SHORT: usize = 32;

/// Steps, being listed.
struct Listing<'a> {
    code: &'a Code,
    text: String,
    /// Instructions on small arrays, to be put on a line.
    scalars: Vec<String>,
    /// Of loops over time around.
    depth: usize,
}

impl Listing<'_> {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:width$}{line}", "", width = 2 * self.depth);
    }

    fn steps(&mut self, steps: &[Step]) -> Work {
        let mut work = Work::default();
        for step in steps {
            if let Step::Run(instruction) = step {
                self.scalars.push(match instruction.n {
                    n if n > SHORT => format!("{} of {n}", instruction.name),
                    _ => instruction.name.to_owned(),
                });
            } else {
                self.flush();
            }
            work += self.step(step);
        }
        self.flush();
        work
    }

    fn flush(&mut self) {
        let names = std::mem::take(&mut self.scalars);
        if !names.is_empty() {
            self.line(&format!("{} instructions: {}", names.len(), names.join(", ")));
        }
    }

    fn step(&mut self, step: &Step) -> Work {
        match step {
            Step::Run(instruction) => {
                let Work { operations, .. } = of_instruction(instruction, instruction.n);
                Work { operations, bytes: memory(self.code, [instruction], |_| true) }
            }
            Step::Copy { runs, .. } => {
                let elements: usize = runs.sizes.iter().product();
                self.line(&format!("copy {elements} elements"));
                Work { operations: 0, bytes: 2 * elements * runs.bytes }
            }
            Step::Index(index) => {
                let elements = index.batch * index.middle * index.chosen * index.inner;
                let name = if index.adds { "scatter_add" } else { "gather" };
                self.line(&format!("{name} {elements} elements"));
                let indices = index.batch * index.chosen * bytes(DType::I64);
                let operations = if index.adds { elements } else { 0 };
                Work { operations, bytes: 2 * elements * bytes(index.dtype) + indices }
            }
            Step::Native(region) => {
                let names: Vec<&str> = region
                    .steps
                    .iter()
                    .map(|step| instruction(step).map_or("copy", |one| one.name))
                    .collect();
                let turns = region.turns();
                let times = if turns == 1 { String::new() } else { format!("{turns} times, in order, ") };
                let (count, names) = (names.len(), names.join(", "));
                self.line(&format!("{times}{count} instructions in machine code: {names}"));
                of_region(self.code, region)
            }
            Step::Host(call) => {
                self.line(&format!("{} {} by the host backend", call.op.name(), call.ty.shape));
                of_host(self.code, call)
            }
            Step::Repeat(repeat) => {
                self.line(&format!("{} times, in order:", repeat.turns));
                self.depth += 1;
                let turn = self.steps(&repeat.body);
                self.depth -= 1;
                Work { operations: turn.operations * repeat.turns, bytes: turn.bytes * repeat.turns }
            }
            Step::Loop(one) => {
                let all = of_loop(self.code, one);
                let outer: String = one.outer.iter().map(|size| format!("{size} x ")).collect();
                let names: Vec<&str> = one.body.iter().map(|instruction| instruction.name).collect();
                let chunks = one.chunks.as_ref();
                let chunks = chunks.map_or_else(String::new, |chunks| format!(", chunks of {}", chunks.size));
                self.line(&format!(
                    "loop {outer}{} in blocks of {}{chunks}: {} ({} operations, {} bytes)",
                    one.inner,
                    one.block,
                    names.join(", "),
                    all.operations,
                    all.bytes
                ));
                all
            }
        }
    }
}

fn of_instruction(instruction: &Instruction, n: usize) -> Work {
    let [a, b, ..] = instruction.immediate;
    let operations = match instruction.name {
        "fill" | "load" => 0,
        "combine" | "contract" => 2 * a * n,
        "mul_add" | "linear_recurrence" => 2 * n,
        "matmul" => 2 * b * n,
        "reduce" => a * n,
        // Of `a` rows: half of the products of a matrix with a matrix, a third of that, and about nine times as many.
        "triangular_solve" => a * n,
        "cholesky" => a * n / 3,
        "eigh" => 9 * a * n,
        // Each is compared with as many as its number has digits.
        "argsort" => a.max(1).ilog2() as usize * n,
        _ => n,
    };
    Work { operations, bytes: 0 }
}

/// The instruction of a step that is one.
fn instruction(step: &Step) -> Option<&Instruction> {
    match step {
        Step::Run(instruction) => Some(instruction),
        _ => None,
    }
}

/// Of an operation that is not the compiler's: a value costs one.
fn of_host(code: &Code, call: &HostCall) -> Work {
    let read = |view: &View| view.elements() * bytes(code.buffers[view.buffer].dtype);
    let elements = call.ty.shape.elements();
    let all = call.inputs.iter().map(read).sum::<usize>() + elements * bytes(call.ty.dtype);
    Work { operations: elements, bytes: all }
}

/// Of machine code, which reads what it is given and writes what others want of it, in each turn.
fn of_region(code: &Code, region: &Region) -> Work {
    let mut work = Work::default();
    for step in &region.steps {
        match step {
            Step::Run(one) => work += of_instruction(one, one.n),
            Step::Copy { runs, .. } => {
                work.bytes += 2 * runs.sizes.iter().product::<usize>() * runs.bytes;
            }
            _ => {}
        }
    }
    let (written, read) = &region.outside;
    let is_given = |slot: Slot| {
        matches!(
            code.buffers[code.addresses[slot as usize].buffer].origin,
            Origin::Input(_) | Origin::Constant(_)
        )
    };
    let is_memory = |slot: Slot| written.contains(&slot) || read.contains(&slot) || is_given(slot);
    work.bytes += memory(code, region.steps.iter().filter_map(instruction), is_memory);
    Work { operations: work.operations * region.turns(), bytes: work.bytes * region.turns() }
}

/// Bytes that instructions read and write, those in each place once.
fn memory<'a>(
    code: &Code,
    instructions: impl IntoIterator<Item = &'a Instruction>,
    is_memory: impl Fn(Slot) -> bool,
) -> usize {
    let mut touched: BTreeMap<(Slot, bool), usize> = BTreeMap::new();
    for one in instructions {
        let mut touch = |slot: Slot, written: bool, elements: usize| {
            let most = touched.entry((slot, written)).or_default();
            *most = elements.max(*most);
        };
        one.writes().into_iter().for_each(|slot| touch(slot, true, one.n));
        let sources = one.reads();
        let used = match one.call {
            Call::Unary64(_) | Call::Unary32(_) => 1,
            Call::Binary64(_) | Call::Binary32(_) => 2,
            Call::Kernel(_) | Call::Scattered(_) | Call::Paired(_) => sources.len(),
        };
        for (place, &slot) in sources.iter().enumerate().take(used) {
            // A source that is not used repeats another slot, or is the first of all.
            let is_used = slot != one.dst && (place == 0 || slot > 0 || one.action.is_some());
            if is_used && !sources[..place].contains(&slot) {
                touch(slot, false, read_of(one, place));
            }
        }
    }
    let bytes_of = |(&(slot, _), &elements): (&(Slot, bool), &usize)| {
        let address = code.addresses[slot as usize];
        let buffer = &code.buffers[address.buffer];
        elements.min(buffer.elements - address.offset.min(buffer.elements)) * bytes(buffer.dtype)
    };
    touched.iter().filter(|((slot, _), _)| is_memory(*slot)).map(bytes_of).sum()
}

/// How many elements an instruction reads of a source, at most.
fn read_of(instruction: &Instruction, place: usize) -> usize {
    match instruction.action.as_deref() {
        Some(Action::Fill) => 1,
        Some(Action::Map { forms, .. }) if forms.get(place) == Some(&Form::Same) => 1,
        Some(Action::Map { .. }) => instruction.n,
        Some(Action::Reduce { .. }) => instruction.immediate[0] * instruction.n,
        None if instruction.name == "reduce" => instruction.immediate[0] * instruction.n,
        Some(Action::Matmul) | None => usize::MAX,
    }
}

fn of_loop(code: &Code, one: &Loop) -> Work {
    let turns = one.outer.iter().product::<usize>();
    let mut work = Work::default();
    for instruction in &one.body {
        work += of_instruction(instruction, turns * one.inner);
    }
    for stream in &one.streams {
        let buffer = &code.buffers[code.addresses[stream.slot as usize].buffer];
        let of_rows: usize = one
            .outer
            .iter()
            .zip(&stream.outer)
            .filter(|(_, step)| **step > 0)
            .map(|(size, _)| size)
            .product();
        let of_inner = if stream.inner > 0 { one.inner } else { 1 };
        let touched = (of_rows * of_inner).max(1).min(buffer.elements.max(1));
        // A matrix is gone through by all its rows at once.
        let rows = if stream.inner > 0 && buffer.elements > touched { buffer.elements / touched } else { 1 };
        work += Work { operations: 0, bytes: touched * rows * bytes(buffer.dtype) };
    }
    work
}
