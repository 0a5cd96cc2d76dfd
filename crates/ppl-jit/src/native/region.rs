//! Which steps of a program become functions.

use std::collections::BTreeSet;

use ppl_tensor::DType;

use super::element::{self, Element, element};
use super::emit::arguments;
use crate::code::{Action, Code, Instruction, Slot, Step};

/// Steps of more operations on elements than this are not worth to be unrolled.
const SMALL: usize = 64;

/// The same for operations by functions: kernels on vectors do several of these at once.
const FEW_CALLS: usize = 8;

/// Operations of a program that are unrolled at most, so that it is compiled in little time.
const MOST: usize = 6000;

/// Steps that are one function.
#[derive(Clone)]
pub(crate) struct Region {
    pub(crate) steps: Vec<Step>,
    /// The number of the function.
    pub(crate) number: usize,
    /// Slots of buffers that other steps know as well: written, and read.
    pub(crate) outside: (Vec<Slot>, Vec<Slot>),
    /// Buffers that other steps read or write.
    shared: BTreeSet<usize>,
}

impl Region {
    /// Whether others see what is written to a buffer.
    pub(super) fn shows(&self, buffer: usize) -> bool {
        self.shared.contains(&buffer)
    }
}

/// Groups a program's small steps, in an order that makes few groups.
pub(super) fn form(code: &mut Code) {
    let mut budget = MOST;
    let varying = code.steps.split_off(code.fixed);
    let fixed = std::mem::take(&mut code.steps);
    code.steps = grouped(code, fixed, &mut budget);
    code.fixed = code.steps.len();
    let varying = grouped(code, varying, &mut budget);
    code.steps.extend(varying);
    share(code);
}

/// The results of few elements that are arguments of the next step of an iteration.
pub(super) fn carried(code: &Code) -> Vec<usize> {
    let mut left = MOST;
    let few = |number: &usize| {
        let (view, ty) = &code.outputs[*number];
        let elements = view.elements();
        let buffer = code.inputs[*number].map(|buffer| &code.buffers[buffer]);
        let same = buffer.is_some_and(|to| to.dtype == ty.dtype && to.elements == elements);
        let fits = same && elements <= SMALL && elements <= left;
        left -= if fits { elements } else { 0 };
        fits
    };
    (0..code.carried).filter(few).collect()
}

/// The buffers that a step writes, and all that it touches.
fn buffers(code: &Code, step: &Step) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let of = |slots: &[Slot]| slots.iter().map(|&slot| code.addresses[slot as usize].buffer).collect();
    let (written, read) = step.slots();
    let (mut written, read): (BTreeSet<usize>, BTreeSet<usize>) = (of(&written), of(&read));
    let mut touched: BTreeSet<usize> = &written | &read;
    match step {
        Step::Loop(one) => {
            touched.extend(one.streams.iter().map(|stream| code.addresses[stream.slot as usize].buffer));
        }
        Step::Host(call) => {
            touched.extend(call.inputs.iter().map(|view| view.buffer));
            touched.insert(call.to);
            written.insert(call.to);
        }
        _ => {}
    }
    (written, touched)
}

/// The steps, with those that are small in regions. A step stays behind those that write what it touches, and those that
/// touch what it writes.
fn grouped(code: &Code, steps: Vec<Step>, budget: &mut usize) -> Vec<Step> {
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    let mut waits = vec![0_usize; steps.len()];
    // The last step that wrote each buffer, and those that touched it since.
    let mut last: Vec<(Option<usize>, Vec<usize>)> = vec![(None, Vec::new()); code.buffers.len()];
    for (number, step) in steps.iter().enumerate() {
        let (written, touched) = buffers(code, step);
        let mut before = BTreeSet::new();
        for buffer in touched {
            let (writer, users) = &mut last[buffer];
            before.extend(*writer);
            if written.contains(&buffer) {
                before.extend(users.drain(..));
                *writer = Some(number);
            } else {
                users.push(number);
            }
        }
        waits[number] = before.len();
        before.into_iter().for_each(|earlier| followers[earlier].push(number));
    }
    let small: Vec<bool> = steps
        .iter()
        .map(|step| match cost(code, step) {
            Some(cost) if cost <= *budget => {
                *budget -= cost;
                true
            }
            _ => false,
        })
        .collect();
    let mut ready: [BTreeSet<usize>; 2] = Default::default();
    for number in (0..steps.len()).filter(|&number| waits[number] == 0) {
        ready[usize::from(small[number])].insert(number);
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut result = Vec::new();
    while ready.iter().any(|ready| !ready.is_empty()) {
        for kind in [1, 0] {
            let mut group = Vec::new();
            // What becomes ready meanwhile belongs to the group of its kind.
            while let Some(number) = ready[kind].pop_first() {
                group.extend(steps[number].take());
                for &follower in &followers[number] {
                    waits[follower] -= 1;
                    if waits[follower] == 0 {
                        ready[usize::from(small[follower])].insert(follower);
                    }
                }
            }
            match kind {
                1 if !group.is_empty() => result.push(Step::Native(Box::new(Region {
                    steps: group,
                    number: 0,
                    outside: Default::default(),
                    shared: BTreeSet::new(),
                }))),
                _ => result.append(&mut group),
            }
        }
    }
    result
}

/// Finds what each region shares with other steps.
fn share(code: &mut Code) {
    let touched: Vec<BTreeSet<usize>> = code
        .steps
        .iter()
        .map(|step| match step {
            Step::Native(region) => region.steps.iter().flat_map(|step| buffers(code, step).1).collect(),
            _ => buffers(code, step).1,
        })
        .collect();
    let mut users = vec![0_usize; code.buffers.len()];
    touched.iter().flatten().for_each(|&buffer| users[buffer] += 1);
    code.outputs.iter().for_each(|(view, _)| users[view.buffer] += 1);
    let mut number = 0;
    for (step, touched) in code.steps.iter_mut().zip(touched) {
        let Step::Native(region) = step else { continue };
        region.number = number;
        number += 1;
        region.shared = touched.into_iter().filter(|&buffer| users[buffer] > 1).collect();
        let shared = |slot: &Slot| region.shared.contains(&code.addresses[*slot as usize].buffer);
        let (mut written, mut read) = (Vec::new(), Vec::new());
        for (writes, reads) in region.steps.iter().map(Step::slots) {
            written.extend(writes.into_iter().filter(shared));
            read.extend(reads.into_iter().filter(shared));
        }
        region.outside = (written, read);
    }
}

/// How many operations on elements a step comes to; none if it is no part of a region.
fn cost(code: &Code, step: &Step) -> Option<usize> {
    let cost = match step {
        Step::Run(instruction) => of_instruction(code, instruction)?,
        Step::Copy { runs, .. } => runs.sizes.iter().product(),
        _ => return None,
    };
    (cost <= SMALL).then_some(cost)
}

fn of_instruction(code: &Code, instruction: &Instruction) -> Option<usize> {
    let dtype = |slot: Slot| code.buffers[code.addresses[slot as usize].buffer].dtype;
    let n = instruction.n;
    let [a, b, c, _] = instruction.immediate;
    match instruction.action.as_deref()? {
        Action::Fill => Some(n),
        Action::Map { op, .. } => {
            let dtypes: Vec<DType> =
                instruction.sources[..arguments(op)].iter().map(|&slot| dtype(slot)).collect();
            match element(op, &dtypes)? {
                Element::Inline => Some(n),
                Element::Call(_) => (n <= FEW_CALLS).then_some(4 * n),
            }
        }
        Action::Reduce { kind, .. } => {
            (a > 0 && element::joins(*kind, dtype(instruction.dst))).then_some(n * a)
        }
        Action::Matmul => (b > 0).then_some(a * b * c),
    }
}
