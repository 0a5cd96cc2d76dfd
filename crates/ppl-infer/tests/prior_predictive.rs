//! Draws from the prior, with and without the data.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Result};
use ppl_dist::{Normal, Poisson};
use ppl_infer::Predictive;
use ppl_tensor::Tensor;

fn model(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let mean = ctx.sample("mean", Normal::new(1.0, 3.0))?;
    let sum = ctx.plate("rows", y, |ctx, y| ctx.observe("y", Normal::new(&mean, 4.0), y))?.sum(0);
    ctx.deterministic("sum", sum)?;
    ctx.observe("count", Poisson::new(2.0), 7i64).map(|_| ())
}

/// Data are drawn where they are asked for, and stay where they are not.
#[test]
fn data_are_drawn_if_asked_for() {
    let (y, n) = (Tensor::from([100.0, 200.0]), 4000);
    let predictive = Predictive::new(model).seed(1);
    let prior = predictive.prior(n, &y).unwrap();
    assert_eq!(prior.names().collect::<Vec<_>>(), ["mean", "sum"]);
    assert!(prior.get("sum").unwrap().to_f64().unwrap().iter().all(|sum| *sum == 300.0));

    let drawn = predictive.prior_predictive(n, &y).unwrap();
    assert_eq!(drawn.names().collect::<Vec<_>>(), ["mean", "y", "sum", "count"]);
    assert_eq!(drawn.get("y").unwrap().shape().to_vec(), [n, 2]);
    let (y, sum) = (drawn.get("y").unwrap().to_f64().unwrap(), drawn.get("sum").unwrap().to_f64().unwrap());
    assert!(y.chunks(2).zip(&sum).all(|(y, sum)| y[0] + y[1] == *sum));
    // The moments of y are 1 and 3² + 4², the covariance of two rows is 3²: within four standard errors.
    let mean = |of: &dyn Fn(&[f64]) -> f64| y.chunks(2).map(of).sum::<f64>() / n as f64;
    let root = (n as f64).sqrt();
    assert!((mean(&|y| y[0]) - 1.0).abs() < 4.0 * 5.0 / root);
    assert!((mean(&|y| (y[0] - 1.0).powi(2)) - 25.0).abs() < 4.0 * 2f64.sqrt() * 25.0 / root);
    assert!((mean(&|y| (y[0] - 1.0) * (y[1] - 1.0)) - 9.0).abs() < 4.0 * 27.0 / root);
    let counts = drawn.get("count").unwrap().to_f64().unwrap();
    assert!((counts.iter().sum::<f64>() / n as f64 - 2.0).abs() < 4.0 * 2f64.sqrt() / root);
    assert!(predictive.prior_predictive(0, &Tensor::from([1.0])).is_err());
}
