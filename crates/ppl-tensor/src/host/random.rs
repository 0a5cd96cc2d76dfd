//! Random numbers as functions of a key.

use std::f64::consts::TAU;
use std::sync::Arc;

use rand_distr::{Distribution, Gamma};

use super::counts::{binomial, poisson};
use super::nest::Nest;
use super::number::Float;
use super::philox::{KeyStream, draw_bits, fold_in};
use super::refused;
use super::subsample::{subsample_scratch, subsamples};
use crate::data::Element;
use crate::op::RandomKind;
use crate::{DType, Error, HostData, HostTensor, Op, Result, Shape};

/// Draws `drawn` numbers for each key; `target` is the shape of the keys followed by `drawn`.
pub(super) fn random(
    op: &Op,
    kind: RandomKind,
    drawn: &Shape,
    inputs: &[&HostTensor],
    target: &Shape,
) -> Result<HostTensor> {
    let Some((key, parameters)) = inputs.split_first() else {
        return Err(Error::argument(op.name(), "takes a key"));
    };
    let HostData::I64(keys) = key.data() else {
        return Err(refused(op, inputs));
    };
    let count = drawn.elements();
    let data = match (kind, parameters) {
        (RandomKind::Uniform(DType::F64), []) => pairs(keys, count, |bits| bits.map(open_unit)),
        (RandomKind::Uniform(DType::F32), []) => pairs(keys, count, |bits| bits.map(open_unit_f32)),
        (RandomKind::Normal(DType::F64), []) => pairs(keys, count, |bits| normals(bits.map(open_unit))),
        (RandomKind::Normal(DType::F32), []) => {
            pairs(keys, count, |bits| normals_f32(bits.map(open_unit_f32)))
        }
        (RandomKind::LogGamma | RandomKind::Poisson, &[parameter]) => {
            parametric(op, kind, keys, [parameter], target)?
        }
        (RandomKind::Binomial, &[trials, probability]) => {
            parametric(op, kind, keys, [trials, probability], target)?
        }
        (RandomKind::Subsample { population }, []) if count <= population => {
            let mut out = vec![0; target.elements()];
            let mut scratch = vec![0; subsample_scratch(count, population)];
            subsamples(&mut out, keys, population, &mut scratch)?;
            HostData::I64(Arc::new(out))
        }
        _ => return Err(refused(op, inputs)),
    };
    HostTensor::from_data(target, data)
}

/// `count` draws for each key, two from each block of bits.
#[inline]
fn pairs<T: Element>(keys: &[i64], count: usize, draw: impl Fn([u64; 2]) -> [T; 2]) -> HostData {
    let mut out = Vec::with_capacity(keys.len() * count);
    for &key in keys {
        for pair in 0..count as u64 / 2 {
            out.extend(draw(draw_bits(key, pair)));
        }
        if count % 2 == 1 {
            let [last, _] = draw(draw_bits(key, count as u64 / 2));
            out.push(last);
        }
    }
    T::wrap(Arc::new(out))
}

/// One of the `2⁵²` midpoints of a division of the unit interval.
#[inline]
pub(super) fn open_unit(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

/// One of `2²³` midpoints.
#[inline]
fn open_unit_f32(bits: u64) -> f32 {
    ((bits >> 41) as f32 + 0.5) * (1.0 / (1u32 << 23) as f32)
}

/// Two standard normal numbers (Box and Muller 1958).
#[inline]
fn normals([u, v]: [f64; 2]) -> [f64; 2] {
    let radius = (-2.0 * u.ln()).sqrt();
    let (sine, cosine) = (TAU * v).sin_cos();
    [radius * cosine, radius * sine]
}

/// The same in double precision, rounded: of an angle in single precision the last digits are wrong.
#[inline]
fn normals_f32(uniform: [f32; 2]) -> [f32; 2] {
    normals(uniform.map(f64::from)).map(|x| x as f32)
}

/// Element `element` of what a kind with parameters draws with a key, from a stream of its own; `None` for kinds without.
pub(crate) fn draw(kind: RandomKind, key: i64, element: i64, [a, b]: [f64; 2]) -> Option<f64> {
    let stream = || KeyStream::new(fold_in(key, element));
    match kind {
        RandomKind::LogGamma => Some(log_gamma(stream(), a)),
        RandomKind::Poisson => Some(poisson(stream(), a)),
        RandomKind::Binomial => Some(binomial(stream(), a, b)),
        RandomKind::Uniform(_) | RandomKind::Normal(_) | RandomKind::Subsample { .. } => None,
    }
}

/// Draws of parameters that broadcast to `target`, which are floats of one dtype.
fn parametric<const N: usize>(
    op: &Op,
    kind: RandomKind,
    keys: &[i64],
    parameters: [&HostTensor; N],
    target: &Shape,
) -> Result<HostData> {
    fn all<T: Float, const N: usize>(
        kind: RandomKind,
        keys: &[i64],
        parameters: [&HostTensor; N],
        target: &Shape,
    ) -> Option<HostData> {
        let mut values = [&[] as &[T]; N];
        for (values, parameter) in values.iter_mut().zip(parameters) {
            *values = T::unwrap(parameter.data())?;
        }
        let count = target.elements() / keys.len().max(1);
        let mut out = Vec::with_capacity(target.elements());
        Nest::new(target, parameters.map(|parameter| &**parameter.shape())).turns(|at| {
            let (key, element) = (keys[out.len() / count], out.len() % count);
            let mut given = [0.0; 2];
            for (x, (values, place)) in given.iter_mut().zip(values.iter().zip(at)) {
                *x = values[place].wide();
            }
            out.push(T::narrow(draw(kind, key, element as i64, given).unwrap_or(f64::NAN)));
        });
        Some(T::wrap(Arc::new(out)))
    }
    let single = parameters.iter().all(|parameter| parameter.dtype() == DType::F32);
    let drawn = match single {
        true => all::<f32, N>(kind, keys, parameters, target),
        false => all::<f64, N>(kind, keys, parameters, target),
    };
    drawn.ok_or_else(|| refused(op, &parameters))
}

/// Logarithm of a standard gamma variate; NaN unless the concentration is positive.
fn log_gamma(mut stream: KeyStream, concentration: f64) -> f64 {
    // For `u` uniform, `u^(1/a)` times a variate of concentration `a + 1` is one of concentration `a`; in logarithms
    // nothing underflows.
    let small = concentration < 1.0;
    let shape = if small { concentration + 1.0 } else { concentration };
    let Some(gamma) = Gamma::new(shape, 1.0).ok().filter(|_| concentration > 0.0) else { return f64::NAN };
    let variate = gamma.sample(&mut stream).max(f64::MIN_POSITIVE).ln();
    if small { variate + stream.uniform().ln() / concentration } else { variate }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32s, f64s, i64s, run};
    use super::RandomKind;
    use crate::{DType, HostTensor, Op, Shape};

    fn draw(kind: RandomKind, shape: impl Into<Shape>, key: i64) -> HostTensor {
        run(Op::Random { kind, shape: shape.into() }, &[&i64s([], &[key])])
    }

    /// Asserts that the mean of `values` is as expected, to 5 standard errors.
    #[track_caller]
    fn check_mean(values: impl Iterator<Item = f64>, mean: f64, deviation: f64) {
        let values: Vec<f64> = values.collect();
        let n = values.len() as f64;
        let errors = (values.iter().sum::<f64>() / n - mean) / (deviation / n.sqrt());
        assert!(errors.abs() < 5.0, "{errors} standard errors from {mean}");
    }

    #[test]
    fn moments_of_uniform_draws() {
        for dtype in [DType::F64, DType::F32] {
            let x = draw(RandomKind::Uniform(dtype), [200_000], 11).to_f64();
            assert!(x.iter().all(|&x| 0.0 < x && x < 1.0));
            check_mean(x.iter().copied(), 0.5, (1f64 / 12.0).sqrt());
            check_mean(x.iter().map(|x| x * x), 1.0 / 3.0, (4f64 / 45.0).sqrt());
            check_mean(x.chunks(2).map(|x| (x[0] - 0.5) * (x[1] - 0.5)), 0.0, 1.0 / 12.0);
            check_mean(
                x[1..].chunks(2).map(|x| (x[0] - 0.5) * (x[x.len() - 1] - 0.5)).skip(1),
                0.0,
                1.0 / 12.0,
            );
        }
    }

    #[test]
    fn moments_of_normal_draws() {
        for dtype in [DType::F64, DType::F32] {
            let x = draw(RandomKind::Normal(dtype), [200_000], 12).to_f64();
            check_mean(x.iter().copied(), 0.0, 1.0);
            check_mean(x.iter().map(|x| x.powi(2)), 1.0, 2f64.sqrt());
            check_mean(x.iter().map(|x| x.powi(3)), 0.0, 15f64.sqrt());
            check_mean(x.iter().map(|x| x.powi(4)), 3.0, 96f64.sqrt());
            check_mean(x.chunks(2).map(|x| x[0] * x[1]), 0.0, 1.0);
            check_mean(x.chunks(2).map(|x| x[0].powi(2) * x[1].powi(2)), 1.0, 8f64.sqrt());
            let beyond = 1.0 - 0.9544997361036416;
            check_mean(x.iter().map(|x| f64::from(u8::from(x.abs() > 2.0))), beyond, beyond.sqrt());
        }
    }

    /// The first elements, written down so that a change of the generator does not go unnoticed.
    #[test]
    fn draws_do_not_change() {
        let uniform = draw(RandomKind::Uniform(DType::F64), [3], 42).to_f64();
        assert_eq!(uniform, [0.5454980834933018, 0.3113813331978065, 0.0014240733500524572]);
        let normal = draw(RandomKind::Normal(DType::F64), [2], 42).to_f64();
        let radius = (-2.0 * uniform[0].ln()).sqrt();
        let angle = std::f64::consts::TAU * uniform[1];
        assert_eq!(normal, [radius * angle.cos(), radius * angle.sin()]);
    }

    #[test]
    fn an_element_depends_on_its_key_and_place_alone() {
        let keys = i64s([3, 1], &[1, -2, i64::MAX]);
        for kind in [RandomKind::Uniform(DType::F32), RandomKind::Normal(DType::F64)] {
            let all = run(Op::Random { kind, shape: [2, 5].into() }, &[&keys]);
            assert_eq!(all.shape()[..], [3, 1, 2, 5]);
            for (key, row) in [1, -2, i64::MAX].into_iter().zip(all.to_f64().chunks(10)) {
                assert_eq!(draw(kind, [10], key).to_f64(), row);
                assert_eq!(draw(kind, [3], key).to_f64(), row[..3]);
            }
            assert_eq!(run(Op::Random { kind, shape: [0].into() }, &[&keys]).shape()[..], [3, 1, 0]);
            assert_eq!(run(Op::Random { kind, shape: [4].into() }, &[&i64s([0], &[])]).shape()[..], [0, 4]);
        }
    }

    fn log_gamma(shape: impl Into<Shape>, key: i64, concentration: &HostTensor) -> HostTensor {
        let op = Op::Random { kind: RandomKind::LogGamma, shape: shape.into() };
        run(op, &[&i64s([], &[key]), concentration])
    }

    /// The regularised incomplete gamma function `P(a, z)`, by its power series.
    fn gamma_probability(a: f64, ln_z: f64) -> f64 {
        let z = ln_z.exp();
        let (mut term, mut sum, mut n) = (1.0, 1.0, a);
        while term > 1e-17 * sum {
            n += 1.0;
            term *= z / n;
            sum += term;
        }
        (a * ln_z - z - libm::lgamma(a + 1.0)).exp() * sum
    }

    #[test]
    fn log_gamma_draws_pass_the_kolmogorov_smirnov_test() {
        for a in [0.01, 0.5, 1.0, 3.0, 50.0] {
            let n = 20_000;
            let mut draws = log_gamma([n], 13, &f64s([], &[a])).to_f64();
            draws.sort_by(f64::total_cmp);
            let n = n as f64;
            let distance = (0..).zip(&draws).fold(0.0f64, |largest, (i, &ln_z)| {
                let (below, p) = (f64::from(i) / n, gamma_probability(a, ln_z));
                largest.max(p - below).max(below + 1.0 / n - p)
            });
            // Exceeded with the probability of 5 standard errors.
            assert!(distance * n.sqrt() < 2.74, "a = {a}: distance {distance}");
        }
    }

    #[test]
    fn log_gamma_draws_of_extreme_concentrations() {
        let a = 1e-5;
        let x = log_gamma([20_000], 14, &f64s([], &[a])).to_f64();
        // For small concentrations, `a ln z` is minus an exponential variate.
        check_mean(x.iter().map(|x| a * x), -1.0, 1.0);
        let a = 1e8;
        let x = log_gamma([20_000], 14, &f64s([], &[a])).to_f64();
        check_mean(x.iter().map(|x| x - a.ln()), -0.5 / a, a.powf(-0.5));
        let wrong = log_gamma([4], 14, &f64s([4], &[0.0, -1.0, f64::NAN, -f64::INFINITY])).to_f64();
        assert!(wrong.iter().all(|x| x.is_nan()));
    }

    #[test]
    fn concentrations_broadcast() {
        let columns = log_gamma([2, 3], 15, &f64s([3], &[0.5, 1.0, 2.0]));
        for (j, a) in [0.5, 1.0, 2.0].into_iter().enumerate() {
            let all = log_gamma([6], 15, &f64s([], &[a])).to_f64();
            assert_eq!([columns.to_f64()[j], columns.to_f64()[j + 3]], [all[j], all[j + 3]]);
        }
        let op = Op::Random { kind: RandomKind::LogGamma, shape: [2].into() };
        let keys = i64s([2], &[15, 16]);
        let rows = run(op.clone(), &[&keys, &f64s([2, 1], &[0.5, 2.0])]).to_f64();
        assert_eq!(rows[..2], log_gamma([2], 15, &f64s([], &[0.5])).to_f64());
        assert_eq!(rows[2..], log_gamma([2], 16, &f64s([], &[2.0])).to_f64());
        let single = run(op, &[&keys, &f32s([2, 1], &[0.5, 2.0])]).to_f64();
        assert!(single.iter().zip(&rows).all(|(&s, &d)| s == f64::from(d as f32)));
    }
}
