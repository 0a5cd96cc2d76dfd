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

/// The instructions of a program, its passes over large arrays, its memory, and what a run costs. An operation counts as
/// one, whatever it is.
pub(crate) fn explain(code: &Code) -> String {
    let mut text = String::new();
    let mut work = Work::default();
    let mut scalars: Vec<String> = Vec::new();
    let mut body = String::new();
    for (number, step) in code.steps.iter().enumerate() {
        if number == code.fixed && number > 0 {
            flush(&mut body, &mut scalars);
            body.push_str("  in each step of an iteration:\n");
        }
        if let Step::Run(instruction) = step {
            scalars.push(match instruction.n {
                n if n > SHORT => format!("{} of {n}", instruction.name),
                _ => instruction.name.to_owned(),
            });
            work += of_instruction(instruction, instruction.n);
            continue;
        }
        flush(&mut body, &mut scalars);
        match step {
            Step::Run(_) => {}
            Step::Copy { runs, .. } => {
                let elements: usize = runs.sizes.iter().product();
                work += Work { operations: 0, bytes: 2 * elements * runs.bytes };
                let _ = writeln!(body, "  copy {elements} elements");
            }
            Step::Index(index) => {
                let elements = index.batch * index.middle * index.chosen * index.inner;
                work += Work { operations: 0, bytes: 2 * elements * bytes(index.dtype) };
                let name = if index.adds { "scatter_add" } else { "gather" };
                let _ = writeln!(body, "  {name} {elements} elements");
            }
            Step::Host(call) => {
                let _ = writeln!(body, "  {} {} by the host backend", call.op.name(), call.ty.shape);
            }
            Step::Loop(one) => {
                let all = of_loop(code, one);
                work += all;
                let outer: String = one.outer.iter().map(|size| format!("{size} x ")).collect();
                let names: Vec<&str> = one.body.iter().map(|instruction| instruction.name).collect();
                let _ = writeln!(
                    body,
                    "  loop {outer}{} in blocks of {}{}: {} ({} operations, {} bytes)",
                    one.inner,
                    one.block,
                    one.chunks
                        .as_ref()
                        .map_or_else(String::new, |chunks| format!(", chunks of {}", chunks.size)),
                    names.join(", "),
                    all.operations,
                    all.bytes
                );
            }
        }
    }
    flush(&mut body, &mut scalars);
    let constants: usize = code
        .buffers
        .iter()
        .filter(|buffer| matches!(buffer.origin, Origin::Constant(_)))
        .map(|buffer| buffer.elements * bytes(buffer.dtype))
        .sum();
    let _ = writeln!(
        text,
        "{} arguments, {} results, {} bytes of memory, {constants} bytes of constants; a run: about {} operations on \
         {} bytes",
        code.inputs.len(),
        code.outputs.len(),
        code.arena,
        work.operations,
        work.bytes
    );
    text + &body
}

/// Instructions on more elements are listed with their number.
const SHORT: usize = 32;

/// Instructions on small arrays, on a line.
fn flush(body: &mut String, names: &mut Vec<String>) {
    if !names.is_empty() {
        let _ = writeln!(body, "  {} instructions: {}", names.len(), names.join(", "));
        names.clear();
    }
}

fn of_instruction(instruction: &Instruction, n: usize) -> Work {
    let [a, b, c, _] = instruction.immediate;
    let operations = match instruction.name {
        "combine" | "contract" => 2 * a * n,
        "matmul" => 2 * a * b * c,
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
