//! The counter-based generator Philox 4x32 with ten rounds (Salmon et al. 2011, "Parallel random numbers: as easy as
//! 1, 2, 3"): the one source of randomness.

use std::convert::Infallible;

use rand::TryRng;
use rand::rand_core::utils;
use rand_distr::{Distribution, StandardNormal};

/// Last counter words, which keep the three uses of a key apart: none sees a block of another.
const FOLD: u32 = 0xF01D;
const DRAW: u32 = 0xD8A3;

/// Block number `counter` of the generator with a key.
#[inline]
fn philox(key: i64, counter: [u32; 4]) -> [u32; 4] {
    let [mut key_low, mut key_high] = words(key as u64);
    let [mut a, mut b, mut c, mut d] = counter;
    for _ in 0..10 {
        let left = 0xD251_1F53 * u64::from(a);
        let right = 0xCD9E_8D57 * u64::from(c);
        (a, b, c, d) = (
            (right >> 32) as u32 ^ b ^ key_low,
            right as u32,
            (left >> 32) as u32 ^ d ^ key_high,
            left as u32,
        );
        key_low = key_low.wrapping_add(0x9E37_79B9);
        key_high = key_high.wrapping_add(0xBB67_AE85);
    }
    [a, b, c, d]
}

/// The two words of a number, the low one first.
#[inline]
fn words(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

#[inline]
fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// A new key from a key and a number: what [`Op::FoldIn`](crate::Op::FoldIn) computes.
#[inline]
pub(crate) fn fold_in(key: i64, data: i64) -> i64 {
    let [low, high] = words(data as u64);
    let [a, b, ..] = philox(key, [low, high, 0, FOLD]);
    join(a, b) as i64
}

/// The random bits of elements `2 · pair` and `2 · pair + 1` of what is drawn with a key.
#[inline]
pub(super) fn draw_bits(key: i64, pair: u64) -> [u64; 2] {
    let [low, high] = words(pair);
    let [a, b, c, d] = philox(key, [low, high, 0, DRAW]);
    [join(a, b), join(c, d)]
}

/// An endless stream of random bits from a key, for draws that need an unknown number of them: those of one
/// [`Key`](crate::Key), in an order that does not depend on machine or thread. As a generator of `rand` it serves every
/// sampler written for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStream {
    key: i64,
    block: u64,
    /// The second half of the last block, if it has not been used.
    left: Option<u64>,
}

impl KeyStream {
    pub(crate) fn new(key: i64) -> Self {
        Self { key, block: 0, left: None }
    }

    /// The bits of its key, and the number of words of 64 bits that were taken: all that it remembers.
    pub fn state(&self) -> (i64, u64) {
        (self.key, 2 * self.block - u64::from(self.left.is_some()))
    }

    /// The stream that had this [`state`](KeyStream::state).
    pub fn resume((key, taken): (i64, u64)) -> Self {
        let mut stream = Self { key, block: taken / 2, left: None };
        if taken % 2 == 1 {
            stream.next();
        }
        stream
    }

    #[inline]
    fn next(&mut self) -> u64 {
        if let Some(bits) = self.left.take() {
            return bits;
        }
        let [low, high] = words(self.block);
        let [a, b, c, d] = philox(self.key, [low, high, 1, DRAW]);
        self.block += 1;
        self.left = Some(join(c, d));
        join(a, b)
    }

    /// A uniform draw from the open interval (0, 1).
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        super::random::open_unit(self.next())
    }

    /// A standard normal draw.
    #[inline]
    pub fn normal(&mut self) -> f64 {
        StandardNormal.sample(self)
    }

    /// Uniform on `0..bound`, without bias (Lemire 2019, "Fast random integer generation in an interval"). `bound`
    /// is not 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        loop {
            let product = u128::from(self.next()) * u128::from(bound);
            // Of the 2⁶⁴ products, as many fall to each result, but for `2⁶⁴ mod bound` low ones.
            let low = product as u64;
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }
}

impl TryRng for KeyStream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next() as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::{KeyStream, draw_bits, fold_in, join, philox};

    /// The known-answer tests of the authors' library Random123 for `philox4x32-10`.
    #[test]
    fn published_vectors() {
        let key = |low, high| join(low, high) as i64;
        assert_eq!(philox(0, [0; 4]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        assert_eq!(philox(-1, [u32::MAX; 4]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
        let counter = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
        let block = philox(key(0xa4093822, 0x299f31d0), counter);
        assert_eq!(block, [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
    }

    /// Computed by an independent implementation in Python, from the vectors above and the layout of the counter.
    #[test]
    fn keys_do_not_change() {
        assert_eq!(fold_in(42, -7), -4824159340892170766);
    }

    #[test]
    fn uses_of_a_key_are_apart() {
        let key = fold_in(1, 2);
        let drawn = draw_bits(key, 7);
        assert_eq!(drawn, draw_bits(key, 7));
        let mut stream = KeyStream::new(key);
        let streamed: Vec<u64> = (0..20).map(|_| stream.next()).collect();
        assert!(!streamed.contains(&drawn[0]) && !streamed.contains(&(fold_in(key, 7) as u64)));
        assert_ne!(fold_in(key, 7) as u64, drawn[0]);
        let all: std::collections::HashSet<i64> = (0..1000).map(|i| fold_in(key, i - 500)).collect();
        assert_eq!(all.len(), 1000);
    }

    #[test]
    fn streams_give_every_bit_once() {
        let (mut stream, mut bytes) = (KeyStream::new(3), [0; 20]);
        stream.fill_bytes(&mut bytes);
        let mut again = KeyStream::new(3);
        let wanted: Vec<u8> = (0..3).flat_map(|_| again.next_u64().to_le_bytes()).collect();
        assert_eq!(bytes, wanted[..20]);
        assert_eq!(stream.next_u64(), again.next_u64());
        assert_eq!(stream.next_u32(), again.next_u64() as u32);
    }

    #[test]
    fn a_stream_goes_on_from_its_state() {
        let mut stream = KeyStream::new(5);
        for _ in 0..20 {
            let mut again = KeyStream::resume(stream.state());
            assert_eq!(again, stream);
            assert_eq!(again.next(), stream.next());
        }
    }

    #[test]
    fn bounded_numbers_are_unbiased() {
        // Three quarters of a word: a biased method would give the first half of them twice as often.
        let bound = 3 << 62;
        let mut stream = KeyStream::new(4);
        let n = 100_000;
        let small = (0..n).filter(|_| stream.below(bound) < bound / 2).count() as f64;
        let deviation = (small - 0.5 * n as f64).abs() / (0.25 * n as f64).sqrt();
        assert!(deviation < 5.0, "{deviation}");
        assert!((0..1000).all(|_| stream.below(1) == 0));
        assert!((0..1000).all(|_| stream.below(7) < 7));
    }
}
