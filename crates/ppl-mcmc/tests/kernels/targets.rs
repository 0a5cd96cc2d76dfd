//! Log densities written by hand.

use ppl_core::Result;
use ppl_mcmc::{Chains, Kernel, LogDensity, Mcmc, Transition};

/// A function and its gradient.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub(crate) dimension: usize,
    pub(crate) at: fn(&[f64], &mut [f64]) -> f64,
}

impl LogDensity for Target {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        Ok((self.at)(x, gradient))
    }
}

/// Normal with a covariance, row-major.
#[derive(Clone)]
pub(crate) struct Gaussian {
    pub(crate) mean: Vec<f64>,
    pub(crate) precision: Vec<f64>,
}

impl LogDensity for Gaussian {
    fn dimension(&self) -> usize {
        self.mean.len()
    }

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let centred: Vec<f64> = x.iter().zip(&self.mean).map(|(x, mean)| x - mean).collect();
        for (slope, row) in gradient.iter_mut().zip(self.precision.chunks(self.mean.len())) {
            *slope = -row.iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>();
        }
        Ok(0.5 * gradient.iter().zip(&centred).map(|(a, b)| a * b).sum::<f64>())
    }
}

impl Gaussian {
    /// Independent numbers.
    pub(crate) fn independent(mean: &[f64], sd: &[f64]) -> Self {
        let d = mean.len();
        let mut precision = vec![0.0; d * d];
        for (i, sd) in sd.iter().enumerate() {
            precision[i * d + i] = sd.powi(-2);
        }
        Self { mean: mean.to_vec(), precision }
    }

    /// Two numbers with unit variances and a correlation.
    pub(crate) fn correlated(r: f64) -> Self {
        let scale = 1.0 / (1.0 - r * r);
        Self { mean: vec![1.0, -2.0], precision: vec![scale, -r * scale, -r * scale, scale] }
    }
}

/// Twisted: `y` is normal about `x²`.
pub(crate) const BANANA: Target = Target {
    dimension: 2,
    at: |x, gradient| {
        let (a, b) = (x[0], x[1] - x[0] * x[0]);
        gradient[0] = -a + 4.0 * b * x[0];
        gradient[1] = -2.0 * b;
        -0.5 * a * a - b * b
    },
};

/// Neal's funnel: the first number is the log variance of the others.
pub(crate) const FUNNEL: Target = Target {
    dimension: 10,
    at: |x, gradient| {
        let (v, rest) = (x[0], &x[1..]);
        let precision = (-v).exp();
        let squares: f64 = rest.iter().map(|x| x * x).sum();
        gradient[0] = -v / 9.0 - 0.5 * rest.len() as f64 + 0.5 * precision * squares;
        gradient[1..].iter_mut().zip(rest).for_each(|(g, x)| *g = -precision * x);
        -v * v / 18.0 - 0.5 * rest.len() as f64 * v - 0.5 * precision * squares
    },
};

/// Two modes too far apart for a chain to see both.
pub(crate) const MODES: Target = Target {
    dimension: 1,
    at: |x, gradient| {
        let (a, b) = (-0.5 * (x[0] - 20.0).powi(2), -0.5 * (x[0] + 20.0).powi(2));
        gradient[0] = if a > b { 20.0 - x[0] } else { -20.0 - x[0] };
        a.max(b)
    },
};

/// Chains from starts spread about the origin; none fails.
pub(crate) fn sample<K: Kernel, D: LogDensity + Clone + Send + Sync>(mcmc: Mcmc<K>, target: &D) -> Vec<Run> {
    let starts: Vec<Vec<f64>> = (0..4)
        .map(|chain| (0..target.dimension()).map(|i| ((7 * chain + i) as f64).sin()).collect())
        .collect();
    let chains = mcmc.sample(|| target.clone(), &starts).unwrap();
    assert!(chains.failures().is_empty(), "{:?}", chains.failures());
    runs(&chains)
}

/// The draws `[draw, d]` of one chain, and their transitions.
pub(crate) struct Run {
    pub(crate) values: Vec<f64>,
    pub(crate) transitions: Vec<Transition>,
}

pub(crate) fn runs(chains: &Chains) -> Vec<Run> {
    let values = chains.get("x").unwrap().to_f64().unwrap();
    let parts = values.chunks(values.len() / chains.chain_count()).zip(chains.transitions());
    parts.map(|(values, all)| Run { values: values.to_vec(), transitions: all.clone() }).collect()
}

/// The draws of number `i` of each chain, mapped.
pub(crate) fn number(runs: &[Run], d: usize, i: usize, of: impl Fn(f64) -> f64) -> Vec<Vec<f64>> {
    runs.iter().map(|run| run.values[i..].iter().step_by(d).map(|x| of(*x)).collect()).collect()
}

/// The distance of the mean of chains from what it should be, in standard errors.
pub(crate) fn deviation(chains: &[Vec<f64>], expected: f64) -> f64 {
    let slices: Vec<&[f64]> = chains.iter().map(Vec::as_slice).collect();
    let all = slices.concat();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    (mean - expected) / ppl_mcmc::diagnostics::mcse_mean(&slices)
}
