//! Random counts.

use rand_distr::{Binomial, Distribution, Poisson, StandardNormal};

use super::philox::KeyStream;

/// A variate of the Poisson distribution; NaN unless the rate is finite and not negative.
pub(super) fn poisson(mut stream: KeyStream, rate: f64) -> f64 {
    if rate == 0.0 {
        return 0.0;
    }
    if !(rate > 0.0 && rate.is_finite()) {
        return f64::NAN;
    }
    match Poisson::new(rate) {
        Ok(poisson) => poisson.sample(&mut stream),
        // Above 1.8e19, where it is the normal distribution to one part in 10⁹ of a standard deviation.
        Err(_) => {
            let normal: f64 = StandardNormal.sample(&mut stream);
            (rate + rate.sqrt() * normal).round()
        }
    }
}

/// Number of successes among `trials` of a probability; NaN unless the number of trials is an integer of `0..=2⁵³` and
/// the probability is in `[0, 1]`.
pub(super) fn binomial(mut stream: KeyStream, trials: f64, probability: f64) -> f64 {
    const MOST: f64 = (1u64 << 53) as f64;
    if !(0.0..=MOST).contains(&trials) || trials.fract() != 0.0 {
        return f64::NAN;
    }
    match Binomial::new(trials as u64, probability) {
        Ok(binomial) => binomial.sample(&mut stream) as f64,
        Err(_) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32s, f64s, i64s, run};
    use crate::op::RandomKind;
    use crate::{HostTensor, Op};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    fn draw(kind: RandomKind, n: usize, parameters: &[&HostTensor]) -> Vec<f64> {
        let key = i64s([], &[31]);
        let inputs: Vec<&HostTensor> = std::iter::once(&key).chain(parameters.iter().copied()).collect();
        run(Op::Random { kind, shape: [n].into() }, &inputs).to_f64()
    }

    /// Asserts that counts have the distribution of `ln_mass`: a chi-square test over cells of at least 20 expected
    /// counts, and one of the rest, to 5 of its standard deviations.
    #[track_caller]
    fn check_mass(draws: &[f64], ln_mass: impl Fn(f64) -> f64) {
        let n = draws.len() as f64;
        let largest = draws.iter().fold(0.0, |most: f64, &k| most.max(k)) as usize;
        let mut counts = vec![0.0; largest + 1];
        for &k in draws {
            assert!(k >= 0.0 && k.fract() == 0.0, "{k}");
            counts[k as usize] += 1.0;
        }
        let (mut chi_square, mut cells, mut rest, mut expected_rest) = (0.0, 0.0, n, n);
        for (k, &count) in counts.iter().enumerate() {
            let expected = n * ln_mass(k as f64).exp();
            if expected >= 20.0 {
                chi_square += (count - expected).powi(2) / expected;
                (cells, rest, expected_rest) = (cells + 1.0, rest - count, expected_rest - expected);
            }
        }
        if expected_rest >= 20.0 {
            chi_square += (rest - expected_rest).powi(2) / expected_rest;
            cells += 1.0;
        } else {
            // More than 60 where at most 20 are expected: a chance below 1e-11.
            assert!(rest <= 60.0, "{rest} counts where {expected_rest} are expected");
        }
        let degrees: f64 = f64::max(cells - 1.0, 1.0);
        assert!((chi_square - degrees).abs() < 5.0 * (2.0 * degrees).sqrt(), "{chi_square} for {degrees}");
    }

    #[test]
    fn poisson_counts_have_their_probabilities() {
        // Both methods of the library, and where they meet.
        for rate in [1e-3, 0.5, 3.0, 11.9, 12.0, 60.0, 2000.0] {
            let draws = draw(RandomKind::Poisson, 20_000, &[&f64s([], &[rate])]);
            check_mass(&draws, |k| k * f64::ln(rate) - rate - libm::lgamma(k + 1.0));
        }
    }

    #[test]
    fn binomial_counts_have_their_probabilities() {
        for (n, p) in
            [(1.0, 0.3), (7.0, 0.5), (40.0, 0.1), (40.0, 0.9), (90.0, 0.5), (5000.0, 0.3), (1e6, 1e-6)]
        {
            let draws = draw(RandomKind::Binomial, 20_000, &[&f64s([], &[n]), &f64s([], &[p])]);
            assert!(draws.iter().all(|&k| k <= n));
            check_mass(&draws, |k| {
                let choose = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
                choose + k * f64::ln(p) + (n - k) * f64::ln_1p(-p)
            });
        }
    }

    #[test]
    fn great_counts_have_their_moments() {
        let n = 20_000;
        let check = |draws: Vec<f64>, mean: f64, variance: f64| {
            let errors = draws.iter().map(|k| (k - mean) / variance.sqrt()).collect::<Vec<_>>();
            let moment = |power: i32| errors.iter().map(|e| e.powi(power)).sum::<f64>() / n as f64;
            // 5 standard errors of the first two moments of nearly normal numbers.
            assert!(moment(1).abs() < 5.0 / f64::sqrt(n as f64), "mean {mean}: {}", moment(1));
            assert!((moment(2) - 1.0).abs() < 5.0 * f64::sqrt(2.0 / n as f64), "mean {mean}: {}", moment(2));
        };
        for rate in [1e9, 1e15, 1e19, 1e25] {
            check(draw(RandomKind::Poisson, n, &[&f64s([], &[rate])]), rate, rate);
        }
        for (trials, p) in [(1e9, 0.25), (9e15, 0.7), (9e15, 1e-9)] {
            let draws = draw(RandomKind::Binomial, n, &[&f64s([], &[trials]), &f64s([], &[p])]);
            check(draws, trials * p, trials * p * (1.0 - p));
        }
    }

    #[test]
    fn what_is_no_parameter_has_no_counts() {
        let rates = [0.0, -0.0, -1.0, NAN, INF, 5e-324];
        let draws = draw(RandomKind::Poisson, 6, &[&f64s([6], &rates)]);
        assert_eq!(draws[..2], [0.0, 0.0]);
        assert!(draws[2..5].iter().all(|k| k.is_nan()));
        assert_eq!(draws[5], 0.0);
        let trials = f64s([9], &[0.0, 3.0, 3.0, 2.5, -1.0, INF, NAN, 3.0, 3.0]);
        let probabilities = f64s([9], &[0.5, 0.0, 1.0, 0.5, 0.5, 0.5, 0.5, 1.5, NAN]);
        let draws = draw(RandomKind::Binomial, 9, &[&trials, &probabilities]);
        assert_eq!(draws[..3], [0.0, 0.0, 3.0]);
        assert!(draws[3..].iter().all(|k| k.is_nan()));
    }

    #[test]
    fn single_precision_draws_the_same_counts() {
        let double = draw(RandomKind::Poisson, 50, &[&f64s([], &[6.5])]);
        assert_eq!(draw(RandomKind::Poisson, 50, &[&f32s([], &[6.5])]), double);
        let double = draw(RandomKind::Binomial, 50, &[&f64s([], &[30.0]), &f64s([], &[0.25])]);
        assert_eq!(draw(RandomKind::Binomial, 50, &[&f32s([], &[30.0]), &f32s([], &[0.25])]), double);
    }
}
