//! The instructions of a pass: one for each operation, or for several that a kernel does together.

use std::collections::HashMap;

use ppl_tensor::DType;

use super::fuse::{Argument, Part, Task};
use super::lower::{Lower, map_kernel};
use crate::code::{Instruction, Slot, bytes};
use crate::ir::{Id, Kind};
use crate::runtime::kernels::{self, Call, Form, Immediate, Sources};

/// Instructions of a pass, being written.
pub(super) struct Body<'l, 'a> {
    lower: &'l mut Lower<'a>,
    /// Slot and inner stride of each access.
    slots: Vec<(Slot, usize)>,
    /// The number of elements, if instructions are not in a loop.
    single: Option<usize>,
    /// Where the values of operations are.
    places: HashMap<Id, Slot>,
    /// Slots of temporaries that nobody reads any more.
    free: Vec<Slot>,
    /// Buffers of temporaries: a block each, of elements of any size.
    temporaries: Vec<usize>,
    code: Vec<Instruction>,
}

impl<'l, 'a> Body<'l, 'a> {
    pub(super) fn new(lower: &'l mut Lower<'a>, slots: Vec<(Slot, usize)>, single: Option<usize>) -> Self {
        let (places, free, temporaries, code) = (HashMap::new(), Vec::new(), Vec::new(), Vec::new());
        Self { lower, slots, single, places, free, temporaries, code }
    }

    /// The instructions of all parts, and the buffers of what is between them.
    pub(super) fn write(mut self, parts: &[Part]) -> (Vec<Instruction>, Vec<usize>) {
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
        (self.code, self.temporaries)
    }

    /// Whether all elements of the inner dimension are joined in one.
    fn is_one_total(&self, part: &Part) -> bool {
        part.to.is_some_and(|index| self.slots[index].1 == 0)
    }

    fn temporary(&mut self) -> Slot {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        // As wide as any element.
        let buffer = self.lower.buffer(DType::F64, 0);
        self.temporaries.push(buffer);
        self.lower.slot(buffer, 0)
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

    /// Where a kernel writes its second result, the value of this operation.
    fn second(&mut self, id: Id) -> Slot {
        let other = self.temporary();
        self.places.insert(id, other);
        other
    }

    fn push(
        &mut self,
        call: impl Into<Call>,
        name: &'static str,
        dst: Slot,
        sources: [Slot; 3],
        immediate: Immediate,
    ) {
        let n = self.single.unwrap_or(0);
        self.code.push(Instruction { call: call.into(), dst, sources, n, immediate, name, action: None });
    }

    fn part(&mut self, part: &Part, loaded: &mut Vec<Slot>) {
        let ir = self.lower.ir;
        let node = &ir.nodes[part.id.0];
        let Kind::Op(op, inputs) = &node.kind else { return };
        let dtypes: Vec<DType> = inputs.iter().map(|&input| ir.ty(input).dtype).collect();
        let each = Sources { forms: [Form::Each; 3], single: false };
        if matches!(part.task, Task::Mix { .. } | Task::Project { .. }) {
            return self.scattered(part);
        }
        let mut sources = [0; 3];
        let mut forms = [Form::Each; 3];
        for (i, &argument) in part.arguments.iter().enumerate() {
            let is_matrix = match part.task {
                Task::Combine { .. } => i < 2,
                Task::Contract { .. } => i == 1,
                _ => false,
            };
            let spreads = match part.task {
                Task::Map => {
                    part.arguments.len() > 1
                        && map_kernel(op, &dtypes, each).is_some_and(|(call, _)| call.spreads())
                }
                Task::MulAdd(_) => i > 0,
                Task::Combine { .. } => i == 2,
                Task::Fold(_)
                | Task::Logs
                | Task::Softplus(_)
                | Task::Pair(..)
                | Task::Contract { .. }
                | Task::Mix { .. }
                | Task::Project { .. } => false,
            };
            (sources[i], forms[i]) = match (argument, is_matrix) {
                // The kernel knows the distances.
                (Argument::Memory(index), true) => (self.slots[index].0, Form::Each),
                _ => self.operand(argument, dtypes.get(i).copied().unwrap_or(dtypes[0]), spreads, loaded),
            };
        }
        let (dtype, total) = (node.ty.dtype, self.is_one_total(part));
        let forgets = kernels::total_immediate(self.single.is_some());
        let found = match part.task {
            Task::Map => map_kernel(op, &dtypes, Sources { forms, single: false })
                .map(|(call, name)| (call, name, [0; 4])),
            Task::MulAdd(kind) => {
                let kernel = kernels::mul_add_of(kind, dtype, forms[1], forms[2]);
                kernel.map(|kernel| (kernel.into(), "mul_add", [0; 4]))
            }
            Task::Pair(pair, second) => {
                sources[1] = self.second(second);
                kernels::both(pair, dtype).map(|kernel| (Call::Paired(kernel), pair.name(), [0; 4]))
            }
            Task::Softplus(second) => {
                sources[1] = self.second(second);
                let kernel = kernels::total_of_softplus(dtype);
                kernel.map(|kernel| (Call::Paired(kernel), "sum of softplus, sigmoid", forgets))
            }
            Task::Logs => kernels::total_of_logs(dtype).map(|kernel| (kernel.into(), "sum of logs", forgets)),
            Task::Fold(kind) => match self.single {
                Some(n) => {
                    kernels::reduce_rows(kind, dtype).map(|kernel| (kernel.into(), "reduce", [n, 0, 0, 0]))
                }
                None => kernels::accumulate(kind, dtype, total)
                    .map(|kernel| (kernel.into(), "accumulate", [0; 4])),
            },
            Task::Combine { immediate: [count, step, row, _], across, start, shifted } => {
                let immediate = [count, step, row, start.encoded(forms[2], shifted)];
                kernels::combine(dtype, across).map(|kernel| (kernel.into(), "combine", immediate))
            }
            Task::Contract { immediate: [count, step, row, _], across, moments } => {
                let immediate =
                    [count, step, row, kernels::contraction_flags(self.single.is_some(), moments)];
                kernels::contract(dtype, across).map(|kernel| (kernel.into(), "contract", immediate))
            }
            Task::Mix { .. } | Task::Project { .. } => None,
        };
        let Some((call, name, immediate)): Option<(Call, _, _)> = found else { return };
        let dst = match part.to {
            Some(index) => self.slots[index].0,
            None => self.temporary(),
        };
        self.places.insert(part.id, dst);
        self.push(call, name, dst, sources, immediate);
        if let (Task::Fold(_), Some(_), Some(last)) = (part.task, self.single, self.code.last_mut()) {
            last.n = 1;
        }
    }

    /// A part whose coefficients and rows have entries of the table next to each other.
    fn scattered(&mut self, part: &Part) {
        let dtype = self.lower.ir.ty(part.id).dtype;
        let mut loaded = Vec::new();
        let slot = |argument: Option<&Argument>| match argument {
            Some(Argument::Memory(index)) => self.slots[*index].0,
            _ => 0,
        };
        let (kernel, name, entries, one, immediate) = match part.task {
            Task::Mix { count, start, shifted } => {
                let coefficients = count + usize::from(shifted);
                let entries = [slot(part.arguments.first()), slot(part.arguments.get(coefficients))];
                let term = part.arguments.get(coefficients + count).copied();
                let (term, form) = match term {
                    Some(term) => self.operand(term, dtype, true, &mut loaded),
                    None => (entries[0], Form::Same),
                };
                let immediate = [count, coefficients, count, start.encoded(form, shifted)];
                (kernels::combine_scattered(dtype), "combine", entries, term, immediate)
            }
            Task::Project { count, moments } => {
                let entry = slot(part.arguments.get(1));
                let (value, _) = self.operand(part.arguments[0], dtype, false, &mut loaded);
                let flags = kernels::contraction_flags(self.single.is_some(), moments);
                (
                    kernels::contract_scattered(dtype),
                    "contract",
                    [entry; 2],
                    value,
                    [count, count, count, flags],
                )
            }
            _ => return,
        };
        let Some(kernel) = kernel else { return };
        let dst = match part.to {
            Some(index) => self.slots[index].0,
            None => self.temporary(),
        };
        self.free.append(&mut loaded);
        self.places.insert(part.id, dst);
        self.push(Call::Scattered(kernel), name, dst, [entries[0], entries[1], one], immediate);
    }
}
