//! Ordinary differential equations.

use super::scan;
use crate::{Error, Result, Shape, Tensor};

/// The course of a differential equation, by [`integrate_ode`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OdeCourse {
    /// The states at the times asked for, which are the first dimension.
    pub values: Tensor,
    /// An estimate of the error, of the shape of a state: the sum over steps of the difference between the solution and
    /// that of one order less, which is the larger of the two.
    pub error: Tensor,
}

/// Where the stages of a step are in time.
const NODES: [f64; 7] = [0.0, 1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0, 1.0];

/// How each stage's state follows from the slopes before; the last row is the solution.
const STAGES: [&[f64]; 7] = [
    &[],
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];

/// The solution of order 5 less that of order 4.
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0, -1.0 / 40.0];

/// Solves `dz/dt = f(t, z)` from `z(from) = start`, a float of any shape, by the method of Dormand and Prince (1980) of
/// order 5 with `steps` equal steps from each of the times, which increase, to the next. Everything is differentiable.
///
/// Steps do not adapt, so that the result is a smooth function of what `f` holds, as a sampler needs it; the error is there
/// to choose their number by: doubling it divides the error by about 32.
///
/// ```
/// use ppl_tensor::{Tensor, integrate_ode};
///
/// let decay = integrate_ode(|_, z| z * -0.5, &Tensor::from(1.0), 0.0, &[1.0, 2.0], 4)?;
/// let [one, two] = decay.values.to_vec::<f64>()?[..] else { panic!() };
/// assert!((one - f64::exp(-0.5)).abs() < 1e-7 && (two - f64::exp(-1.0)).abs() < 1e-7);
/// assert!(decay.error.to_scalar()? < 1e-6);
/// # Ok::<(), ppl_tensor::Error>(())
/// ```
///
/// # Errors
/// If there is no time, they do not increase from the start on, `steps` is zero, or `f` fails or gives another shape.
pub fn integrate_ode(
    f: impl Fn(&Tensor, &Tensor) -> Tensor,
    start: &Tensor,
    from: f64,
    times: &[f64],
    steps: usize,
) -> Result<OdeCourse> {
    let wrong = |reason: &str| Err(Error::argument("integrate_ode", reason));
    let before = std::iter::once(&from).chain(times);
    // A comparison that also refuses NaN.
    if times.is_empty() || !before.clone().zip(times).all(|(before, time)| before < time) {
        return wrong("takes times that increase, later than the start");
    }
    if steps == 0 {
        return wrong("takes at least one step from each time to the next");
    }
    let each = |(before, time): (&f64, &f64)| {
        let length = (time - before) / steps as f64;
        let before = *before;
        (0..steps).map(move |step| (before + step as f64 * length, length))
    };
    let (begins, lengths): (Vec<f64>, Vec<f64>) = before.zip(times).flat_map(each).unzip();
    let start = start.check()?;
    let shape = start.shape();
    let xs = (Tensor::from(begins), Tensor::from(lengths));
    let step = |z: &Tensor, (t, h): &(Tensor, Tensor)| {
        let mut slopes: Vec<Tensor> = Vec::with_capacity(7);
        let mut next = z.clone();
        for (node, weights) in NODES.into_iter().zip(STAGES) {
            next = advanced(z, h, &slopes, weights);
            slopes.push(f(&(t + h * node), &next));
        }
        // An output, not a sum carried along: where nobody asks for it, it need not be computed.
        let error = advanced(&z.zeros_like(), h, &slopes, &ERROR).abs();
        Ok::<_, Error>((next.clone(), (next, error)))
    };
    let (_, (course, errors)) = scan(times.len() * steps, start, &xs, step)?;
    let error = errors.sum(0);
    let split = Shape::from([times.len(), steps]).concat(&shape);
    let values = course.reshape(split).select_index(1, steps - 1);
    Ok(OdeCourse { values: values.check()?.clone(), error: error.check()?.clone() })
}

/// `z + h Σ wᵢ kᵢ`.
fn advanced(z: &Tensor, h: &Tensor, slopes: &[Tensor], weights: &[f64]) -> Tensor {
    let terms = slopes.iter().zip(weights).filter(|(_, weight)| **weight != 0.0);
    let sum = terms.map(|(slope, weight)| slope * *weight).reduce(|sum, term| sum + term);
    sum.map_or_else(|| z.clone(), |sum| z + h * sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grad;

    fn harmonic(steps: usize) -> OdeCourse {
        let turn =
            |_: &Tensor, z: &Tensor| Tensor::stack(&[&z.select_index(0, 1), &-z.select_index(0, 0)], 0);
        integrate_ode(turn, &Tensor::from([1.0, 0.0]), 0.0, &[0.5, 1.0, 3.0], steps).unwrap()
    }

    #[test]
    fn an_oscillator_turns_and_errs_by_the_fifth_power() {
        let error = |steps: usize| {
            let course = harmonic(steps);
            let found = course.values.to_vec::<f64>().unwrap();
            let exact = [0.5_f64, 1.0, 3.0].map(|t| [t.cos(), -t.sin()]).concat();
            let worst = found.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            let told = course.error.to_vec::<f64>().unwrap().into_iter().fold(0.0, f64::max);
            assert!(worst < told, "{worst} {told}");
            worst
        };
        // The second interval is four times as long as the first: its steps make the error.
        let ratio = error(8) / error(16);
        assert!((28.0..36.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_time_is_that_of_the_stage() {
        // z = t⁵: exact for a method of order 5, but for rounding.
        let course =
            integrate_ode(|t, _| 5.0 * t.square().square(), &Tensor::from(1.0), 1.0, &[2.0], 3).unwrap();
        assert!((course.values.to_vec::<f64>().unwrap()[0] - 32.0).abs() < 1e-12);
    }

    #[test]
    fn the_course_is_differentiable() {
        let rate = Tensor::from(-0.5).tracked();
        let course = integrate_ode(|_, z| &rate * z, &Tensor::from(2.0), 0.0, &[1.5], 6).unwrap();
        let slope = grad(&course.values.sum_all(), &[&rate]).unwrap()[0].to_scalar().unwrap();
        assert!((slope - 2.0 * 1.5 * (-0.75_f64).exp()).abs() < 1e-6, "{slope}");
    }

    #[test]
    fn bad_times_are_refused() {
        let decay = |times: &[f64], steps: usize| {
            integrate_ode(|_, z| -z, &Tensor::from(1.0), 0.0, times, steps).unwrap_err().to_string()
        };
        for times in [&[] as &[f64], &[0.0], &[2.0, 1.0], &[f64::NAN]] {
            assert!(decay(times, 1).contains("times that increase"), "{times:?}");
        }
        assert!(decay(&[1.0], 0).contains("at least one step"));
        assert!(integrate_ode(|_, z| z.unsqueeze(0), &Tensor::from(1.0), 0.0, &[1.0], 1).is_err());
    }
}
