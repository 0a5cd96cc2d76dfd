//! When a warm-up learns what.

use crate::record::plain;

/// Stan's windows: transitions at first only find the region, then estimate the mass matrix in windows that double in
/// length, and at last only the step size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The first transition that counts for the mass matrix.
    pub begin: usize,
    /// The transitions, in order, after which the mass matrix is set from those since the one before.
    pub ends: Vec<usize>,
}

plain!(Schedule { begin, ends });

const INITIAL: usize = 75;
const FINAL: usize = 50;
const BASE: usize = 25;

/// Shorter warm-ups adapt no mass matrix.
const SHORTEST: usize = 20;

impl Schedule {
    /// The windows of a warm-up of so many transitions: 75 at first, 50 at last, and windows from 25 on, the last one as
    /// long as is left; if these are more than there are, 15 %, 10 % and one window; none if there are fewer than 20.
    pub fn stan(warmup: usize) -> Self {
        if warmup < SHORTEST {
            return Self { begin: warmup, ends: Vec::new() };
        }
        let (begin, last, mut size) = if warmup < INITIAL + BASE + FINAL {
            let (begin, last) = (15 * warmup / 100, warmup / 10);
            (begin, last, warmup - begin - last)
        } else {
            (INITIAL, FINAL, BASE)
        };
        let stop = warmup - last;
        let (mut ends, mut start) = (Vec::new(), begin);
        while start < stop {
            // A window after the first that leaves no room for the next one, twice as long, takes the rest.
            let rest = !ends.is_empty() && start + size + 2 * size > stop;
            let end = if rest { stop } else { start + size };
            ends.push(end - 1);
            (start, size) = (end, 2 * size);
        }
        Self { begin, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stan prints, for 1000: initial 75, slow windows that end before 100, 150, 250, 450 and 950, final 50.
    #[test]
    fn windows_are_stans() {
        let table: [(usize, usize, &[usize]); 7] = [
            (1000, 75, &[99, 149, 249, 449, 949]),
            (150, 75, &[99]),
            (180, 75, &[99, 129]),
            (200, 75, &[99, 149]),
            (149, 22, &[134]),
            (20, 3, &[17]),
            (19, 19, &[]),
        ];
        for (warmup, begin, ends) in table {
            let found = Schedule::stan(warmup);
            assert_eq!((found.begin, &found.ends[..]), (begin, ends), "{warmup}");
        }
    }
}
