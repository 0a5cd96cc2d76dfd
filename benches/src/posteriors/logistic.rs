//! Logistic regressions, simulated, beside a loop by hand.

use std::hint::black_box;
use std::path::Path;

use ppl::core::{Ctx, Result};
use ppl::dist::{Bernoulli, Normal};
use ppl::tensor::{Tensor, TensorTree};
use pulp::{Arch, Simd, WithSimd};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde_json::json;

use super::{Data, Posterior};

const ROWS: usize = 1000;

/// Rows that the loop by hand takes at once: products with a coefficient, or with a slope's sum, share its load.
const TOGETHER: usize = 4;

#[derive(Debug, Clone, TensorTree)]
struct Rows {
    features: Tensor,
    outcome: Tensor,
}

fn model<const COLUMNS: usize>(ctx: &mut Ctx, rows: &Rows) -> Result<()> {
    let alpha = ctx.sample("alpha", Normal::new(0.0, 10.0))?;
    let beta = ctx.sample("beta", Normal::new(Tensor::zeros([COLUMNS]), 2.5))?;
    ctx.plate("rows", rows, |ctx, row| {
        let logits = &alpha + row.features.matmul(&beta);
        ctx.observe("y", Bernoulli::with_logits(logits), &row.outcome)
    })?;
    Ok(())
}

/// Log likelihood and its gradient by intercept and slopes, [`TOGETHER`] rows at a time. Rows are of `COLUMNS` numbers, which
/// fill registers.
struct Likelihood<'a, const COLUMNS: usize> {
    features: &'a [f64],
    outcomes: &'a [f64],
    intercept: f64,
    slopes: &'a [f64; COLUMNS],
    gradient: &'a mut [f64; COLUMNS],
}

impl<const COLUMNS: usize> WithSimd for Likelihood<'_, COLUMNS> {
    /// The value, and its derivative by the intercept.
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (f64, f64) {
        let Likelihood { features, outcomes, intercept, slopes, gradient } = self;
        gradient.fill(0.0);
        let (slopes, _) = S::as_simd_f64s(slopes);
        let (gradient, _) = S::as_mut_simd_f64s(gradient);
        let (mut value, mut slope) = (0.0, 0.0);
        for (rows, outcomes) in features.chunks_exact(TOGETHER * COLUMNS).zip(outcomes.chunks_exact(TOGETHER))
        {
            let mut lanes: [&[S::f64s]; TOGETHER] = [&[]; TOGETHER];
            for (lanes, row) in lanes.iter_mut().zip(rows.chunks_exact(COLUMNS)) {
                *lanes = &S::as_simd_f64s(row).0[..slopes.len()];
            }
            let mut sums = [simd.splat_f64s(0.0); TOGETHER];
            for (k, &slope) in slopes.iter().enumerate() {
                for (sum, row) in sums.iter_mut().zip(lanes) {
                    *sum = simd.mul_add_e_f64s(slope, row[k], *sum);
                }
            }
            let mut residuals = [simd.splat_f64s(0.0); TOGETHER];
            for ((residual, sum), outcome) in residuals.iter_mut().zip(sums).zip(outcomes) {
                let logit = intercept + simd.reduce_sum_f64s(sum);
                let small = (-logit.abs()).exp();
                value += outcome * logit - logit.max(0.0) - small.ln_1p();
                let chance = if logit > 0.0 { 1.0 } else { small } / (1.0 + small);
                slope += outcome - chance;
                *residual = simd.splat_f64s(outcome - chance);
            }
            for (k, sum) in gradient.iter_mut().enumerate() {
                for (&residual, row) in residuals.iter().zip(lanes) {
                    *sum = simd.mul_add_e_f64s(residual, row[k], *sum);
                }
            }
        }
        (value, slope)
    }
}

/// [`Likelihood`] of rows that are dealt with in full groups, for `COLUMNS` and a number of rows that are multiples of 4.
fn by_hand<const COLUMNS: usize>(
    features: &[f64],
    outcomes: &[f64],
    (intercept, slopes): (f64, &[f64; COLUMNS]),
    gradient: &mut [f64; COLUMNS],
) -> (f64, f64) {
    Arch::new().dispatch(Likelihood { features, outcomes, intercept, slopes, gradient })
}

/// A posterior, and the features of its rows, one row after the other.
fn load<const COLUMNS: usize>(folder: &Path, name: &str) -> Result<(Posterior, Vec<f64>)> {
    let mut rng = SmallRng::seed_from_u64(1000);
    let slopes: [f64; COLUMNS] = std::array::from_fn(|_| rng.sample(StandardNormal));
    let rows: Vec<Vec<f64>> =
        (0..ROWS).map(|_| (0..COLUMNS).map(|_| rng.sample(StandardNormal)).collect()).collect();
    let mut outcome = |row: &Vec<f64>| {
        let logit = 0.5 + row.iter().zip(slopes).map(|(x, slope)| x * slope).sum::<f64>();
        i32::from(rng.random::<f64>() < 1.0 / (1.0 + (-logit).exp()))
    };
    let outcomes: Vec<i32> = rows.iter().map(&mut outcome).collect();
    let value = json!({ "N": ROWS, "K": COLUMNS, "X": rows, "y": outcomes });
    let data = Data::write(folder, name, value)?;
    let features = rows.concat();
    let rows = Rows {
        features: Tensor::new([ROWS, COLUMNS], features.clone())?,
        outcome: data.numbers("y")?.into(),
    };
    let program = ppl_posteriors::Posterior::new(data, model::<COLUMNS>, rows);
    Ok((Posterior::new(program), features))
}

pub(super) fn narrow(folder: &Path) -> Result<Posterior> {
    load::<10>(folder, "logistic").map(|(posterior, _)| posterior)
}

pub(super) fn wide(folder: &Path) -> Result<Posterior> {
    const COLUMNS: usize = 100;
    let (posterior, features) = load::<COLUMNS>(folder, "logistic_wide")?;
    let outcomes = posterior.program.data.numbers("y")?;
    let mut gradient = [0.0; COLUMNS];
    let likelihood = move || {
        let (intercept, slopes) = black_box((0.3, [0.1; COLUMNS]));
        let (value, slope) = by_hand(black_box(&features), &outcomes, (intercept, &slopes), &mut gradient);
        Ok(value + slope + gradient.iter().sum::<f64>())
    };
    Ok(Posterior { by_hand: Some(Box::new(likelihood)), ..posterior })
}

#[cfg(test)]
mod tests {
    use super::by_hand;

    #[test]
    fn the_gradient_by_hand_is_that_of_the_value() {
        const COLUMNS: usize = 8;
        let features: Vec<f64> = (0..12 * COLUMNS).map(|i| (i as f64 * 1.7).sin()).collect();
        let outcomes: Vec<f64> = (0..12).map(|i| f64::from(i % 3 == 0)).collect();
        let (intercept, slopes) = (0.2, std::array::from_fn(|k| 0.5 - 0.1 * k as f64));
        let of = |intercept: f64, slopes: &[f64; COLUMNS]| {
            let mut gradient = [0.0; COLUMNS];
            let (value, slope) = by_hand(&features, &outcomes, (intercept, slopes), &mut gradient);
            (value, slope, gradient)
        };
        let by_definition: f64 = (0..12)
            .map(|i| {
                let row = &features[i * COLUMNS..][..COLUMNS];
                let logit = intercept + row.iter().zip(slopes).map(|(x, slope)| x * slope).sum::<f64>();
                outcomes[i] * logit - logit.exp().ln_1p()
            })
            .sum();
        let (value, slope, gradient) = of(intercept, &slopes);
        assert!((value - by_definition).abs() < 1e-13 * value.abs(), "{value}, not {by_definition}");
        let h = 1e-5;
        let of_intercept = (of(intercept + h, &slopes).0 - of(intercept - h, &slopes).0) / (2.0 * h);
        // Errors of the order of the step's square.
        assert!((of_intercept - slope).abs() < 1e-8, "{slope}, not {of_intercept}");
        for k in 0..COLUMNS {
            let moved = |by: f64| {
                let mut slopes = slopes;
                slopes[k] += by;
                of(intercept, &slopes).0
            };
            let difference = (moved(h) - moved(-h)) / (2.0 * h);
            assert!((difference - gradient[k]).abs() < 1e-8, "{k}: {}, not {difference}", gradient[k]);
        }
    }
}
