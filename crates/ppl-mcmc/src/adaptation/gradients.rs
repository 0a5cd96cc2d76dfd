//! Scales from draws and gradients together.

use super::Welford;
use crate::record::plain;

/// For a normal target the variance of a draw is `σ²` and that of its gradient `1/σ²`: the root of their ratio estimates
/// `σ²` with less noise than the variance of the draws alone, also where draws are correlated, and soon (Seyboldt, Carlson
/// and Carpenter 2024, "Preconditioning Hamiltonian Monte Carlo by minimizing Fisher divergence").
///
/// Two windows run at once, so that the estimate forgets the way to the region without ever starting from nothing: when
/// the younger one is long enough it replaces the older.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GradientScales {
    older: Pair,
    younger: Pair,
    switches: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Pair {
    draws: Welford,
    gradients: Welford,
}

plain!(Pair { draws, gradients });
plain!(GradientScales { older, younger, switches });

/// Share of the warm-up that finds the region, in short windows.
const EARLY: f64 = 0.3;

/// Share at the end in which only the step size is learned.
const LAST: f64 = 0.15;

/// So much of a warm-up, in transitions.
fn share(share: f64, warmup: usize) -> usize {
    (share * warmup as f64) as usize
}

/// Whether the transition number `taken` of a warm-up is one of those that only learn the step size.
pub(crate) fn is_last(taken: usize, warmup: usize) -> bool {
    taken >= warmup - share(LAST, warmup)
}

const EARLY_WINDOW: f64 = 10.0;
const WINDOW: f64 = 80.0;

/// Variances outside are errors of measurement.
const RANGE: (f64, f64) = (1e-20, 1e20);

impl Pair {
    fn new(dimension: usize) -> Self {
        Self { draws: Welford::new(dimension, false), gradients: Welford::new(dimension, false) }
    }

    fn add(&mut self, position: &[f64], gradient: &[f64]) {
        self.draws.add(position);
        self.gradients.add(gradient);
    }
}

/// The first estimate, of one gradient: its size is about `1/σ`.
pub(crate) fn first(gradient: &[f64]) -> Vec<f64> {
    gradient.iter().map(|g| bounded(g.abs().recip())).collect()
}

fn bounded(variance: f64) -> f64 {
    match variance.is_finite() {
        true => variance.clamp(RANGE.0, RANGE.1),
        false => 1.0,
    }
}

impl GradientScales {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { older: Pair::new(dimension), younger: Pair::new(dimension), switches: 0 }
    }

    /// Whether it is of positions of `d` numbers.
    pub(crate) fn is_of(&self, dimension: usize) -> bool {
        let pairs = [&self.older, &self.younger];
        pairs.iter().all(|pair| pair.draws.is_of(dimension) && pair.gradients.is_of(dimension))
    }

    /// Takes a point after the `taken`-th transition of a warm-up, which changes [`GradientScales::variances`], and says whether
    /// the first window is full now.
    pub(crate) fn add(&mut self, taken: usize, warmup: usize, position: &[f64], gradient: &[f64]) -> bool {
        self.older.add(position, gradient);
        self.younger.add(position, gradient);
        let wanted = if taken < share(EARLY, warmup) { EARLY_WINDOW } else { WINDOW };
        let switch = self.younger.draws.count() >= wanted;
        if switch {
            std::mem::swap(&mut self.older, &mut self.younger);
            self.younger.draws.clear();
            self.younger.gradients.clear();
            self.switches += 1;
        }
        switch && self.switches == 1
    }

    /// The variances, if there are points enough for them.
    pub(crate) fn variances(&self) -> Option<impl Iterator<Item = f64>> {
        let Pair { draws, gradients } = &self.older;
        let pairs = draws.variances().zip(gradients.variances());
        let variances = pairs.map(|(draw, gradient)| bounded((draw / gradient).sqrt()));
        (draws.count() >= EARLY_WINDOW).then_some(variances)
    }
}
