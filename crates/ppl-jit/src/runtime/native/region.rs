//! Which steps of a program become functions.

use std::collections::BTreeSet;

use ppl_tensor::DType;

use super::element::{self, Element, element};
use super::emit::arguments;
use crate::code::{Action, Code, Instruction, Origin, Repeat, Slot, Step, Window};

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
    /// Of a loop over time: how often the steps run, and on which memory.
    turns: Option<(usize, Vec<Window>)>,
    /// The number of the function.
    pub(crate) number: usize,
    /// Slots of buffers that other steps know as well: written, and read.
    pub(crate) outside: (Vec<Slot>, Vec<Slot>),
    /// Buffers that other steps, or other turns, read or write.
    shared: BTreeSet<usize>,
}

impl Region {
    fn new(steps: Vec<Step>, turns: Option<(usize, Vec<Window>)>) -> Self {
        Self { steps, turns, number: 0, outside: Default::default(), shared: BTreeSet::new() }
    }

    /// Whether others see what is written to a buffer.
    pub(super) fn shows(&self, buffer: usize) -> bool {
        self.shared.contains(&buffer)
    }

    /// Whether it is a loop.
    pub(super) fn is_loop(&self) -> bool {
        self.turns.is_some()
    }

    /// How often the steps run.
    pub(crate) fn turns(&self) -> usize {
        self.turns.as_ref().map_or(1, |(turns, _)| *turns)
    }

    /// The arguments that it reads.
    pub(super) fn inputs(&self, code: &Code) -> impl Iterator<Item = usize> {
        let is_input = |buffer: &usize| matches!(code.buffers[*buffer].origin, Origin::Input(_));
        let slots = self.steps.iter().flat_map(|step| step.slots().1);
        let buffers: BTreeSet<usize> = slots.map(|slot| code.addresses[slot as usize].buffer).collect();
        buffers.into_iter().filter(is_input)
    }

    /// Memory that moves from turn to turn.
    pub(crate) fn windows(&self) -> &[Window] {
        self.turns.as_ref().map_or(&[], |(_, windows)| windows)
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
    let mut moves = |windows: &[Window]| {
        touched.extend(windows.iter().flat_map(|window| [window.buffer, window.of]));
    };
    match step {
        Step::Loop(one) => {
            touched.extend(one.streams.iter().map(|stream| code.addresses[stream.slot as usize].buffer));
        }
        Step::Host(call) => {
            touched.extend(call.inputs.iter().map(|view| view.buffer));
            touched.insert(call.to);
            written.insert(call.to);
        }
        Step::Repeat(repeat) => moves(&repeat.windows),
        Step::Native(region) => moves(region.windows()),
        Step::Run(_) | Step::Copy { .. } | Step::Index(_) => {}
    }
    let inner = match step {
        Step::Repeat(repeat) => repeat.body.as_slice(),
        Step::Native(region) => region.steps.as_slice(),
        _ => &[],
    };
    for (more_written, more_touched) in inner.iter().map(|step| buffers(code, step)) {
        written.extend(more_written);
        touched.extend(more_touched);
    }
    (written, touched)
}

/// The memory that a buffer is part of.
fn root(code: &Code, mut buffer: usize) -> usize {
    while let Origin::Window(of) = code.buffers[buffer].origin {
        buffer = of;
    }
    buffer
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
        let [written, touched]: [BTreeSet<usize>; 2] =
            [written, touched].map(|all| all.into_iter().map(|buffer| root(code, buffer)).collect());
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
    let steps: Vec<Step> = steps.into_iter().map(|step| looped(code, step, budget)).collect();
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
                1 if !group.is_empty() => result.push(Step::Native(Box::new(Region::new(group, None)))),
                _ => result.append(&mut group),
            }
        }
    }
    result
}

/// A loop over time with its small steps in regions; one of small steps alone is a region itself.
fn looped(code: &Code, step: Step, budget: &mut usize) -> Step {
    let Step::Repeat(repeat) = step else { return step };
    let Repeat { turns, windows, body } = *repeat;
    let mut body = grouped(code, body, budget);
    if let [Step::Native(region)] = body.as_mut_slice()
        && !region.is_loop()
    {
        return Step::Native(Box::new(Region::new(
            std::mem::take(&mut region.steps),
            Some((turns, windows)),
        )));
    }
    Step::Repeat(Box::new(Repeat { turns, windows, body }))
}

/// Counts for each buffer how many steps touch it; loops count, and their steps.
fn count(code: &Code, steps: &[Step], users: &mut [usize]) {
    for step in steps {
        buffers(code, step).1.into_iter().for_each(|buffer| users[buffer] += 1);
        if let Step::Repeat(repeat) = step {
            count(code, &repeat.body, users);
        }
    }
}

/// Finds what each region shares with other steps.
fn share(code: &mut Code) {
    let mut users = vec![0_usize; code.buffers.len()];
    count(code, &code.steps, &mut users);
    code.outputs.iter().for_each(|(view, _)| users[view.buffer] += 1);
    let mut steps = std::mem::take(&mut code.steps);
    let mut number = 0;
    share_steps(code, &mut steps, 1, &users, &mut number);
    code.steps = steps;
}

/// `own` is how often a step's buffers were counted for it alone: once, and once for each loop around.
fn share_steps(code: &Code, steps: &mut [Step], own: usize, users: &[usize], number: &mut usize) {
    for step in steps {
        if let Step::Repeat(repeat) = step {
            share_steps(code, &mut repeat.body, own + 1, users, number);
        }
        let touched = buffers(code, step).1;
        let Step::Native(region) = step else { continue };
        region.number = *number;
        *number += 1;
        let is_shared = |buffer: &usize| {
            users[*buffer] > own || matches!(code.buffers[*buffer].origin, Origin::Window(_))
        };
        region.shared = touched.into_iter().filter(is_shared).collect();
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
