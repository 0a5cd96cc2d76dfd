//! Arrays that start at a line of the cache: a load across two lines takes as long as two.

use std::sync::Arc;

use ppl_tensor::{HostData, HostTensor, Shape};
use smallvec::SmallVec;

use super::constant::gathered;
use super::lower::Lower;
use super::view::View;
use crate::code::{Origin, bytes};

/// Bytes of a line.
const LINE: usize = 64;

/// Rows at distances of multiples of this share few places of the cache.
const PAGE: usize = 4096;

/// Constants of more elements are read from where they are: memory is slower than lines.
const COPIED: usize = 1 << 17;

/// Shorter rows are not moved apart.
const SHORT: usize = 64;

/// Bytes at one place of all rows, from which on these are read as they are stored, if they are stored side by side: fewer are
/// laid out one after the other.
const WIDE: usize = 384;

/// The same of rows that differ from run to run, and would be laid out in each.
const WIDE_UNKNOWN: usize = 64;

/// Rows of which a kernel has all entries at one place together.
pub(super) struct Rows {
    pub(super) view: View,
    /// Whether neighbours are entries of different rows.
    pub(super) across: bool,
    /// Distance of rows.
    pub(super) row: usize,
    /// Distance of the entries of a row.
    pub(super) element: usize,
}

impl Lower<'_> {
    /// The rows of a matrix where they are best read: as they are stored, if that is by many columns, or one after the other.
    pub(super) fn rows(&mut self, view: &View) -> Rows {
        let is_constant = matches!(self.code.buffers[view.buffer].origin, Origin::Constant(_));
        let is_known = is_constant || self.fixed_buffers.get(view.buffer) == Some(&true);
        let least = if is_known { WIDE } else { WIDE_UNKNOWN };
        if let (&[rows, columns], &[1, element]) = (&view.shape[..], &view.strides[..])
            && rows * bytes(self.dtype(view)) >= least
            && columns > 1
            && element >= rows
        {
            return Rows { view: view.clone(), across: true, row: element, element };
        }
        let view = self.with_aligned_rows(view);
        Rows { row: view.strides[0], across: false, element: 1, view }
    }

    /// A constant, as it is or copied to where a line starts.
    pub(super) fn aligned_constant(&mut self, value: &HostTensor, shape: &Shape) -> View {
        let elements = value.data().len();
        if (SHORT..=COPIED).contains(&elements)
            && let Some((value, offset)) = laid_out(value, (1, elements), elements)
        {
            return View { offset, ..View::whole(self.constant(&value), shape) };
        }
        View::whole(self.constant(value), shape)
    }

    /// The same matrix with the entries of each row next to each other, and rows that start at lines: copied if they are not,
    /// once for each view, and now if they are known now.
    pub(super) fn with_aligned_rows(&mut self, view: &View) -> View {
        let &[rows, columns] = &view.shape[..] else { return self.contiguous(view) };
        if view.strides[1] == 1 || columns < SHORT {
            return if view.strides[1] == 1 { view.clone() } else { self.contiguous(view) };
        }
        if let Some(copy) = self.padded.get(view) {
            return copy.clone();
        }
        let dtype = self.dtype(view);
        let line = LINE / bytes(dtype);
        let mut row = columns.next_multiple_of(line);
        if (row * bytes(dtype)).is_multiple_of(PAGE) {
            row += line;
        }
        let known = match &self.code.buffers[view.buffer].origin {
            Origin::Constant(value) => gathered(value, view),
            _ => None,
        };
        let laid = known.and_then(|value| laid_out(&value, (rows, columns), row));
        let placed = |buffer: usize, offset: usize| View {
            buffer,
            offset,
            shape: view.shape.clone(),
            strides: SmallVec::from_slice(&[row, 1]),
        };
        let copy = match laid {
            Some((value, offset)) => placed(self.constant(&value), offset),
            None => {
                let copy = placed(self.buffer(dtype, rows * row), 0);
                self.copy(view, &copy, true);
                copy
            }
        };
        self.padded.insert(view.clone(), copy.clone());
        copy
    }
}

/// Rows of floats at a distance, of which the first starts at a line, and after how many elements that is.
fn laid_out(value: &HostTensor, rows: (usize, usize), distance: usize) -> Option<(HostTensor, usize)> {
    fn of<T: Copy>(
        values: &[T],
        (rows, columns): (usize, usize),
        distance: usize,
        zero: T,
    ) -> (Vec<T>, usize) {
        let line = LINE / size_of::<T>();
        // Room enough that the numbers stay where they are put.
        let mut all: Vec<T> = Vec::with_capacity(rows * distance + line);
        let offset = all.as_ptr().align_offset(LINE).min(line);
        all.resize(offset, zero);
        for row in values.chunks(columns.max(1)) {
            all.extend_from_slice(row);
            all.resize(all.len() + distance - columns, zero);
        }
        (all, offset)
    }
    let (data, offset) = match value.data() {
        HostData::F64(values) => {
            let (all, offset) = of(values, rows, distance, 0.0);
            (HostData::F64(Arc::new(all)), offset)
        }
        HostData::F32(values) => {
            let (all, offset) = of(values, rows, distance, 0.0);
            (HostData::F32(Arc::new(all)), offset)
        }
        HostData::I64(_) | HostData::Bool(_) => return None,
    };
    let shape = Shape::from([data.len()]);
    Some((HostTensor::from_data(&shape, data).ok()?, offset))
}
