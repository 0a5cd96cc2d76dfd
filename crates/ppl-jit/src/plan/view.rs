//! Strided windows on buffers: what layout operations come to.

use ppl_tensor::Shape;
use smallvec::SmallVec;

/// Numbers of elements, one a dimension.
pub(crate) type Strides = SmallVec<[usize; 6]>;

/// Which elements of a buffer an array has, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct View {
    pub(crate) buffer: usize,
    /// Element of the buffer that is the first of the view.
    pub(crate) offset: usize,
    pub(crate) shape: Shape,
    pub(crate) strides: Strides,
}

/// Strides of row-major elements.
pub(crate) fn row_major(sizes: &[usize]) -> Strides {
    let mut strides: Strides = SmallVec::from_elem(0, sizes.len());
    let mut step = 1;
    for (stride, &size) in strides.iter_mut().zip(sizes).rev() {
        *stride = step;
        step *= size.max(1);
    }
    strides
}

/// The sizes of dimensions that have more than one entry, or none.
pub(crate) fn significant(sizes: &[usize]) -> Strides {
    sizes.iter().copied().filter(|&size| size != 1).collect()
}

impl View {
    /// All elements of a buffer.
    pub(crate) fn whole(buffer: usize, shape: &Shape) -> Self {
        Self { buffer, offset: 0, shape: shape.clone(), strides: row_major(shape) }
    }

    /// A buffer's one element everywhere.
    pub(crate) fn uniform(buffer: usize, shape: &Shape) -> Self {
        Self { buffer, offset: 0, shape: shape.clone(), strides: SmallVec::from_elem(0, shape.rank()) }
    }

    pub(crate) fn elements(&self) -> usize {
        self.shape.elements()
    }

    /// Whether the elements are neighbours in row-major order.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut step = 1;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size != 1 && stride != step {
                return false;
            }
            step *= size;
        }
        true
    }

    /// Whether it is one element of the buffer everywhere.
    pub(crate) fn is_uniform(&self) -> bool {
        self.shape.iter().zip(&self.strides).all(|(&size, &stride)| size == 1 || stride == 0)
    }

    /// Broadcast to a shape that it broadcasts to.
    pub(crate) fn broadcast(&self, shape: &Shape) -> Self {
        let missing = shape.rank().saturating_sub(self.shape.rank());
        let mut strides: Strides = SmallVec::from_elem(0, missing);
        for ((&size, &stride), &target) in self.shape.iter().zip(&self.strides).zip(&shape[missing..]) {
            strides.push(if size == target { stride } else { 0 });
        }
        Self { shape: shape.clone(), strides, ..*self }
    }

    /// With its dimensions in another order.
    pub(crate) fn permute(&self, order: &[usize]) -> Self {
        let shape = order.iter().map(|&axis| self.shape[axis]).collect();
        Self { shape, strides: order.iter().map(|&axis| self.strides[axis]).collect(), ..*self }
    }

    /// Every `step`-th entry of one dimension.
    pub(crate) fn slice(&self, axis: usize, start: usize, step: usize, shape: &Shape) -> Self {
        let mut strides = self.strides.clone();
        let offset = if self.elements() == 0 { self.offset } else { self.offset + start * strides[axis] };
        strides[axis] *= step;
        Self { offset, shape: shape.clone(), strides, ..*self }
    }

    /// Under another shape of as many elements; none if their order needs a copy.
    pub(crate) fn reshape(&self, shape: &Shape) -> Option<Self> {
        if self.is_contiguous() || self.elements() == 0 {
            return Some(Self { shape: shape.clone(), strides: row_major(shape), ..*self });
        }
        if self.is_uniform() {
            return Some(Self { offset: self.offset, ..Self::uniform(self.buffer, shape) });
        }
        if significant(&self.shape) != significant(shape) {
            return None;
        }
        let mut kept = self.shape.iter().zip(&self.strides).filter(|(size, _)| **size != 1);
        let stride = |&size: &usize| if size == 1 { 0 } else { kept.next().map_or(0, |(_, &stride)| stride) };
        Some(Self { shape: shape.clone(), strides: shape.iter().map(stride).collect(), ..*self })
    }

    /// Where in the buffer each element is, in row-major order.
    pub(crate) fn places(&self) -> Vec<usize> {
        fn visit(view: &View, axis: usize, at: usize, places: &mut Vec<usize>) {
            match view.shape.get(axis) {
                Some(&size) => {
                    (0..size).for_each(|i| visit(view, axis + 1, at + i * view.strides[axis], places));
                }
                None => places.push(at),
            }
        }
        let mut places = Vec::with_capacity(self.elements());
        visit(self, 0, self.offset, &mut places);
        places
    }

    /// Strides of the dimensions that have more than one entry.
    pub(crate) fn significant_strides(&self) -> Strides {
        let sizes = self.shape.iter().zip(&self.strides);
        sizes.filter(|(size, _)| **size != 1).map(|(_, &stride)| stride).collect()
    }
}
