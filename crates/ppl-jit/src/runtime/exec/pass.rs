//! Passes over long arrays: a block at a time, and in chunks by several threads where that pays.
//!
//! A chunk has its own totals, which are joined in the order of the chunks. How a pass is divided depends on its sizes alone,
//! so that neither do its results on the number of threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::helpers::{self, MOST_THREADS};
use super::machine::{Line, lines};
use crate::code::{Chunks, Instruction, Loop};
use crate::runtime::kernels::{Call, Immediate};

/// The immediate of kernels that have none.
const NONE: Immediate = [0; 4];

/// # Safety
/// As the module of machines says: the table has the instruction's slots, whose addresses are good for `n` elements.
#[inline(always)]
pub(super) unsafe fn run_instruction(table: &[*mut u8], instruction: &Instruction, n: usize) {
    // SAFETY: the caller's.
    unsafe {
        let at = |slot: u32| *table.get_unchecked(slot as usize);
        let [a, b, c] = instruction.sources;
        let sources = match instruction.call {
            Call::Scattered(_) => {
                let entry = |slot: u32| table.as_ptr().add(slot as usize).cast::<u8>();
                [entry(a), entry(b), at(c).cast_const()]
            }
            _ => [a, b, c].map(|slot| at(slot).cast_const()),
        };
        instruction.call.run(at(instruction.dst), sources, n, &instruction.immediate);
    }
}

/// Goes through part of the inner dimension, for all turns of the outer ones, which are counted in `turn`.
///
/// # Safety
/// As the module of machines says: streams stay within their buffers.
unsafe fn run_part(
    one: &Loop,
    base: &[*mut u8],
    table: &mut [*mut u8],
    turn: &mut [usize],
    start: usize,
    end: usize,
) {
    let range = if one.blocks_first { one.block } else { end - start };
    let mut from = start;
    while from < end {
        let to = end.min(from + range);
        // SAFETY: the caller's.
        unsafe { run_rows(one, base, table, turn, from, to) };
        from = to;
    }
}

/// # Safety
/// As for [`run_part`].
unsafe fn run_rows(
    one: &Loop,
    base: &[*mut u8],
    table: &mut [*mut u8],
    turn: &mut [usize],
    start: usize,
    end: usize,
) {
    turn.fill(0);
    let rows: usize = one.outer.iter().product();
    for _ in 0..rows {
        for stream in &one.streams {
            let moved: usize = turn.iter().zip(&stream.outer).map(|(turn, step)| turn * step).sum();
            table[stream.slot as usize] =
                base[stream.slot as usize].wrapping_add(moved + start * stream.inner);
        }
        let mut done = start;
        loop {
            let n = one.block.min(end - done);
            for instruction in &one.body {
                // SAFETY: the caller's.
                unsafe { run_instruction(table, instruction, n) };
            }
            done += n;
            if done == end {
                break;
            }
            for stream in &one.streams {
                let entry = &mut table[stream.slot as usize];
                *entry = entry.wrapping_add(n * stream.inner);
            }
        }
        for (turn, &size) in turn.iter_mut().zip(&one.outer).rev() {
            *turn += 1;
            if *turn < size {
                break;
            }
            *turn = 0;
        }
    }
}

/// What one thread has for itself.
#[derive(Default)]
struct Worker {
    /// Entries of the table between chunks, and in them.
    base: Vec<*mut u8>,
    table: Vec<*mut u8>,
    /// Turns of the outer dimensions.
    turn: Vec<usize>,
    /// Memory of values between operations.
    memory: Vec<Line>,
}

// SAFETY: the addresses point into memory that the worker owns, or that the machine lends it: see `Pass`.
unsafe impl Send for Worker {}

/// Memory of those who go through a program's long arrays, kept from run to run.
#[derive(Default)]
pub(super) struct Crew {
    workers: Vec<Worker>,
    partials: Vec<Line>,
    /// Turns of the outer dimensions of a pass that is not divided.
    turn: Vec<usize>,
}

/// A pass that threads share.
struct Pass<'a> {
    one: &'a Loop,
    chunks: &'a Chunks,
    base: &'a [*mut u8],
    /// The first chunk's totals.
    partials: *mut u8,
    /// Of all chunks, the first that nobody has begun.
    next: AtomicUsize,
}

// SAFETY: threads read arguments and constants; they write values of elements of their chunk, totals of their chunk, and
// memory of their own, none of which any other one touches meanwhile.
unsafe impl Sync for Pass<'_> {}

impl Pass<'_> {
    /// Chunks, until all are begun.
    ///
    /// # Safety
    /// As for [`run_part`]; the worker is prepared for the pass.
    unsafe fn work(&self, worker: &mut Worker) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let start = number * self.chunks.size;
            if start >= self.one.inner {
                return;
            }
            for total in &self.chunks.totals {
                let place = self.partials.wrapping_add(number * self.chunks.partial + total.place);
                let value = self.base[total.start as usize].cast_const();
                // SAFETY: the crew's memory has room for the totals of all chunks.
                unsafe { (total.fill)(place, value, value, value, total.elements, &NONE) };
                worker.base[total.moving as usize] = place;
            }
            let end = self.one.inner.min(start + self.chunks.size);
            // SAFETY: the caller's.
            unsafe { run_part(self.one, &worker.base, &mut worker.table, &mut worker.turn, start, end) };
        }
    }
}

impl Crew {
    /// Runs a pass.
    ///
    /// # Safety
    /// As for [`run_part`], for the whole pass.
    pub(super) unsafe fn pass(&mut self, one: &Loop, base: &[*mut u8], table: &mut [*mut u8]) {
        match &one.chunks {
            None => {
                self.turn.resize(one.outer.len(), 0);
                // SAFETY: the caller's.
                unsafe { run_part(one, base, table, &mut self.turn, 0, one.inner) }
            }
            // SAFETY: the caller's.
            Some(chunks) => unsafe { self.divided(one, chunks, base) },
        }
    }

    /// # Safety
    /// As for [`Crew::pass`].
    unsafe fn divided(&mut self, one: &Loop, chunks: &Chunks, base: &[*mut u8]) {
        let count = one.inner.div_ceil(chunks.size);
        let threads = threads(chunks).min(count);
        self.prepare(threads, count, one.outer.len(), chunks, base);
        let partials: *mut u8 = self.partials.as_mut_ptr().cast();
        let pass = Pass { one, chunks, base, partials, next: AtomicUsize::new(0) };
        let workers = Workers(self.workers[..threads].as_mut_ptr());
        helpers::share(threads, &|number| {
            // SAFETY: each number is of one thread, and there are as many workers; the rest is the caller's.
            unsafe { pass.work(workers.get(number)) }
        });
        for number in 0..count {
            for total in &chunks.totals {
                let from = partials.wrapping_add(number * chunks.partial + total.place).cast_const();
                // SAFETY: all chunks are done; a total has as many elements in each.
                unsafe { (total.join)(base[total.first as usize], from, from, from, total.elements, &NONE) };
            }
        }
    }

    /// Gives workers the memory they need, and the addresses that hold now.
    fn prepare(&mut self, threads: usize, count: usize, outer: usize, chunks: &Chunks, base: &[*mut u8]) {
        if self.partials.len() * size_of::<Line>() < count * chunks.partial {
            self.partials = lines(count * chunks.partial);
        }
        if self.workers.len() < threads {
            self.workers.resize_with(threads, Worker::default);
        }
        for worker in &mut self.workers[..threads] {
            if worker.memory.len() * size_of::<Line>() < chunks.memory {
                worker.memory = lines(chunks.memory);
            }
            worker.turn.resize(outer, 0);
            worker.base.clear();
            worker.base.extend_from_slice(base);
            let start: *mut u8 = worker.memory.as_mut_ptr().cast();
            for &(slot, place) in &chunks.temporaries {
                worker.base[slot as usize] = start.wrapping_add(place);
            }
            worker.table.clear();
            worker.table.extend_from_slice(&worker.base);
        }
    }
}

/// Workers of a pass, each of which one thread takes.
struct Workers(*mut Worker);

// SAFETY: workers may be sent, and no two threads take the same.
unsafe impl Sync for Workers {}

impl Workers {
    /// # Safety
    /// There is such a worker, and nobody else takes it while it is in use.
    #[allow(clippy::mut_from_ref, reason = "the caller sees to it that there is one reference")]
    unsafe fn get(&self, number: usize) -> &mut Worker {
        // SAFETY: the caller's.
        unsafe { &mut *self.0.add(number) }
    }
}

/// How many threads may share a pass.
fn threads(chunks: &Chunks) -> usize {
    #[cfg(test)]
    if let Some(threads) = super::tests::threads() {
        return threads;
    }
    if chunks.is_worth_threads { MOST_THREADS } else { 1 }
}
