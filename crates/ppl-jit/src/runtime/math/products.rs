//! Sums of logarithms, as logarithms of products: one of many elements, not one for each.
//!
//! A product of `n` numbers is rounded `n` times, and so is a sum of their logarithms: either errs by about `√n` units of 1.
//! Logarithms that are far smaller than 1 are known no better than the numbers near 1 that they are of.

use super::exponential::exp;
use super::float::{Arch, Float, mul_add, select};
use super::logarithm::{log, log_of_product, parts};
use super::{compensated::fast_two_sum, logarithm::slope};

/// Elements at once: a product of a lane's share of numbers in `[½, 2]` stays in the range of both floats.
const BLOCK: usize = 128;

/// Products side by side.
const LANES: usize = 8;

/// A product of numbers in `[½, 2]`, and a sum of terms, one of each for an element.
struct Totals<T> {
    products: [T; LANES],
    exponents: [T; LANES],
    terms: [T; LANES],
}

impl<T: Float> Totals<T> {
    fn none() -> Self {
        let zeros = [T::ZERO; LANES];
        Self { products: [T::ONE; LANES], exponents: zeros, terms: zeros }
    }

    /// Takes the first `n` factors and terms. Those that fill up the last lanes are overwritten.
    #[inline(always)]
    fn take(&mut self, factors: &mut [T; BLOCK], terms: &mut [T; BLOCK], n: usize) {
        let filled = n.next_multiple_of(LANES);
        factors[n..filled].fill(T::ONE);
        terms[n..filled].fill(T::ZERO);
        let factors = factors[..filled].as_chunks::<LANES>().0;
        for (factors, terms) in factors.iter().zip(terms[..filled].as_chunks::<LANES>().0) {
            for i in 0..LANES {
                self.products[i] = self.products[i] * factors[i];
                self.terms[i] = self.terms[i] + terms[i];
            }
        }
        for i in 0..LANES {
            let (product, exponent) = parts(self.products[i]);
            (self.products[i], self.exponents[i]) = (product, self.exponents[i] + exponent);
        }
    }

    /// The logarithm of the product without a power of two, the exponent of that, and the sum.
    #[inline(always)]
    fn totals(&self) -> (T, T, T) {
        let sum = |lanes: &[T; LANES]| lanes.iter().fold(T::ZERO, |sum, &x| sum + x);
        let product = self.products.iter().fold(T::ONE, |product, &x| product * x);
        (product, sum(&self.exponents), sum(&self.terms))
    }
}

/// `Σ ln x`.
#[inline(always)]
pub(crate) fn sum_of_logs<A: Arch, T: Float>(x: &[T]) -> T {
    // What has no finite logarithm makes one of these something else than a positive number and 0: 0 times what is finite.
    let (mut least, mut zeros) = ([T::ONE; LANES], [T::ZERO; LANES]);
    let (groups, rest) = x.as_chunks::<LANES>();
    for group in groups {
        for i in 0..LANES {
            least[i] = select(group[i] < least[i], group[i], least[i]);
            zeros[i] = mul_add::<A, T>(group[i], T::ZERO, zeros[i]);
        }
    }
    let finite = least.iter().chain(rest).all(|&x| x > T::ZERO && x < T::INFINITY);
    if !finite || zeros.iter().any(|&x| x != T::ZERO) {
        return x.iter().fold(T::ZERO, |sum, &x| sum + log::<A, T>(x));
    }
    let mut all = Totals::none();
    let (mut mantissas, mut exponents) = ([T::ONE; BLOCK], [T::ZERO; BLOCK]);
    for block in x.chunks(BLOCK) {
        for ((m, k), &x) in mantissas.iter_mut().zip(&mut exponents).zip(block) {
            (*m, *k) = parts(x);
        }
        all.take(&mut mantissas, &mut exponents, block.len());
    }
    let (product, more, exponent) = all.totals();
    log_of_product::<A, T>(product, exponent + more)
}

/// `Σ ln(1 + eˣ)`, and the slope of each, to 2 units.
#[inline(always)]
pub(crate) fn sum_of_softplus<A: Arch, T: Float>(x: &[T], slopes: &mut [T]) -> T {
    let mut all = Totals::none();
    let (mut factors, mut terms) = ([T::ONE; BLOCK], [T::ZERO; BLOCK]);
    for (block, slopes) in x.chunks(BLOCK).zip(slopes.chunks_mut(BLOCK)) {
        let made = factors.iter_mut().zip(&mut terms).zip(slopes);
        for (((factor, term), to), &x) in made.zip(block) {
            let e = exp::<A, T>(-x.abs());
            let (sum, error) = fast_two_sum(T::ONE, e);
            let (slope, inverse) = slope::<A, T>(x, e, sum, error);
            // What the sum lost is all there is of a small `e`.
            (*to, *factor) = (slope, sum);
            *term = mul_add::<A, T>(error, inverse, select(x > T::ZERO, x, T::ZERO));
        }
        all.take(&mut factors, &mut terms, block.len());
    }
    let (product, exponent, rest) = all.totals();
    log_of_product::<A, T>(product, exponent) + rest
}

#[cfg(test)]
mod tests {
    use super::super::float::{Float, Portable};
    use super::{sum_of_logs, sum_of_softplus};

    const SIZES: [usize; 9] = [0, 1, 7, 8, 9, 127, 128, 129, 1000];

    /// Numbers over the whole range, subnormal ones included, and near 1.
    fn positive(n: usize) -> Vec<f64> {
        let number = |i: usize| {
            let power = ((i * 7919) % 619) as f64 - 320.0;
            let wide = (1.0 + 0.37 * (i % 11) as f64) * 10_f64.powf(power.clamp(-320.0, 300.0));
            if i.is_multiple_of(3) { 1.0 + 1e-3 * (i % 17) as f64 } else { wide }
        };
        (0..n).map(number).collect()
    }

    /// Each multiplication of a product, and each addition of a sum, rounds to half a unit: of 1, and of what the absolute
    /// terms add up to so far. So do those of what is compared with.
    fn bound(logs: impl Iterator<Item = f64>, epsilon: f64) -> f64 {
        let add =
            |(sum, bound): (f64, f64), log: f64| (sum + log.abs(), bound + epsilon * (1.0 + sum + log.abs()));
        logs.fold((0.0, epsilon), add).1
    }

    #[test]
    fn sums_of_logarithms() {
        for n in SIZES {
            let x = positive(n);
            let expected: f64 = x.iter().map(|x| x.ln()).sum();
            let found = sum_of_logs::<Portable, f64>(&x);
            let error = (found - expected).abs();
            assert!(error <= bound(x.iter().map(|x| x.ln()), f64::EPSILON), "{n}: {found} {expected}");
            let narrow: Vec<f32> = x.iter().map(|x| x.clamp(1e-42, 1e38) as f32).collect();
            let expected: f64 = narrow.iter().map(|&x| f64::from(x).ln()).sum();
            let found = f64::from(sum_of_logs::<Portable, f32>(&narrow));
            let logs = narrow.iter().map(|&x| f64::from(x).ln());
            let error = (found - expected).abs();
            assert!(error <= bound(logs, f64::from(f32::EPSILON)), "{n}: {found} {expected}");
        }
    }

    #[test]
    fn what_has_no_finite_logarithm() {
        let cases = [
            (0.0, f64::NEG_INFINITY),
            (-0.0, f64::NEG_INFINITY),
            (f64::INFINITY, f64::INFINITY),
            (-1.0, f64::NAN),
            (f64::NAN, f64::NAN),
        ];
        for (special, expected) in cases {
            for (n, place) in [(1, 0), (8, 3), (200, 199), (200, 5), (256, 255)] {
                let mut x = vec![2.0; n];
                x[place] = special;
                let found = sum_of_logs::<Portable, f64>(&x);
                assert!(found == expected || found.is_nan() && expected.is_nan(), "{special}: {found}");
            }
        }
        assert!(sum_of_logs::<Portable, f64>(&[f64::INFINITY, 0.0, 1.0]).is_nan());
    }

    fn softplus<T: Float>(x: &[f64], epsilon: f64) {
        let narrow: Vec<T> = x.iter().map(|&x| T::narrow(x)).collect();
        let mut slopes = vec![T::NAN; x.len()];
        let found = sum_of_softplus::<Portable, T>(&narrow, &mut slopes).wide();
        let of = |x: &T| x.wide().max(0.0) + (-x.wide().abs()).exp().ln_1p();
        let expected: f64 = narrow.iter().map(of).sum();
        assert!((found - expected).abs() <= bound(narrow.iter().map(of), epsilon), "{found} {expected}");
        for (x, slope) in narrow.iter().zip(slopes) {
            let expected = 1.0 / (1.0 + (-x.wide()).exp());
            // Two units, and as many of what it is compared with.
            assert!((slope.wide() - expected).abs() <= 4.0 * epsilon * expected, "{x:?}");
        }
    }

    #[test]
    fn sums_of_softplus_and_slopes() {
        for n in SIZES {
            let x: Vec<f64> = (0..n).map(|i| ((i * 31) % 161) as f64 / 2.0 - 40.0).collect();
            softplus::<f64>(&x, f64::EPSILON);
            softplus::<f32>(&x, f64::from(f32::EPSILON));
        }
        // All that there is of small ones is what a sum with 1 loses.
        let small = [-50.0, -45.0, -60.0];
        let found = sum_of_softplus::<Portable, f64>(&small, &mut [0.0; 3]);
        let expected: f64 = small.iter().map(|x: &f64| x.exp()).sum();
        assert!((found - expected).abs() <= 1e-15 * expected, "{found} {expected}");
    }

    #[test]
    fn softplus_of_infinities() {
        let sum = |x: &[f64]| sum_of_softplus::<Portable, f64>(x, &mut vec![0.0; x.len()]);
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert_eq!(sum(&[f64::NEG_INFINITY; 9]), 0.0);
        assert!(sum(&[f64::NAN, 1.0]).is_nan() && sum(&[f64::INFINITY, f64::NAN]).is_nan());
    }
}
