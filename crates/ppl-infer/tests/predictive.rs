//! Draws from the prior, with and without the data, and of data after they were seen.

// A test ends where something is wrong; clippy knows that of test functions, not of their helpers.
#![allow(clippy::unwrap_used, clippy::panic)]

use ppl_core::{Ctx, Observation, Result};
use ppl_dist::{Normal, Poisson};
use ppl_infer::{Draws, Predictive};
use ppl_tensor::{DType, Key, Tensor};

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

/// Exact draws of the posterior of `mean` given these rows: precision `1/9 + 2/16`, mean `(1/9 + Σy/16) / precision`.
fn posterior(y: [f64; 2], n: usize) -> (Draws, f64, f64) {
    let variance = 1.0 / (1.0 / 9.0 + 2.0 / 16.0);
    let centre = variance * (1.0 / 9.0 + (y[0] + y[1]) / 16.0);
    let mean = Key::new(3).normal([n], DType::F64) * variance.sqrt() + centre;
    ([("mean".to_owned(), mean)].into_iter().collect(), centre, variance)
}

/// Given the posterior of a conjugate model, new data have its mean, its variance more than the noise, and rows that
/// depend on each other by the mean alone.
#[test]
fn new_data_are_those_of_the_posterior() {
    let (rows, n) = ([4.0, 9.0], 8000);
    let (posterior, centre, variance) = posterior(rows, n);
    let predictive = Predictive::new(model).seed(2);
    let drawn = predictive.posterior_predictive(&posterior, &Tensor::from(rows)).unwrap();
    assert_eq!(drawn.names().collect::<Vec<_>>(), ["y", "sum", "count"]);
    assert_eq!((drawn.plates("y"), drawn.plates("count")), (&["rows".to_owned()][..], &[][..]));
    assert_eq!(drawn.get("y").unwrap().shape().to_vec(), [n, 2]);
    let (y, sum) = (drawn.get("y").unwrap().to_f64().unwrap(), drawn.get("sum").unwrap().to_f64().unwrap());
    assert!(y.chunks(2).zip(&sum).all(|(y, sum)| y[0] + y[1] == *sum));
    let average = |of: &dyn Fn(&[f64]) -> f64| y.chunks(2).map(of).sum::<f64>() / n as f64;
    let (root, total) = ((n as f64).sqrt(), variance + 16.0);
    // Standard errors: √(v/n) of a mean, v√(2/n) of a variance, √((v² + c²)/n) of a covariance c.
    for row in 0..2 {
        assert!((average(&|y| y[row]) - centre).abs() < 4.0 * total.sqrt() / root);
        let spread = average(&|y| (y[row] - centre).powi(2));
        assert!((spread - total).abs() < 4.0 * 2f64.sqrt() * total / root, "{spread}, not {total}");
    }
    let together = average(&|y| (y[0] - centre) * (y[1] - centre));
    assert!((together - variance).abs() < 4.0 * total.hypot(variance) / root, "{together}, not {variance}");

    // Draws of a guide, deterministic sites among them, are taken as well.
    let guide = |ctx: &mut Ctx, _: &Tensor| ctx.sample("mean", Normal::new(50.0, 0.1)).map(|_| ());
    let fitted = predictive.posterior(&guide, 7, &Tensor::from(rows)).unwrap();
    let drawn = predictive.posterior_predictive(&fitted, &Tensor::from(rows)).unwrap();
    assert_eq!(drawn.names().collect::<Vec<_>>(), ["y", "sum", "count"]);
    assert!(drawn.get("sum").unwrap().to_f64().unwrap().iter().all(|sum| *sum > 60.0 && *sum != 13.0));
}

/// As many data as were seen: without a plate, and where some are missing.
#[test]
fn new_data_have_the_size_of_the_old() {
    let whole = |ctx: &mut Ctx, y: &Tensor| -> Result<()> {
        let mean = ctx.sample("mean", Normal::new(1.0, 3.0))?;
        ctx.observe("y", Normal::new(&mean, 4.0), y).map(|_| ())
    };
    let (posterior, ..) = posterior([4.0, 9.0], 5);
    let seen = Tensor::from([1.0, f64::NAN, 3.0]);
    let drawn = Predictive::new(whole).posterior_predictive(&posterior, &Tensor::from([1.0, 2.0, 3.0]));
    let y = drawn.unwrap().get("y").unwrap().clone();
    assert_eq!(y.shape().to_vec(), [5, 3]);
    let y = y.to_f64().unwrap();
    assert!(y.iter().enumerate().all(|(i, y0)| y.iter().skip(i + 1).all(|y1| y0 != y1)), "{y:?}");

    let gaps = |ctx: &mut Ctx, y: &Tensor| -> Result<()> {
        let mean = ctx.sample("mean", Normal::new(1.0, 3.0))?;
        ctx.plate("rows", y, |ctx, y| {
            ctx.observe("y", Normal::new(&mean, 4.0), Observation::nan_is_missing(y)).map(|_| ())
        })
    };
    let drawn = Predictive::new(gaps).posterior_predictive(&posterior, &seen).unwrap();
    let y = drawn.get("y").unwrap();
    assert_eq!((y.shape().to_vec(), drawn.plates("y")), (vec![5, 3], &["rows".to_owned()][..]));
    assert!(y.to_f64().unwrap().iter().all(|y| y.is_finite() && *y != 1.0 && *y != 3.0));
}
