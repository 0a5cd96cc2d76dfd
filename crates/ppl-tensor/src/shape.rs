//! Shapes known at run time, and NumPy's broadcasting.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

/// A few dimension numbers, kept inline.
pub type Dims = SmallVec<[usize; 6]>;

/// The sizes of a tensor's dimensions, outermost first. A scalar has none.
#[derive(PartialEq, Eq, Hash, Default)]
pub struct Shape(Dims);

impl Clone for Shape {
    /// A copy of the sizes at once; the derived clone goes one by one, and every operation clones shapes.
    fn clone(&self) -> Self {
        Self(Dims::from_slice(&self.0))
    }
}

impl Shape {
    /// The shape of a scalar.
    pub fn scalar() -> Self {
        Self::default()
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Number of elements: the product of the sizes, 1 for a scalar; `usize::MAX` if it is larger.
    pub fn elements(&self) -> usize {
        self.0.iter().fold(1, |product: usize, &size| product.saturating_mul(size))
    }

    /// Whether there are addresses for as many elements of 8 bytes. Empty dimensions count as one, as in NumPy, so that
    /// strides and sizes of slices exist as well.
    pub fn is_addressable(&self) -> bool {
        self.0.iter().fold(1, |product: usize, &size| product.saturating_mul(size.max(1)))
            <= isize::MAX as usize / 8
    }

    /// The shape both broadcast to under NumPy's rule, or `None` if a pair of sizes differs and neither is 1.
    pub fn broadcast(&self, other: &Shape) -> Option<Shape> {
        if self == other || other.rank() == 0 {
            return Some(self.clone());
        }
        let (long, short) = if self.rank() >= other.rank() { (self, other) } else { (other, self) };
        let offset = long.rank() - short.rank();
        let mut out = long.clone();
        for (size, &extra) in out.0[offset..].iter_mut().zip(short.iter()) {
            if *size == 1 {
                *size = extra;
            } else if extra != 1 && extra != *size {
                return None;
            }
        }
        Some(out)
    }

    /// Whether a tensor of this shape broadcasts to `target` without changing `target`.
    pub fn broadcasts_to(&self, target: &Shape) -> bool {
        self.rank() <= target.rank()
            && self.iter().rev().zip(target.iter().rev()).all(|(&size, &wanted)| size == wanted || size == 1)
    }

    /// This shape followed by `inner`.
    pub fn concat(&self, inner: &[usize]) -> Shape {
        self.iter().chain(inner).copied().collect()
    }

    /// Row-major strides, in elements.
    pub fn strides(&self) -> Dims {
        let mut strides = Dims::from_elem(1, self.rank());
        for axis in (0..self.rank().saturating_sub(1)).rev() {
            strides[axis] = strides[axis + 1] * self.0[axis + 1];
        }
        strides
    }

    /// The sizes, to change them.
    pub fn sizes_mut(&mut self) -> &mut Dims {
        &mut self.0
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(sizes: I) -> Self {
        Self(sizes.into_iter().collect())
    }
}

impl From<&[usize]> for Shape {
    fn from(sizes: &[usize]) -> Self {
        Self(Dims::from_slice(sizes))
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(sizes: [usize; N]) -> Self {
        Self(Dims::from_slice(&sizes))
    }
}

impl From<Vec<usize>> for Shape {
    fn from(sizes: Vec<usize>) -> Self {
        Self(Dims::from_vec(sizes))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl From<usize> for Shape {
    fn from(size: usize) -> Self {
        Self::from([size])
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0[..])
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
