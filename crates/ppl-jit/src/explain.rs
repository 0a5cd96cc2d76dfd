//! What a program does, in words.

use std::fmt::Write;

use crate::code::{Code, Instruction, Loop, Origin, Step, bytes};

/// Estimates of a run.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    /// Elements computed, with two for each product that is added.
    operations: usize,
    /// Read from or written to arrays that are no values of a block.
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
            Step::Run(instruction) => of_instruction(instruction, instruction.n),
            Step::Copy { runs, .. } => {
                let elements: usize = runs.sizes.iter().product();
                self.line(&format!("copy {elements} elements"));
                Work { operations: 0, bytes: 2 * elements * runs.bytes }
            }
            Step::Index(index) => {
                let elements = index.batch * index.middle * index.chosen * index.inner;
                let name = if index.adds { "scatter_add" } else { "gather" };
                self.line(&format!("{name} {elements} elements"));
                Work { operations: 0, bytes: 2 * elements * bytes(index.dtype) }
            }
            Step::Native(region) => {
                let mut work = Work::default();
                let mut names = Vec::with_capacity(region.steps.len());
                for step in &region.steps {
                    match step {
                        Step::Run(instruction) => {
                            work += of_instruction(instruction, instruction.n);
                            names.push(instruction.name);
                        }
                        _ => names.push("copy"),
                    }
                }
                let turns = region.turns();
                let times = if turns == 1 { String::new() } else { format!("{turns} times, in order, ") };
                self.line(&format!(
                    "{times}{} instructions in machine code: {}",
                    names.len(),
                    names.join(", ")
                ));
                Work { operations: work.operations * turns, bytes: 0 }
            }
            Step::Host(call) => {
                self.line(&format!("{} {} by the host backend", call.op.name(), call.ty.shape));
                Work::default()
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
        "combine" | "contract" => 2 * a * n,
        "matmul" => 2 * b * n,
        "reduce" => a * n,
        _ => n,
    };
    Work { operations, bytes: 0 }
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
