//! Broadcasting as a nest of loops over dense operands.

use smallvec::{SmallVec, smallvec};

/// One loop: how many turns, and by how many elements each operand advances in a turn.
pub(super) type Loop<const N: usize> = (usize, [usize; N]);

/// The loops that visit every element of a broadcast result in row-major order.
///
/// Dimensions of size 1 are gone and neighbours that all operands cross in even steps are one loop, so that the
/// innermost loop is as long as it can be, and each operand's step in it is 0 or 1 for dense operands.
pub(super) struct Nest<const N: usize> {
    /// Innermost first; never empty.
    loops: SmallVec<[Loop<N>; 6]>,
}

impl<const N: usize> Nest<N> {
    /// The loops over `target`, to which dense operands of the given shapes broadcast.
    pub(super) fn new(target: &[usize], operands: [&[usize]; N]) -> Self {
        let mut loops: SmallVec<[Loop<N>; 6]> = SmallVec::new();
        let mut elements = [1; N];
        for from_end in 1..=target.len() {
            let size = target[target.len() - from_end];
            let steps = std::array::from_fn(|i| {
                let operand: &[usize] = operands[i];
                let own = if from_end <= operand.len() { operand[operand.len() - from_end] } else { 1 };
                let step = if own == 1 { 0 } else { elements[i] };
                elements[i] *= own;
                step
            });
            if size == 1 {
                continue;
            }
            match loops.last_mut() {
                Some((turns, inner)) if (0..N).all(|i| steps[i] == *turns * inner[i]) => *turns *= size,
                _ => loops.push((size, steps)),
            }
        }
        if loops.is_empty() {
            loops.push((1, [0; N]));
        }
        Self { loops }
    }

    /// A single loop.
    #[inline]
    pub(super) fn single(turns: usize, steps: [usize; N]) -> Self {
        Self { loops: smallvec![(turns, steps)] }
    }

    /// The innermost loop.
    #[inline]
    pub(super) fn inner(&self) -> Loop<N> {
        self.loops[0]
    }

    /// Calls `visit` with the operands' positions at the start of each run of the innermost loop.
    #[inline]
    pub(super) fn rows(&self, mut visit: impl FnMut([usize; N])) {
        let outer = &self.loops[1..];
        if self.loops.iter().any(|&(turns, _)| turns == 0) {
            return;
        }
        let mut at = [0; N];
        if outer.is_empty() {
            return visit(at);
        }
        let mut turn: SmallVec<[usize; 6]> = smallvec![0; outer.len()];
        loop {
            visit(at);
            let mut level = 0;
            loop {
                let Some(&(turns, steps)) = outer.get(level) else { return };
                turn[level] += 1;
                for i in 0..N {
                    at[i] += steps[i];
                }
                if turn[level] < turns {
                    break;
                }
                turn[level] = 0;
                for i in 0..N {
                    at[i] -= turns * steps[i];
                }
                level += 1;
            }
        }
    }

    /// Calls `visit` with the operands' positions at every turn of every loop.
    pub(super) fn turns(&self, mut visit: impl FnMut([usize; N])) {
        let (turns, steps) = self.inner();
        self.rows(|at| {
            for turn in 0..turns {
                visit(std::array::from_fn(|i| at[i] + turn * steps[i]));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Nest;

    #[test]
    fn neighbouring_dimensions_merge() {
        let nest = Nest::new(&[4, 1, 3, 2], [&[4, 1, 3, 2], &[3, 2]]);
        assert_eq!(nest.loops.as_slice(), &[(6, [1, 1]), (4, [6, 0])]);
        let nest = Nest::new(&[4, 3, 2], [&[4, 1, 1], &[4, 3, 2]]);
        assert_eq!(nest.loops.as_slice(), &[(6, [0, 1]), (4, [1, 6])]);
        let nest = Nest::new(&[1, 1], [&[], &[1, 1]]);
        assert_eq!(nest.loops.as_slice(), &[(1, [0, 0])]);
    }

    #[test]
    fn positions_are_those_of_the_broadcast() {
        let mut seen = vec![];
        Nest::new(&[2, 3, 2], [&[2, 1, 2], &[3, 1]]).turns(|at| seen.push(at));
        let expected: Vec<[usize; 2]> = (0..12).map(|i| [i / 6 * 2 + i % 2, i / 2 % 3]).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn nothing_is_visited_in_an_empty_result() {
        Nest::new(&[3, 0, 2], [&[3, 0, 2], &[1, 2]]).rows(|_| panic!("visited"));
    }
}
