//! What a loop over time costs beside the plain loop: an autoregression's sum of squared residuals and its gradient.

use std::hint::black_box;

use ppl::core::{Error, Result};
use ppl::tensor::{Tensor, grad, scan};

use crate::harness::Group;

/// Steps of the series.
const STEPS: usize = 200;

fn series() -> Vec<f64> {
    (0..STEPS).map(|step| (0.1 * step as f64).sin() + 0.3 * (1.7 * step as f64).cos()).collect()
}

/// `Σ (y - m)²` with `m = stay · before + 0.1 sin(before)` carried from step to step, by operations.
fn value(stay: &Tensor, y: &Tensor) -> Result<Tensor> {
    let (_, residuals) = scan(STEPS, &Tensor::from(0.5), y, |before: &Tensor, y: &Tensor| {
        let mean = stay * before + before.sin() * 0.1;
        Ok::<_, Error>((mean.clone(), y - mean))
    })?;
    Ok(residuals.square().sum(0))
}

/// The same, unrolled.
fn unrolled(stay: &Tensor, y: &[Tensor]) -> Tensor {
    let mut before = Tensor::from(0.5);
    y.iter().fold(Tensor::from(0.0), |sum, y| {
        before = stay * &before + before.sin() * 0.1;
        sum + (y - &before).square()
    })
}

/// Value and derivative with respect to `stay`.
fn by_hand(stay: f64, y: &[f64]) -> (f64, f64) {
    let (mut before, mut slope) = (0.5f64, 0.0);
    y.iter().fold((0.0, 0.0), |(value, gradient), y| {
        slope = before + (stay + 0.1 * before.cos()) * slope;
        before = stay * before + 0.1 * before.sin();
        (value + (y - before).powi(2), gradient - 2.0 * (y - before) * slope)
    })
}

/// All groups of this file.
pub fn groups() -> Vec<Group<'static>> {
    let y = series();
    let stay = Tensor::from([0.8]).reshape([]).tracked();
    let column = Tensor::from(&y[..]);
    let rows: Vec<Tensor> = y.iter().map(|y| Tensor::from(*y)).collect();
    let (of_scan, of_steps) = (stay.clone(), stay);
    vec![
        Group::new(format!("scan/autoregression, {STEPS} steps"), "step", STEPS)
            .case("loop: value and gradient", move || Ok(by_hand(black_box(0.8), black_box(&y))))
            .case("scan and its gradient", move || Ok(grad(&value(&of_scan, &column)?, &[&of_scan])?))
            .case("unrolled operations and their gradient", move || {
                Ok(grad(&unrolled(&of_steps, &rows), &[&of_steps])?)
            }),
    ]
}
