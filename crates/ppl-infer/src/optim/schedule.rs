//! Factors of a learning rate as functions of the number of steps.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use ppl_core::{Error, Result};
use ppl_tensor::Tensor;

use super::per_parameter::{not_negative, positive, rule};

/// A factor by which learning rates are multiplied, as a function of the number of steps taken before.
///
/// It is made of tensor operations: a compiled step computes it from its own count, and a resumed fit goes on where it
/// was. Options out of range are errors of the first step.
///
/// ```
/// use ppl_infer::{Adam, Schedule};
///
/// let schedule = Schedule::linear(500, 0.01, 1.0).then(500, Schedule::cosine(9_500, 0.0));
/// let adam = Adam::new(0.01).schedule(schedule);
/// ```
#[derive(Clone, PartialEq)]
pub struct Schedule(Arc<Kind>);

#[derive(Debug, PartialEq)]
enum Kind {
    Constant,
    Step { every: usize, factor: f64 },
    MultiStep { milestones: Vec<usize>, factor: f64 },
    Exponential { factor: f64 },
    Linear { steps: usize, from: f64, to: f64 },
    Cosine { steps: usize, floor: f64 },
    WarmRestarts { period: usize, growth: usize, floor: f64 },
    OneCycle { steps: usize },
    Then { first: Schedule, at: usize, next: Schedule },
    Custom(Custom),
}

#[derive(Clone)]
struct Custom(Arc<dyn Fn(&Tensor) -> Tensor + Send + Sync>);

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("function")
    }
}

/// Where a one-cycle schedule turns, as a share of its steps, and its factors at both ends (Smith and Topin 2019, with
/// the values that became customary).
const ONE_CYCLE_RISE: f64 = 0.3;
const ONE_CYCLE_START: f64 = 1.0 / 25.0;
const ONE_CYCLE_END: f64 = ONE_CYCLE_START / 1e4;

impl Schedule {
    fn of(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }

    /// 1 always.
    pub fn constant() -> Self {
        Self::of(Kind::Constant)
    }

    /// Multiplied by `factor`, positive, after every `every` steps, at least 1.
    pub fn step(every: usize, factor: f64) -> Self {
        Self::of(Kind::Step { every, factor })
    }

    /// Multiplied by `factor`, positive, after each of these numbers of steps, which increase.
    pub fn multi_step(milestones: impl Into<Vec<usize>>, factor: f64) -> Self {
        Self::of(Kind::MultiStep { milestones: milestones.into(), factor })
    }

    /// Multiplied by `factor`, positive, after every step.
    pub fn exponential(factor: f64) -> Self {
        Self::of(Kind::Exponential { factor })
    }

    /// On a straight line from `from` to `to`, neither negative, within `steps` steps, at least 1; then `to`. A warm-up,
    /// if it rises.
    pub fn linear(steps: usize, from: f64, to: f64) -> Self {
        Self::of(Kind::Linear { steps, from, to })
    }

    /// Half a cosine from 1 to `floor`, in [0, 1], within `steps` steps, at least 1; then `floor`.
    pub fn cosine(steps: usize, floor: f64) -> Self {
        Self::of(Kind::Cosine { steps, floor })
    }

    /// Half a cosine from 1 towards `floor`, in [0, 1], again and again: the first takes `period` steps, each other one
    /// `growth` times those of the one before, both at least 1 (Loshchilov and Hutter 2017).
    pub fn warm_restarts(period: usize, growth: usize, floor: f64) -> Self {
        Self::of(Kind::WarmRestarts { period, growth, floor })
    }

    /// Half a cosine from 1/25 up to 1 in the first 30 % of `steps` steps, at least 4, and another down to 4e-6; then
    /// 4e-6 (Smith and Topin 2019).
    pub fn one_cycle(steps: usize) -> Self {
        Self::of(Kind::OneCycle { steps })
    }

    /// This schedule for `at` steps, then another, which counts its steps from there.
    #[must_use]
    pub fn then(self, at: usize, next: Schedule) -> Self {
        Self::of(Kind::Then { first: self, at, next })
    }

    /// A function of the number of steps taken before, a float scalar. Made of tensor operations, it can be traced.
    pub fn custom(factor: impl Fn(&Tensor) -> Tensor + Send + Sync + 'static) -> Self {
        Self::of(Kind::Custom(Custom(Arc::new(factor))))
    }

    pub(super) fn is_constant(&self) -> bool {
        matches!(*self.0, Kind::Constant)
    }

    /// The factor after `steps` steps, a float scalar.
    ///
    /// # Errors
    /// If an option is out of range (the message names it), or a factor of one's own is not a scalar.
    pub fn factor(&self, steps: &Tensor) -> Result<Tensor> {
        self.check().map_err(|reason| Error::argument(format!("the schedule: {reason}")))?;
        let factor = self.evaluate(steps)?.check()?.clone();
        match factor.rank() {
            0 => Ok(factor),
            _ => {
                Err(Error::Shape(format!("a schedule's factor is a scalar, found shape {}", factor.shape())))
            }
        }
    }

    fn evaluate(&self, steps: &Tensor) -> Result<Tensor> {
        Ok(match &*self.0 {
            Kind::Constant => steps.scalar_like(1.0),
            Kind::Step { every, factor } => power(*factor, &(steps / *every as f64).floor()),
            Kind::MultiStep { milestones, factor } => {
                let reached = milestones.iter().map(|&at| steps.ge(at as f64).cast(steps.dtype()));
                power(*factor, &reached.fold(steps.scalar_like(0.0), |sum, reached| sum + reached))
            }
            Kind::Exponential { factor } => power(*factor, steps),
            Kind::Linear { steps: length, from, to } => *from + share(steps, *length as f64) * (to - from),
            Kind::Cosine { steps: length, floor } => half_cosine(&share(steps, *length as f64), 1.0, *floor),
            Kind::WarmRestarts { period, growth, floor } => {
                let (start, length) = restart(steps, *period as f64, *growth as f64);
                half_cosine(&((steps - start) / length), 1.0, *floor)
            }
            Kind::OneCycle { steps: length } => {
                let (turn, end) = (ONE_CYCLE_RISE * *length as f64 - 1.0, *length as f64 - 1.0);
                let rise = half_cosine(&(steps / turn), ONE_CYCLE_START, 1.0);
                let fall = half_cosine(&share(&(steps - turn), end - turn), 1.0, ONE_CYCLE_END);
                steps.le(turn).select(rise, fall)
            }
            Kind::Then { first, at, next } => {
                let later = (steps - *at as f64).maximum(0.0);
                steps.lt(*at as f64).select(first.evaluate(steps)?, next.evaluate(&later)?)
            }
            Kind::Custom(custom) => custom.0(steps).check()?.clone(),
        })
    }

    fn check(&self) -> std::result::Result<(), String> {
        let count = |what: &str, count: usize, least: usize| match count >= least {
            true => Ok(()),
            false => Err(format!("{what} is {count}, must be at least {least}")),
        };
        let floor_rule = |floor: f64| rule("floor", floor, (0.0..=1.0).contains(&floor), "in [0, 1]");
        match &*self.0 {
            Kind::Constant | Kind::Custom(_) => Ok(()),
            Kind::Step { every, factor } => count("every", *every, 1).and(positive("factor", *factor)),
            Kind::MultiStep { milestones, factor } => {
                match milestones.windows(2).all(|pair| pair[0] < pair[1]) {
                    true => positive("factor", *factor),
                    false => Err(format!("milestones are {milestones:?}, must increase")),
                }
            }
            Kind::Exponential { factor } => positive("factor", *factor),
            Kind::Linear { steps, from, to } => {
                count("steps", *steps, 1).and(not_negative("from", *from)).and(not_negative("to", *to))
            }
            Kind::Cosine { steps, floor } => count("steps", *steps, 1).and(floor_rule(*floor)),
            Kind::WarmRestarts { period, growth, floor } => {
                count("period", *period, 1).and(count("growth", *growth, 1)).and(floor_rule(*floor))
            }
            // Fewer have no rise.
            Kind::OneCycle { steps } => count("steps", *steps, 4),
            Kind::Then { first, next, .. } => first.check().and(next.check()),
        }
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn power(base: f64, exponent: &Tensor) -> Tensor {
    Tensor::from(base).pow(exponent)
}

/// `steps / length`, at most 1.
fn share(steps: &Tensor, length: f64) -> Tensor {
    (steps / length).minimum(1.0)
}

/// From `from` at 0 to `to` at 1.
fn half_cosine(share: &Tensor, from: f64, to: f64) -> Tensor {
    to + ((share * PI).cos() + 1.0) * (0.5 * (from - to))
}

/// The number of steps at which the current cycle began, and its length.
fn restart(steps: &Tensor, period: f64, growth: f64) -> (Tensor, Tensor) {
    if growth == 1.0 {
        return ((steps / period).floor() * period, steps.scalar_like(period));
    }
    // Cycle n begins after period·(growthⁿ - 1)/(growth - 1) steps. Half a step more keeps the logarithm's rounding
    // from the boundaries.
    let cycle = (((steps + 0.5) * ((growth - 1.0) / period)).log1p() / growth.ln()).floor();
    let scale = power(growth, &cycle);
    ((&scale - 1.0) * (period / (growth - 1.0)), scale * period)
}
