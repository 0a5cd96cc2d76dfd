//! Whether ranks are uniform.

/// The p-value of the hypothesis that ranks, numbers of `0..=largest`, are independent and uniform.
///
/// The number of ranks below each `i` is binomial; the statistic is the smallest of their two-sided tail probabilities,
/// which makes a simultaneous band about the empirical distribution function (Säilynoja, Bürkner and Vehtari 2022,
/// "Graphical test for discrete uniformity", section 2). Its distribution is exact: the probability that all numbers stay
/// in the band is summed from one `i` to the next, between which they make a Markov chain.
pub(super) fn p_value(ranks: &[usize], largest: usize) -> f64 {
    let (n, cells) = (ranks.len(), largest + 1);
    let mut below = vec![0; cells];
    for &rank in ranks {
        below[(rank + 1).min(largest)] += usize::from(rank < largest);
    }
    for i in 1..cells {
        below[i] += below[i - 1];
    }
    let binomial = Binomial::new(n);
    let tails: Vec<Vec<f64>> = (1..cells).map(|i| binomial.tails(n, i as f64 / cells as f64)).collect();
    let observed = tails.iter().zip(&below[1..]).map(|(tails, &count)| tails[count]).fold(1.0, f64::min);
    // What differs from it by rounding alone is as far out.
    let least = observed * (1.0 + 1e-9);

    // Probabilities of the numbers below `i` and inside the band so far: at the start there is none.
    let mut inside = vec![0.0; n + 1];
    inside[0] = 1.0;
    for (i, tails) in tails.iter().enumerate() {
        let share = 1.0 / (cells - i) as f64;
        let mut next = vec![0.0; n + 1];
        for (before, probability) in inside.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            for (now, into) in next.iter_mut().enumerate().skip(before) {
                if tails[now] > least {
                    *into += probability * binomial.probability(n - before, now - before, share);
                }
            }
        }
        inside = next;
    }
    (1.0 - inside.iter().sum::<f64>()).clamp(0.0, 1.0)
}

/// Logarithms of factorials.
struct Binomial(Vec<f64>);

impl Binomial {
    fn new(n: usize) -> Self {
        let mut sum = 0.0;
        let log_factorial = |k: usize| {
            sum += (k.max(1) as f64).ln();
            sum
        };
        Self((0..=n).map(log_factorial).collect())
    }

    /// Of `k` successes among `n` trials of a probability.
    fn probability(&self, n: usize, k: usize, p: f64) -> f64 {
        if p >= 1.0 {
            return f64::from(u8::from(k == n));
        }
        let ways = self.0[n] - self.0[k] - self.0[n - k];
        (ways + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()).exp()
    }

    /// Two-sided tail probabilities of `0..=n` successes.
    fn tails(&self, n: usize, p: f64) -> Vec<f64> {
        let mass: Vec<f64> = (0..=n).map(|k| self.probability(n, k, p)).collect();
        let running = |sum: &mut f64, p: &f64| {
            *sum += p;
            Some(*sum)
        };
        let lower = mass.iter().scan(0.0, running);
        let mut upper: Vec<f64> = mass.iter().rev().scan(0.0, running).collect();
        upper.reverse();
        lower.zip(upper).map(|(lower, upper)| (2.0 * lower.min(upper)).min(1.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All outcomes of a few ranks are equally likely: a p-value is the share of those that are as far out.
    #[test]
    fn p_values_are_shares_of_all_outcomes() {
        for (n, largest) in [(5_u32, 2_usize), (4, 4), (7, 1), (1, 5)] {
            let cells = largest + 1;
            let outcomes: Vec<Vec<usize>> =
                (0..cells.pow(n)).map(|code| (0..n).map(|i| code / cells.pow(i) % cells).collect()).collect();
            let binomial = Binomial::new(n as usize);
            let statistic = |ranks: &[usize]| {
                let tail = |i: usize| {
                    let below = ranks.iter().filter(|rank| **rank < i).count();
                    binomial.tails(n as usize, i as f64 / cells as f64)[below]
                };
                (1..cells).map(tail).fold(1.0, f64::min)
            };
            let all: Vec<f64> = outcomes.iter().map(|ranks| statistic(ranks)).collect();
            for (ranks, own) in outcomes.iter().zip(&all).step_by(7) {
                let share = all.iter().filter(|other| **other <= own * (1.0 + 1e-9)).count() as f64;
                let (found, expected) = (p_value(ranks, largest), share / all.len() as f64);
                assert!((found - expected).abs() < 1e-12, "{ranks:?} of {cells}: {found}, not {expected}");
            }
        }
    }

    /// Binomial probabilities and tails by scipy 1.15.
    #[test]
    fn tails_are_those_of_scipy() {
        let binomial = Binomial::new(200);
        let near =
            |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-10, "{found} {expected}");
        near(binomial.probability(200, 31, 0.13), SCIPY[0]);
        near(binomial.probability(200, 0, 0.01), SCIPY[1]);
        let tails = binomial.tails(200, 0.4);
        near(tails[60], SCIPY[2]);
        near(tails[105], SCIPY[3]);
        assert_eq!(tails[80], 1.0);
    }

    const SCIPY: [f64; 4] =
        [0.04597602411183394, 0.13397967485796194, 0.004260519582338987, 0.00046727953420394537];
}
