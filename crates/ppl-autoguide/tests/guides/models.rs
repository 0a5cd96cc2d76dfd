//! Models of which the posterior is known, and the fit of a guide to them.

use ppl_core::{Ctx, Model, Result};
use ppl_dist::{Gamma, Normal};
use ppl_infer::{Adam, Svi, TraceElbo};
use ppl_tensor::{Tensor, TensorTree};

#[derive(Clone, TensorTree)]
pub(crate) struct Row {
    x: Tensor,
    y: Tensor,
}

pub(crate) type Regression = fn(&mut Ctx, &Row) -> Result<()>;

/// A regression whose design makes intercept and slope correlated.
pub(crate) fn regression(ctx: &mut Ctx, rows: &Row) -> Result<()> {
    let a = ctx.sample("a", Normal::new(0.0, 3.0))?;
    let b = ctx.sample("b", Normal::new(0.0, 3.0))?;
    ctx.plate("rows", rows, |ctx, row| {
        ctx.observe("y", Normal::new(&a + &b * &row.x, 0.5), &row.y).map(|_| ())
    })
}

pub(crate) fn data() -> Row {
    let x: Vec<f64> = (0..20).map(|i| 0.5 + f64::from(i) * 0.1).collect();
    let noise = [0.31, -0.22, 0.05, 0.64, -0.48, 0.11, -0.35, 0.27, -0.09, 0.42];
    let y = x.iter().enumerate().map(|(i, x)| 1.0 - 0.7 * x + noise[i % 10]).collect::<Vec<_>>();
    Row { x: Tensor::from(x), y: Tensor::from(y) }
}

/// The posterior of the regression: normal, with this precision matrix.
pub(crate) struct Exact {
    pub(crate) precision: [[f64; 2]; 2],
    pub(crate) covariance: [[f64; 2]; 2],
    pub(crate) mean: [f64; 2],
    pub(crate) log_evidence: f64,
}

pub(crate) fn exact() -> Exact {
    let (x, y) = (data().x.to_f64().unwrap(), data().y.to_f64().unwrap());
    let weight = 1.0 / 0.25;
    let sum = |f: &dyn Fn(f64, f64) -> f64| x.iter().zip(&y).map(|(&x, &y)| f(x, y)).sum::<f64>() * weight;
    let p = sum(&|_, _| 1.0) + 1.0 / 9.0;
    let q = sum(&|x, _| x);
    let r = sum(&|x, _| x * x) + 1.0 / 9.0;
    let right = [sum(&|_, y| y), sum(&|x, y| x * y)];
    let det = p * r - q * q;
    let mean = [(r * right[0] - q * right[1]) / det, (p * right[1] - q * right[0]) / det];
    // ln p(y) = ln p(y, θ) - ln p(θ | y), here at the mean.
    let log_tau = std::f64::consts::TAU.ln();
    let prior: f64 = mean.iter().map(|m| -m * m / 18.0 - 3.0_f64.ln() - 0.5 * log_tau).sum();
    let likelihood = -0.5 * sum(&|x, y| (y - mean[0] - mean[1] * x).powi(2))
        - x.len() as f64 * (0.5_f64.ln() + 0.5 * log_tau);
    Exact {
        precision: [[p, q], [q, r]],
        covariance: [[r / det, -q / det], [-q / det, p / det]],
        mean,
        log_evidence: prior + likelihood + log_tau - 0.5 * det.ln(),
    }
}

/// Learning rate of the second stage of [`fit`].
const RATE: f64 = 0.0005;
/// Particles of the second stage of [`fit`].
const PARTICLES: usize = 64;

/// Fits a guide: quickly near the optimum, then slowly.
pub(crate) fn fit<A, M, G>(model: M, guide: impl Fn() -> G, args: &A) -> Svi<M, G, Adam, TraceElbo>
where
    M: Model<A> + Copy,
    G: Model<A>,
{
    let mut near = Svi::new(model, guide(), Adam::new(0.03), TraceElbo::new().particles(8)).seed(1);
    near.run(700, args).unwrap();
    let objective = TraceElbo::new().particles(PARTICLES);
    let mut svi = Svi::new(model, guide(), Adam::new(RATE), objective).seed(2);
    svi = svi.with_params(near.params().clone());
    svi.run(300, args).unwrap();
    svi
}

/// How far a fitted mean may be from the optimum, for a number of this conditional precision.
///
/// Adam divides by the gradient's size, which near the optimum is noise: of the standard deviation `σ = √(h/K)` for `K`
/// particles and a loss of curvature `h`. Steps of `rate·g/σ` then wander with variance `rate·σ/(2h)` around the optimum.
/// Five times that deviation; `slack` multiplies the variance where another direction is flatter.
pub(crate) fn wander(precision: f64, slack: f64) -> f64 {
    let noise = (precision / PARTICLES as f64).sqrt();
    5.0 * (slack * RATE * noise / (2.0 * precision)).sqrt()
}

/// The same for the relative error of a standard deviation: of its logarithm the curvature is 2, the variance of the
/// gradient 2/K.
pub(crate) fn wander_of_scale(slack: f64) -> f64 {
    5.0 * (slack * RATE * (2.0 / PARTICLES as f64).sqrt() / 4.0).sqrt()
}

/// A positive global site, and a vector of local ones.
pub(crate) fn hierarchy(ctx: &mut Ctx, y: &Tensor) -> Result<()> {
    let scale = ctx.sample("scale", Gamma::new(3.0, 2.0))?;
    ctx.plate("rows", y, |ctx, y| {
        let z = ctx.sample("z", Normal::new(Tensor::zeros([2]), &scale))?;
        ctx.observe("y", Normal::new(z.sum(0), 1.0), y).map(|_| ())
    })
}

pub(crate) fn three_rows() -> Tensor {
    Tensor::from([0.3, -0.5, 1.2])
}
