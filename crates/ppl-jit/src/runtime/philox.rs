//! The counter-based generator Philox 4x32 with ten rounds (Salmon et al. 2011), as [`Key`](ppl_tensor::Key) uses it, in a
//! form that is worked on many blocks at once.

/// Last counter words, which keep the uses of a key apart.
const FOLD: u32 = 0xF01D;
const DRAW: u32 = 0xD8A3;

/// Block number `counter` of the generator with a key.
#[inline(always)]
fn philox(key: i64, counter: [u32; 4]) -> [u32; 4] {
    let (mut low, mut high) = (key as u32, (key as u64 >> 32) as u32);
    let [mut a, mut b, mut c, mut d] = counter;
    for _ in 0..10 {
        let left = 0xD251_1F53 * u64::from(a);
        let right = 0xCD9E_8D57 * u64::from(c);
        a = (right >> 32) as u32 ^ b ^ low;
        b = right as u32;
        c = (left >> 32) as u32 ^ d ^ high;
        d = left as u32;
        low = low.wrapping_add(0x9E37_79B9);
        high = high.wrapping_add(0xBB67_AE85);
    }
    [a, b, c, d]
}

#[inline(always)]
fn join(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// A new key from a key and a number.
#[inline(always)]
pub(crate) fn fold_in(key: i64, data: i64) -> i64 {
    let [a, b, ..] = philox(key, [data as u32, (data as u64 >> 32) as u32, 0, FOLD]);
    join(a, b) as i64
}

/// The random bits of elements `2 · pair` and `2 · pair + 1` of what is drawn with a key.
#[inline(always)]
pub(crate) fn draw_bits(key: i64, pair: u64) -> [u64; 2] {
    let [a, b, c, d] = philox(key, [pair as u32, (pair >> 32) as u32, 0, DRAW]);
    [join(a, b), join(c, d)]
}

#[cfg(test)]
mod tests {
    use ppl_tensor::Key;

    /// The keys that the rest of the workspace derives.
    #[test]
    fn keys_are_those_of_the_host() {
        for (seed, data) in [(0, 0), (1, -1), (7, 1 << 40)] {
            let key = Key::new(seed);
            let bits = key.tensor().to_vec::<i64>().unwrap()[0];
            let derived = key.fold_in(data).tensor().to_vec::<i64>().unwrap()[0];
            assert_eq!(super::fold_in(bits, data), derived);
        }
    }
}
