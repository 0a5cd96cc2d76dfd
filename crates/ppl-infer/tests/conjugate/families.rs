//! Models whose posterior is in the guide's family, with their densities as plain functions.

use ppl_core::{Ctx, Model, Result};
use ppl_dist::{Bernoulli, Beta, Categorical, Dirichlet, Gamma, Normal, Poisson, constraints};
use ppl_tensor::Tensor;
use statrs::function::gamma::ln_gamma;

/// A program without arguments.
pub(crate) type Program = Box<dyn Fn(&mut Ctx, &()) -> Result<()>>;

pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) model: Program,
    /// The guide, whose one site is `z`, with its parameters at first values.
    pub(crate) guide: fn(Vec<f64>) -> Program,
    /// Names of the parameters in the order of `start`, and whether they are positive.
    pub(crate) parameters: &'static [(&'static str, bool)],
    pub(crate) start: Vec<f64>,
    pub(crate) posterior: Vec<f64>,
    /// Independent problems that make up the whole.
    pub(crate) problems: Vec<Problem>,
}

type LogJoint = Box<dyn Fn(&[f64]) -> f64>;
type LogGuide = Box<dyn Fn(&[f64], &[f64]) -> f64>;

/// One latent value: densities, and nodes of a quadrature over all its values.
pub(crate) struct Problem {
    pub(crate) nodes: Vec<Node>,
    /// `ln p(z, x)`.
    pub(crate) log_p: LogJoint,
    /// `ln q(z)` for all parameters of the family.
    pub(crate) log_q: LogGuide,
}

pub(crate) struct Node {
    pub(crate) z: Vec<f64>,
    pub(crate) weight: f64,
}

impl Family {
    /// The guide with a parameter of a baseline and a statement that gives it.
    pub(crate) fn guide_with_baseline(&self, at: &[f64]) -> Program {
        let guide = (self.guide)(at.to_vec());
        Box::new(move |ctx, args| {
            let guess = ctx.param("guess", 1.5)?;
            ctx.deterministic("baseline", guess)?;
            guide.run(ctx, args)
        })
    }
}

pub(crate) fn all() -> Vec<Family> {
    vec![normal_normal(), beta_bernoulli(), gamma_poisson(), dirichlet_categorical()]
}

/// The trapezoid rule, which is exact to rounding for smooth functions that vanish at both ends.
fn line(from: f64, to: f64, steps: usize, node: impl Fn(f64) -> (Vec<f64>, f64)) -> Vec<Node> {
    let h = (to - from) / steps as f64;
    let point = |i: usize| {
        let (z, slope) = node(from + i as f64 * h);
        Node { z, weight: slope * h }
    };
    (0..=steps).map(point).collect()
}

fn log_normal(x: f64, mean: f64, sd: f64) -> f64 {
    -0.5 * ((x - mean) / sd).powi(2) - sd.ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// Two rows, each with a latent mean of its own.
fn normal_normal() -> Family {
    let x = [1.3, -0.4];
    let guide = |at: Vec<f64>| -> Program {
        Box::new(move |ctx, _| {
            let loc = ctx.param("loc", Tensor::from(at[..2].to_vec()))?;
            let scale = ctx.param_in("scale", Tensor::from(at[2..].to_vec()), constraints::positive())?;
            ctx.plate("rows", &(loc, scale), |ctx, (loc, scale)| ctx.sample("z", Normal::new(loc, scale)))?;
            Ok(())
        })
    };
    let row = |row: usize| Problem {
        nodes: line(-6.0, 6.0, 120, |z| (vec![z], 1.0)),
        log_p: Box::new(move |z| log_normal(z[0], 0.0, 1.0) + log_normal(x[row], z[0], 0.5)),
        log_q: Box::new(move |z, at| log_normal(z[0], at[row], at[2 + row])),
    };
    Family {
        name: "normal and normal",
        model: Box::new(move |ctx, _| {
            let x = Tensor::from(x);
            ctx.plate("rows", &x, |ctx, x| {
                let z = ctx.sample("z", Normal::new(0.0, 1.0))?;
                ctx.observe("x", Normal::new(z, 0.5), x)
            })?;
            Ok(())
        }),
        guide,
        parameters: &[("loc", false), ("scale", true)],
        start: vec![0.6, 0.2, 0.8, 0.7],
        // Precision 1 + 4, mean 4 x / 5.
        posterior: vec![0.8 * x[0], 0.8 * x[1], 0.2f64.sqrt(), 0.2f64.sqrt()],
        problems: vec![row(0), row(1)],
    }
}

fn log_beta(z: f64, a: f64, b: f64) -> f64 {
    (a - 1.0) * z.ln() + (b - 1.0) * (-z).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)
}

fn logistic(t: f64) -> f64 {
    1.0 / (1.0 + (-t).exp())
}

/// Five tosses of one coin.
fn beta_bernoulli() -> Family {
    let tosses = [true, false, true, true, false];
    Family {
        name: "beta and Bernoulli",
        model: Box::new(move |ctx, _| {
            let p = ctx.sample("z", Beta::new(2.0, 3.0))?;
            let tosses = Tensor::from(tosses);
            ctx.plate("tosses", &tosses, |ctx, x| ctx.observe("x", Bernoulli::new(&p), x))?;
            Ok(())
        }),
        guide: |at| {
            Box::new(move |ctx, _| {
                let a = ctx.param_in("a", at[0], constraints::positive())?;
                let b = ctx.param_in("b", at[1], constraints::positive())?;
                ctx.sample("z", Beta::new(a, b)).map(|_| ())
            })
        },
        parameters: &[("a", true), ("b", true)],
        start: vec![2.5, 2.0],
        posterior: vec![5.0, 5.0],
        problems: vec![Problem {
            nodes: line(-16.0, 16.0, 160, |t| (vec![logistic(t)], logistic(t) * logistic(-t))),
            log_p: Box::new(|z| log_beta(z[0], 2.0, 3.0) + 3.0 * z[0].ln() + 2.0 * (-z[0]).ln_1p()),
            log_q: Box::new(|z, at| log_beta(z[0], at[0], at[1])),
        }],
    }
}

fn log_gamma(z: f64, a: f64, rate: f64) -> f64 {
    a * rate.ln() - ln_gamma(a) + (a - 1.0) * z.ln() - rate * z
}

/// Three counts of one rate.
fn gamma_poisson() -> Family {
    let counts = [3.0, 1.0, 2.0];
    Family {
        name: "gamma and Poisson",
        model: Box::new(move |ctx, _| {
            let rate = ctx.sample("z", Gamma::new(2.0, 1.0))?;
            let counts = Tensor::from(counts);
            ctx.plate("counts", &counts, |ctx, x| ctx.observe("x", Poisson::new(&rate), x))?;
            Ok(())
        }),
        guide: |at| {
            Box::new(move |ctx, _| {
                let a = ctx.param_in("a", at[0], constraints::positive())?;
                let rate = ctx.param_in("rate", at[1], constraints::positive())?;
                ctx.sample("z", Gamma::new(a, rate)).map(|_| ())
            })
        },
        parameters: &[("a", true), ("rate", true)],
        start: vec![4.0, 3.0],
        posterior: vec![8.0, 4.0],
        problems: vec![Problem {
            nodes: line(-9.0, 3.5, 125, |t| (vec![t.exp()], t.exp())),
            log_p: Box::new(move |z| {
                let poisson = |x: f64| x * z[0].ln() - z[0] - ln_gamma(x + 1.0);
                log_gamma(z[0], 2.0, 1.0) + counts.map(poisson).iter().sum::<f64>()
            }),
            log_q: Box::new(|z, at| log_gamma(z[0], at[0], at[1])),
        }],
    }
}

fn log_dirichlet(z: &[f64], concentration: &[f64]) -> f64 {
    let powers: f64 = z.iter().zip(concentration).map(|(z, c)| (c - 1.0) * z.ln() - ln_gamma(*c)).sum();
    powers + ln_gamma(concentration.iter().sum())
}

/// Four draws of one of three categories.
fn dirichlet_categorical() -> Family {
    let prior = [1.5, 1.0, 2.0];
    let drawn = [0_i64, 2, 2, 1];
    // Two stick-breaking fractions on the logistic scale.
    let side: Vec<f64> = (0..=40).map(|i| -10.0 + 0.5 * f64::from(i)).collect();
    let mut nodes = Vec::new();
    for &s in &side {
        for &t in &side {
            let (first, second) = (logistic(s), logistic(t));
            let rest = logistic(-s);
            let z = vec![first, rest * second, rest * logistic(-t)];
            // Of the map to the first two entries: dz₁ = z₁ (1 - z₁) ds, dz₂ = rest · v (1 - v) dt.
            let slope = first * rest * rest * second * logistic(-t);
            nodes.push(Node { z, weight: slope * 0.25 });
        }
    }
    Family {
        name: "Dirichlet and categorical",
        model: Box::new(move |ctx, _| {
            let probs = ctx.sample("z", Dirichlet::new(Tensor::from(prior)))?;
            let drawn = Tensor::from(drawn);
            ctx.plate("draws", &drawn, |ctx, x| ctx.observe("x", Categorical::new(&probs), x))?;
            Ok(())
        }),
        guide: |at| {
            Box::new(move |ctx, _| {
                let at = Tensor::from(at.clone());
                let concentration = ctx.param_in("concentration", at, constraints::positive())?;
                ctx.sample("z", Dirichlet::new(concentration)).map(|_| ())
            })
        },
        parameters: &[("concentration", true)],
        start: vec![2.0, 2.0, 2.0],
        posterior: vec![2.5, 2.0, 4.0],
        problems: vec![Problem {
            nodes,
            log_p: Box::new(move |z| {
                let seen: f64 = drawn.iter().map(|&x| z[x as usize].ln()).sum();
                log_dirichlet(z, &prior) + seen
            }),
            log_q: Box::new(log_dirichlet),
        }],
    }
}
