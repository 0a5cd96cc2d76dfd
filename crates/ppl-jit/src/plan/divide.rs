//! Long passes in chunks, which threads may share.

use ppl_tensor::Op;
use ppl_tensor::op::{Binary, Unary};

use super::fuse::{Ending, Part, Pass, Task};
use crate::code::{Chunks, Stream, Total, bytes};
use crate::ir::{Ir, Kind};
use crate::runtime::kernels;

/// Elements of a chunk, about: so many that what comes on top does not count, and few enough to be shared out. Miri, for
/// which those would be too many, is to see chunks in threads as well.
pub(crate) const CHUNK: usize = if cfg!(miri) { 1 << 8 } else { 1 << 16 };

/// The same of a pass with outer dimensions: they are more of a chunk's elements, and fewer chunks share the inner one.
const CHUNK_OF_ROWS: usize = CHUNK / 2;

/// Chunks of a pass, at most.
const MOST_CHUNKS: usize = 64;

/// Operations from which on threads share a pass: a tenth of a millisecond, of which they take a few microseconds.
const WORTH_THREADS: usize = 1 << 21;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// How a pass is divided.
pub(super) struct Division {
    /// Elements of the inner dimension in a chunk.
    size: usize,
    is_worth_threads: bool,
}

/// That of a pass over `rows` times `inner` elements in blocks, of so many operations for each, if it is long.
pub(super) fn division(inner: usize, rows: usize, block: usize, operations: usize) -> Option<Division> {
    let size = if rows > 1 { CHUNK_OF_ROWS / rows } else { inner.div_ceil(inner.div_ceil(CHUNK).max(1)) };
    let work = rows.saturating_mul(operations).max(1);
    let is_worth_threads = inner.saturating_mul(work) >= WORTH_THREADS;
    // Few elements may be much work, as rows of a wide matrix are.
    let size = if is_worth_threads { size.min(WORTH_THREADS / 2 / work) } else { size };
    let size = size.max(block).max(inner.div_ceil(MOST_CHUNKS)).next_multiple_of(block.max(1));
    (inner > CHUNK || is_worth_threads && size < inner).then_some(Division { size, is_worth_threads })
}

impl Part {
    /// Arithmetic operations for each element, about.
    pub(super) fn operations(&self, ir: &Ir) -> usize {
        match (self.task, &ir.nodes[self.id.0].kind) {
            (
                Task::Combine { immediate: [count, ..], .. } | Task::Contract { immediate: [count, ..], .. },
                _,
            ) => count,
            (Task::Mix { count, .. } | Task::Project { count, .. }, _) => count,
            (Task::Map, Kind::Op(Op::Unary(kind), _)) if !is_cheap(*kind) => FUNCTION,
            (Task::Map, Kind::Op(Op::Binary(Binary::LogAddExp | Binary::Pow), _)) => FUNCTION,
            (Task::Pair(..) | Task::Softplus(_), _) => 2 * FUNCTION,
            (Task::Logs, _) => FUNCTION / 2,
            (Task::Map | Task::MulAdd(_) | Task::Fold(_), _) => 1,
        }
    }
}

/// Operations of an exponential and the like.
const FUNCTION: usize = 16;

fn is_cheap(kind: Unary) -> bool {
    use Unary::{Abs, Floor, IsFinite, Neg, Not, Reciprocal, Sign, Sqrt};
    matches!(kind, Neg | Abs | Sign | Floor | Reciprocal | Sqrt | IsFinite | Not)
}

impl Pass<'_, '_> {
    /// How a long pass is divided.
    pub(super) fn chunks(
        &mut self,
        Division { size, is_worth_threads }: Division,
        block: usize,
        temporaries: &[usize],
        totals: &[Ending],
        streams: &[Stream],
    ) -> Chunks {
        let bytes_of_block = (block * 8).next_multiple_of(LINE);
        let place =
            |(number, &buffer): (usize, &usize)| (self.lower.slot(buffer, 0), number * bytes_of_block);
        let temporaries: Vec<_> = temporaries.iter().enumerate().map(place).collect();
        let memory = temporaries.len() * bytes_of_block;
        let (mut own, mut partial) = (Vec::new(), 0);
        for Ending { view, ty, kind } in totals {
            let of = |stream: &&Stream| self.lower.code.addresses[stream.slot as usize].buffer == view.buffer;
            // One that moves along is of different elements in each chunk.
            let Some(stream) = streams.iter().find(of).filter(|stream| stream.inner == 0) else { continue };
            let Some(join) = kernels::accumulate(*kind, ty.dtype, false) else { continue };
            let (moving, start) = (stream.slot, self.lower.constant(&kernels::identity(*kind, ty.dtype)));
            let elements = ty.shape.elements();
            own.push(Total {
                moving,
                first: self.lower.slot(view.buffer, 0),
                start: self.lower.slot(start, 0),
                fill: kernels::fill(bytes(ty.dtype)),
                join,
                elements,
                place: partial,
            });
            partial += (elements * bytes(ty.dtype)).next_multiple_of(LINE);
        }
        Chunks { size, is_worth_threads, totals: own, temporaries, memory, partial }
    }
}
