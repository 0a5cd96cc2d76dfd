//! Exact losses and gradients by quadrature.

use crate::families::{Family, Problem};

/// What a loss is in the mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Loss {
    /// The negative evidence lower bound.
    Elbo,
    /// The negative Rényi bound of an order with two particles.
    RenyiOfTwo(f64),
}

/// The loss at parameters on the constrained scale.
pub(crate) fn loss(family: &Family, loss: Loss, at: &[f64]) -> f64 {
    family.problems.iter().map(|problem| of_problem(problem, loss, at)).sum()
}

fn of_problem(problem: &Problem, loss: Loss, at: &[f64]) -> f64 {
    // The mass that the guide gives a node, and the log weight there.
    let nodes: Vec<(f64, f64)> = problem
        .nodes
        .iter()
        .map(|node| {
            let log_q = (problem.log_q)(&node.z, at);
            (node.weight * log_q.exp(), (problem.log_p)(&node.z) - log_q)
        })
        .filter(|(mass, _)| *mass > 1e-14)
        .collect();
    let total: f64 = nodes.iter().map(|(mass, _)| mass).sum();
    assert!((total - 1.0).abs() < 1e-7, "the quadrature misses mass: {total}");
    match loss {
        Loss::Elbo => -nodes.iter().map(|(mass, log_w)| mass * log_w).sum::<f64>(),
        Loss::RenyiOfTwo(alpha) => {
            let power = 1.0 - alpha;
            let raised: Vec<(f64, f64)> =
                nodes.iter().map(|(mass, log_w)| (*mass, (power * log_w).exp())).collect();
            let mut sum = 0.0;
            for (i, (mass, a)) in raised.iter().enumerate() {
                sum += mass * mass * a.ln();
                let others = raised[..i].iter().map(|(other, b)| other * (0.5 * (a + b)).ln());
                sum += 2.0 * mass * others.sum::<f64>();
            }
            -sum / power
        }
    }
}

/// The gradient with respect to unconstrained parameters: central differences, whose error (1e-8 in the step 1e-4) is far
/// below the noise it is compared with.
pub(crate) fn gradient(family: &Family, what: Loss, at: &[f64]) -> Vec<f64> {
    let mut positive = Vec::new();
    let per_parameter = at.len() / family.parameters.len();
    for (_, is_positive) in family.parameters {
        positive.extend(std::iter::repeat_n(*is_positive, per_parameter));
    }
    let moved = |entry: usize, step: f64| {
        let mut at = at.to_vec();
        // The bijection to positive numbers is the exponential.
        at[entry] = if positive[entry] { at[entry] * step.exp() } else { at[entry] + step };
        loss(family, what, &at)
    };
    let h = 1e-4;
    (0..at.len()).map(|entry| (moved(entry, h) - moved(entry, -h)) / (2.0 * h)).collect()
}
