//! A step length by the strong Wolfe conditions.

use ppl_core::Result;

/// Share of the decrease that the slope at the start promises, which a step must reach.
const DECREASE: f64 = 1e-4;
/// Share of the slope at the start that may be left.
const CURVATURE: f64 = 0.9;
/// The loss along a direction.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) step: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
    pub(super) gradient: Vec<f64>,
}

pub(super) enum Outcome {
    /// A point that is not above the start, by the strong Wolfe conditions if enough evaluations were granted.
    Lower(Point),
    /// None was found.
    Stuck,
}

pub(super) struct Search {
    pub(super) max_evaluations: usize,
    /// Relative rounding error of a loss: values closer to each other cannot be told apart.
    pub(super) rounding: f64,
}

type Along<'a> = &'a mut dyn FnMut(f64) -> Result<Point>;

impl Point {
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.slope.is_finite()
    }
}

impl Search {
    /// Algorithm 3.5 of Nocedal and Wright (2006): longer and longer steps until an interval holds a good one.
    pub(super) fn run(&self, origin: &Point, first: f64, along: Along<'_>) -> Result<Outcome> {
        if origin.slope >= 0.0 || !origin.slope.is_finite() {
            return Ok(Outcome::Stuck);
        }
        let mut previous = origin.clone();
        let mut step = first;
        for evaluation in 1..=self.max_evaluations {
            let point = along(step)?;
            let left = self.max_evaluations - evaluation;
            if self.too_high(&point, origin) || (evaluation > 1 && point.value >= previous.value) {
                return self.zoom(origin, previous, point, left, along);
            }
            if flat_enough(&point, origin) {
                return Ok(Outcome::Lower(point));
            }
            if point.slope >= 0.0 {
                return self.zoom(origin, point, previous, left, along);
            }
            let further = interpolate(&previous, &point).unwrap_or(f64::INFINITY);
            step = further.clamp(2.0 * point.step, 10.0 * point.step);
            previous = point;
        }
        Ok(end(previous, origin))
    }

    /// Algorithm 3.6: narrows an interval between a low point, whose slope leads into it, and a high one.
    fn zoom(
        &self,
        origin: &Point,
        mut low: Point,
        mut high: Point,
        evaluations: usize,
        along: Along<'_>,
    ) -> Result<Outcome> {
        for _ in 0..evaluations {
            let (start, width) = (low.step, high.step - low.step);
            if width.abs() <= f64::EPSILON * start.abs() {
                break;
            }
            // Near an end it would learn little; where the loss is not finite there is nothing to interpolate.
            let share = match interpolate(&low, &high) {
                Some(step) if high.is_finite() => ((step - start) / width).clamp(0.1, 0.9),
                _ => 0.3,
            };
            let point = along(start + share * width)?;
            if self.too_high(&point, origin) || point.value >= low.value + self.slack(origin) {
                high = point;
                continue;
            }
            if flat_enough(&point, origin) {
                return Ok(Outcome::Lower(point));
            }
            if point.slope * width >= 0.0 {
                high = std::mem::replace(&mut low, point);
            } else {
                low = point;
            }
        }
        Ok(end(low, origin))
    }

    fn slack(&self, origin: &Point) -> f64 {
        self.rounding * origin.value.abs()
    }

    fn too_high(&self, point: &Point, origin: &Point) -> bool {
        let promised = origin.value + DECREASE * point.step * origin.slope;
        !point.is_finite() || point.value > promised + self.slack(origin)
    }
}

/// Without the curvature condition a point must be lower: equal values say nothing.
fn end(low: Point, origin: &Point) -> Outcome {
    if low.value < origin.value { Outcome::Lower(low) } else { Outcome::Stuck }
}

fn flat_enough(point: &Point, origin: &Point) -> bool {
    point.slope.abs() <= -CURVATURE * origin.slope
}

/// Where the cubic through two values and slopes has its minimum (equation 3.59).
fn interpolate(a: &Point, b: &Point) -> Option<f64> {
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    let d2 = (b.step - a.step).signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    let step = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    step.is_finite().then_some(step)
}
