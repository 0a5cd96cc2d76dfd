//! Random subsets in random order.

use super::MISFIT;
use super::philox::KeyStream;
use crate::{Error, Result};

/// Whether a shuffle of so many entries keeps all of them; otherwise only those that do not hold their own number.
fn keeps_all(count: usize, population: usize) -> bool {
    population / 8 <= count
}

/// Elements of scratch memory that [`subsamples`] of `count` entries needs.
pub fn subsample_scratch(count: usize, population: usize) -> usize {
    // A table of pairs that is at most half full.
    if keeps_all(count, population) { population } else { 2 * (2 * count).next_power_of_two() }
}

/// What [`RandomKind::Subsample`](crate::op::RandomKind::Subsample) draws: as many distinct entries of `0..population` for each key as `out` has place for, in
/// random order: the first places of a Fisher–Yates shuffle. What is in `scratch` does not matter.
///
/// # Errors
/// If there are not so many entries, or a slice has another number of elements: `scratch` as [`subsample_scratch`] says.
pub fn subsamples(out: &mut [i64], keys: &[i64], population: usize, scratch: &mut [i64]) -> Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    let count = out.len() / keys.len().max(1);
    let fits = out.len() == count * keys.len() && scratch.len() == subsample_scratch(count, population);
    if !fits || count > population {
        return Err(Error::backend("host", "random_subsample", MISFIT));
    }
    for (out, &key) in out.chunks_exact_mut(count).zip(keys) {
        let mut stream = KeyStream::new(key);
        let mut choose = |place: usize| place + stream.below((population - place) as u64) as usize;
        if keeps_all(count, population) {
            scratch.iter_mut().zip(0..).for_each(|(entry, own)| *entry = own);
            for (place, drawn) in out.iter_mut().enumerate() {
                scratch.swap(place, choose(place));
                *drawn = scratch[place];
            }
        } else {
            let mut moved = Moved::new(scratch);
            for (place, drawn) in out.iter_mut().enumerate() {
                let chosen = choose(place);
                let here = moved.at(place as i64);
                *drawn = moved.put(chosen as i64, here);
            }
        }
    }
    Ok(())
}

/// The places of a shuffle that do not hold their own number: a table with open addressing (Knuth, The Art of Computer
/// Programming 3, section 6.4).
struct Moved<'a> {
    /// A place and what it holds; no place where nothing is entered.
    entries: &'a mut [[i64; 2]],
    /// Of the bits of a hash, those that are not used.
    shift: u32,
}

impl<'a> Moved<'a> {
    const EMPTY: i64 = -1;

    /// An empty table in memory for a number of pairs that is a power of two.
    fn new(scratch: &'a mut [i64]) -> Self {
        let (entries, _) = scratch.as_chunks_mut::<2>();
        entries.fill([Self::EMPTY; 2]);
        let shift = u64::BITS - entries.len().trailing_zeros();
        Self { entries, shift }
    }

    /// Where a place is entered, or would be.
    fn find(&self, place: i64) -> usize {
        // Multiplication by 2⁶⁴ over the golden ratio spreads neighbours.
        let hash = place.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift;
        let mut at = hash as usize;
        while self.entries[at][0] != place && self.entries[at][0] != Self::EMPTY {
            at = (at + 1) % self.entries.len();
        }
        at
    }

    /// What a place holds.
    fn at(&self, place: i64) -> i64 {
        let [entered, held] = self.entries[self.find(place)];
        if entered == place { held } else { place }
    }

    /// Gives a place something to hold; returns what it held.
    fn put(&mut self, place: i64, held: i64) -> i64 {
        let at = self.find(place);
        let before = self.at(place);
        self.entries[at] = [place, held];
        before
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{attempt, i64s, run};
    use super::{KeyStream, Moved};
    use crate::op::RandomKind;
    use crate::{HostTensor, Op};

    fn draw(population: usize, count: usize, key: i64) -> HostTensor {
        run(
            Op::Random { kind: RandomKind::Subsample { population }, shape: [count].into() },
            &[&i64s([], &[key])],
        )
    }

    #[test]
    fn a_table_of_moved_entries_is_a_map() {
        for size in [1, 2, 7, 40] {
            let mut scratch = vec![5; 2 * (2 * size as usize).next_power_of_two()];
            let (mut moved, mut map) = (Moved::new(&mut scratch), std::collections::HashMap::new());
            // Neighbours, places far apart, and some twice.
            for i in 0..size {
                let place = if i % 2 == 0 { i / 3 } else { i64::MAX - 8 * i };
                assert_eq!(moved.at(place), map.get(&place).copied().unwrap_or(place));
                assert_eq!(moved.put(place, i), map.insert(place, i).unwrap_or(place));
            }
            assert!(map.iter().all(|(&place, &held)| moved.at(place) == held));
            assert_eq!(moved.at(1 << 40), 1 << 40);
        }
    }

    #[test]
    fn subsamples_are_the_start_of_a_shuffle() {
        for (count, population) in
            [(0, 0), (0, 9), (1, 1), (5, 5), (3, 20), (3, 100), (40, 1000), (7, usize::MAX / 4)]
        {
            let drawn = draw(population, count, 17);
            let drawn = drawn.as_slice::<i64>().unwrap();
            let distinct: std::collections::HashSet<_> = drawn.iter().collect();
            assert_eq!(distinct.len(), count);
            assert!(drawn.iter().all(|&x| 0 <= x && (x as usize) < population));
            if population <= 1000 {
                let (mut entries, mut stream) =
                    ((0..population as i64).collect::<Vec<_>>(), KeyStream::new(17));
                for i in 0..count {
                    entries.swap(i, i + stream.below((population - i) as u64) as usize);
                }
                assert_eq!(drawn, &entries[..count]);
            }
        }
        let op = Op::Random { kind: RandomKind::Subsample { population: 3 }, shape: [4].into() };
        assert!(attempt(op, &[&i64s([], &[0])]).is_err());
    }

    #[test]
    fn every_ordered_pair_is_equally_likely() {
        let n = 20_000;
        let keys = i64s([n], &(0..n as i64).collect::<Vec<_>>());
        for population in [5usize, 24] {
            let op = Op::Random { kind: RandomKind::Subsample { population }, shape: [2].into() };
            let drawn = run(op, &[&keys]);
            let mut counts = vec![0u32; population * population];
            for pair in drawn.as_slice::<i64>().unwrap().chunks(2) {
                counts[pair[0] as usize * population + pair[1] as usize] += 1;
            }
            let cells = population * (population - 1);
            let expected = n as f64 / cells as f64;
            let distinct = (0..counts.len()).filter(|i| i / population != i % population);
            let chi_square: f64 =
                distinct.map(|i| (f64::from(counts[i]) - expected).powi(2) / expected).sum();
            let degrees = (cells - 1) as f64;
            assert!(
                (chi_square - degrees).abs() < 5.0 * (2.0 * degrees).sqrt(),
                "{chi_square} for {degrees}"
            );
        }
    }
}
