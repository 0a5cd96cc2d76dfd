//! Loops over time: steps that run once a turn, on memory that moves from row to row.
//!
//! Carries are rows of one array, of which each turn reads one and writes the next: so the tape that a gradient wants is
//! there without being copied. Only where that would be long is there a single place, written at the end of a turn.

use std::collections::HashMap;

use ppl_tensor::{Result, Shape, TensorType};

use super::lower::{Lower, has_kernel};
use super::schedule::schedule;
use super::view::{View, row_major};
use crate::code::{Origin, Repeat, Step, Window, bytes};
use crate::ir::{Id, Kind, Recurrence};

/// Bytes of the rows of a carry of which only the last is asked for.
const SHORT: usize = 1 << 17;

/// Where the values of a carry are.
enum Carry {
    /// Row after row of this buffer.
    Rows(usize),
    /// Always in this one.
    Single(usize),
}

/// Windows of a loop.
struct Turns {
    length: usize,
    reverse: bool,
    windows: Vec<Window>,
    /// Buffers of a turn's values that are rows of an array: the array's buffer, and where its first row is.
    rows: HashMap<usize, (usize, usize)>,
}

impl Turns {
    /// Makes a buffer the row that a turn has of another, whose row 0 is at `first`, and rows `stride` apart.
    fn put(&mut self, lower: &mut Lower<'_>, buffer: usize, (of, first): (usize, usize), stride: usize) {
        let target = &mut lower.code.buffers[buffer];
        target.origin = Origin::Window(of);
        let size = bytes(target.dtype);
        let start = if self.reverse { first + (self.length - 1) * stride } else { first };
        let step = (stride * size).cast_signed() * if self.reverse { -1 } else { 1 };
        self.windows.push(Window { buffer, of, start: start * size, step, slots: Vec::new() });
        self.rows.insert(buffer, (of, first));
    }

    /// A new buffer that is the row of a turn, of so many elements.
    fn open(&mut self, lower: &mut Lower<'_>, rows: (usize, usize), elements: usize, stride: usize) -> usize {
        let buffer = lower.buffer(lower.code.buffers[rows.0].dtype, elements);
        self.put(lower, buffer, rows, stride);
        buffer
    }

    /// An array of all steps' rows of a type, from a given place on.
    fn stack(&self, (buffer, offset): (usize, usize), row: &Shape) -> View {
        let shape = Shape::from([self.length]).concat(row);
        View { buffer, offset, strides: row_major(&shape), shape }
    }
}

impl Lower<'_> {
    /// Writes a loop over time; returns where its results are.
    pub(super) fn repeat(&mut self, recurrence: &Recurrence, inputs: &[View]) -> Result<Vec<View>> {
        let &Recurrence { length, reverse, carries, rows, ref body } = recurrence;
        let mut turns = Turns { length, reverse, windows: Vec::new(), rows: HashMap::new() };
        let mut given: Vec<View> = Vec::with_capacity(inputs.len());
        let mut stores = Vec::with_capacity(carries);
        for (carry, first) in inputs[..carries].iter().enumerate() {
            let (store, view) = self.carry(recurrence, carry, first, &mut turns);
            stores.push(store);
            given.push(view);
        }
        for row in &inputs[carries..carries + rows] {
            given.push(self.row(row, &mut turns));
        }
        given.extend_from_slice(&inputs[carries + rows..]);

        let (places, fixed) = schedule(body, carries + rows, |node| has_kernel(body, node));
        let (before, outer_fixed) = (std::mem::take(&mut self.code.steps), self.code.fixed);
        let first_buffer = self.code.buffers.len();
        let mut inner = Lower::new(body, places, std::mem::take(&mut self.code));
        inner.slots = std::mem::take(&mut self.slots);
        inner.copies = self.copies.clone();
        inner.padded = self.padded.clone();
        for (index, node) in body.nodes.iter().enumerate() {
            if let Kind::Input(number) = node.kind {
                inner.set_view(Id(index), given[number].clone());
            }
        }
        inner.leaves();
        inner.operations(fixed)?;
        let parts = inner.turn_results(recurrence, &stores, &given, inputs, first_buffer, &mut turns);

        let body = inner.code.steps.split_off(inner.code.fixed);
        self.slots = std::mem::take(&mut inner.slots);
        self.code = std::mem::take(&mut inner.code);
        let once = std::mem::replace(&mut self.code.steps, before);
        self.code.steps.extend(once);
        self.code.fixed = outer_fixed;
        let Turns { mut windows, .. } = turns;
        let places: HashMap<usize, usize> =
            windows.iter().enumerate().map(|(place, window)| (window.buffer, place)).collect();
        for (slot, address) in self.code.addresses.iter().enumerate() {
            if let Some(&place) = places.get(&address.buffer) {
                let offset = address.offset * bytes(self.code.buffers[address.buffer].dtype);
                windows[place].slots.push((slot as u32, offset));
            }
        }
        self.code.steps.push(Step::Repeat(Box::new(Repeat { turns: length, windows, body })));
        Ok(parts)
    }

    /// Memory for a carry, with the first one in it; and what a turn sees of it.
    fn carry(
        &mut self,
        recurrence: &Recurrence,
        carry: usize,
        first: &View,
        turns: &mut Turns,
    ) -> (Carry, View) {
        let body = &recurrence.body;
        let TensorType { dtype, shape } = body.ty(body.outputs[carry]);
        let is_seen = |id: &Id| matches!(body.nodes[id.0].kind, Kind::Input(number) if number == carry);
        let n = shape.elements();
        let all = (recurrence.length + 1).saturating_mul(n);
        if all.saturating_mul(bytes(*dtype)) > SHORT
            && !body.outputs[recurrence.carries..].iter().any(is_seen)
        {
            let buffer = self.buffer(*dtype, n);
            let view = View::whole(buffer, shape);
            self.copy(first, &view, false);
            return (Carry::Single(buffer), view);
        }
        let buffer = self.buffer(*dtype, all);
        // Backwards, the last row comes first.
        let (place, row) = if recurrence.reverse { (recurrence.length * n, n) } else { (0, 0) };
        self.copy(first, &View { offset: place, ..View::whole(buffer, shape) }, false);
        let now = turns.open(self, (buffer, row), n, n);
        (Carry::Rows(buffer), View::whole(now, shape))
    }

    /// What a turn sees of an array of rows.
    fn row(&mut self, rows: &View, turns: &mut Turns) -> View {
        let of_row = |rows: &View| View {
            buffer: rows.buffer,
            offset: rows.offset,
            shape: Shape::from(&rows.shape[1..]),
            strides: rows.strides[1..].into(),
        };
        if rows.strides[0] == 0 {
            return of_row(rows);
        }
        let neighbours = if of_row(rows).is_contiguous() { rows.clone() } else { self.contiguous(rows) };
        let row = of_row(&neighbours);
        let place = (neighbours.buffer, neighbours.offset);
        let buffer = turns.open(self, place, row.elements(), neighbours.strides[0]);
        View { buffer, offset: 0, ..row }
    }

    /// Puts what a turn gives where it belongs; returns the loop's results. `self` is the turn.
    fn turn_results(
        &mut self,
        recurrence: &Recurrence,
        stores: &[Carry],
        given: &[View],
        inputs: &[View],
        first_buffer: usize,
        turns: &mut Turns,
    ) -> Vec<View> {
        let &Recurrence { length, reverse, carries, ref body, .. } = recurrence;
        let next: Vec<View> = body.outputs[..carries].iter().map(|&output| self.view(output)).collect();
        let mut parts = Vec::with_capacity(body.outputs.len());
        for (store, view) in stores.iter().zip(&next) {
            let n = view.elements();
            parts.push(match *store {
                Carry::Single(buffer) => View::whole(buffer, &view.shape),
                Carry::Rows(buffer) => {
                    self.put(view, (buffer, if reverse { 0 } else { n }), first_buffer, turns);
                    let offset = if reverse { 0 } else { length * n };
                    View { offset, ..View::whole(buffer, &view.shape) }
                }
            });
        }
        for &output in &body.outputs[carries..] {
            let part = match body.nodes[output.0].kind {
                Kind::Input(number) if number >= carries => {
                    // Rows that are given are there already, and what is the same in each step is so in the stack.
                    let row = &given[number];
                    match turns.rows.get(&row.buffer) {
                        Some(_) => inputs[number].clone(),
                        None => row.broadcast(&Shape::from([length]).concat(&row.shape)),
                    }
                }
                _ => {
                    let view = self.view(output);
                    match turns.rows.get(&view.buffer) {
                        Some(&place) if self.fills(&view) => turns.stack(place, &view.shape),
                        _ => {
                            let ty = body.ty(output);
                            let buffer = self.buffer(ty.dtype, length * ty.shape.elements());
                            self.put(&view, (buffer, 0), first_buffer, turns);
                            turns.stack((buffer, 0), &ty.shape)
                        }
                    }
                }
            };
            parts.push(part);
        }
        self.write_single(stores, &next);
        parts
    }

    /// Whether a view is all of its buffer, in order.
    fn fills(&self, view: &View) -> bool {
        let whole = self.code.buffers[view.buffer].elements;
        view.offset == 0 && view.is_contiguous() && view.elements() == whole
    }

    /// Puts a turn's value into its row of an array: it is computed there, or copied.
    fn put(&mut self, view: &View, rows: (usize, usize), first_buffer: usize, turns: &mut Turns) {
        let n = view.elements();
        let buffer = &self.code.buffers[view.buffer];
        let of_turn = view.buffer >= first_buffer && matches!(buffer.origin, Origin::Arena(_));
        let is_fixed = self.fixed_buffers.get(view.buffer) == Some(&true);
        if of_turn && !is_fixed && self.fills(view) {
            turns.put(self, view.buffer, rows, n);
            return;
        }
        let row = turns.open(self, rows, n, n);
        self.copy(view, &View::whole(row, &view.shape), false);
    }

    /// Writes carries that have one place, when a turn needs them no more.
    fn write_single(&mut self, stores: &[Carry], next: &[View]) {
        let single = |store: &Carry| match store {
            Carry::Single(buffer) => Some(*buffer),
            Carry::Rows(_) => None,
        };
        let places: Vec<usize> = stores.iter().filter_map(single).collect();
        let written: Vec<(usize, &View)> =
            stores.iter().zip(next).filter_map(|(store, view)| Some((single(store)?, view))).collect();
        let mut ready = Vec::with_capacity(written.len());
        for (buffer, view) in written {
            if view.buffer == buffer && self.fills(view) {
                continue;
            }
            // One carry may become another.
            let view = match places.contains(&view.buffer) {
                true => {
                    let copy = View::whole(self.buffer(self.dtype(view), view.elements()), &view.shape);
                    self.copy(view, &copy, false);
                    copy
                }
                false => view.clone(),
            };
            ready.push((buffer, view));
        }
        for (buffer, view) in ready {
            self.copy(&view, &View::whole(buffer, &view.shape), false);
        }
    }
}
