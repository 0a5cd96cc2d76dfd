//! L-BFGS, for objectives without noise.

mod line_search;
mod position;

use std::collections::VecDeque;

use ppl_core::{Error, ParamStore, Result};
use ppl_tensor::{Tensor, grad};

pub(crate) use position::Position;

use line_search::{Outcome, Point, Search};

/// Limited-memory BFGS with a line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 7.5, 3.5
/// and 3.6). For objectives that give the same value at the same parameters: of maximum likelihood, of the most probable
/// point, or of an evidence bound with fixed draws.
///
/// ```
/// use ppl_core::{Ctx, trace};
/// use ppl_infer::Lbfgs;
///
/// let program = |ctx: &mut Ctx, _: &()| {
///     let (x, y) = (ctx.param("x", -1.2)?, ctx.param("y", 1.0)?);
///     Ok((1.0 - &x).square() + 100.0 * (y - x.square()).square())
/// };
/// let mut ctx = Ctx::new(0);
/// trace(&mut ctx, &program, &())?;
/// let mut params = ctx.into_params();
/// let minimum = Lbfgs::default().minimize(&mut params, |params| {
///     let mut ctx = Ctx::new(0).with_params(params.clone());
///     Ok(trace(&mut ctx, &program, &())?.1)
/// })?;
/// assert!(minimum.converged());
/// assert!((params.get("y")?.to_scalar()? - 1.0).abs() < 1e-6);
/// # Ok::<(), ppl_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    /// Number of past steps from which curvature is estimated, at least 1.
    pub history: usize,
    /// Largest number of steps, at least 1.
    pub max_iterations: usize,
    /// Largest number of evaluations in one line search, at least 1.
    pub max_evaluations: usize,
    /// Stops when no element of the gradient, in unconstrained space, is larger in magnitude; at least 0.
    pub gradient_tolerance: f64,
    /// Stops when a step lowers the loss by less than this times the larger of 1 and the loss's magnitude; at least 0.
    pub loss_tolerance: f64,
}

impl Default for Lbfgs {
    /// History 20, at most 1000 steps of 25 evaluations each, gradient tolerance 1e-7, loss tolerance 1e-15.
    fn default() -> Self {
        Self {
            history: 20,
            max_iterations: 1000,
            max_evaluations: 25,
            gradient_tolerance: 1e-7,
            loss_tolerance: 1e-15,
        }
    }
}

/// Why [`Lbfgs`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LbfgsStop {
    /// The gradient is within its tolerance.
    Gradient,
    /// The loss falls no further, within its tolerance.
    Loss,
    /// No lower loss was found along the gradient: the loss is at the limit of its precision, or does not fit its
    /// gradient.
    LineSearch,
    /// The largest number of steps was taken.
    Iterations,
}

/// Where [`Lbfgs`] stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Minimum {
    /// The loss there.
    pub loss: f64,
    /// Largest magnitude of an element of the gradient there.
    pub gradient: f64,
    /// Number of steps.
    pub iterations: usize,
    /// Number of evaluations of the loss and its gradient.
    pub evaluations: usize,
    /// Why it stopped.
    pub stop: LbfgsStop,
}

impl Minimum {
    /// Whether a tolerance was met.
    pub fn converged(&self) -> bool {
        matches!(self.stop, LbfgsStop::Gradient | LbfgsStop::Loss)
    }
}

/// A loss and its gradient; no gradient where the loss is not finite.
type Evaluated = Result<(f64, Vec<f64>)>;

/// A step taken, and the change of the gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// Their inner product, positive.
    curvature: f64,
}

impl Lbfgs {
    /// Moves all parameters to a minimum of `loss`, which is given parameters whose unconstrained values are tracked
    /// ([`ParamStore::unconstrained`], or a program run with them) and returns a scalar. Where the loss is not finite
    /// no step ends.
    ///
    /// # Errors
    /// If an option is out of range, there are no parameters, `loss` fails, or its value or gradient is not finite at
    /// the start. The parameters are then as before.
    pub fn minimize(
        &self,
        params: &mut ParamStore,
        mut loss: impl FnMut(&ParamStore) -> Result<Tensor>,
    ) -> Result<Minimum> {
        let names: Vec<String> = params.names().cloned().collect();
        self.descend(params, &names, |tracked| {
            let loss = loss(tracked)?;
            Ok(Some((loss.clone(), loss)))
        })
    }

    /// As [`Lbfgs::minimize`], over some parameters, of a loss with a surrogate for its gradient; none where it is not
    /// finite.
    pub(crate) fn descend(
        &self,
        params: &mut ParamStore,
        names: &[String],
        mut loss: impl FnMut(&ParamStore) -> Result<Option<(Tensor, Tensor)>>,
    ) -> Result<Minimum> {
        self.check()?;
        let position = Position::of(params, names)?;
        let mut evaluations = 0;
        let mut evaluate = |x: &[f64]| -> Evaluated {
            evaluations += 1;
            let mut tracked = position.at(params, x)?;
            tracked.track(true);
            let Some((loss, surrogate)) = loss(&tracked)? else { return Ok((f64::INFINITY, vec![])) };
            let leaves = names.iter().map(|name| tracked.unconstrained(name)).collect::<Result<Vec<_>>>()?;
            let grads = grad(&surrogate, &leaves)?;
            Ok((loss.detach().to_scalar()?, Position::flatten(&grads)?))
        };
        let (x, found) = self.search(position.start(), position.rounding(), &mut evaluate)?;
        *params = position.at(params, &x)?;
        Ok(Minimum { evaluations, ..found })
    }

    fn search(
        &self,
        mut x: Vec<f64>,
        rounding: f64,
        evaluate: &mut dyn FnMut(&[f64]) -> Evaluated,
    ) -> Result<(Vec<f64>, Minimum)> {
        let search = Search { max_evaluations: self.max_evaluations, rounding };
        let (mut loss, mut gradient) = evaluate(&x)?;
        if !loss.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
            return Err(Error::argument(format!(
                "the loss, {loss}, or its gradient is not finite at the start"
            )));
        }
        let mut pairs: VecDeque<Pair> = VecDeque::new();
        let mut iterations = 0;
        let stop = loop {
            if largest(&gradient) <= self.gradient_tolerance {
                break LbfgsStop::Gradient;
            }
            if iterations == self.max_iterations {
                break LbfgsStop::Iterations;
            }
            let direction = descent(&pairs, &gradient);
            // Without curvature the first step's length is a guess: one unit at most.
            let first = if pairs.is_empty() { (1.0 / norm(&gradient)).min(1.0) } else { 1.0 };
            let at =
                |step: f64| -> Vec<f64> { x.iter().zip(&direction).map(|(x, d)| x + step * d).collect() };
            let mut along = |step: f64| -> Result<Point> {
                let (value, gradient) = evaluate(&at(step))?;
                let slope = if gradient.is_empty() { f64::NAN } else { dot(&gradient, &direction) };
                Ok(Point { step, value, slope, gradient })
            };
            let origin =
                Point { step: 0.0, value: loss, slope: dot(&gradient, &direction), gradient: vec![] };
            let Outcome::Lower(point) = search.run(&origin, first, &mut along)? else {
                if pairs.is_empty() {
                    break LbfgsStop::LineSearch;
                }
                // What was learnt of the curvature may be at fault: once more along the gradient.
                pairs.clear();
                continue;
            };
            iterations += 1;
            let next = at(point.step);
            let step = difference(&next, &x);
            let change = difference(&point.gradient, &gradient);
            let curvature = dot(&step, &change);
            // The strong Wolfe conditions make it positive; rounding may not.
            if curvature > f64::EPSILON * norm(&step) * norm(&change) {
                if pairs.len() == self.history {
                    pairs.pop_front();
                }
                pairs.push_back(Pair { step, change, curvature });
            }
            let fall = loss - point.value;
            (x, loss, gradient) = (next, point.value, point.gradient);
            let no_fall = self.loss_tolerance * loss.abs().max(1.0);
            if fall.abs() < no_fall && largest(&gradient) > self.gradient_tolerance {
                break LbfgsStop::Loss;
            }
        };
        let gradient = largest(&gradient);
        Ok((x, Minimum { loss, gradient, iterations, evaluations: 0, stop }))
    }

    fn check(&self) -> Result<()> {
        let counts = [
            ("history", self.history),
            ("max_iterations", self.max_iterations),
            ("max_evaluations", self.max_evaluations),
        ];
        if let Some((what, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(Error::argument(format!("Lbfgs: {what} is 0, must be at least 1")));
        }
        let tolerances =
            [("gradient_tolerance", self.gradient_tolerance), ("loss_tolerance", self.loss_tolerance)];
        match tolerances.iter().find(|(_, tolerance)| tolerance.is_nan() || *tolerance < 0.0) {
            Some((what, value)) => {
                Err(Error::argument(format!("Lbfgs: {what} is {value}, must be at least 0")))
            }
            None => Ok(()),
        }
    }
}

/// The two-loop recursion (Nocedal and Wright 2006, algorithm 7.4): minus the inverse Hessian's estimate times the
/// gradient.
fn descent(pairs: &VecDeque<Pair>, gradient: &[f64]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut weights = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let weight = dot(&pair.step, &direction) / pair.curvature;
        add(&mut direction, -weight, &pair.change);
        weights.push(weight);
    }
    if let Some(last) = pairs.back() {
        let scale = last.curvature / dot(&last.change, &last.change);
        direction.iter_mut().for_each(|d| *d *= scale);
    }
    for (pair, weight) in pairs.iter().zip(weights.into_iter().rev()) {
        let correction = weight - dot(&pair.change, &direction) / pair.curvature;
        add(&mut direction, correction, &pair.step);
    }
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn largest(a: &[f64]) -> f64 {
    a.iter().fold(0.0, |largest, a| a.abs().max(largest))
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    to.iter_mut().zip(x).for_each(|(to, x)| *to += factor * x);
}
