//! The form in which programs run: instructions on addressed memory.

use std::sync::Arc;

use ppl_tensor::op::Reduction;
use ppl_tensor::{DType, HostTensor, Op, TensorType};

use crate::plan::View;
use crate::runtime::kernels::{Call, Form, Immediate, Kernel, Runs};
use crate::runtime::native::{Functions, Region};

/// A block of memory with elements of one dtype.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    pub(crate) dtype: DType,
    pub(crate) elements: usize,
    pub(crate) origin: Origin,
}

/// Where a buffer's memory is.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// In the program's own memory, at this distance in bytes from its start once that is planned.
    Arena(usize),
    /// A value known when the program was made.
    Constant(HostTensor),
    /// An argument of the program.
    Input(usize),
    /// Part of another buffer, which moves with the turns of a loop over time.
    Window(usize),
}

/// Number of an entry in the table of addresses.
pub(crate) type Slot = u32;

/// What an entry of the table of addresses is before any loop moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) buffer: usize,
    /// In elements.
    pub(crate) offset: usize,
}

/// A kernel and what it is applied to. Unused sources repeat another slot.
#[derive(Clone)]
pub(crate) struct Instruction {
    pub(crate) call: Call,
    pub(crate) dst: Slot,
    pub(crate) sources: [Slot; 3],
    /// Number of elements; in loops that of the block.
    pub(crate) n: usize,
    pub(crate) immediate: Immediate,
    /// The operation's name.
    pub(crate) name: &'static str,
    /// What it computes, of instructions that may become machine code.
    pub(crate) action: Option<Box<Action>>,
}

/// What an instruction computes.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// The source's one element everywhere.
    Fill,
    /// An operation on each element.
    Map { op: Op, forms: [Form; 3] },
    /// Results of `immediate[0]` elements each, which are neighbours or at a distance of the number of results.
    Reduce { kind: Reduction, rows: bool },
    /// A product of matrices whose sizes are in `immediate`.
    Matmul,
}

/// How an address moves in a loop.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) slot: Slot,
    /// Bytes from one turn of each outer dimension to the next.
    pub(crate) outer: Vec<usize>,
    /// Bytes from one element of the inner dimension to the next.
    pub(crate) inner: usize,
}

/// One pass over large arrays, a block of elements at a time.
#[derive(Clone)]
pub(crate) struct Loop {
    pub(crate) outer: Vec<usize>,
    pub(crate) inner: usize,
    /// Elements that go through the body at once.
    pub(crate) block: usize,
    /// Whether a block goes through all turns of the outer dimensions before the next block does: they share data.
    pub(crate) blocks_first: bool,
    pub(crate) streams: Vec<Stream>,
    pub(crate) body: Vec<Instruction>,
    /// How it is divided, if it is long.
    pub(crate) chunks: Option<Chunks>,
}

/// Parts of a pass that do not wait for each other: totals of each are joined in order when all are done, so that results do
/// not depend on who did them.
#[derive(Clone)]
pub(crate) struct Chunks {
    /// Elements of the inner dimension in a chunk: a multiple of a block.
    pub(crate) size: usize,
    /// Whether a pass takes so long that threads share it.
    pub(crate) is_worth_threads: bool,
    pub(crate) totals: Vec<Total>,
    /// Values between operations, and the distance of each in bytes from the start of a worker's memory.
    pub(crate) temporaries: Vec<(Slot, usize)>,
    /// Bytes of a worker's memory.
    pub(crate) memory: usize,
    /// Bytes of a chunk's totals.
    pub(crate) partial: usize,
}

/// A total of a pass.
#[derive(Clone)]
pub(crate) struct Total {
    /// Where the pass finds it.
    pub(crate) moving: Slot,
    /// Its first element.
    pub(crate) first: Slot,
    /// What it starts with, and how that is put there.
    pub(crate) start: Slot,
    pub(crate) fill: Kernel,
    /// Joins elements onto others.
    pub(crate) join: Kernel,
    pub(crate) elements: usize,
    /// Distance in bytes from the start of a chunk's totals.
    pub(crate) place: usize,
}

/// Entries chosen by index, or added at an index: for each of `batch` rows, `middle` blocks of `size` entries of `inner`
/// elements, and `chosen` indices.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) adds: bool,
    pub(crate) dtype: DType,
    pub(crate) batch: usize,
    pub(crate) middle: usize,
    pub(crate) size: usize,
    pub(crate) inner: usize,
    pub(crate) chosen: usize,
    pub(crate) values: Slot,
    pub(crate) indices: Slot,
    pub(crate) to: Slot,
}

/// One operation by the host backend, which makes arrays: one that users define.
#[derive(Debug, Clone)]
pub(crate) struct HostCall {
    pub(crate) op: Op,
    /// Contiguous arguments.
    pub(crate) inputs: Vec<View>,
    pub(crate) ty: TensorType,
    pub(crate) to: usize,
}

/// A place in another buffer that moves from turn to turn of a loop over time, by bytes.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) buffer: usize,
    pub(crate) of: usize,
    /// Where it is in the first turn.
    pub(crate) start: usize,
    pub(crate) step: isize,
    /// Slots that are in it, and how far from its start.
    pub(crate) slots: Vec<(Slot, usize)>,
}

/// Steps that run several times.
#[derive(Clone)]
pub(crate) struct Repeat {
    pub(crate) turns: usize,
    pub(crate) windows: Vec<Window>,
    pub(crate) body: Vec<Step>,
}

/// Part of a program.
#[derive(Clone)]
pub(crate) enum Step {
    Run(Instruction),
    Copy { runs: Runs, to: Slot, from: Slot },
    Loop(Box<Loop>),
    Index(Box<Index>),
    Host(Box<HostCall>),
    Repeat(Box<Repeat>),
    Native(Box<Region>),
}

/// A program.
#[derive(Clone, Default)]
pub(crate) struct Code {
    /// What was done with the program as a whole, in words.
    pub(crate) notes: Vec<String>,
    pub(crate) buffers: Vec<Buffer>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) steps: Vec<Step>,
    /// How many of the first steps do not depend on arguments that are carried in an iteration.
    pub(crate) fixed: usize,
    /// The buffer of each argument, if it is used, and its type.
    pub(crate) inputs: Vec<Option<usize>>,
    pub(crate) outputs: Vec<(View, TensorType)>,
    /// How many arguments are the results of the same numbers in the next step of an iteration.
    pub(crate) carried: usize,
    /// Bytes of the program's own memory.
    pub(crate) arena: usize,
    /// The functions of regions, and one that makes results arguments.
    pub(crate) functions: Option<Arc<Functions>>,
}

/// Bytes of an element.
pub(crate) fn bytes(dtype: DType) -> usize {
    match dtype {
        DType::F64 | DType::I64 => 8,
        DType::F32 => 4,
        DType::Bool => 1,
    }
}

impl Instruction {
    /// Slots that are read.
    pub(crate) fn reads(&self) -> Vec<Slot> {
        let [a, b, c] = self.sources;
        match (self.call, self.immediate) {
            (Call::Scattered(_), [_, first, second, _]) => {
                let after = |slot: Slot, count: usize| slot..slot + count as Slot;
                after(a, first).chain(after(b, second)).chain([c]).collect()
            }
            (Call::Paired(_), _) => vec![a],
            _ => self.sources.to_vec(),
        }
    }

    /// Slots that are written.
    pub(crate) fn writes(&self) -> Vec<Slot> {
        match self.call {
            Call::Paired(_) => vec![self.dst, self.sources[1]],
            _ => vec![self.dst],
        }
    }
}

impl Step {
    /// Slots that are written and slots that are read.
    pub(crate) fn slots(&self) -> (Vec<Slot>, Vec<Slot>) {
        let of = |instruction: &Instruction| (instruction.writes(), instruction.reads());
        match self {
            Step::Run(instruction) => of(instruction),
            Step::Copy { to, from, .. } => (vec![*to], vec![*from]),
            Step::Index(index) => (vec![index.to], vec![index.values, index.indices]),
            Step::Host(_) | Step::Repeat(_) => (vec![], vec![]),
            Step::Native(region) => region.outside.clone(),
            Step::Loop(one) => {
                let mut all = (vec![], vec![]);
                for (written, read) in one.body.iter().map(of) {
                    all.0.extend(written);
                    all.1.extend(read);
                }
                all
            }
        }
    }
}
