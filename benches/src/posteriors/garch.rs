//! GARCH(1, 1) of posteriordb, beside its recursion by hand.

use std::hint::black_box;
use std::path::Path;

use ppl::core::Result;

use super::{Posterior, posteriordb};

/// Log likelihood and its gradient by mean and coefficients, by the recursion and its adjoint. `variances` has room for the
/// variance of each step.
fn by_hand(
    y: &[f64],
    first_scale: f64,
    [mu, alpha0, alpha1, beta1]: [f64; 4],
    variances: &mut [f64],
) -> (f64, [f64; 4]) {
    let mut variance = first_scale.powi(2);
    let mut value = 0.0;
    let mut before = 0.0;
    for (t, (y, place)) in y.iter().zip(variances.iter_mut()).enumerate() {
        if t > 0 {
            variance = alpha0 + alpha1 * before * before + beta1 * variance;
        }
        *place = variance;
        before = y - mu;
        value -= 0.5 * (variance.ln() + before * before / variance + std::f64::consts::TAU.ln());
    }
    let mut gradient = [0.0; 4];
    let mut adjoint = 0.0;
    for t in (0..y.len()).rev() {
        let (error, weight) = (y[t] - mu, 1.0 / variances[t]);
        gradient[0] += error * weight;
        adjoint = beta1 * adjoint + 0.5 * weight * (error * error * weight - 1.0);
        if t > 0 {
            let before = y[t - 1] - mu;
            gradient[0] -= 2.0 * adjoint * alpha1 * before;
            gradient[1] += adjoint;
            gradient[2] += adjoint * before * before;
            gradient[3] += adjoint * variances[t - 1];
        }
    }
    (value, gradient)
}

pub(super) fn load(_: &Path) -> Result<Posterior> {
    let posterior = posteriordb("garch11")?;
    let data = &posterior.program.data;
    let (y, first_scale) = (data.numbers("y")?, data.number("sigma1")?);
    let mut variances = vec![0.0; y.len()];
    let likelihood = move || {
        let at = black_box([5.0, 1.5, 0.5, 0.3]);
        let (value, gradient) = by_hand(black_box(&y), first_scale, at, &mut variances);
        Ok(value + gradient.iter().sum::<f64>())
    };
    Ok(Posterior { by_hand: Some(Box::new(likelihood)), stands_for: Some(("share", "beta1")), ..posterior })
}

#[cfg(test)]
mod tests {
    use super::by_hand;

    #[test]
    fn the_gradient_by_hand_is_that_of_the_value() {
        let y = [0.4, -1.2, 2.5, 0.3, -0.7, 1.9];
        let at = [0.2, 0.6, 0.3, 0.5];
        let of = |at: [f64; 4]| by_hand(&y, 0.8, at, &mut [0.0; 6]);
        let (_, gradient) = of(at);
        for i in 0..4 {
            let moved = |h: f64| {
                let mut at = at;
                at[i] += h;
                of(at).0
            };
            // Errors of the order of the step's square.
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((difference - gradient[i]).abs() < 1e-7 * (1.0 + gradient[i].abs()), "{i}: {difference}");
        }
    }
}
